// Elementwise ops: one struct an op, from which shapes, gradients, fusion and the kernels of every
// backend derive. This folder holds the structs (headers) and, beside each, its derivative and its
// public functions (the .cpp of the same name).
//
// An elementwise op is a struct of namespace mica::ops, listed in elementwise.def, deriving from
// Elementwise<arity, operands, result> and adds
//   static constexpr const char* name;
//   template <class T> static auto apply(T a, T b...);   one element; plain C++, also for CUDA
//   static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
//     t times the derivative of y by x[argnum]: the linear map of both jvp and vjp, whose drivers
//     convert the result's dtype (complex to real keeps the real part), un-broadcast it, and, for
//     complex vjps, conjugate t before and the result after.
#pragma once

#include <complex>
#include <cstdint>
#include <span>
#include <type_traits>

#include "mica/array/dtype.h"
#include "mica/ops/op_id.h"

namespace mica {

class array;

// A set of dtypes.
struct DtypeSet {
  uint16_t bits;

  constexpr bool has(Dtype d) const { return (bits >> static_cast<int>(d.val())) & 1; }
  friend constexpr DtypeSet operator|(DtypeSet a, DtypeSet b) {
    return {static_cast<uint16_t>(a.bits | b.bits)};
  }
};

constexpr DtypeSet dtype_set(Dtype d) {
  return {static_cast<uint16_t>(1u << static_cast<int>(d.val()))};
}
template <class... Ds>
constexpr DtypeSet dtype_set(Dtype d, Ds... rest) {
  return dtype_set(d) | dtype_set(rest...);
}

inline constexpr DtypeSet bool_only = dtype_set(bool_);
inline constexpr DtypeSet complex_only = dtype_set(complex64);
inline constexpr DtypeSet unsigned_integers = dtype_set(uint8, uint16, uint32, uint64);
inline constexpr DtypeSet signed_integers = dtype_set(int8, int16, int32, int64);
inline constexpr DtypeSet integers = unsigned_integers | signed_integers;
inline constexpr DtypeSet floats = dtype_set(float16, bfloat16, float32, float64);
inline constexpr DtypeSet inexacts = floats | complex_only;
inline constexpr DtypeSet reals = integers | floats;
inline constexpr DtypeSet numbers = integers | inexacts;
inline constexpr DtypeSet all_dtypes = bool_only | numbers;

// What an elementwise op makes of its operands' common dtype.
enum class ResultDtype : uint8_t {
  operand,    // the same
  boolean,    // bool_
  real,       // float32 for complex64, else the same
  attribute,  // the op's attribute `dtype`
};

namespace ops {

#define MICA_ELEMENTWISE(Type) struct Type;
#include "mica/ops/elementwise/elementwise.def"
#undef MICA_ELEMENTWISE

// `operands_` are the dtypes the op is defined for; backends may lack native kernels for float16
// and bfloat16 and compute in float32, rounding after each op.
template <int arity_, DtypeSet operands_, ResultDtype result_ = ResultDtype::operand>
struct Elementwise {
  static constexpr int arity = arity_;
  static constexpr DtypeSet operands = operands_;
  static constexpr ResultDtype result = result_;
  static constexpr bool differentiable = true;
  // True where apply calls a function of the C++ library for inexact numbers, so that compilers
  // don't vectorize it.
  static constexpr bool library = false;

  template <class Key>
  void add_to_key(Key&) const {}
  bool operator==(const Elementwise&) const = default;
};

// An op computed by a function of the C++ library.
template <int arity_, DtypeSet operands_>
struct LibraryFunction : Elementwise<arity_, operands_> {
  static constexpr bool library = true;
};

// An op whose derivative is zero; it has no function `derivative`.
template <int arity_, DtypeSet operands_, ResultDtype result_ = ResultDtype::operand>
struct Piecewise : Elementwise<arity_, operands_, result_> {
  static constexpr bool differentiable = false;
};

}  // namespace ops

namespace detail {

template <class T>
inline constexpr bool is_complex = std::is_same_v<T, complex64_t>;

// The unsigned type in which T's integer arithmetic wraps around without overflow or promotion to
// int.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

// Complex numbers compare by real part, then by imaginary part.
template <class T>
constexpr bool greater(T a, T b) {
  if constexpr (is_complex<T>) {
    return a.real() > b.real() || (a.real() == b.real() && a.imag() > b.imag());
  } else {
    return a > b;
  }
}
template <class T>
constexpr bool greater_equal(T a, T b) {
  if constexpr (is_complex<T>) {
    return a.real() > b.real() || (a.real() == b.real() && a.imag() >= b.imag());
  } else {
    return a >= b;
  }
}

template <class T>
constexpr bool is_nan(T a) {
  return a != a;
}

}  // namespace detail
}  // namespace mica
