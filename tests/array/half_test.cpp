#include "mica/array/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "mica/ops/ops.h"

namespace mica {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

float from_bits(uint32_t bits) { return std::bit_cast<float>(bits); }

template <class T>
T half_with(uint32_t bits) {
  T half;
  half.bits = static_cast<uint16_t>(bits);
  return half;
}

// The value of a half by its definition: sign, exponent and mantissa fields of the given widths.
float by_definition(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const float mantissa = static_cast<float>(bits & ((1u << mantissa_bits) - 1u));
  const float sign = bits & 0x8000u ? -1.0f : 1.0f;
  if (exponent == (1 << exponent_bits) - 1) return mantissa == 0.0f ? sign * infinity : nan;
  const float one = std::ldexp(1.0f, mantissa_bits);
  const float significand = exponent == 0 ? mantissa : one + mantissa;
  return sign * std::ldexp(significand, std::max(exponent, 1) - bias - mantissa_bits);
}

template <class T>
void expect_every_pattern_round_trips(int exponent_bits, int mantissa_bits) {
  for (uint32_t bits = 0; bits <= 0xffffu; ++bits) {
    const T half = half_with<T>(bits);
    const float expected = by_definition(bits, exponent_bits, mantissa_bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(float(half))) << std::hex << bits;
      ASSERT_TRUE(std::isnan(float(T(float(half))))) << std::hex << bits;
      ASSERT_EQ(T(float(half)).bits & 0x8000u, bits & 0x8000u) << std::hex << bits;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(float(half)), std::bit_cast<uint32_t>(expected))
          << std::hex << bits;
      ASSERT_EQ(T(float(half)).bits, bits) << std::hex << bits;
    }
  }
}

// Between each two neighbouring finite values, the midpoint goes to the even one and the floats
// beside the midpoint to the nearer one; the same with the sign turned.
template <class T>
void expect_ties_go_to_even(uint32_t largest) {
  for (uint32_t bits = 0; bits < largest; ++bits) {
    const float low = half_with<T>(bits);
    const float high = half_with<T>(bits + 1);
    const float middle = low + (high - low) / 2;
    const uint32_t even = bits + (bits & 1u);
    ASSERT_EQ(T(middle).bits, even) << std::hex << bits;
    ASSERT_EQ(T(std::nextafter(middle, -infinity)).bits, bits) << std::hex << bits;
    ASSERT_EQ(T(std::nextafter(middle, infinity)).bits, bits + 1) << std::hex << bits;
    ASSERT_EQ(T(-middle).bits, even | 0x8000u) << std::hex << bits;
  }
}

TEST(Float16, EveryPatternRoundTrips) { expect_every_pattern_round_trips<float16_t>(5, 10); }
TEST(Float16, TiesGoToEven) { expect_ties_go_to_even<float16_t>(0x7bffu); }

TEST(Float16, OverflowsToInfinity) {
  EXPECT_EQ(float16_t(65504.0f).bits, 0x7bffu);
  EXPECT_EQ(float16_t(std::nextafter(65520.0f, 0.0f)).bits, 0x7bffu);
  EXPECT_EQ(float16_t(65520.0f).bits, 0x7c00u);
  EXPECT_EQ(float16_t(-65520.0f).bits, 0xfc00u);
  EXPECT_EQ(float16_t(std::numeric_limits<float>::max()).bits, 0x7c00u);
  EXPECT_EQ(float16_t(infinity).bits, 0x7c00u);
  EXPECT_EQ(float16_t(-infinity).bits, 0xfc00u);
}

TEST(Float16, UnderflowsThroughSubnormalsToZero) {
  EXPECT_EQ(float16_t(0x1p-14f).bits, 0x0400u);
  EXPECT_EQ(float16_t(0x1p-24f).bits, 0x0001u);
  EXPECT_EQ(float16_t(0x1p-25f).bits, 0x0000u);
  EXPECT_EQ(float16_t(std::nextafter(0x1p-25f, 1.0f)).bits, 0x0001u);
  EXPECT_EQ(float16_t(std::numeric_limits<float>::denorm_min()).bits, 0x0000u);
  EXPECT_EQ(float16_t(-0x1p-26f).bits, 0x8000u);
  EXPECT_EQ(float16_t(-0.0f).bits, 0x8000u);
}

TEST(Float16, KeepsNan) {
  for (const uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xff800001u, 0xffffffffu}) {
    EXPECT_TRUE(std::isnan(float(float16_t(from_bits(bits))))) << std::hex << bits;
    EXPECT_EQ(float16_t(from_bits(bits)).bits >> 15, bits >> 31) << std::hex << bits;
  }
}

