// sort and argsort order every dtype as std::stable_sort does, at lengths on both sides of the
// change of algorithm and along inner and outer axes.
#include <gtest/gtest.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica {
namespace {

template <class T>
constexpr bool is_complex = std::is_same_v<T, complex64_t>;

// Few distinct values, so that there are ties, and the special ones of T.
template <class T>
std::vector<T> draw(int64_t n) {
  std::mt19937 generator(static_cast<unsigned>(n));
  std::vector<T> result;
  for (int64_t i = 0; i < n; ++i) {
    const int k = static_cast<int>(generator() % 200) - 100;
    if constexpr (std::is_same_v<T, bool>) {
      result.push_back(k > 0);
    } else if constexpr (std::is_integral_v<T>) {
      result.push_back(k == 99    ? std::numeric_limits<T>::max()
                       : k == -99 ? std::numeric_limits<T>::min()
                                  : static_cast<T>(k));
    } else {
      const float infinity = std::numeric_limits<float>::infinity();
      const float nan = std::numeric_limits<float>::quiet_NaN();
      const auto part = [&](int v) {
        return v == 99    ? infinity
               : v == -99 ? -infinity
               : v == 98  ? nan
               : v == -98 ? -nan
               : v == 0   ? -0.0f
                          : static_cast<float>(v / 4) * 0.5f;
      };
      if constexpr (is_complex<T>) {
        result.emplace_back(part(k), part(static_cast<int>(generator() % 5)));
      } else {
        result.push_back(static_cast<T>(part(k)));
      }
    }
  }
  return result;
}

template <class T>
bool before(T a, T b) {
  if constexpr (is_complex<T>) {
    if (before(a.real(), b.real())) return true;
    return !before(b.real(), a.real()) && before(a.imag(), b.imag());
  } else {
    return b != b ? a == a : a < b;
  }
}

// Equal, or both NaN.
template <class T>
bool same(T a, T b) {
  if constexpr (is_complex<T>) {
    return same(a.real(), b.real()) && same(a.imag(), b.imag());
  } else {
    return a == b || (a != a && b != b);
  }
}

template <class T>
void expect_sorted(int outer, int n, int inner) {
  SCOPED_TRACE(std::to_string(outer) + " x " + std::to_string(n) + " x " + std::to_string(inner));
  const std::vector<T> x = draw<T>(int64_t{outer} * n * inner);
  array a = zeros({outer, n, inner}, dtype_of<T>());
  eval(a);
  std::copy(x.begin(), x.end(), a.data<T>());
  array sorted = sort(a, 1), order = argsort(a, 1);
  eval(sorted, order);
  for (int o = 0; o < outer; ++o) {
    for (int i = 0; i < inner; ++i) {
      const auto at = [&](size_t k) {
        return static_cast<size_t>(o) * static_cast<size_t>(n * inner) +
               k * static_cast<size_t>(inner) + static_cast<size_t>(i);
      };
      std::vector<uint32_t> expected(static_cast<size_t>(n));
      std::iota(expected.begin(), expected.end(), 0u);
      std::stable_sort(expected.begin(), expected.end(),
                       [&](uint32_t p, uint32_t q) { return before<T>(x[at(p)], x[at(q)]); });
      for (size_t k = 0; k < expected.size(); ++k) {
        ASSERT_EQ(order.data<uint32_t>()[at(k)], expected[k]) << "at " << k;
        ASSERT_TRUE(same<T>(sorted.data<T>()[at(k)], x[at(expected[k])])) << "at " << k;
      }
    }
  }
}

template <class T>
class SortOf : public ::testing::Test {};
using Types = ::testing::Types<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t,
                               int32_t, int64_t, float16_t, bfloat16_t, float, double, complex64_t>;
TYPED_TEST_SUITE(SortOf, Types);

TYPED_TEST(SortOf, EveryLengthAndAxis) {
  for (const int n : {0, 1, 2, 7, 39, 40, 41, 64, 300, 3000}) expect_sorted<TypeParam>(3, n, 1);
  for (const int inner : {2, 15, 16, 17, 40}) {
    for (const int n : {1, 5, 50, 257}) expect_sorted<TypeParam>(2, n, inner);
  }
  expect_sorted<TypeParam>(1, 70000, 1);
  expect_sorted<TypeParam>(200, 100, 1);
}

TEST(Sort, ZerosAndNanOfBothSigns) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> x(100, 0.0f);
  x[3] = x[50] = -0.0f;
  x[0] = -nan;
  array a(x.begin(), {100});
  array sorted = sort(a), order = argsort(a);
  eval(sorted, order);
  EXPECT_TRUE(std::signbit(sorted.data<float>()[0]) && std::signbit(sorted.data<float>()[1]));
  EXPECT_FALSE(std::signbit(sorted.data<float>()[2]));
  EXPECT_TRUE(std::isnan(sorted.data<float>()[99]));
  for (uint32_t i = 0; i < 99; ++i) EXPECT_EQ(order.data<uint32_t>()[i], i + 1);
  EXPECT_EQ(order.data<uint32_t>()[99], 0u);
}

TEST(Sort, GradientFollowsTheOrder) {
  std::vector<float> x(64);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37) % 64);
  const array a(x.begin(), {64});
  array gradient = grad([](const array& v) { return sum(sort(v) * arange(64.0)); })(a);
  eval(gradient);
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(gradient.data<float>()[i], x[i]);
}

}  // namespace
}  // namespace mica
