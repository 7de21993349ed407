#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/parallel.h"
#include "tests/engine/cpu/dnnl/values.h"

namespace mica::cpu {
namespace {

using Extents = std::array<int64_t, 3>;

int64_t spatial(const PoolProblem& p, const Extents& x) {
  int64_t result = 1;
  for (int i = 0; i < p.rank; ++i) result *= x[i];
  return result;
}

// Calls f(output element, input elements under its window, padded elements) for each window.
template <class F>
void for_each_window(const PoolProblem& p, F&& f) {
  const Extents out = p.output();
  const int64_t positions = spatial(p, out), taps = spatial(p, p.kernel);
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t o = 0; o < positions; ++o)
      for (int64_t c = 0; c < p.channels; ++c) {
        std::vector<int64_t> inside;
        for (int64_t tap = 0; tap < taps; ++tap) {
          int64_t rest = o, rest_tap = tap, at = 0, step = 1;
          bool padding = false;
          for (int i = p.rank - 1; i >= 0; --i) {
            const int64_t x =
                rest % out[i] * p.stride[i] + rest_tap % p.kernel[i] - p.padding_lo[i];
            rest /= out[i];
            rest_tap /= p.kernel[i];
            padding = padding || x < 0 || x >= p.input[i];
            at += x * step;
            step *= p.input[i];
          }
          if (!padding) inside.push_back((n * step + at) * p.channels + c);
        }
        f((n * positions + o) * p.channels + c, inside, taps - static_cast<int64_t>(inside.size()));
      }
}

template <class T>
void expect_near(const char* what, const std::vector<Wide>& expected, const std::vector<T>& got) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_LE(std::abs(expected[i] - widen(got[i])), tolerance<T>(expected[i], 2))
        << what << " at flat index " << i << ": expected " << expected[i] << ", got "
        << widen(got[i]);
  }
}

size_t input_size(const PoolProblem& p) { return p.batch * spatial(p, p.input) * p.channels; }
size_t output_size(const PoolProblem& p) { return p.batch * spatial(p, p.output()) * p.channels; }

template <class T>
void expect_max(PoolProblem p) {
  p.dtype = dtype_of<T>();
  auto x = values<T>(input_size(p), 1);
  if constexpr (!std::is_integral_v<T>) {
    // Many ties, as after relu.
    for (T& v : x) v = static_cast<double>(v) < 0 ? T(0) : static_cast<T>(std::ceil(v * 3));
  }
  const auto dy = values<T>(output_size(p), 2);
  std::vector<Wide> y(output_size(p)), dx(x.size());
  for_each_window(p, [&](int64_t o, const std::vector<int64_t>& taps, int64_t) {
    double top = -std::numeric_limits<double>::infinity();
    for (int64_t i : taps) top = std::max(top, static_cast<double>(x[i]));
    y[o] = top;
    const auto at_top = [&](int64_t i) { return static_cast<double>(x[i]) == top; };
    const double count = static_cast<double>(std::count_if(taps.begin(), taps.end(), at_top));
    for (int64_t i : taps) {
      if (at_top(i)) dx[i] += static_cast<double>(dy[o]) / count;
    }
  });
  std::vector<T> got(y.size(), T(7)), got_dx(x.size(), T(7));
  max_pool_forward(p, x.data(), got.data());
  for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], widen(got[i])) << "at flat index " << i;
  if constexpr (!std::is_integral_v<T>) {
    max_pool_backward(p, x.data(), got.data(), dy.data(), got_dx.data());
    expect_near("input's gradient", dx, got_dx);
  } else {
    EXPECT_THROW(max_pool_backward(p, x.data(), got.data(), dy.data(), got_dx.data()),
                 std::invalid_argument);
  }
}

template <class T>
void expect_average(PoolProblem p) {
  p.dtype = dtype_of<T>();
  const auto x = values<T>(input_size(p), 1), dy = values<T>(output_size(p), 2);
  std::vector<Wide> y(output_size(p)), dx(x.size());
  for_each_window(p, [&](int64_t o, const std::vector<int64_t>& taps, int64_t padded) {
    const double size = static_cast<double>(taps.size() + padded);
    for (int64_t i : taps) {
      y[o] += widen(x[i]) / size;
      dx[i] += widen(dy[o]) / size;
    }
  });
  std::vector<T> got(y.size(), T(7)), got_dx(x.size(), T(7));
  average_pool_forward(p, x.data(), got.data());
  expect_near("output", y, got);
  average_pool_backward(p, dy.data(), got_dx.data());
  expect_near("input's gradient", dx, got_dx);
}

