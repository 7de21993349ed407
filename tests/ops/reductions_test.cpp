// What the rows of reductions leave out: dtypes, NaN, ties, empty arrays and errors, as in MLX.
#include <cmath>
#include <limits>

#include "mica/transforms/transforms.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_array;
using test::expect_error;
using test::values;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

array gradient(const std::function<array(const array&)>& f, const array& x) {
  return grad([f](const array& y) { return sum(f(y)); })(astype(x, float32));
}

TEST(Reductions, DtypesOfResults) {
  const std::vector<std::pair<Dtype, Dtype>> sums{
      {bool_, int32},   {uint8, uint32},    {uint16, uint32},     {uint32, uint32},
      {uint64, uint64}, {int8, int32},      {int16, int32},       {int32, int32},
      {int64, int64},   {float16, float16}, {bfloat16, bfloat16}, {complex64, complex64}};
  for (const auto& [from, to] : sums) {
    const array x = astype(array({1, 0, 3}, int32), from);
    EXPECT_EQ(sum(x).dtype(), to) << dtype_name(from);
    EXPECT_EQ(prod(x).dtype(), to) << dtype_name(from);
    EXPECT_EQ(max(x).dtype(), from);
    EXPECT_EQ(all(x).dtype(), bool_);
    const Dtype inexact_dtype = issubdtype(from, inexact) ? from : float32;
    EXPECT_EQ(mean(x).dtype(), inexact_dtype);
    EXPECT_EQ(softmax(x).dtype(), inexact_dtype);
    EXPECT_EQ(logsumexp(x).dtype(), inexact_dtype);
    EXPECT_EQ(var(x).dtype(), from == complex64 ? float32 : inexact_dtype);
    EXPECT_EQ(cumsum(x).dtype(), from == bool_ ? int32 : from);
    EXPECT_EQ(cumprod(x).dtype(), from);
    EXPECT_EQ(argmax(x).dtype(), uint32);
  }
  EXPECT_EQ(sum(full({300}, array(200), uint8)).item<uint32_t>(), 60000u);
  EXPECT_EQ(cumsum(array({1, 2}, int32), false, true, float32).dtype(), float32);
}

TEST(Reductions, NoAxesChangeNothing) {
  const array x({true, false});
  expect_array<bool>(sum(x, std::vector<int>{}), {2}, {true, false});
  expect_array<int>(max(array({1, 2}, int32), std::vector<int>{}), {2}, {1, 2});
  expect_array<bool>(all(array({1, 0}, int32), std::vector<int>{}), {2}, {true, false});
  EXPECT_EQ(max(array(3.0f)).item<float>(), 3);
}

TEST(Reductions, OfNothing) {
  EXPECT_EQ(sum(zeros({0})).item<float>(), 0);
  EXPECT_EQ(prod(zeros({0})).item<float>(), 1);
  EXPECT_TRUE(all(zeros({0})).item<bool>());
  EXPECT_FALSE(any(zeros({0})).item<bool>());
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item<float>()));
  EXPECT_EQ(max(zeros({0, 3}), 1).size(), 0u);
  EXPECT_EQ(softmax(zeros({2, 0})).size(), 0u);
  EXPECT_EQ(cumsum(zeros({0})).size(), 0u);
}

TEST(Reductions, NanAndInfinity) {
  EXPECT_TRUE(std::isnan(max(array({1, nan, 2})).item<float>()));
  EXPECT_TRUE(std::isnan(min(array({1, nan, 2})).item<float>()));
  EXPECT_EQ(argmax(array({1, nan, 2})).item<uint32_t>(), 1u);
  EXPECT_EQ(argmin(array({1, nan, 0})).item<uint32_t>(), 1u);
  EXPECT_EQ(logsumexp(array({-infinity, -infinity})).item<float>(), -infinity);
  EXPECT_EQ(logsumexp(array({infinity, 1})).item<float>(), infinity);
  EXPECT_TRUE(std::isnan(values<float>(softmax(array({-infinity, -infinity})))[0]));
}

