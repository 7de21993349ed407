// From a dtype to the C++ type of its elements, and the loops that kernels over one axis share.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "mica/array/dtype.h"
#include "mica/array/shape.h"

namespace mica::cpu {

// Calls f.operator()<T>() with the C++ type of dtype, for every dtype.
template <class F>
void visit_type(Dtype dtype, F&& f) {
  switch (dtype.val()) {
    case Dtype::Val::bool_:
      return f.template operator()<bool>();
    case Dtype::Val::uint8:
      return f.template operator()<uint8_t>();
    case Dtype::Val::uint16:
      return f.template operator()<uint16_t>();
    case Dtype::Val::uint32:
      return f.template operator()<uint32_t>();
    case Dtype::Val::uint64:
      return f.template operator()<uint64_t>();
    case Dtype::Val::int8:
      return f.template operator()<int8_t>();
    case Dtype::Val::int16:
      return f.template operator()<int16_t>();
    case Dtype::Val::int32:
      return f.template operator()<int32_t>();
    case Dtype::Val::int64:
      return f.template operator()<int64_t>();
    case Dtype::Val::float16:
      return f.template operator()<float16_t>();
    case Dtype::Val::float32:
      return f.template operator()<float>();
    case Dtype::Val::float64:
      return f.template operator()<double>();
    case Dtype::Val::bfloat16:
      return f.template operator()<bfloat16_t>();
    case Dtype::Val::complex64:
      return f.template operator()<complex64_t>();
  }
}

// As visit_type, for the integer dtypes alone.
template <class F>
void visit_integer_type(Dtype dtype, F&& f) {
  visit_type(dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      f.template operator()<T>();
    } else {
      throw std::logic_error(std::string("kernel: expected integers, got ") +
                             dtype_name(dtype_of<T>()));
    }
  });
}

// As visit_type, for the floating dtypes and complex64.
template <class F>
void visit_inexact_type(Dtype dtype, F&& f) {
  visit_type(dtype, [&]<class T>() {
    if constexpr (!std::is_integral_v<T>) {
      f.template operator()<T>();
    } else {
      throw std::logic_error(std::string("kernel: expected floats, got ") +
                             dtype_name(dtype_of<T>()));
    }
  });
}

template <class T>
inline constexpr bool is_half = std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>;
template <class T>
inline constexpr bool is_complex = std::is_same_v<T, complex64_t>;

// The type in which elements of T are computed: float for the two of 16 bits.
template <class T>
using Compute = std::conditional_t<is_half<T>, float, T>;

// a sorts before b: NaNs come last, complex numbers are ordered by their real, then their imaginary
// part.
template <class T>
bool sorts_before(T a, T b) {
  if constexpr (is_complex<T>) {
    return sorts_before(a.real(), b.real()) ||
           (!sorts_before(b.real(), a.real()) && sorts_before(a.imag(), b.imag()));
  } else if constexpr (std::is_integral_v<T>) {
    return a < b;
  } else {
    const auto x = static_cast<Compute<T>>(a), y = static_cast<Compute<T>>(b);
    return x < y || (x == x && y != y);
  }
}

// A row-contiguous shape around one axis: outer blocks of n rows of inner elements.
struct AxisLayout {
  int64_t outer = 1;
  int64_t n = 1;
  int64_t inner = 1;

  AxisLayout(const Shape& shape, int axis) {
    for (size_t i = 0; i < shape.size(); ++i) {
      const int position = static_cast<int>(i);
      (position < axis ? outer : position == axis ? n : inner) *= shape[i];
    }
  }
  int64_t size() const { return outer * n * inner; }
};

}  // namespace mica::cpu