std::vector<PoolProblem> problems() {
  std::vector<PoolProblem> result;
  PoolProblem p;
  p.batch = 3, p.channels = 19;
  p.input = {8, 10, 1}, p.kernel = {2, 2, 1}, p.stride = {2, 2, 1};
  result.push_back(p);
  p.stride = {1, 3, 1};
  result.push_back(p);
  p.kernel = {3, 3, 1}, p.stride = {2, 2, 1};
  result.push_back(p);
  p.padding_lo = {1, 0, 0}, p.padding_hi = {0, 1, 0};
  result.push_back(p);
  p.kernel = {5, 4, 1}, p.padding_lo = {2, 2, 0}, p.padding_hi = {2, 3, 0}, p.stride = {3, 1, 1};
  result.push_back(p);
  p = PoolProblem();
  p.rank = 1;
  p.batch = 2, p.channels = 1;
  p.input[0] = 17, p.kernel[0] = 3, p.stride[0] = 2, p.padding_lo[0] = 1;
  result.push_back(p);
  p.rank = 3;
  p.batch = 1, p.channels = 70;  // fewer images than threads
  p.input = {4, 5, 6}, p.kernel = {2, 2, 3}, p.stride = {2, 1, 2}, p.padding_lo = {0, 1, 0};
  p.padding_hi = {0, 1, 1};
  result.push_back(p);
  p.rank = 2;
  p.batch = 1, p.channels = 128;
  p.input = {40, 40, 1}, p.kernel = {2, 2, 1}, p.stride = {2, 2, 1};
  p.padding_lo = p.padding_hi = {};
  result.push_back(p);
  p.kernel = {50, 2, 1};  // does not fit
  result.push_back(p);
  p.kernel = {2, 2, 1};
  p.channels = 0;
  result.push_back(p);
  p.channels = 3, p.batch = 0;
  result.push_back(p);
  return result;
}

template <class T>
class FloatPoolTest : public ::testing::Test {};
using Floats = ::testing::Types<float, double, float16_t, bfloat16_t>;
TYPED_TEST_SUITE(FloatPoolTest, Floats);

TYPED_TEST(FloatPoolTest, Max) {
  for (const PoolProblem& p : problems()) expect_max<TypeParam>(p);
}

TYPED_TEST(FloatPoolTest, Average) {
  for (const PoolProblem& p : problems()) expect_average<TypeParam>(p);
}

template <class T>
class IntegerPoolTest : public ::testing::Test {};
using Integers =
    ::testing::Types<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>;
TYPED_TEST_SUITE(IntegerPoolTest, Integers);

TYPED_TEST(IntegerPoolTest, Max) {
  for (const PoolProblem& p : problems()) expect_max<TypeParam>(p);
}

TEST(Pool, MaxOfBool) {
  const bool x[] = {true, false, false, false};
  bool y[2];
  PoolProblem p;
  p.dtype = Dtype::Val::bool_;
  p.rank = 1;
  p.input[0] = 4, p.kernel[0] = p.stride[0] = 2;
  max_pool_forward(p, x, y);
  EXPECT_TRUE(y[0]);
  EXPECT_FALSE(y[1]);
}

TEST(Pool, AverageOfComplex) {
  for (const PoolProblem& p : problems()) expect_average<complex64_t>(p);
}

#if !defined(__SANITIZE_THREAD__)  // libgomp is not instrumented for it
TEST(Pool, BlocksOfChannels) {
  const int before = engine::num_threads();
  for (const int threads : {1, 3, 8}) {
    engine::set_num_threads(threads);
    for (const PoolProblem& p : problems()) {
      expect_max<float>(p);
      expect_average<float>(p);
    }
  }
  engine::set_num_threads(before);
}
#endif

// Values of MLX: nn.MaxPool1d(2, 2, padding=1) over minus infinity and over NaN.
TEST(Pool, InfinitiesAndNan) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  PoolProblem p;
  p.rank = 1;
  p.input[0] = 4, p.kernel[0] = p.stride[0] = 2, p.padding_lo[0] = p.padding_hi[0] = 1;
  const std::vector<float> low(4, -inf), dy(3, 1.0f);
  std::vector<float> y(3), dx(4);
  max_pool_forward(p, low.data(), y.data());
  EXPECT_EQ(y, std::vector<float>(3, -inf));
  max_pool_backward(p, low.data(), y.data(), dy.data(), dx.data());
  EXPECT_EQ(dx, std::vector<float>(4, 0.5f));

  const std::vector<float> x{nan, 1, 2, 3};
  p.stride[0] = 1, p.padding_lo[0] = p.padding_hi[0] = 0;
  max_pool_forward(p, x.data(), y.data());
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 2);
  EXPECT_EQ(y[2], 3);
  max_pool_backward(p, x.data(), y.data(), dy.data(), dx.data());
  EXPECT_TRUE(std::isnan(dx[0]) && std::isnan(dx[1]));
  EXPECT_EQ(dx[2], 1);
  EXPECT_EQ(dx[3], 1);
}

TEST(Pool, WrongDescriptions) {
  const auto expect_refused = [](const PoolProblem& p, const std::string& message) {
    try {
      average_pool_forward(p, nullptr, nullptr);
      FAIL() << "nothing thrown, expected: " << message;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), message);
    }
  };
  PoolProblem p;
  p.dtype = Dtype::Val::int32;
  expect_refused(p, "pooling: expected a floating dtype, got int32");
  p = PoolProblem();
  p.kernel[0] = 0;
  expect_refused(p, "pooling: expected kernel extents of at least 1, got 0");
  p = PoolProblem();
  p.padding_hi[1] = -1;
  expect_refused(p, "pooling: expected padding of at least 0, got -1");
}

}  // namespace
}  // namespace mica::cpu
