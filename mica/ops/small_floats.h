// The floats of 4 and 8 bits that quantized weights are stored in, one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace mica::ops {

// E2M1: a sign and one of eight magnitudes.
inline constexpr std::array<float, 8> e2m1_magnitudes{0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

constexpr float e2m1_to_float(uint8_t code) {
  const float magnitude = e2m1_magnitudes[code & 7];
  return code & 8 ? -magnitude : magnitude;
}

// To the nearest, of two as near to the smaller; beyond 6 is 6; zero and NaN are +0.
template <class T>
constexpr uint8_t to_e2m1(T x) {
  const T magnitude = x < 0 ? -x : x;
  int code = 0;
  for (size_t i = 1; i < e2m1_magnitudes.size(); ++i) {
    code += magnitude > T(0.5) * (e2m1_magnitudes[i - 1] + e2m1_magnitudes[i]);
  }
  return static_cast<uint8_t>(code > 0 && x < 0 ? code | 8 : code);
}

// E4M3 with bias 7, in which all ones is NaN and there is no infinity.
constexpr float e4m3_to_float(uint8_t code) {
  const uint32_t magnitude = code & 0x7f;
  float value = static_cast<float>(magnitude) * 0x1p-9f;
  if (magnitude == 0x7f) {
    value = std::numeric_limits<float>::quiet_NaN();
  } else if (magnitude >= 8) {
    value = std::bit_cast<float>((magnitude << 20) + (120u << 23));
  }
  return code & 0x80 ? -value : value;
}

// To the nearest, of two as near to the even one; beyond 448, and NaN, is 448.
constexpr uint8_t to_e4m3(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  const auto sign = static_cast<uint8_t>(bits >> 56 & 0x80);
  const double magnitude = std::bit_cast<double>(bits & ~(uint64_t{1} << 63));
  if (!(magnitude < 448)) return sign | 0x7e;
  // In units of the last of three fraction bits; below 2^-6 they stay those of 2^-6.
  const int exponent = std::max(static_cast<int>(bits >> 52 & 0x7ff) - 1023, -6);
  const double unit = std::bit_cast<double>(static_cast<uint64_t>(1023 + 3 - exponent) << 52);
  const double rounding = 0x1.8p52;
  const int units = static_cast<int>(magnitude * unit + rounding - rounding);
  return static_cast<uint8_t>(sign | ((exponent + 6) * 8 + units));
}

// E8M0: a power of two. 255, NaN of the format, is infinity, as MLX has it.
inline float e8m0_to_float(uint8_t code) { return std::ldexp(1.0f, code - 127); }

}  // namespace mica::ops
