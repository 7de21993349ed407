#include "mica/ops/elementwise/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

#include "mica/engine/node.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::ops {
array make_elementwise(engine::OpRef op, std::span<array> inputs, Dtype result,
                       const StreamOrDevice& s) {
  Shape shape = inputs[0].shape();
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].shape() != shape)
      shape = broadcast_together(op->info().name, shape, inputs[i].shape());
  }
  return engine::make_array_taking(std::move(op), inputs, std::move(shape), result, to_stream(s));
}

array cast_operand(const array& a, Dtype dtype, const StreamOrDevice& s) {
  if (a.dtype() == dtype) return a;
  const engine::Node& node = a.node();
  if (a.ndim() == 0 && !node.tracer && !node.placeholder &&
      node.status.load(std::memory_order_acquire) == engine::Status::available) {
    return engine::cast_leaf(a, dtype);
  }
  return astype(a, dtype, s);
}

void check_operand(const char* op, DtypeSet operands, Dtype dtype) {
  if (operands.has(dtype)) return;
  const char* expected = !operands.has(bool_) && operands.has(int32) && operands.has(complex64)
                             ? "numbers"
                         : operands.has(complex64) ? "floating-point or complex numbers"
                         : operands.has(float32)   ? "real numbers"
                                                   : "integers or bools";
  throw std::invalid_argument(
      fmt::format("{}: expected {}, got {}", op, expected, dtype_name(dtype)));
}

std::vector<array> elementwise_vjp(Derivative derivative, const engine::VjpArgs& args) {
  std::vector<array> cotangents;
  const array& y = args.outputs[0];
  for (int argnum : args.argnums) {
    const Dtype dtype = args.primals[static_cast<size_t>(argnum)].dtype();
    const array t = conjugate(args.cotangents[0]);
    array pulled = derivative(argnum, args.primals, y, t);
    if (pulled.dtype() == complex64) pulled = conjugate(pulled);
    cotangents.push_back(astype(pulled, dtype));
  }
  return cotangents;
}

std::vector<array> elementwise_jvp(Derivative derivative, const engine::JvpArgs& args) {
  const array& y = args.outputs[0];
  std::optional<array> tangent;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    array pushed = derivative(args.argnums[i], args.primals, y, args.tangents[i]);
    pushed = astype(pushed, y.dtype());
    tangent = tangent ? add(*tangent, pushed) : pushed;
  }
  return {broadcast_to(*tangent, y.shape())};
}

std::vector<array> zero_cotangents(const engine::VjpArgs& args) {
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    cotangents.push_back(zeros_like(args.primals[static_cast<size_t>(argnum)]));
  }
  return cotangents;
}

std::vector<array> zero_tangents(const engine::JvpArgs& args) {
  return {zeros_like(args.outputs[0])};
}

engine::Batched elementwise_vmap(engine::OpRef op, const engine::VmapArgs& args, Dtype result) {
  size_t rank = 0;
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    rank = std::max(rank, args.inputs[i].ndim() - (args.axes[i] >= 0));
  }
  std::vector<array> inputs;
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    const array& input = args.inputs[i];
    if (args.axes[i] < 0) {
      inputs.push_back(input);
      continue;
    }
    // The batch in front, then as many dimensions as the longest operand has.
    array moved = moveaxis(input, args.axes[i], 0);
    Shape shape = moved.shape();
    while (shape.size() < rank + 1) shape.insert(shape.begin() + 1, 1);
    inputs.push_back(reshape(moved, shape));
  }
  return {{make_elementwise(std::move(op), inputs, result, {})}, {0}};
}

}  // namespace mica::ops
