// Values of MLX 0.32.4 on the CPU.
#include "mica/random/random.h"

#include <cmath>
#include <set>

#include "mica/transforms/transforms.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_array;
using test::expect_error;
using test::values;

template <class T>
void expect_values(const array& a, const std::vector<T>& expected) {
  EXPECT_EQ(values<T>(a), expected);
}

// Within 4 units in the last place.
void expect_ulps(const array& a, const std::vector<float>& expected) {
  const auto got = values<float>(a);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const float unit = std::nextafter(std::abs(expected[i]), INFINITY) - std::abs(expected[i]);
    EXPECT_NEAR(got[i], expected[i], 4 * unit) << "element " << i;
  }
}

std::vector<uint64_t> words(const array& a) {
  std::vector<uint64_t> out;
  for (double v : values<double>(astype(a, float64))) out.push_back(static_cast<uint64_t>(v));
  return out;
}

const array key42 = random::key(42);

TEST(Random, KeyHoldsBothHalvesOfTheSeed) {
  expect_array<uint32_t>(key42, {2}, {0, 42});
  expect_array<uint32_t>(random::key((uint64_t{1} << 40) + 5), {2}, {256, 5});
}

TEST(Random, BitsOfEveryWidthAndOddSizes) {
  struct Case {
    int count, width;
    std::vector<uint64_t> expected;
  };
  const std::vector<Case> cases{
      {1, 1, {143}},
      {1, 2, {1167}},
      {1, 4, {1832780943}},
      {2, 1, {143, 4}},
      {2, 2, {1167, 27966}},
      {2, 4, {64467757, 2916123636}},
      {3, 1, {143, 4, 62}},
      {3, 2, {45869, 983, 33780}},
      {3, 4, {2465931498, 430176367, 255383827}},
      {5, 1, {45, 179, 215, 3, 244}},
      {5, 2, {8426, 37627, 63599, 6563, 55571}},
      {5, 4, {3134548294, 3733159049, 843694964, 894150801, 801545058}},
      {9, 1, {234, 32, 251, 146, 111, 248, 163, 25, 19}},
      {9, 2, {26950, 47829, 31881, 56963, 50036, 12873, 43153, 13643, 39778}},
      {9,
       4,
       {2765691542, 1385194879, 831049250, 3807460095, 3112749980, 824333390, 1482326074,
        1083977345, 2713995981}}};
  for (const Case& c : cases) {
    EXPECT_EQ(words(random::bits({c.count}, c.width, key42)), c.expected)
        << c.count << " of width " << c.width;
  }
  EXPECT_EQ(random::bits({0}, 4, key42).size(), 0u);
}

TEST(Random, ManyBitsAreTheSameInParallel) {
  uint32_t hash = 0;
  for (uint32_t word : values<uint32_t>(random::bits({100001}, 4, key42))) hash = hash * 31 + word;
  EXPECT_EQ(hash, 1494222558u);
}

TEST(Random, EveryKeyOfABatchHasItsOwnBits) {
  const auto f = [](const array& key) { return random::bits({5}, 1, key); };
  const array batched = vmap(std::function<array(const array&)>(f))(random::split(key42, 2));
  expect_array<uint8_t>(batched, {2, 5}, {174, 61, 236, 189, 155, 10, 48, 187, 244, 21});
}

TEST(Random, Split) {
  expect_array<uint32_t>(random::split(key42, 3), {3, 2},
                         {3134548294, 3733159049, 3746501087, 894150801, 801545058, 2363201431});
  const auto [first, second] = random::split(key42);
  const auto both = values<uint32_t>(random::split(key42, 2));
  EXPECT_EQ(values<uint32_t>(first), (std::vector<uint32_t>{both[0], both[1]}));
  EXPECT_EQ(values<uint32_t>(second), (std::vector<uint32_t>{both[2], both[3]}));
}

TEST(Random, Uniform) {
  expect_values<float>(random::uniform(-1.5, 2.5, {5}, float32, key42),
                       {1.4192755222320557f, 1.9767754077911377f, -0.7142478227615356f,
                        -0.6672571897506714f, -0.7535029649734497f});
  expect_values<float>(
      astype(random::uniform(-1.5, 2.5, {5}, float16, key42), float32),
      {1.419921875f, 1.9765625f, -0.71435546875f, -0.66748046875f, -0.75341796875f});
  expect_values<float>(astype(random::uniform(-1.5, 2.5, {5}, bfloat16, key42), float32),
                       {1.421875f, 1.984375f, -0.71484375f, -0.66796875f, -0.75390625f});
}

TEST(Random, Normal) {
  expect_ulps(random::normal({5}, key42),
              {0.612265408039093f, 1.1225886344909668f, -0.8544130325317383f, -0.8127323985099792f,
               -0.8904047012329102f});
  expect_ulps(random::normal({5}, 0.5f, 0.3f, key42),
              {0.6836796402931213f, 0.836776614189148f, 0.243676096200943f, 0.2561802864074707f,
               0.23287859559059143f});
  const auto halves = values<float>(astype(random::normal({5}, float16, key42), float32));
  const std::vector<float> expected{0.6123046875f, 1.123046875f, -0.85400390625f, -0.8125f,
                                    -0.89013671875f};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(halves[i], expected[i], 1e-3f);
  const array complex = random::normal({3}, complex64, key42);
  expect_ulps(real(complex), {0.43293702602386475f, 0.8042153716087341f, -0.6296111941337585f});
  expect_ulps(imag(complex), {0.7937900424003601f, -0.5746886134147644f, 0.08925933390855789f});
}

