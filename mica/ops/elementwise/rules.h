// The rules that every elementwise op shares; they need only its derivative.
#pragma once

#include <type_traits>
#include <vector>

#include "mica/engine/op.h"
#include "mica/ops/elementwise/base.h"

namespace mica::ops {

// An elementwise application: inputs keep their own, broadcastable shapes. It takes them over.
array make_elementwise(engine::OpRef op, std::span<array> inputs, Dtype result,
                       const StreamOrDevice& s);

// a in dtype; a scalar constant is converted at once.
array cast_operand(const array& a, Dtype dtype, const StreamOrDevice& s);

using Derivative = array (*)(int argnum, std::span<const array> x, const array& y, const array& t);

// Cotangents keep the shape of the output: the vjp driver sums them over broadcast axes.
std::vector<array> elementwise_vjp(Derivative derivative, const engine::VjpArgs& args);
std::vector<array> elementwise_jvp(Derivative derivative, const engine::JvpArgs& args);
std::vector<array> zero_cotangents(const engine::VjpArgs& args);
std::vector<array> zero_tangents(const engine::JvpArgs& args);
engine::Batched elementwise_vmap(engine::OpRef op, const engine::VmapArgs& args, Dtype result);

// The dtype of T's result, given that of its operands (of x and y for Select).
template <class T>
Dtype elementwise_result(const T& op, Dtype operand) {
  if constexpr (T::result == ResultDtype::boolean) {
    return bool_;
  } else if constexpr (T::result == ResultDtype::real) {
    return operand == complex64 ? float32 : operand;
  } else if constexpr (T::result == ResultDtype::attribute) {
    return op.dtype;
  } else {
    return operand;
  }
}

template <class T>
std::vector<array> elementwise_vjp(const engine::VjpArgs& args) {
  if constexpr (T::differentiable) {
    return elementwise_vjp(&T::derivative, args);
  } else {
    return zero_cotangents(args);
  }
}
template <class T>
std::vector<array> elementwise_jvp(const engine::JvpArgs& args) {
  if constexpr (T::differentiable) {
    return elementwise_jvp(&T::derivative, args);
  } else {
    return zero_tangents(args);
  }
}

template <class T>
engine::Batched elementwise_vmap(const engine::Op& op, const engine::VmapArgs& args) {
  const Dtype operand = args.inputs[std::is_same_v<T, Select> ? 1 : 0].dtype();
  return elementwise_vmap(engine::OpRef::share(op), args,
                          elementwise_result(engine::attributes<T>(op), operand));
}

// A constant of a derivative or a composed function.
inline array scalar(double value, Dtype dtype) { return array(value, dtype); }

// float32 for bools and integers, which functions without an integer result take it for.
inline Dtype at_least_float(Dtype d) { return inexacts.has(d) ? d : float32; }

// Throws std::invalid_argument where operands does not have dtype.
void check_operand(const char* op, DtypeSet operands, Dtype dtype);

// Op of operands converted to dtype, and broadcast together.
template <class Op, class... Arrays>
array elementwise(Dtype dtype, const StreamOrDevice& s, const Arrays&... operands) {
  check_operand(Op::name, Op::operands, dtype);
  array inputs[] = {cast_operand(operands, dtype, s)...};
  return make_elementwise(engine::make_op(Op{}), inputs, elementwise_result(Op{}, dtype), s);
}

}  // namespace mica::ops
