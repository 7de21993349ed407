#include "mica/engine/counters.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace mica {
namespace {

TEST(Counters, AddUpFromManyThreads) {
  reset_counters();
  EXPECT_EQ(counters(), Counters{});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int j = 0; j < 1000; ++j) {
        engine::count({.plan_hits = 1, .kernels = 2, .bytes = 300});
        engine::count({.plan_misses = 1, .temporaries = 5});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counters(), (Counters{.plan_hits = 4000,
                                  .plan_misses = 4000,
                                  .kernels = 8000,
                                  .bytes = 1200000,
                                  .temporaries = 20000}));
  reset_counters();
  EXPECT_EQ(counters(), Counters{});
}

}  // namespace
}  // namespace mica
