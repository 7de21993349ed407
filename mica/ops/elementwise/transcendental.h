// Exponentials, logarithms, trigonometric and hyperbolic functions.
#pragma once

#include <cmath>
#include <limits>

#include "mica/ops/elementwise/arithmetic.h"

namespace mica::ops {

struct Exp : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "exp";
  template <class T>
  static T apply(T x) {
    return std::exp(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// exp(x) - 1, accurate near 0.
struct Expm1 : LibraryFunction<1, floats> {
  static constexpr const char* name = "expm1";
  template <class T>
  static T apply(T x) {
    return std::expm1(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Log : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "log";
  template <class T>
  static T apply(T x) {
    return std::log(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Log2 : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "log2";
  template <class T>
  static T apply(T x) {
    if constexpr (detail::is_complex<T>) {
      return std::log(x) * 1.44269504f;
    } else {
      return std::log2(x);
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Log10 : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "log10";
  template <class T>
  static T apply(T x) {
    return std::log10(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// log(1 + x), accurate near 0.
struct Log1p : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "log1p";
  template <class T>
  static T apply(T x) {
    if constexpr (detail::is_complex<T>) {
      const float re = x.real(), im = x.imag();
      const float angle = std::atan2(im, 1 + re);
      // |1 + x|^2 - 1, which keeps its accuracy where x is small.
      if (std::abs(x) < 0.5f) return {0.5f * std::log1p(re * (2 + re) + im * im), angle};
      return {std::log(std::hypot(1 + re, im)), angle};
    } else {
      return std::log1p(x);
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Sin : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "sin";
  template <class T>
  static T apply(T x) {
    return std::sin(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Cos : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "cos";
  template <class T>
  static T apply(T x) {
    return std::cos(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Tan : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "tan";
  template <class T>
  static T apply(T x) {
    return std::tan(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct ArcSin : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "arcsin";
  template <class T>
  static T apply(T x) {
    return std::asin(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct ArcCos : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "arccos";
  template <class T>
  static T apply(T x) {
    return std::acos(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct ArcTan : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "arctan";
  template <class T>
  static T apply(T x) {
    return std::atan(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Sinh : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "sinh";
  template <class T>
  static T apply(T x) {
    return std::sinh(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Cosh : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "cosh";
  template <class T>
  static T apply(T x) {
    return std::cosh(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Tanh : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "tanh";
  template <class T>
  static T apply(T x) {
    return std::tanh(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct ArcSinh : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "arcsinh";
  template <class T>
  static T apply(T x) {
    return std::asinh(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct ArcCosh : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "arccosh";
  template <class T>
  static T apply(T x) {
    return std::acosh(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct ArcTanh : LibraryFunction<1, inexacts> {
  static constexpr const char* name = "arctanh";
  template <class T>
  static T apply(T x) {
    return std::atanh(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// 1 / (1 + exp(-x)).
struct Sigmoid : LibraryFunction<1, floats> {
  static constexpr const char* name = "sigmoid";
  template <class T>
  static T apply(T x) {
    const T e = std::exp(-std::abs(x));
    return (x < 0 ? e : T(1)) / (T(1) + e);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// The angle of the point (b, a).
struct ArcTan2 : LibraryFunction<2, floats> {
  static constexpr const char* name = "arctan2";
  template <class T>
  static T apply(T a, T b) {
    return std::atan2(a, b);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// log(exp(a) + exp(b)), computed without overflow.
struct LogAddExp : LibraryFunction<2, inexacts> {
  static constexpr const char* name = "logaddexp";
  template <class T>
  static T apply(T a, T b) {
    const T high = Maximum::apply(a, b);
    const T low = Minimum::apply(a, b);
    constexpr auto infinity = std::numeric_limits<float>::infinity();
    // Where a difference of infinities would be NaN.
    if (low == T(-infinity) || high == T(infinity)) return high;
    return high + Log1p::apply(std::exp(low - high));
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

}  // namespace mica::ops