TEST(Random, OtherDistributions) {
  expect_values<int>(astype(random::bernoulli(0.3, {12}, key42), int32),
                     {0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1});
  expect_array<int>(random::randint(-5, 100, {8}, int32, key42), {8},
                    {67, 57, 22, 20, 75, 24, -1, -5});
  // MLX's erf, which gives the bounds, has an error of 5e-7.
  const auto truncated =
      values<float>(random::truncated_normal(array(-1.0f), array(0.5f), {5}, float32, key42));
  const std::vector<float> expected{0.11936768889427185f, 0.3101273477077484f, -0.6331468820571899f,
                                    -0.6140895485877991f, -0.6492449641227722f};
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(truncated[i], expected[i], 1e-6f);
  expect_ulps(random::gumbel({5}, float32, key42),
              {1.15531325340271f, 1.9647629261016846f, -0.4869886636734009f, -0.4506455063819885f,
               -0.5179946422576904f});
  expect_ulps(random::laplace({5}, 0.5f, 0.3f, key42),
              {0.31534528732299805f, 0.09773242473602295f, 0.7802782654762268f, 0.7628532648086548f,
               0.795653223991394f});
}

TEST(Random, Categorical) {
  const array logits = reshape(arange(12.0), {3, 4}) / array(4.0f);
  expect_array<uint32_t>(random::categorical(logits, -1, key42), {3}, {3, 2, 3});
  expect_array<uint32_t>(random::categorical(logits, 0, 3, key42), {4, 3},
                         {1, 2, 1, 2, 1, 2, 2, 2, 2, 2, 0, 2});
  expect_array<uint32_t>(random::categorical(logits, 0, Shape{2, 4}, key42), {2, 4},
                         {2, 2, 0, 2, 2, 1, 2, 0});
}

TEST(Random, Permutation) {
  expect_array<uint32_t>(random::permutation(10, key42), {10}, {5, 2, 7, 1, 6, 8, 0, 9, 4, 3});
  expect_array<int>(random::permutation(reshape(arange(12), {3, 4}), 1, key42), {3, 4},
                    {2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9});
}

TEST(Random, SeededSequenceDrawsAsMlx) {
  random::seed(7);
  expect_values<float>(random::uniform({3}),
                       {0.07774583250284195f, 0.17445430159568787f, 0.8326463103294373f});
  expect_values<float>(random::uniform({3}),
                       {0.5847170352935791f, 0.43681371212005615f, 0.7064781785011292f});
  expect_ulps(random::normal({2}), {-0.7018067240715027f, 0.1796095222234726f});
}

TEST(KeySequence, KnownStatesGiveKeysWithData) {
  random::KeySequence sequence(3);
  const array key = sequence.next();
  EXPECT_TRUE(key.is_available());
  EXPECT_FALSE(key.has_primitive());
}

TEST(KeySequence, LazyStatesSplitAlike) {
  random::KeySequence known(3), lazy(3);
  lazy.set_state(bitwise_or(random::key(3), array(0u)));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(values<uint32_t>(lazy.next()), values<uint32_t>(known.next()));
  }
}

TEST(KeySequence, CopiesAndRestoredStatesGoOnAlone) {
  random::KeySequence sequence(3);
  random::KeySequence copy = sequence;
  const array state = sequence.state();
  const auto first = values<uint32_t>(sequence.next());
  EXPECT_EQ(values<uint32_t>(copy.next()), first);
  sequence.set_state(state);
  EXPECT_EQ(values<uint32_t>(sequence.next()), first);
  expect_error(
      [&] {
        sequence.set_state(array({1, 2, 3}, int32));
      },
      "set_state: expected a uint32 key (2,), got int32 (3,)");
}

TEST(Random, Errors) {
  expect_error([] { random::bits({3}, 8, key42); },
               "bits: expected a width of 1, 2 or 4 bytes, got 8");
  expect_error([] { random::bits({-3}, 4, key42); },
               "bits: expected no negative dimensions, got (-3,)");
  expect_error(
      [] {
        random::bits({3}, 4, array({1, 2}, int32));
      },
      "bits: expected a uint32 key (2,), got int32 (2,)");
  expect_error([] { random::uniform({3}, int32); },
               "uniform: expected dtype float32, float16 or bfloat16, got int32");
  expect_error(
      [] {
        random::uniform(zeros({3}), ones({2, 3}), {3});
      },
      "uniform: expected parameters that broadcast to (3,), got (2, 3)");
  expect_error([] { random::normal({3}, int32); },
               "normal: expected a floating dtype or complex64, got int32");
  expect_error([] { random::bernoulli(array(1)); },
               "bernoulli: expected p of a floating dtype, got int32");
  expect_error([] { random::randint(0, 10, {3}, float32); },
               "randint: expected an integer dtype or bool, got float32");
  expect_error(
      [] {
        random::categorical(zeros({2, 3}), 2);
      },
      "categorical: expected axis in [-2, 2), got 2");
  expect_error(
      [] {
        random::categorical(zeros({2, 3}), 1, Shape{4});
      },
      "categorical: expected parameters that broadcast to (4,), got (2,)");
  expect_error([] { random::permutation(array(3)); },
               "permutation: expected an array with axes, got axis 0 of a scalar");
}

}  // namespace
}  // namespace mica