TEST(Reductions, SoftmaxOfLargeValues) {
  const auto y = values<float>(softmax(array({1000, 1001, -1000})));
  EXPECT_NEAR(y[0], 0.26894143f, 1e-6);
  EXPECT_NEAR(y[1], 0.7310586f, 1e-6);
  EXPECT_EQ(y[2], 0);
  EXPECT_NEAR(logsumexp(array({1000, 1001})).item<float>(), 1001.3133f, 1e-4);
}

// Rows that fit in a vector are computed several at a time, over their own inputs where these die.
TEST(Reductions, SoftmaxOfShortRows) {
  for (const int n : {1, 3, 8, 10, 16, 17, 33}) {
    for (const int rows : {1, 3, 4, 9}) {
      const array x =
          sin(multiply(reshape(arange(0, rows * n, 1, float32), {rows, n}), array(3.7f)));
      const auto in = values<float>(x);
      const auto y = values<float>(softmax(multiply(x, array(5.0f)), -1));
      const auto z = values<float>(logsumexp(multiply(x, array(5.0f)), -1));
      for (int row = 0; row < rows; ++row) {
        double sum = 0;
        for (int i = 0; i < n; ++i) sum += std::exp(5.0 * in[static_cast<size_t>(row * n + i)]);
        EXPECT_NEAR(z[static_cast<size_t>(row)], std::log(sum), 2e-6) << n << " " << row;
        for (int i = 0; i < n; ++i) {
          const auto at = static_cast<size_t>(row * n + i);
          const double expected = std::exp(5.0 * in[at]) / sum;
          EXPECT_NEAR(y[at], expected, 3e-6 * expected) << n << " " << row << " " << i;
        }
      }
    }
  }
  const auto mixed = values<float>(logsumexp(
      array({1.0f, nan, infinity, 2.0f, -infinity, -infinity, 3.0f, 3.0f}, Shape{4, 2}), -1));
  EXPECT_TRUE(std::isnan(mixed[0]));
  EXPECT_EQ(mixed[1], infinity);
  EXPECT_EQ(mixed[2], -infinity);
  EXPECT_NEAR(mixed[3], 3.6931472f, 1e-6);
}

TEST(Reductions, FirstOfEqualPositions) {
  EXPECT_EQ(argmax(array({1, 3, 3})).item<uint32_t>(), 1u);
  EXPECT_EQ(argmin(array({1, 0, 0})).item<uint32_t>(), 1u);
  const array x({{1, 3, 3}, {4, 5, 5}});
  expect_array<uint32_t>(argmax(x, 1), {2}, {1, 1});
  expect_array<uint32_t>(argmax(x, 0), {3}, {1, 1, 1});
  expect_array<uint32_t>(argmax(x, true), {1, 1}, {4});
}

TEST(Reductions, EqualExtremaShareTheGradient) {
  const auto largest = [](const array& x) { return max(x); };
  expect_array<float>(gradient(largest, array({1, 3, 3})), {3}, {0, 0.5, 0.5});
  const auto smallest = [](const array& x) { return min(x); };
  expect_array<float>(gradient(smallest, array({1, 1, 3})), {3}, {0.5, 0.5, 0});
}

TEST(Reductions, LatestOfEqualRunningExtremaHasTheGradient) {
  const auto last_max = [](const array& x) { return take(cummax(x, 0), 3, 0); };
  expect_array<float>(gradient(last_max, array({1, 3, 3, 2})), {4}, {0, 0, 1, 0});
  const auto last_min = [](const array& x) { return take(cummin(x, 0), 3, 0); };
  expect_array<float>(gradient(last_min, array({1, 3, 3, 2})), {4}, {1, 0, 0, 0});
}

TEST(Reductions, GradientsOfProductsWithZeros) {
  const auto product = [](const array& x) { return prod(x); };
  expect_array<float>(gradient(product, array({1, 0, 3})), {3}, {0, 3, 0});
  expect_array<float>(gradient(product, array({2, 0, 0})), {3}, {0, 0, 0});
  const auto running = [](const array& x) { return cumprod(x, 0); };
  expect_array<float>(gradient(running, array({2, 0, 3})), {3}, {1, 8, 0});
}

