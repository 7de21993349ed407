#include "mica/engine/buffer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "mica/engine/machine.h"
#include "mica/memory.h"

namespace mica::engine {
namespace {

constexpr size_t kib = 1024;
constexpr size_t mib = 1024 * kib;

void fill(const BufferRef& buffer, unsigned char value) {
  std::memset(buffer.data(), value, buffer.size());
}

bool holds(const BufferRef& buffer, unsigned char value) {
  const auto* bytes = static_cast<const unsigned char*>(buffer.data());
  for (size_t i = 0; i < buffer.size(); ++i) {
    if (bytes[i] != value) return false;
  }
  return true;
}

// Restores the limits that a test changes.
class BufferTest : public testing::Test {
 protected:
  void SetUp() override {
    clear_cache();
    reset_peak_memory();
  }
  void TearDown() override {
    set_memory_limit(memory_limit_);
    set_cache_limit(cache_limit_);
    clear_cache();
  }

 private:
  size_t memory_limit_ = get_memory_limit();
  size_t cache_limit_ = [] {
    const size_t limit = set_cache_limit(0);
    set_cache_limit(limit);
    return limit;
  }();
};

TEST_F(BufferTest, EverySizeIsAlignedDistinctAndBoundedInWaste) {
  std::vector<BufferRef> buffers;
  std::vector<size_t> sizes = {0, 1, 63, 64, 65, 4095, 4096, 4097, 3 * mib, 3 * mib + 1};
  for (size_t base = 512; base <= 4 * mib; base *= 2) {
    for (size_t step = 8; step < 16; ++step) {
      sizes.push_back(base / 8 * step);
      sizes.push_back(base / 8 * step + 1);
    }
  }
  unsigned char value = 0;
  for (const size_t size : sizes) {
    buffers.push_back(allocate(size));
    const BufferRef& buffer = buffers.back();
    EXPECT_EQ(buffer.size(), size);
    EXPECT_GE(buffer.capacity(), size);
    EXPECT_LE(buffer.capacity(), std::max<size_t>(size + size / 8 + 64, 64)) << size;
    EXPECT_NE(buffer.data(), nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % buffer_alignment, 0u);
    fill(buffer, ++value);
  }
  value = 0;
  for (const BufferRef& buffer : buffers) EXPECT_TRUE(holds(buffer, ++value)) << buffer.size();
}

TEST_F(BufferTest, CountsReferences) {
  BufferRef empty;
  EXPECT_FALSE(empty);
  EXPECT_EQ(empty.use_count(), 0u);
  BufferRef a = allocate(100);
  EXPECT_TRUE(a);
  EXPECT_EQ(a.use_count(), 1u);
  BufferRef b = a;
  EXPECT_EQ(a.use_count(), 2u);
  EXPECT_EQ(a, b);
  BufferRef c = std::move(b);
  EXPECT_FALSE(b);  // NOLINT(bugprone-use-after-move): the moved-from state is specified
  EXPECT_EQ(c.use_count(), 2u);
  c = static_cast<const BufferRef&>(c);
  EXPECT_EQ(c.use_count(), 2u);
  c = allocate(100);
  EXPECT_EQ(a.use_count(), 1u);
  EXPECT_NE(a, c);
  a = BufferRef();
  EXPECT_FALSE(a);
}

TEST_F(BufferTest, ActiveAndPeakFollowWhatIsHeld) {
  const size_t before = get_active_memory();
  reset_peak_memory();
  EXPECT_EQ(get_peak_memory(), 0u);
  size_t held = 0;
  {
    BufferRef small = allocate(1000);
    BufferRef medium = allocate(100 * kib);
    BufferRef large = allocate(5 * mib);
    held = small.capacity() + medium.capacity() + large.capacity();
    EXPECT_EQ(get_active_memory(), before + held);
  }
  EXPECT_EQ(get_active_memory(), before);
  EXPECT_EQ(get_peak_memory(), before + held);
  allocate(10);
  EXPECT_EQ(get_peak_memory(), before + held);
}

TEST_F(BufferTest, FreedMemoryIsReused) {
  if (pool_bypassed) GTEST_SKIP() << "nothing is cached under the address sanitizer";
  for (const size_t size : {100 * kib, 7 * mib, 64 * mib}) {
    clear_cache();
    void* data = nullptr;
    size_t capacity = 0;
    {
      const BufferRef buffer = allocate(size);
      data = buffer.data();
      capacity = buffer.capacity();
    }
    EXPECT_EQ(get_cache_memory(), capacity);
    const BufferRef again = allocate(size - 1000);
    EXPECT_EQ(again.data(), data);
    EXPECT_EQ(get_cache_memory(), 0u);
  }
}

TEST_F(BufferTest, ALargeBlockIsNotSpentOnASmallRequest) {
  if (pool_bypassed) GTEST_SKIP() << "nothing is cached under the address sanitizer";
  allocate(64 * mib);
  const BufferRef other = allocate(32 * mib);
  EXPECT_EQ(other.capacity(), 32 * mib);
  EXPECT_EQ(get_cache_memory(), 64 * mib);
  allocate(40 * mib);
  const BufferRef best = allocate(38 * mib);  // fits 40 MiB, which wastes least
  EXPECT_EQ(best.capacity(), 40 * mib);
  EXPECT_EQ(get_cache_memory(), 64 * mib);
}

TEST_F(BufferTest, ClearCacheGivesEverythingBack) {
  std::vector<BufferRef> kept;
  {
    std::vector<BufferRef> dropped;
    for (int i = 0; i < 200; ++i) {
      for (const size_t size : {size_t{100}, 3000 + kib, 6 * kib, 50 * kib, 300 * kib}) {
        auto& list = i % 2 == 0 ? kept : dropped;
        list.push_back(allocate(size));
        fill(list.back(), static_cast<unsigned char>(i));
      }
    }
  }
  clear_cache();
  EXPECT_EQ(get_cache_memory(), 0u);
  for (size_t i = 0; i < kept.size(); ++i) {
    EXPECT_TRUE(holds(kept[i], static_cast<unsigned char>(i / 5 * 2)));
  }
  std::vector<BufferRef> reused;  // blocks whose pages were given back are usable again
  for (int i = 0; i < 200; ++i) {
    reused.push_back(allocate(50 * kib));
    fill(reused.back(), static_cast<unsigned char>(i));
  }
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(holds(reused[static_cast<size_t>(i)], static_cast<unsigned char>(i)));
  }
  EXPECT_EQ(get_cache_memory(), 0u);
}

TEST_F(BufferTest, CacheLimitBoundsTheCache) {
  const size_t previous = set_cache_limit(10 * mib);
  EXPECT_EQ(set_cache_limit(10 * mib), 10 * mib);
  { std::vector<BufferRef> buffers = {allocate(4 * mib), allocate(8 * mib), allocate(3 * mib)}; }
  EXPECT_LE(get_cache_memory(), 10 * mib);
  set_cache_limit(0);
  EXPECT_EQ(get_cache_memory(), 0u);
  { std::vector<BufferRef> buffers = {allocate(100), allocate(16 * kib), allocate(3 * mib)}; }
  EXPECT_EQ(get_cache_memory(), 0u);
  EXPECT_EQ(set_cache_limit(previous), 0u);
}

TEST_F(BufferTest, MemoryLimitTrimsTheCacheAndIsAGuideline) {
  allocate(16 * mib);
  const size_t active = get_active_memory();
  const size_t previous = set_memory_limit(active + 20 * mib);
  EXPECT_EQ(get_memory_limit(), active + 20 * mib);
  {
    const BufferRef other = allocate(8 * mib);  // fits no cached block, and both exceed the limit
    EXPECT_LE(get_active_memory() + get_cache_memory(), active + 20 * mib);
    const BufferRef beyond = allocate(30 * mib);
    fill(beyond, 3);
    EXPECT_TRUE(holds(beyond, 3));
    EXPECT_EQ(get_cache_memory(), 0u);
  }
  EXPECT_LE(get_active_memory() + get_cache_memory(), active + 20 * mib);
  EXPECT_EQ(set_memory_limit(previous), active + 20 * mib);
}

TEST_F(BufferTest, DefaultLimitsComeFromTheMachine) {
  EXPECT_EQ(get_memory_limit(), machine().memory / 5 * 4);
  const size_t cache_limit = set_cache_limit(1);
  EXPECT_EQ(cache_limit, get_memory_limit());
  EXPECT_EQ(set_wired_limit(1000), 0u);
}

TEST_F(BufferTest, ImpossibleRequestsThrowAndLeaveThePoolUsable) {
  for (const size_t size : {std::numeric_limits<size_t>::max(), size_t{1} << 50}) {
    try {
      allocate(size);
      FAIL() << "expected an exception";
    } catch (const std::runtime_error& error) {
      const std::string text = error.what();
      EXPECT_EQ(text.rfind("allocate: out of memory: expected at most ", 0), 0u) << text;
      EXPECT_NE(text.find(" bytes available, got request of " + std::to_string(size) + " bytes"),
                std::string::npos)
          << text;
    }
  }
  const BufferRef buffer = allocate(mib);
  fill(buffer, 9);
  EXPECT_TRUE(holds(buffer, 9));
}

TEST_F(BufferTest, AdoptedMemoryIsReturnedOnce) {
  int value = 5;
  std::vector<void*> returned;
  const size_t active = get_active_memory();
  {
    BufferRef a = adopt(&value, sizeof(value), [&](void* data) { returned.push_back(data); });
    EXPECT_EQ(a.data(), &value);
    EXPECT_EQ(a.size(), sizeof(value));
    EXPECT_EQ(get_active_memory(), active);
    const BufferRef b = a;
    a = BufferRef();
    EXPECT_TRUE(returned.empty());
    EXPECT_EQ(*static_cast<int*>(b.data()), 5);
  }
  EXPECT_EQ(returned, std::vector<void*>{&value});
  const BufferRef unowned = adopt(&value, sizeof(value), nullptr);
  EXPECT_EQ(unowned.data(), &value);
}

// Buffers made on one thread are checked and dropped on others, while the cache is cleared.
TEST_F(BufferTest, ThreadsShareThePool) {
  constexpr int threads = 4;
  constexpr int rounds = 3000;
  struct Item {
    BufferRef buffer;
    unsigned char value = 0;
  };
  std::mutex mutex;
  std::vector<Item> shared;
  std::atomic<int> errors{0};
  const size_t active = get_active_memory();
  auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    for (int round = 0; round < rounds; ++round) {
      Item mine;
      const size_t size = random() % (size_t{1} << (random() % 17));
      mine.buffer = allocate(random() % 256 == 0 ? size + 2 * mib : size);
      mine.value = static_cast<unsigned char>(random());
      if (mine.buffer.size() < 64 * kib) fill(mine.buffer, mine.value);
      if (round % 1000 == 999) clear_cache();
      std::lock_guard lock(mutex);
      shared.push_back(std::move(mine));
      std::swap(shared.back(), shared[random() % shared.size()]);
      if (shared.size() < 100) continue;
      const Item other = std::move(shared.back());
      shared.pop_back();
      if (other.buffer.size() < 64 * kib && !holds(other.buffer, other.value)) ++errors;
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < threads; ++i) workers.emplace_back(work, i);
  for (std::thread& worker : workers) worker.join();
  shared.clear();
  EXPECT_EQ(errors.load(), 0);
  EXPECT_EQ(get_active_memory(), active);
  clear_cache();
  EXPECT_EQ(get_cache_memory(), 0u);
}

// A buffer held by thread-local and static storage outlives the thread's cache.
struct Holder {
  BufferRef buffer;
};
Holder at_exit;

TEST_F(BufferTest, BuffersMayOutliveTheirThreadsCache) {
  std::thread([] {
    thread_local Holder holder;  // constructed before the thread's cache, so ended after it
    holder.buffer = allocate(10);
    at_exit.buffer = allocate(10);
    fill(at_exit.buffer, 4);
  }).join();
  EXPECT_TRUE(holds(at_exit.buffer, 4));
}

}  // namespace
}  // namespace mica::engine