TEST(Bfloat16, EveryPatternRoundTrips) { expect_every_pattern_round_trips<bfloat16_t>(8, 7); }
TEST(Bfloat16, TiesGoToEven) { expect_ties_go_to_even<bfloat16_t>(0x7f7fu); }

TEST(Bfloat16, OverflowsToInfinity) {
  EXPECT_EQ(bfloat16_t(from_bits(0x7f7f7fffu)).bits, 0x7f7fu);
  EXPECT_EQ(bfloat16_t(from_bits(0x7f7f8000u)).bits, 0x7f80u);
  EXPECT_EQ(bfloat16_t(from_bits(0xff7f8000u)).bits, 0xff80u);
  EXPECT_EQ(bfloat16_t(infinity).bits, 0x7f80u);
  EXPECT_EQ(bfloat16_t(-infinity).bits, 0xff80u);
}

TEST(Bfloat16, KeepsSubnormals) {
  EXPECT_EQ(bfloat16_t(from_bits(0x00010000u)).bits, 0x0001u);
  EXPECT_EQ(bfloat16_t(from_bits(0x00008000u)).bits, 0x0000u);
  EXPECT_EQ(bfloat16_t(from_bits(0x00008001u)).bits, 0x0001u);
  EXPECT_EQ(bfloat16_t(from_bits(0x80000001u)).bits, 0x8000u);
}

TEST(Bfloat16, KeepsNan) {
  for (const uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xff800001u, 0xffffffffu}) {
    EXPECT_TRUE(std::isnan(float(bfloat16_t(from_bits(bits))))) << std::hex << bits;
    EXPECT_EQ(bfloat16_t(from_bits(bits)).bits >> 15, bits >> 31) << std::hex << bits;
  }
}

TEST(Halves, ConvertFromOtherArithmeticTypes) {
  EXPECT_EQ(float16_t(3).bits, 0x4200u);
  EXPECT_EQ(float16_t(true).bits, 0x3c00u);
  EXPECT_EQ(float16_t(-1.5).bits, 0xbe00u);
  EXPECT_EQ(bfloat16_t(3).bits, 0x4040u);
  EXPECT_EQ(bfloat16_t(-1.5).bits, 0xbfc0u);
  EXPECT_EQ(float16_t().bits, 0u);
  EXPECT_EQ(bfloat16_t().bits, 0u);
}

// Beside the operators of arrays, to which a half converts as well.
template <class T>
void expect_arithmetic() {
  const T a(1.5), b(-0.25);
  EXPECT_TRUE(a == a && a != b && b < a && a >= b && a == 1.5f && b < 0 && a > 0.5);
  EXPECT_FALSE(T(nan) == T(nan) || T(nan) < a || T(nan) >= a);
  EXPECT_TRUE(T(0.0f) == T(-0.0f));
  static_assert(std::is_same_v<decltype(a + b), T> && std::is_same_v<decltype(-a), T>);
  static_assert(std::is_same_v<decltype(a + 1.0f), float>);
  EXPECT_EQ(float(a + b), 1.25f);
  EXPECT_EQ(float(a - b), 1.75f);
  EXPECT_EQ(float(a * b), -0.375f);
  EXPECT_EQ(float(a / b), -6.0f);
  EXPECT_EQ(float(-a), -1.5f);
  // Rounded to the type: 1 is half a unit in the last place of both numbers, and the tie goes to
  // even.
  const float large = std::ldexp(1.0f, std::is_same_v<T, float16_t> ? 11 : 8);
  EXPECT_EQ(float(T(large) + T(1.0f)), large);
  T sum = a;
  sum += 1;
  sum *= 0.5;
  sum -= b;
  sum /= T(2);
  EXPECT_EQ(float(sum), 0.75f);
  EXPECT_EQ((a * array(2.0f, dtype_of<T>()) - b).template item<T>(), T(3.25));
}

TEST(Halves, Arithmetic) {
  expect_arithmetic<float16_t>();
  expect_arithmetic<bfloat16_t>();
  EXPECT_TRUE(float16_t(2.0f) == bfloat16_t(2.0f) && float16_t(2.0f) < bfloat16_t(3.0f));
  EXPECT_EQ(float16_t(0.1f) + bfloat16_t(2.0f), float(float16_t(0.1f)) + 2.0f);
}

}  // namespace
}  // namespace mica
