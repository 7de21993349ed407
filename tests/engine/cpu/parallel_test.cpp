#include "mica/engine/cpu/parallel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace mica::engine {
namespace {

// Restores the thread count that a test changes. libgomp is not instrumented for the thread
// sanitizer: under it everything runs on one thread.
class ParallelTest : public testing::Test {
 protected:
#if defined(__SANITIZE_THREAD__)
  static constexpr int threads = 1;
#else
  static constexpr int threads = 3;
#endif
  void SetUp() override { set_num_threads(threads); }
  void TearDown() override { set_num_threads(initial_); }

 private:
  int initial_ = num_threads();
};

using Chunks = std::vector<std::pair<int64_t, int64_t>>;

Chunks chunks_of(int64_t n, int64_t grain) {
  std::mutex mutex;
  Chunks chunks;
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    std::lock_guard lock(mutex);
    chunks.emplace_back(begin, end);
  });
  std::sort(chunks.begin(), chunks.end());
  return chunks;
}

TEST_F(ParallelTest, PartitionIsContiguousAndEven) {
  if (threads == 3) {
    EXPECT_EQ(chunks_of(10, 1), (Chunks{{0, 4}, {4, 7}, {7, 10}}));
    EXPECT_EQ(chunks_of(10, 5), (Chunks{{0, 5}, {5, 10}}));
    EXPECT_EQ(chunks_of(2, 1), (Chunks{{0, 1}, {1, 2}}));
    EXPECT_EQ(chunks_of(2, 0), (Chunks{{0, 1}, {1, 2}}));
  }
  EXPECT_EQ(chunks_of(10, 10), (Chunks{{0, 10}}));
  EXPECT_EQ(chunks_of(1, 0), (Chunks{{0, 1}}));
  EXPECT_EQ(chunks_of(0, 1), Chunks{});
  EXPECT_EQ(chunks_of(-5, 1), Chunks{});
  constexpr int64_t huge = int64_t{1} << 62;
  int64_t covered = 0;
  for (const auto& [begin, end] : chunks_of(huge, 1000)) {
    EXPECT_EQ(begin, covered);
    covered = end;
  }
  EXPECT_EQ(covered, huge);
}

TEST_F(ParallelTest, EveryElementOnce) {
  std::vector<int> visits(100003, 0);
  parallel_for(static_cast<int64_t>(visits.size()), 100, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
  });
  EXPECT_EQ(visits, std::vector<int>(visits.size(), 1));
}

TEST_F(ParallelTest, SmallWorkStaysOnTheCallingThread) {
  std::thread::id ran_on;
  parallel_for(100, 100, [&](int64_t, int64_t) { ran_on = std::this_thread::get_id(); });
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_F(ParallelTest, NestedCallsStayOnTheirThread) {
  std::atomic<int64_t> sum{0};
  std::atomic<int> strayed{0};
  EXPECT_FALSE(in_parallel());
  parallel_for(3, 1, [&](int64_t begin, int64_t end) {
    const auto thread = std::this_thread::get_id();
    if (threads > 1) {
      EXPECT_TRUE(in_parallel());
      EXPECT_EQ(chunk_count(1000, 1), 1);
    }
    for (int64_t i = begin; i < end; ++i) {
      parallel_for(1000, 1, [&](int64_t first, int64_t last) {
        if (threads > 1 && std::this_thread::get_id() != thread) ++strayed;
        for (int64_t j = first; j < last; ++j) sum += i * 1000 + j;
      });
    }
  });
  EXPECT_EQ(sum.load(), 2999 * 3000 / 2);
  EXPECT_EQ(strayed.load(), 0);
}

TEST_F(ParallelTest, TheFirstChunksErrorIsThrown) {
  std::atomic<int> ended{0};
  try {
    parallel_chunks(8, [&](int chunk) {
      ++ended;
      if (chunk >= 2) throw std::runtime_error("chunk " + std::to_string(chunk));
    });
    FAIL() << "expected an exception";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "chunk 2");
  }
  EXPECT_EQ(ended.load(), 8);
  std::atomic<int> again{0};
  parallel_chunks(8, [&](int chunk) { again += chunk; });
  EXPECT_EQ(again.load(), 28);
}

TEST_F(ParallelTest, ThreadCountIsChecked) {
  EXPECT_EQ(num_threads(), threads);
  try {
    set_num_threads(0);
    FAIL() << "expected an exception";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "set_num_threads: expected n >= 1, got 0");
  }
  EXPECT_EQ(num_threads(), threads);
}

TEST_F(ParallelTest, ManyCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        parallel_for(1000, 10, [&](int64_t begin, int64_t end) { sum += end - begin; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 4 * 20 * 1000);
}

}  // namespace
}  // namespace mica::engine
