#include "mica/stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "mica/engine/stream_worker.h"

namespace mica {
namespace {

template <class T>
std::string text(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no std::invalid_argument";
}

bool listed(const Stream& stream) {
  const auto streams = get_streams();
  return std::find(streams.begin(), streams.end(), stream) != streams.end();
}

TEST(Device, CpuIsTheOnlyOne) {
  EXPECT_EQ(default_device(), Device(Device::cpu, 0));
  EXPECT_TRUE(default_device() == Device::cpu);
  EXPECT_TRUE(is_available(Device::cpu));
  EXPECT_FALSE(is_available(Device(Device::cpu, 1)));
  EXPECT_FALSE(is_available(Device(Device::cpu, -1)));
  EXPECT_FALSE(is_available(Device::gpu));
  EXPECT_EQ(device_count(Device::cpu), 1);
  EXPECT_EQ(device_count(Device::gpu), 0);
  EXPECT_LT(Device(Device::cpu, 1), Device(Device::gpu, 0));
  EXPECT_LT(Device(Device::cpu, 0), Device(Device::cpu, 1));
  set_default_device(Device::cpu);
  EXPECT_EQ(default_device(), Device(Device::cpu));
}

TEST(Device, InfoDescribesTheMachine) {
  const auto& info = device_info();
  EXPECT_FALSE(std::get<std::string>(info.at("device_name")).empty());
  EXPECT_FALSE(std::get<std::string>(info.at("architecture")).empty());
  EXPECT_GT(std::get<size_t>(info.at("total_memory")), size_t{1} << 20);
  EXPECT_TRUE(device_info(Device::gpu).empty());
}

TEST(Device, PrintsAsMlxDoes) {
  EXPECT_EQ(text(Device(Device::cpu)), "Device(cpu, 0)");
  EXPECT_EQ(text(Device(Device::gpu, 1)), "Device(gpu, 1)");
  EXPECT_EQ(text(Stream(3, Device::cpu)), "Stream(Device(cpu, 0), 3)");
  EXPECT_EQ(text(ThreadLocalStream(2, Device::cpu)), "ThreadLocalStream(Device(cpu, 0), 2)");
}

TEST(Device, UnavailableDevicesAreRefused) {
  const auto expected = [](const std::string& op, const std::string& device) {
    return op + ": expected an available device, got " + device +
           "; this build of mica has Device(cpu, 0) only";
  };
  const Device gpu(Device::gpu);
  EXPECT_EQ(error_of([&] { set_default_device(gpu); }),
            expected("set_default_device", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([] { set_default_device(Device(Device::cpu, 1)); }),
            expected("set_default_device", "Device(cpu, 1)"));
  EXPECT_EQ(error_of([&] { default_stream(gpu); }), expected("default_stream", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([&] { peek_default_stream(gpu); }),
            expected("peek_default_stream", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([&] { new_stream(gpu); }), expected("new_stream", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([&] { new_thread_unsafe_stream(gpu); }),
            expected("new_thread_unsafe_stream", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([&] { new_thread_local_stream(gpu); }),
            expected("new_thread_local_stream", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([] { to_stream(Device::gpu); }), expected("default_stream", "Device(gpu, 0)"));
  EXPECT_EQ(error_of([] { StreamContext context(Device::gpu); }),
            expected("default_stream", "Device(gpu, 0)"));
  EXPECT_EQ(default_device(), Device(Device::cpu));
}

TEST(Stream, UnknownStreamsAreRefused) {
  const Stream unknown(12345, Device::cpu);
  const std::string expected =
      "stream: expected one of get_streams(), got Stream(Device(cpu, 0), 12345); make streams with "
      "new_stream()";
  EXPECT_EQ(error_of([&] { set_default_stream(unknown); }), expected);
  EXPECT_EQ(error_of([&] { synchronize(unknown); }), expected);
  EXPECT_EQ(error_of([&] { to_stream(unknown); }), expected);
}

TEST(Stream, EachThreadHasItsDefault) {
  const Stream mine = default_stream(Device::cpu);
  EXPECT_EQ(default_stream(Device::cpu), mine);
  EXPECT_EQ(peek_default_stream(Device::cpu), mine);
  EXPECT_TRUE(listed(mine));
  Stream theirs = mine;
  std::thread([&] {
    EXPECT_EQ(peek_default_stream(Device::cpu), std::nullopt);
    theirs = default_stream(Device::cpu);
  }).join();
  EXPECT_NE(theirs, mine);
  EXPECT_TRUE(listed(theirs));
  Stream later = mine;  // takes over the stream of the thread that has ended
  std::thread([&] { later = default_stream(Device::cpu); }).join();
  EXPECT_EQ(later, theirs);
}

TEST(Stream, NewStreamsAreDistinctAndCanBeTheDefault) {
  const Stream before = default_stream(Device::cpu);
  const Stream a = new_stream(Device::cpu);
  const Stream b = new_thread_unsafe_stream(Device::cpu);
  EXPECT_NE(a, b);
  EXPECT_NE(a, before);
  EXPECT_EQ(default_stream(Device::cpu), before);
  set_default_stream(a);
  EXPECT_EQ(default_stream(Device::cpu), a);
  std::thread([&] { EXPECT_NE(default_stream(Device::cpu), a); }).join();
  set_default_stream(before);
}

TEST(Stream, ThreadLocalStreamsStandForOneAThread) {
  const ThreadLocalStream local = new_thread_local_stream(Device::cpu);
  const ThreadLocalStream other = new_thread_local_stream(Device::cpu);
  const Stream mine = stream_from_thread_local_stream(local);
  EXPECT_EQ(stream_from_thread_local_stream(local), mine);
  EXPECT_EQ(to_stream(local), mine);
  EXPECT_NE(stream_from_thread_local_stream(other), mine);
  std::thread([&] { EXPECT_NE(stream_from_thread_local_stream(local), mine); }).join();
  synchronize(local);
}

TEST(Stream, ToStreamTakesEveryAlternative) {
  const Stream standard = default_stream(default_device());
  const Stream made = new_stream(Device::cpu);
  EXPECT_EQ(to_stream({}), standard);
  EXPECT_EQ(to_stream({}, Device::cpu), standard);
  EXPECT_EQ(to_stream(made), made);
  EXPECT_EQ(to_stream(made, Device::cpu), made);
  EXPECT_EQ(to_stream(Device::cpu), standard);
  EXPECT_EQ(to_stream(Device(Device::cpu)), standard);
}

TEST(Stream, ContextSetsTheDefaultAndRestoresIt) {
  const Stream before = default_stream(Device::cpu);
  const Stream made = new_stream(Device::cpu);
  {
    const StreamContext context(made);
    EXPECT_EQ(default_stream(Device::cpu), made);
    {
      const StreamContext inner(Device::cpu);
      EXPECT_EQ(default_stream(Device::cpu), made);
      EXPECT_EQ(to_stream({}), made);
    }
  }
  EXPECT_EQ(default_stream(Device::cpu), before);
  EXPECT_EQ(error_of([] { StreamContext context({}); }),
            "StreamContext: expected s to be a stream or a device, got nothing");
}

TEST(Stream, SynchronizeWaitsAndThrowsUnseenErrorsOnce) {
  const Stream stream = new_stream(Device::cpu);
  int value = 0;
  engine::enqueue(stream, [&] { value = 7; });
  synchronize(stream);
  EXPECT_EQ(value, 7);
  engine::enqueue(stream, [] { throw std::invalid_argument("broken"); });
  engine::enqueue(stream, [&] { value = 8; });
  EXPECT_EQ(error_of([&] { synchronize(stream); }), "broken");
  EXPECT_EQ(value, 8);
  synchronize(stream);
  synchronize();
}

TEST(Stream, ClearEndsTheStreamsOfTheThread) {
  const Stream mine = new_stream(Device::cpu);
  int value = 0;
  std::thread([&] {
    const Stream made = new_stream(Device::cpu);
    const Stream standard = default_stream(Device::cpu);
    engine::enqueue(made, [&] { value = 5; });
    clear_streams();
    EXPECT_EQ(value, 5);
    EXPECT_FALSE(listed(made));
    EXPECT_FALSE(listed(standard));
    EXPECT_EQ(peek_default_stream(Device::cpu), std::nullopt);
    EXPECT_NE(default_stream(Device::cpu), standard);
    const Stream broken = new_stream(Device::cpu);
    engine::enqueue(broken, [] { throw std::invalid_argument("unseen"); });
    EXPECT_EQ(error_of([] { clear_streams(); }), "unseen");
    EXPECT_FALSE(listed(broken));
  }).join();
  EXPECT_TRUE(listed(mine));
}

}  // namespace
}  // namespace mica