TEST(Reductions, DegreesOfFreedom) {
  const array x({1, 2, 4});
  EXPECT_NEAR(var(x, false, 1).item<float>(), 2.3333333f, 1e-6);
  EXPECT_EQ(var(array({1, 2}), false, 2).item<float>(), infinity);
  EXPECT_EQ(var(array({1, 2}), false, 3).item<float>(), infinity);
  EXPECT_NEAR(mica::std(x, 0, true, 1).item<float>(), 1.5275252f, 1e-6);
}

TEST(Reductions, Others) {
  const auto [low, high] = minmax(array({{3.0f, 1.0f}, {2.0f, 5.0f}}), 0);
  expect_array<float>(low, {2}, {2, 1});
  expect_array<float>(high, {2}, {3, 5});
  EXPECT_EQ(count_nonzero(array({1, 0, 2})).item<int>(), 2);
  EXPECT_EQ(median(array({1, 3, 2, 4}, int32)).item<float>(), 2.5f);
  EXPECT_TRUE(std::isnan(median(array({1, nan})).item<float>()));
}

TEST(Scans, ExclusiveOnesStartWithTheNeutralElement) {
  const array x({3.0f, 1.0f, 2.0f});
  expect_array<float>(cummax(x, 0, false, false), {3}, {-infinity, 3, 3});
  expect_array<float>(cummin(x, 0, true, false), {3}, {1, 2, infinity});
  expect_array<int>(cummax(astype(x, int32), 0, false, false), {3},
                    {std::numeric_limits<int>::min(), 3, 3});
  expect_array<float>(cumsum(array({{1.0f, 2.0f}, {3.0f, 4.0f}})), {4}, {1, 3, 6, 10});
  expect_array<float>(cumsum(array(3.0f)), {1}, {3});
}

TEST(Sorting, NanLastAndStable) {
  const auto y = values<float>(sort(array({3, nan, 1, -0.0f, 0.0f})));
  EXPECT_TRUE(std::signbit(y[0]));
  EXPECT_FALSE(std::signbit(y[1]));
  EXPECT_EQ(y[2], 1);
  EXPECT_EQ(y[3], 3);
  EXPECT_TRUE(std::isnan(y[4]));
  expect_array<uint32_t>(argsort(array({3, nan, 1, nan, 1})), {5}, {2, 4, 0, 1, 3});
  expect_array<int>(topk(array({3, 1, 2}, int32), 2), {2}, {2, 3});
  EXPECT_EQ(values<int>(partition(array({3, 1, 2}, int32), 1))[1], 2);
  EXPECT_EQ(values<uint32_t>(argpartition(array({3, 1, 2}, int32), 0))[0], 1u);
}

TEST(Reductions, Errors) {
  expect_error(
      [] {
        max(zeros({0, 3}), 0);
      },
      "max: expected a non-empty axis 0, got a of shape (0, 3)");
  expect_error(
      [] {
        argmax(zeros({0, 3}), 1);
      },
      "argmax: expected a non-empty a, got shape (0, 3)");
  expect_error([] { logsumexp(zeros({0})); }, "logsumexp: expected a non-empty a, got shape (0,)");
  expect_error([] { sum(zeros({2}), 2); }, "sum: expected axis in [-1, 1), got 2");
  expect_error([] { softmax(array(1.0f), 0); },
               "softmax: expected no axes for a of shape (), got axis 0");
  expect_error([] { median(zeros({0})); }, "median: expected non-empty axes, got a of shape (0,)");
  expect_error([] { topk(zeros({3}), 4); }, "topk: expected k in [0, 3] along axis 0, got 4");
  expect_error([] { partition(zeros({3}), 5); },
               "partition: expected kth in [-3, 3) along axis 0, got 5");
  expect_error([] { cumsum(zeros({3}), 2); }, "cumsum: expected axis in [-1, 1), got 2");
}

}  // namespace
}  // namespace mica
