// Pseudo-random operands and tolerances of the tests in this folder.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <random>
#include <type_traits>
#include <vector>

#include "mica/array/dtype.h"

namespace mica::cpu {

using Wide = std::complex<double>;

template <class T>
Wide widen(T x) {
  if constexpr (std::is_same_v<T, complex64_t>) {
    return Wide(x);
  } else {
    return Wide(static_cast<double>(x));
  }
}

// Values in (-1, 1), or small integers.
template <class T>
std::vector<T> values(size_t size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<T> result(size);
  for (T& x : result) {
    const double u = generator() / 4294967296.0 * 2 - 1;
    const double v = generator() / 4294967296.0 * 2 - 1;
    if constexpr (std::is_same_v<T, complex64_t>) {
      x = T(static_cast<float>(u), static_cast<float>(v));
    } else if constexpr (std::is_unsigned_v<T>) {
      x = static_cast<T>(std::abs(u) * 10);
    } else if constexpr (std::is_integral_v<T>) {
      x = static_cast<T>(u * 10);
    } else {
      x = static_cast<T>(u);
    }
  }
  return result;
}

// The rounding of one value; 0 for integers.
template <class T>
constexpr double unit() {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, complex64_t>) return 1.2e-7;
  if constexpr (std::is_same_v<T, bfloat16_t>) return 8e-3;
  if constexpr (std::is_same_v<T, float16_t>) return 1e-3;
  if constexpr (std::is_same_v<T, double>) return 2.3e-16;
  return 0;
}

// How far a sum of `terms` products may be from `expected`.
template <class T>
double tolerance(Wide expected, double terms) {
  return unit<T>() * std::abs(expected) + std::min(unit<T>(), 1.2e-7) * std::sqrt(terms + 1) * 16;
}

}  // namespace mica::cpu
