// Arithmetic: rounding, sums, products, quotients, powers and extrema. Integers wrap around.
#pragma once

#include <cmath>

#include "mica/ops/elementwise/base.h"

namespace mica::ops {

// |x|; of a complex number its modulus.
struct Abs : Elementwise<1, signed_integers | inexacts, ResultDtype::real> {
  static constexpr const char* name = "abs";
  template <class T>
  static auto apply(T x) {
    if constexpr (std::is_integral_v<T>) {
      const auto u = static_cast<detail::Wrapping<T>>(x);
      return static_cast<T>(x < 0 ? 0 - u : u);
    } else {
      return std::abs(x);
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Negative : Elementwise<1, numbers> {
  static constexpr const char* name = "negative";
  template <class T>
  static T apply(T x) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(0 - static_cast<detail::Wrapping<T>>(x));
    } else {
      return -x;
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// -1, 0 or 1, 0 for NaN; of a complex number x / |x|, 0 at 0.
struct Sign : Piecewise<1, numbers> {
  static constexpr const char* name = "sign";
  template <class T>
  static T apply(T x) {
    if constexpr (detail::is_complex<T>) {
      return x == T(0) ? x : x / std::abs(x);
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<T>(x != 0);
    } else {
      return x < 0 ? T(-1) : x > 0 ? T(1) : T(0);
    }
  }
};

struct Ceil : Piecewise<1, floats> {
  static constexpr const char* name = "ceil";
  template <class T>
  static T apply(T x) {
    return std::ceil(x);
  }
};

struct Floor : Piecewise<1, floats> {
  static constexpr const char* name = "floor";
  template <class T>
  static T apply(T x) {
    return std::floor(x);
  }
};

struct Trunc : Piecewise<1, floats> {
  static constexpr const char* name = "trunc";
  template <class T>
  static T apply(T x) {
    return std::trunc(x);
  }
};

// Rounds to the nearest integer, halves to even; complex numbers by parts.
struct Rint : Piecewise<1, inexacts> {
  static constexpr const char* name = "round";
  template <class T>
  static T apply(T x) {
    if constexpr (detail::is_complex<T>) {
      return {std::rint(x.real()), std::rint(x.imag())};
    } else {
      return std::rint(x);
    }
  }
};

struct Sqrt : Elementwise<1, inexacts> {
  static constexpr const char* name = "sqrt";
  template <class T>
  static T apply(T x) {
    return std::sqrt(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Rsqrt : Elementwise<1, inexacts> {
  static constexpr const char* name = "rsqrt";
  template <class T>
  static T apply(T x) {
    return T(1) / std::sqrt(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Add : Elementwise<2, all_dtypes> {
  static constexpr const char* name = "add";
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) {
      return a | b;
    } else if constexpr (std::is_integral_v<T>) {
      using W = detail::Wrapping<T>;
      return static_cast<T>(static_cast<W>(a) + static_cast<W>(b));
    } else {
      return a + b;
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Subtract : Elementwise<2, all_dtypes> {
  static constexpr const char* name = "subtract";
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) {
      return a ^ b;
    } else if constexpr (std::is_integral_v<T>) {
      using W = detail::Wrapping<T>;
      return static_cast<T>(static_cast<W>(a) - static_cast<W>(b));
    } else {
      return a - b;
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Multiply : Elementwise<2, all_dtypes> {
  static constexpr const char* name = "multiply";
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) {
      return a & b;
    } else if constexpr (std::is_integral_v<T>) {
      using W = detail::Wrapping<T>;
      return static_cast<T>(static_cast<W>(a) * static_cast<W>(b));
    } else {
      return a * b;
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Square : Elementwise<1, all_dtypes> {
  static constexpr const char* name = "square";
  template <class T>
  static T apply(T x) {
    return Multiply::apply(x, x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Divide : Elementwise<2, inexacts> {
  static constexpr const char* name = "divide";
  template <class T>
  static T apply(T a, T b) {
    return a / b;
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// floor(a / b); 0 for integers divided by zero; the plain quotient of complex numbers.
struct FloorDivide : Piecewise<2, all_dtypes> {
  static constexpr const char* name = "floor_divide";
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) {
      return a & b;
    } else if constexpr (std::is_integral_v<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return Negative::apply(a);  // the smallest integer would trap
        return static_cast<T>(a / b - (a % b != 0 && (a < 0) != (b < 0)));
      }
      return static_cast<T>(a / b);
    } else if constexpr (detail::is_complex<T>) {
      return a / b;
    } else {
      return std::floor(a / b);
    }
  }
};

// a modulo b, with b's sign; a for integers modulo zero.
struct Remainder : LibraryFunction<2, bool_only | reals> {
  static constexpr const char* name = "remainder";
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) {
      return a & !b;
    } else if constexpr (std::is_integral_v<T>) {
      if (b == 0) return a;
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return 0;
        const T r = static_cast<T>(a % b);
        return static_cast<T>(r != 0 && (r < 0) != (b < 0) ? r + b : r);
      }
      return static_cast<T>(a % b);
    } else {
      const T r = std::fmod(a, b);
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// The larger; NaN where either is. Where both are equal the second gets the gradient.
struct Maximum : Elementwise<2, all_dtypes> {
  static constexpr const char* name = "maximum";
  template <class T>
  static T apply(T a, T b) {
    return detail::greater(a, b) || detail::is_nan(a) ? a : b;
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// The smaller; NaN where either is. Where both are equal the second gets the gradient.
struct Minimum : Elementwise<2, all_dtypes> {
  static constexpr const char* name = "minimum";
  template <class T>
  static T apply(T a, T b) {
    return detail::greater(b, a) || detail::is_nan(a) ? a : b;
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

// a to the power of b; integers to a negative power give 0.
struct Power : LibraryFunction<2, all_dtypes> {
  static constexpr const char* name = "power";
  template <class T>
  static T apply(T a, T b) {
    if constexpr (std::is_same_v<T, bool>) {
      return a | !b;
    } else if constexpr (std::is_integral_v<T>) {
      if (b < 0) return 0;
      using W = detail::Wrapping<T>;
      W result = 1, base = static_cast<W>(a);
      for (auto e = static_cast<std::make_unsigned_t<T>>(b); e != 0; e >>= 1) {
        if (e & 1) result *= base;
        base *= base;
      }
      return static_cast<T>(result);
    } else {
      return std::pow(a, b);
    }
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

}  // namespace mica::ops
