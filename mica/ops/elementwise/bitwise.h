// Bitwise logic and shifts of integers.
#pragma once

#include "mica/ops/elementwise/base.h"

namespace mica::ops {

struct BitwiseInvert : Piecewise<1, bool_only | integers> {
  static constexpr const char* name = "bitwise_invert";
  template <class T>
  static T apply(T x) {
    if constexpr (std::is_same_v<T, bool>) {
      return !x;
    } else {
      return static_cast<T>(~x);
    }
  }
};

struct BitwiseAnd : Piecewise<2, bool_only | integers> {
  static constexpr const char* name = "bitwise_and";
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a & b);
  }
};

struct BitwiseOr : Piecewise<2, bool_only | integers> {
  static constexpr const char* name = "bitwise_or";
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a | b);
  }
};

struct BitwiseXor : Piecewise<2, bool_only | integers> {
  static constexpr const char* name = "bitwise_xor";
  template <class T>
  static T apply(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};

// a * 2^b, or 0 where b is negative or not below the number of bits.
struct LeftShift : Piecewise<2, integers> {
  static constexpr const char* name = "left_shift";
  template <class T>
  static T apply(T a, T b) {
    using W = detail::Wrapping<T>;
    constexpr W bits = 8 * sizeof(T);
    const W count = static_cast<W>(b);
    return static_cast<T>(count < bits ? static_cast<W>(a) << (count & (bits - 1)) : W(0));
  }
};

// floor(a / 2^b); where b is negative or not below the number of bits, 0, or -1 for a negative a.
struct RightShift : Piecewise<2, integers> {
  static constexpr const char* name = "right_shift";
  template <class T>
  static T apply(T a, T b) {
    using W = detail::Wrapping<T>;
    constexpr W bits = 8 * sizeof(T);
    const W count = static_cast<W>(b);
    return static_cast<T>(a >> (count < bits ? count : bits - 1));
  }
};

}  // namespace mica::ops
