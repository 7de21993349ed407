#include "mica/data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "mica/data/text.h"
#include "mica/data/transforms.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"

namespace mica::data {

namespace {

using golden::expect_same;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "none";
}

// Sample i is {i, i + 0.5}.
Dataset numbers(int n) { return from_arrays({arange(n), arange(n) + 0.5f}); }

std::vector<int> first_fields(const Dataset& dataset) {
  std::vector<int> out;
  for (size_t i = 0; i < dataset.size(); ++i) out.push_back(dataset[i][0].item<int>());
  return out;
}

TEST(Random, IsSplitMix64) {
  // The first numbers of the reference implementation with the seed 1234567.
  Random random(1234567);
  EXPECT_EQ(random.bits(), 6457827717110365317u);
  EXPECT_EQ(random.bits(), 3203168211198807973u);
  EXPECT_EQ(random.bits(), 9817491932198370423u);
}

TEST(Random, IsUniformAndIndependent) {
  Random random(3);
  std::vector<int> counts(5);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    ++counts[random.below(5)];
    sum += random.uniform();
  }
  for (const int count : counts) EXPECT_NEAR(count, 2000, 200);
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
  EXPECT_NE(Random(1).at(0).bits(), Random(1).at(1).bits());
  EXPECT_NE(Random(1).at(0).bits(), Random(2).at(0).bits());
  EXPECT_EQ(Random(1).at(7).bits(), Random(1).at(7).bits());
}

TEST(Dataset, GivesRowsOfArrays) {
  const array matrix = transpose(reshape(arange(6), {2, 3}));  // not in order
  const Dataset rows = from_arrays({matrix, array({7, 8, 9}, int64)});
  ASSERT_EQ(rows.size(), 3u);
  const Sample sample = rows[1];
  ASSERT_EQ(sample.size(), 2u);
  expect_same(sample[0], array({1, 4}, int32));
  expect_same(sample[1], array(8, int64));
}

