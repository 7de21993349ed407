// The error function and its inverse.
#pragma once

#include <cmath>
#include <limits>

#include "mica/ops/elementwise/base.h"

namespace mica::ops {

struct Erf : LibraryFunction<1, floats> {
  static constexpr const char* name = "erf";
  template <class T>
  static T apply(T x) {
    return std::erf(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// The x of erf(x) = a; infinite for a = -1 and 1, NaN beyond.
struct ErfInv : LibraryFunction<1, floats> {
  static constexpr const char* name = "erfinv";
  template <class T>
  static T apply(T a) {
    return static_cast<T>(solve(static_cast<double>(a)));
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);

 private:
  static double solve(double a) {
    const double size = std::abs(a);
    if (!(size < 1)) {
      return size == 1 ? std::copysign(std::numeric_limits<double>::infinity(), a)
                       : std::numeric_limits<double>::quiet_NaN();
    }
    // Winitzki's approximation (relative error 2e-3), then Halley's iteration on erfc, which keeps
    // its relative accuracy near 1, or on erf near 0.
    const double log_complement = std::log1p(-size * size);
    const double half = 2 / (M_PI * 0.147) + log_complement / 2;
    double x = std::sqrt(std::sqrt(half * half - log_complement / 0.147) - half);
    for (int i = 0; i < 3; ++i) {
      const double error = size < 0.5 ? std::erf(x) - size : (1 - size) - std::erfc(x);
      const double step = error / (M_2_SQRTPI * std::exp(-x * x));
      x -= step / (1 + x * step);
    }
    return std::copysign(x, a);
  }
};

}  // namespace mica::ops
