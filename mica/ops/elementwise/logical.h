// Comparisons, logic on bools, and selection. Complex numbers compare by real part, then by
// imaginary part; comparisons with NaN are false, but not_equal.
#pragma once

#include "mica/ops/elementwise/base.h"

namespace mica::ops {

struct Equal : Piecewise<2, all_dtypes, ResultDtype::boolean> {
  static constexpr const char* name = "equal";
  template <class T>
  static bool apply(T a, T b) {
    return a == b;
  }
};

struct NotEqual : Piecewise<2, all_dtypes, ResultDtype::boolean> {
  static constexpr const char* name = "not_equal";
  template <class T>
  static bool apply(T a, T b) {
    return a != b;
  }
};

struct Greater : Piecewise<2, all_dtypes, ResultDtype::boolean> {
  static constexpr const char* name = "greater";
  template <class T>
  static bool apply(T a, T b) {
    return detail::greater(a, b);
  }
};

struct GreaterEqual : Piecewise<2, all_dtypes, ResultDtype::boolean> {
  static constexpr const char* name = "greater_equal";
  template <class T>
  static bool apply(T a, T b) {
    return detail::greater_equal(a, b);
  }
};

struct Less : Piecewise<2, all_dtypes, ResultDtype::boolean> {
  static constexpr const char* name = "less";
  template <class T>
  static bool apply(T a, T b) {
    return detail::greater(b, a);
  }
};

struct LessEqual : Piecewise<2, all_dtypes, ResultDtype::boolean> {
  static constexpr const char* name = "less_equal";
  template <class T>
  static bool apply(T a, T b) {
    return detail::greater_equal(b, a);
  }
};

// Equal, or both NaN.
struct NanEqual : Piecewise<2, inexacts, ResultDtype::boolean> {
  static constexpr const char* name = "nan_equal";
  template <class T>
  static bool apply(T a, T b) {
    // Without branches, so that loops over it are vectorized.
    const int equal = a == b, nan_a = detail::is_nan(a), nan_b = detail::is_nan(b);
    return (equal | (nan_a & nan_b)) != 0;
  }
};

struct LogicalNot : Piecewise<1, bool_only> {
  static constexpr const char* name = "logical_not";
  template <class T>
  static T apply(T x) {
    return !x;
  }
};

struct LogicalAnd : Piecewise<2, bool_only> {
  static constexpr const char* name = "logical_and";
  template <class T>
  static T apply(T a, T b) {
    return a & b;
  }
};

struct LogicalOr : Piecewise<2, bool_only> {
  static constexpr const char* name = "logical_or";
  template <class T>
  static T apply(T a, T b) {
    return a | b;
  }
};

// x where condition, else y. The condition is a bool; the operands' dtype is that of x and y.
struct Select : Elementwise<3, all_dtypes> {
  static constexpr const char* name = "select";
  template <class T>
  static T apply(bool condition, T x, T y) {
    return condition ? x : y;
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

}  // namespace mica::ops