TEST(Dataset, SlicesSubsetsAndSplits) {
  const Dataset all = numbers(10);
  EXPECT_EQ(first_fields(all.slice(2, 5)), (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(first_fields(all.subset({7, 7, 1})), (std::vector<int>{7, 7, 1}));
  const auto [rest, last] = all.split(3);
  EXPECT_EQ(first_fields(rest), (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(first_fields(last), (std::vector<int>{7, 8, 9}));
  const auto [some, others] = all.split(3, 5);
  std::vector<int> both = first_fields(some);
  EXPECT_NE(first_fields(others), (std::vector<int>{7, 8, 9}));
  for (const int i : first_fields(others)) both.push_back(i);
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, first_fields(all));
  EXPECT_EQ(first_fields(all.split(3, 5).second), first_fields(others));
}

TEST(Dataset, MapsSamplesWithRandomNumbersOfTheirOwn) {
  const Dataset mapped = numbers(4).map([](Sample sample, Random& random) {
    sample[0] = sample[0] * 10 + static_cast<int>(random.below(10));
    return sample;
  });
  Random one(1), again(1), two(2);
  const int first = mapped.get(3, one)[0].item<int>();
  EXPECT_EQ(first / 10, 3);
  EXPECT_EQ(mapped.get(3, again)[0].item<int>(), first);
  EXPECT_NE(mapped.get(3, two)[0].item<int>(), first);
}

TEST(Dataset, NamesWhatIsWrong) {
  const Dataset all = numbers(4);
  EXPECT_EQ(error_of([&] { all[4]; }), "Dataset: expected an index below 4, got 4");
  EXPECT_EQ(error_of([&] { all.slice(1, 5); }),
            "Dataset: expected a slice within [0, 4), got [1, 5)");
  EXPECT_EQ(error_of([&] { all.subset({9}); }), "Dataset: expected indices below 4, got 9");
  EXPECT_EQ(error_of([&] { all.split(4); }), "Dataset: expected held_out from 1 to 3, got 4");
  EXPECT_EQ(error_of([&] { from_arrays({}); }), "from_arrays: expected arrays, got none");
  EXPECT_EQ(
      error_of([&] {
        from_arrays({arange(2), arange(3)});
      }),
      "from_arrays: expected arrays with as many rows as the first, 2, got one of shape (3,)");
}

TEST(Stack, JoinsSamples) {
  const Sample batch = stack({{arange(2), array(1.0f)}, {arange(2) + 5, array(2.0f)}});
  expect_same(batch[0], array({{0, 1}, {5, 6}}));
  expect_same(batch[1], array({1.0f, 2.0f}));
  EXPECT_EQ(error_of([] { stack({}); }), "stack: expected samples, got none");
  EXPECT_EQ(
      error_of([] {
        stack({{arange(2)}, {arange(3)}});
      }),
      "stack: expected array 0 to be (2,) of int32 as in the first sample, got (3,) of int32 in "
      "sample 1");
  EXPECT_EQ(error_of([] {
              stack({{arange(2)}, {}});
            }),
            "stack: expected 1 arrays as in the first sample, got 0 in sample 1");
}

TEST(Windows, AreTokensAndThoseThatFollow) {
  const Dataset two = windows(astype(arange(9), uint16), 4);
  ASSERT_EQ(two.size(), 2u);
  expect_same(two[1][0], array({4, 5, 6, 7}, int32));
  expect_same(two[1][1], array({5, 6, 7, 8}, int32));
  const Dataset many = windows(arange(9), 4, 1);
  ASSERT_EQ(many.size(), 5u);
  expect_same(many[4][1], array({5, 6, 7, 8}, int32));
  EXPECT_EQ(windows(arange(8), 4).size(), 1u);
  EXPECT_EQ(error_of([] { windows(arange(4), 4); }),
            "windows: expected more than 4 tokens, the length of a window, got 4");
  EXPECT_EQ(error_of([] { windows(ones({8}), 4); }),
            "windows: expected tokens (n,) of integers, got (8,) of float32");
}

// Two rows of three pixels of two channels.
const Sample picture{astype(reshape(arange(12), {2, 3, 2}), uint8), array(1)};

TEST(Transforms, FlipLeftAndRight) {
  Random random(0);
  const Sample flipped = random_flip(1)(picture, random);
  expect_same(flipped[0], take(picture[0], array({2, 1, 0}, int32), 1));
  expect_same(flipped[1], picture[1]);
  expect_same(random_flip(0)(picture, random)[0], picture[0]);
  int count = 0;
  for (int i = 0; i < 1000; ++i)
    count += array_equal(random_flip()(picture, random)[0], picture[0]).item<bool>() ? 0 : 1;
  EXPECT_NEAR(count, 500, 60);
  EXPECT_EQ(error_of([] { random_flip(2); }),
            "random_flip: expected a probability from 0 to 1, got 2");
}

TEST(Transforms, CropIsAPartOfThePaddedPicture) {
  const array padded = pad(picture[0], {{4, 4}, {4, 4}, {0, 0}});
  std::vector<int> seen(81);
  Random random(0);
  for (int i = 0; i < 500; ++i) {
    const array cropped = random_crop(4)(picture, random)[0];
    bool found = false;
    for (int y = 0; y < 9 && !found; ++y) {
      for (int x = 0; x < 9 && !found; ++x) {
        found = array_equal(cropped, slice(padded, {y, x, 0}, {y + 2, x + 3, 2})).item<bool>();
        if (found) ++seen[static_cast<size_t>(9 * y + x)];
      }
    }
    ASSERT_TRUE(found) << cropped;
  }
  // Those at which nothing or something is seen: 3 x 5 places show part of the picture.
  EXPECT_GT(std::count_if(seen.begin(), seen.end(), [](int n) { return n > 0; }), 14);
  EXPECT_EQ(error_of([] { random_crop(-1); }),
            "random_crop: expected padding of at least 0, got -1");
}

TEST(Transforms, NormalizeByChannel) {
  Random random(0);
  const Sample sample{array({0, 255, 51, 102}, uint8).reshape({1, 2, 2}), array(1)};
  const array expected = array({0.0f, 2.0f, 0.4f, 0.8f}).reshape({1, 2, 2});
  golden::expect_close(normalize({0.0f}, {0.5f})(sample, random)[0], expected, 1e-6, 1e-7);
  golden::expect_close(normalize({0.0f, 0.5f}, {0.5f, 1.0f})(sample, random)[0],
                       array({0.0f, 0.5f, 0.4f, -0.1f}).reshape({1, 2, 2}), 1e-6, 1e-7);
  EXPECT_EQ(error_of([&] {
              normalize({1, 2, 3}, {1, 2, 3})(sample, random);
            }),
            "normalize: expected a picture of uint8 with 3 channels, got (1, 2, 2) of uint8");
  EXPECT_EQ(error_of([&] { normalize({1}, {1})({arange(3)}, random); }),
            "normalize: expected a picture (height, width, channels) first, got (3,)");
}

}  // namespace

}  // namespace mica::data
