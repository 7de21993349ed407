#include "tests/engine/cpu/kernel_test.h"

namespace mica::cpu {
namespace {

class ReduceKernels : public KernelTest {
 protected:
  // The reduction of x, started from the identity.
  template <class T>
  T reduce(ReduceOp op, const Buffer<T>& x) {
    T acc;
    reduce_identity(op, dtype_of<T>(), &acc);
    tables.reduce(op, dtype_of<T>())(&acc, x.data(), x.size());
    return acc;
  }
};
INSTANTIATE_TEST_SUITE_P(Targets, ReduceKernels, testing::ValuesIn(kernel_targets()));

constexpr size_t sizes[] = {0, 1, 2, 3, 5, 8, 15, 16, 31, 64, 65, 100, 1000, 4097, 100003};

template <class T>
Buffer<T> small_values(size_t n) {
  std::mt19937 random(static_cast<uint32_t>(n));
  Buffer<T> x(n);
  for (size_t i = 0; i < n; ++i) {
    if constexpr (std::is_integral_v<T>) {
      x[i] = static_cast<T>(random());
    } else {
      x[i] = static_cast<T>(static_cast<double>(random()) / 0x80000000u - 0.9);
    }
  }
  return x;
}

TEST_P(ReduceKernels, SumFloats) {
  for (size_t n : sizes) {
    const auto x = small_values<float>(n);
    double expected = 0, total = 0;
    for (size_t i = 0; i < n; ++i) expected += x[i], total += std::abs(x[i]);
    EXPECT_NEAR(reduce(ReduceOp::sum, x), expected, 2e-7 * total) << n;
    const auto y = small_values<double>(n);
    long double exact = 0;
    for (size_t i = 0; i < n; ++i) exact += y[i];
    EXPECT_NEAR(reduce(ReduceOp::sum, y), static_cast<double>(exact), 1e-14 * (total + 1)) << n;
  }
}

TEST_P(ReduceKernels, SumManyOnes) {
  const Buffer<float> x(size_t{3} << 24, 0.1f);
  EXPECT_NEAR(reduce(ReduceOp::sum, x) / (0.1f * (size_t{3} << 24)), 1, 1e-6);
}

TEST_P(ReduceKernels, SumAndMultiplyComplexNumbers) {
  for (size_t n : sizes) {
    const auto parts = small_values<float>(2 * n);
    Buffer<complex64_t> x(n), near_one(n);
    std::complex<double> sum = 0, product = 1;
    for (size_t i = 0; i < n; ++i) {
      x[i] = {parts[2 * i], parts[2 * i + 1]};
      near_one[i] = std::polar(1.0f, parts[i]);
      sum += std::complex<double>(x[i]);
      product *= std::complex<double>(near_one[i]);
    }
    const double size = 1e-6 * static_cast<double>(n + 1);
    EXPECT_NEAR(std::abs(std::complex<double>(reduce(ReduceOp::sum, x)) - sum), 0, size) << n;
    EXPECT_NEAR(std::abs(std::complex<double>(reduce(ReduceOp::prod, near_one)) - product), 0,
                size);
  }
}

TEST_P(ReduceKernels, MultiplyFloats) {
  for (size_t n : sizes) {
    Buffer<float> x(n);
    for (size_t i = 0; i < n; ++i)
      x[i] = (i % 3 ? 1 : -1) * (1 + 1e-3f * static_cast<float>(i % 5) - 2e-3f);
    double expected = 1;
    for (size_t i = 0; i < n; ++i) expected *= x[i];
    EXPECT_NEAR(reduce(ReduceOp::prod, x) / expected, 1, 1e-6 * static_cast<double>(n + 1)) << n;
  }
}

template <class T>
class ReduceIntegers : public testing::Test {};
using Integers =
    testing::Types<uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>;
TYPED_TEST_SUITE(ReduceIntegers, Integers);

TYPED_TEST(ReduceIntegers, WrapAroundAndFindExtrema) {
  using T = TypeParam;
  constexpr Dtype d = dtype_of<T>();
  for (size_t n : sizes) {
    const auto x = small_values<T>(n);
    uint64_t sum = 3, product = 3;
    T low = 100, high = 3;
    for (size_t i = 0; i < n; ++i) {
      sum += static_cast<uint64_t>(x[i]);
      product *= static_cast<uint64_t>(x[i]);
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
    T acc = 3;
    reduce_kernel(ReduceOp::sum, d)(&acc, x.data(), n);
    EXPECT_EQ(acc, static_cast<T>(sum));
    acc = 3;
    reduce_kernel(ReduceOp::prod, d)(&acc, x.data(), n);
    EXPECT_EQ(acc, static_cast<T>(product));
    acc = 100;
    reduce_kernel(ReduceOp::min, d)(&acc, x.data(), n);
    EXPECT_EQ(acc, low);
    acc = 3;
    reduce_kernel(ReduceOp::max, d)(&acc, x.data(), n);
    EXPECT_EQ(acc, high);
  }
}

TEST_P(ReduceKernels, FindExtremaOfFloats) {
  for (size_t n : sizes) {
    auto x = small_values<float>(n);
    const float inf = std::numeric_limits<float>::infinity();
    float low = inf, high = -inf;
    for (size_t i = 0; i < n; ++i) low = std::min(low, x[i]), high = std::max(high, x[i]);
    EXPECT_EQ(reduce(ReduceOp::min, x), low) << n;
    EXPECT_EQ(reduce(ReduceOp::max, x), high) << n;
    for (size_t at : {size_t{0}, n / 2, n - 1}) {
      if (at >= n) continue;
      auto with_nan = x;
      with_nan[at] = std::numeric_limits<float>::quiet_NaN();
      EXPECT_TRUE(std::isnan(reduce(ReduceOp::min, with_nan))) << at << " of " << n;
      EXPECT_TRUE(std::isnan(reduce(ReduceOp::max, with_nan))) << at << " of " << n;
    }
  }
}

TEST_P(ReduceKernels, KeepNanOfTheAccumulator) {
  const Buffer<float> x(50, 1.0f);
  for (ReduceOp op : {ReduceOp::min, ReduceOp::max}) {
    float acc = std::numeric_limits<float>::quiet_NaN();
    tables.reduce(op, float32)(&acc, x.data(), x.size());
    EXPECT_TRUE(std::isnan(acc));
  }
}

TEST_P(ReduceKernels, OrderComplexNumbers) {
  Buffer<complex64_t> x(4);
  x[0] = {1, 5}, x[1] = {2, -1}, x[2] = {2, 3}, x[3] = {1, 7};
  EXPECT_EQ(reduce(ReduceOp::max, x), complex64_t(2, 3));
  EXPECT_EQ(reduce(ReduceOp::min, x), complex64_t(1, 5));
}

TEST_P(ReduceKernels, CombineBools) {
  for (size_t n : {0, 1, 70}) {
    Buffer<bool> x(n, true), y(n, false);
    EXPECT_TRUE(reduce(ReduceOp::all, x));
    EXPECT_FALSE(reduce(ReduceOp::any, y));
    EXPECT_TRUE(reduce(ReduceOp::min, x));
    EXPECT_FALSE(reduce(ReduceOp::max, y));
    if (n == 0) continue;
    x[n - 1] = false;
    y[n - 1] = true;
    EXPECT_FALSE(reduce(ReduceOp::all, x));
    EXPECT_TRUE(reduce(ReduceOp::any, y));
    EXPECT_FALSE(reduce(ReduceOp::min, x));
    EXPECT_TRUE(reduce(ReduceOp::max, y));
  }
}

TEST_P(ReduceKernels, GiveTheSameBitsAgainAndAtAnyAlignment) {
  const auto x = small_values<float>(5003);
  float first = 0, second = 0;
  tables.reduce(ReduceOp::sum, float32)(&first, x.data(), x.size());
  for (size_t shift = 1; shift < 5; ++shift) {
    Buffer<float> moved(x.size() + shift);
    std::copy_n(x.data(), x.size(), moved.data() + shift);
    second = 0;
    tables.reduce(ReduceOp::sum, float32)(&second, moved.data() + shift, x.size());
    EXPECT_EQ(first, second);
  }
}

TEST(ReduceIdentity, LeavesEveryDtypeUnchanged) {
  float16_t half;
  reduce_identity(ReduceOp::max, float16, &half);
  EXPECT_EQ(static_cast<float>(half), -std::numeric_limits<float>::infinity());
  bfloat16_t brain;
  reduce_identity(ReduceOp::prod, bfloat16, &brain);
  EXPECT_EQ(static_cast<float>(brain), 1);
  int8_t byte;
  reduce_identity(ReduceOp::max, int8, &byte);
  EXPECT_EQ(byte, -128);
  bool flag;
  reduce_identity(ReduceOp::all, bool_, &flag);
  EXPECT_TRUE(flag);
  EXPECT_EQ(reduce_kernel(ReduceOp::sum, float16), nullptr);
}

}  // namespace
}  // namespace mica::cpu
