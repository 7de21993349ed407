// float16_t (IEEE 754 binary16) and bfloat16_t: storage types that compute in float and round to
// nearest even.
#pragma once

#include <bit>
#include <cmath>
#include <compare>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace mica {

namespace detail {

constexpr uint16_t float_to_half_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds past 65504
  if (magnitude < 0x38800000u) {  // below 2^-14: subnormal, in units of 2^-24
    if (magnitude < 0x33000000u) return sign;
    const uint32_t shift = 126u - (magnitude >> 23);
    const uint32_t mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    const uint32_t kept = mantissa >> shift;
    const uint32_t rest = mantissa & ((1u << shift) - 1u);
    const uint32_t half = 1u << (shift - 1u);
    return static_cast<uint16_t>(sign | (kept + (rest > half || (rest == half && (kept & 1u)))));
  }
  magnitude += 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000u) >> 13));
}

constexpr float half_bits_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

constexpr uint16_t float_to_bfloat_bits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

constexpr float bfloat_bits_to_float(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

}  // namespace detail

struct float16_t {
  uint16_t bits = 0;

  float16_t() = default;
  template <class T>
  requires(std::is_arithmetic_v<T>) constexpr float16_t(T value)
      : bits(detail::float_to_half_bits(static_cast<float>(value))) {}
  constexpr operator float() const { return detail::half_bits_to_float(bits); }
};

struct bfloat16_t {
  uint16_t bits = 0;

  bfloat16_t() = default;
  template <class T>
  requires(std::is_arithmetic_v<T>) constexpr bfloat16_t(T value)
      : bits(detail::float_to_bfloat_bits(static_cast<float>(value))) {}
  constexpr operator float() const { return detail::bfloat_bits_to_float(bits); }
};

// Compared and computed in float; two of one type give that type, rounded, others a float.
template <class T>
concept HalfFloat = std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>;
template <HalfFloat A, HalfFloat B>
using HalfResult = std::conditional_t<std::is_same_v<A, B>, A, float>;

template <HalfFloat A, HalfFloat B>
constexpr bool operator==(A a, B b) {
  return static_cast<float>(a) == static_cast<float>(b);
}
template <HalfFloat A, HalfFloat B>
constexpr std::partial_ordering operator<=>(A a, B b) {
  return static_cast<float>(a) <=> static_cast<float>(b);
}
template <HalfFloat T>
constexpr T operator-(T a) {
  return T(-static_cast<float>(a));
}
template <HalfFloat A, HalfFloat B>
constexpr HalfResult<A, B> operator+(A a, B b) {
  return static_cast<float>(a) + static_cast<float>(b);
}
template <HalfFloat A, HalfFloat B>
constexpr HalfResult<A, B> operator-(A a, B b) {
  return static_cast<float>(a) - static_cast<float>(b);
}
template <HalfFloat A, HalfFloat B>
constexpr HalfResult<A, B> operator*(A a, B b) {
  return static_cast<float>(a) * static_cast<float>(b);
}
template <HalfFloat A, HalfFloat B>
constexpr HalfResult<A, B> operator/(A a, B b) {
  return static_cast<float>(a) / static_cast<float>(b);
}
template <HalfFloat T>
constexpr T& operator+=(T& a, float b) {
  return a = T(static_cast<float>(a) + b);
}
template <HalfFloat T>
constexpr T& operator-=(T& a, float b) {
  return a = T(static_cast<float>(a) - b);
}
template <HalfFloat T>
constexpr T& operator*=(T& a, float b) {
  return a = T(static_cast<float>(a) * b);
}
template <HalfFloat T>
constexpr T& operator/=(T& a, float b) {
  return a = T(static_cast<float>(a) / b);
}

}  // namespace mica
