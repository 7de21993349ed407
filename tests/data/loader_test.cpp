#include "mica/data/loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <stdexcept>

#include "mica/ops/ops.h"

namespace mica::data {

namespace {

std::vector<int> values(const array& a) {
  const int* data = a.data<int>();
  return {data, data + a.size()};
}

Dataset numbers(int n) { return from_arrays({arange(n)}); }

// Sample i is i with a random digit behind it.
Dataset noisy(int n) {
  return numbers(n).map([](Sample sample, Random& random) {
    sample[0] = sample[0] * 10 + static_cast<int>(random.below(10));
    return sample;
  });
}

std::vector<std::vector<int>> take(Loader& loader, int batches) {
  std::vector<std::vector<int>> out;
  for (int i = 0; i < batches; ++i) out.push_back(values(loader.next()[0]));
  return out;
}

TEST(Loader, GivesBatchesInOrder) {
  Loader loader(numbers(7), {.batch_size = 3});
  EXPECT_EQ(loader.batches(), 3u);
  EXPECT_EQ(take(loader, 4), (std::vector<std::vector<int>>{{0, 1, 2}, {3, 4, 5}, {6}, {0, 1, 2}}));
  EXPECT_EQ(loader.position(), 4u);
  EXPECT_EQ(loader.epoch(), 1u);
  Loader whole(numbers(7), {.batch_size = 3, .drop_last = true});
  EXPECT_EQ(whole.batches(), 2u);
  EXPECT_EQ(take(whole, 3), (std::vector<std::vector<int>>{{0, 1, 2}, {3, 4, 5}, {0, 1, 2}}));
}

TEST(Loader, IteratesToTheEndOfAnEpoch) {
  Loader loader(numbers(7), {.batch_size = 3});
  int sum = 0, batches = 0;
  for (const Sample& batch : loader) {
    for (const int value : values(batch[0])) sum += value;
    ++batches;
  }
  EXPECT_EQ(sum, 21);
  EXPECT_EQ(batches, 3);
  EXPECT_EQ(loader.position(), 3u);
  loader.next();
  for ([[maybe_unused]] const Sample& batch : loader) ++batches;
  EXPECT_EQ(batches, 5);
}

TEST(Loader, ShufflesEachEpochInItsOwnOrder) {
  Loader loader(numbers(50), {.batch_size = 50, .shuffle = true, .seed = 3});
  std::vector<int> first = values(loader.next()[0]), second = values(loader.next()[0]);
  EXPECT_NE(first, second);
  Loader other(numbers(50), {.batch_size = 50, .shuffle = true, .seed = 4});
  EXPECT_NE(values(other.next()[0]), first);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
  EXPECT_EQ(first, values(arange(50).astype(int32)));
}

// Threads and what was asked for before change nothing.
TEST(Loader, DependsOnSeedAndPositionAlone) {
  Loader plain(noisy(23), {.batch_size = 4, .shuffle = true, .seed = 9, .prefetch = 0});
  const auto expected = take(plain, 20);
  for (const int threads : {1, 3}) {
    Loader loader(noisy(23),
                  {.batch_size = 4, .shuffle = true, .seed = 9, .prefetch = 5, .threads = threads});
    EXPECT_EQ(take(loader, 20), expected);
    for (const int start : {13, 2, 3, 3, 19}) {
      loader.seek(static_cast<uint64_t>(start));
      EXPECT_EQ(loader.position(), static_cast<uint64_t>(start));
      EXPECT_EQ(values(loader.next()[0]), expected[static_cast<size_t>(start)]);
    }
  }
}

TEST(Loader, MakesBatchesAhead) {
  std::atomic<int> made = 0;
  Loader loader(Dataset(100,
                        [&](size_t index, Random&) {
                          ++made;
                          return Sample{array(static_cast<int>(index))};
                        }),
                {.batch_size = 1, .prefetch = 3});
  loader.next();
  while (made < 4) std::this_thread::yield();
  loader.next();
  while (made < 5) std::this_thread::yield();
  EXPECT_LE(made, 6);
}

TEST(Loader, PassesErrorsOnAndGoesOn) {
  for (const int prefetch : {0, 2}) {
    Loader loader(Dataset(4,
                          [](size_t index, Random&) {
                            if (index == 1) throw std::runtime_error("sample 1 is broken");
                            return Sample{array(static_cast<int>(index))};
                          }),
                  {.batch_size = 1, .prefetch = prefetch});
    EXPECT_EQ(values(loader.next()[0]), std::vector<int>{0});
    EXPECT_THROW(loader.next(), std::runtime_error);
    EXPECT_EQ(values(loader.next()[0]), std::vector<int>{2});
  }
}

TEST(Loader, RefusesBadOptions) {
  const auto error = [](const LoaderOptions& options) {
    try {
      Loader(numbers(5), options);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(error({.batch_size = 0}), "Loader: expected batch_size of at least 1, got 0");
  EXPECT_EQ(error({.prefetch = -1}), "Loader: expected prefetch of at least 0, got -1");
  EXPECT_EQ(error({.threads = 0}), "Loader: expected threads of at least 1, got 0");
  EXPECT_EQ(error({.batch_size = 6, .drop_last = true}),
            "Loader: expected a dataset that fills a batch of 6, got 5 samples");
  EXPECT_EQ(error({.batch_size = 6}), "none");
}

}  // namespace

}  // namespace mica::data
