#include "mica/engine/stream_worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "mica/engine/cpu/parallel.h"
#include "mica/engine/event.h"

namespace mica::engine {
namespace {

TEST(Event, IsSetOnceAndCarriesAnError) {
  Event done;
  EXPECT_FALSE(done.is_set());
  EXPECT_EQ(done.error(), nullptr);
  done.set();
  EXPECT_TRUE(done.is_set());
  done.wait();
  Event failed;
  failed.set(std::make_exception_ptr(std::runtime_error("why")));
  EXPECT_TRUE(failed.is_set());
  EXPECT_NE(failed.error(), nullptr);
  EXPECT_THROW(failed.wait(), std::runtime_error);
  EXPECT_THROW(failed.wait(), std::runtime_error);
}

TEST(Event, AnErrorMayConcernSomeResults) {
  Event event;
  event.set(std::make_exception_ptr(std::runtime_error("why")), {false, true});
  event.wait(0);
  EXPECT_THROW(event.wait(1), std::runtime_error);
  EXPECT_THROW(event.wait(), std::runtime_error);
}

TEST(Event, WakesAllWaiters) {
  const auto event = std::make_shared<Event>();
  int value = 0;
  std::atomic<int> sum{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&, event] {
      event->wait();
      sum += value;
    });
  }
  value = 3;
  event->set();
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(sum.load(), 12);
}

TEST(StreamWorker, TasksRunInOrderOnOneOtherThread) {
  const Stream stream = register_stream(Device::cpu);
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  for (int i = 0; i < 1000; ++i) {
    enqueue(stream, [&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
    });
  }
  drain(stream);
  std::vector<int> expected(1000);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
  EXPECT_NE(threads.front(), std::this_thread::get_id());
  EXPECT_EQ(threads, std::vector<std::thread::id>(1000, threads.front()));
  EXPECT_TRUE(is_idle(stream));
  end_stream(stream);
}

TEST(StreamWorker, TasksMayOwnWhatCannotBeCopied) {
  const Stream stream = register_stream(Device::cpu);
  int seen = 0;
  enqueue(stream, [&seen, value = std::make_unique<int>(4)] { seen = *value; });
  drain(stream);
  EXPECT_EQ(seen, 4);
  end_stream(stream);
}

TEST(StreamWorker, WhatATaskOwnsEndsBeforeTheStreamIsIdle) {
  const Stream stream = register_stream(Device::cpu);
  const auto owned = std::make_shared<int>(1);
  for (int i = 0; i < 100; ++i) {
    enqueue(stream, [copy = owned] {});
    drain(stream);
    EXPECT_EQ(owned.use_count(), 1);
  }
  end_stream(stream);
}

TEST(StreamWorker, AnIdleStreamRunsOnTheCaller) {
  const Stream stream = register_stream(Device::cpu);
  std::thread::id ran_on;
  EXPECT_TRUE(try_run_inline(stream, [&] {
    ran_on = std::this_thread::get_id();
    EXPECT_FALSE(is_idle(stream));
    // Within a task of the stream nothing waits for the stream.
    EXPECT_TRUE(try_run_inline(stream, [] {}));
    drain(stream);
  }));
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  EXPECT_TRUE(is_idle(stream));
  end_stream(stream);
}

TEST(StreamWorker, ABusyStreamQueuesTheCaller) {
  const Stream stream = register_stream(Device::cpu);
  Event go;
  std::vector<int> order;
  enqueue(stream, [&] {
    go.wait();
    order.push_back(1);
  });
  EXPECT_FALSE(is_idle(stream));
  std::thread opener([&] { go.set(); });
  const bool was_inline = try_run_inline(stream, [&] { order.push_back(2); });
  opener.join();
  if (!was_inline) drain(stream);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  end_stream(stream);
}

TEST(StreamWorker, TasksQueueBehindAnInlineOne) {
  const Stream stream = register_stream(Device::cpu);
  std::vector<int> order;
  try_run_inline(stream, [&] {
    enqueue(stream, [&] { order.push_back(2); });
    order.push_back(1);
  });
  drain(stream);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  end_stream(stream);
}

TEST(StreamWorker, ErrorsReachTheCaller) {
  const Stream stream = register_stream(Device::cpu);
  const auto fail = [] { throw std::runtime_error("kernel failed"); };
  EXPECT_THROW(try_run_inline(stream, fail), std::runtime_error);
  EXPECT_TRUE(is_idle(stream));
  Event go;
  enqueue(stream, [&] { go.wait(); });
  std::thread opener([&] { go.set(); });
  EXPECT_THROW(try_run_inline(stream, fail), std::runtime_error);
  opener.join();
  drain(stream);  // the error has been seen
  enqueue(stream, fail);
  EXPECT_THROW(drain(stream), std::runtime_error);
  drain(stream);
  int value = 0;
  EXPECT_TRUE(try_run_inline(stream, [&] { value = 1; }));
  EXPECT_EQ(value, 1);
  end_stream(stream);
}

TEST(StreamWorker, OneTaskAtATimeFromManyThreads) {
  const Stream stream = register_stream(Device::cpu);
  int unguarded = 0;  // the stream alone keeps its tasks apart
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 500; ++round) {
        if ((round + i) % 2 == 0) {
          enqueue(stream, [&] { ++unguarded; });
        } else {
          try_run_inline(stream, [&] { ++unguarded; });
        }
        if (round % 100 == 0) drain(stream);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  drain(stream);
  EXPECT_EQ(unguarded, 4 * 500);
  end_stream(stream);
}

TEST(StreamWorker, StreamsOverlap) {
  const Stream a = register_stream(Device::cpu);
  const Stream b = register_stream(Device::cpu);
  const auto first = std::make_shared<Event>();
  const auto second = std::make_shared<Event>();
  enqueue(a, [=] {
    first->wait();
    second->set();
  });
  enqueue(b, [=] {
    first->set();
    second->wait();
  });
  drain(a);
  drain(b);
  EXPECT_TRUE(second->is_set());
  end_stream(a);
  end_stream(b);
}

TEST(StreamWorker, EndedStreamsAreForgotten) {
  const Stream stream = register_stream(Device::cpu);
  int value = 0;
  enqueue(stream, [&] { value = 1; });
  end_stream(stream);
  EXPECT_EQ(value, 1);
  EXPECT_THROW(enqueue(stream, [] {}), std::invalid_argument);
  EXPECT_THROW(drain(stream), std::invalid_argument);
}

// Programs that end with work under way: queued, from a static destructor, from within a task.
struct RunsTaskAtExit {
  ~RunsTaskAtExit() {
    if (!stream) return;
    int value = 0;
    enqueue(*stream, [&] { value += 1; });
    try_run_inline(*stream, [&] { value += 2; });
    drain(*stream);
    if (value != 3 || done != 100) std::_Exit(1);
  }
  std::optional<Stream> stream;
  int done = 0;
};
RunsTaskAtExit at_exit;

TEST(StreamWorkerDeathTest, QueuedWorkIsFinishedAtExit) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        at_exit.stream = register_stream(Device::cpu);
        for (int i = 0; i < 100; ++i) enqueue(*at_exit.stream, [] { ++at_exit.done; });
        std::exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(StreamWorkerDeathTest, ATaskMayEndTheProgram) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const Stream stream = register_stream(Device::cpu);
        enqueue(stream, [] { std::exit(0); });
        drain(stream);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        const Stream stream = register_stream(Device::cpu);
        try_run_inline(stream, [&] {
          enqueue(stream, [] {});
          std::exit(0);
        });
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace mica::engine
