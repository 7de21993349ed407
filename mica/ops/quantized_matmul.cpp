// Products with quantized matrices: x with quantized w, pairs of matrices by index, and both
// quantized.
#include <fmt/format.h>

#include <stdexcept>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/elementwise/base.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/gather_mm.h"
#include "mica/ops/ops.h"
#include "mica/ops/quantized.h"
#include "mica/ops/quantized_checks.h"
#include "mica/transforms/transforms.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

array transposed(const array& x) { return swapaxes(x, -1, -2); }

// Columns of the product with w.
int product_columns(const QuantFormat& format, bool transpose, const array& w) {
  return transpose ? w.shape(-2) : static_cast<int>(format.unpacked(w.shape(-1)));
}

array apply_quantized_matmul(const QuantizedMatmul& op, const std::vector<array>& inputs,
                             const StreamOrDevice& s = {}) {
  const array& x = inputs[0];
  return engine::apply(op, inputs,
                       {x.shape(0), product_columns(op.format(), op.transpose, inputs[1])},
                       x.dtype(), s);
}

array apply_gather_qmm(const GatherQmm& op, const std::vector<array>& inputs,
                       const StreamOrDevice& s = {}) {
  const array& x = inputs[0];
  return engine::apply(
      op, inputs,
      {inputs.back().shape(0), x.shape(1), product_columns(op.format(), op.transpose, inputs[1])},
      x.dtype(), s);
}

// The weights of an op of products, whose inputs 1, 2 and 3 they are.
array dequantized(const QuantFormat& format, const std::vector<array>& inputs) {
  return engine::apply(
      Dequantize{format.mode, format.group_size, format.bits, inputs[0].dtype()},
      std::vector<array>(inputs.begin() + 1, inputs.begin() + (format.affine() ? 4 : 3)),
      [&] {
        Shape shape = inputs[1].shape();
        shape.back() = static_cast<ShapeElem>(format.unpacked(shape.back()));
        return shape;
      }(),
      inputs[0].dtype(), StreamOrDevice{});
}

// The composed definitions, which the derivatives by scales and biases come from.
array composed(const QuantizedMatmul& op, const std::vector<array>& inputs) {
  const array w = dequantized(op.format(), inputs);
  return matmul(inputs[0], op.transpose ? transposed(w) : w);
}
array composed(const GatherQmm& op, const std::vector<array>& inputs) {
  const array w = dequantized(op.format(), inputs);
  return gather_mm(inputs[0], op.transpose ? transposed(w) : w, inputs[inputs.size() - 2],
                   inputs.back(), op.sorted);
}

bool is_parameter(const QuantFormat& format, int argnum) {
  return format.affine() && (argnum == 2 || argnum == 3);
}

// The cotangents of the op's scales and biases, in the places of args.argnums; those of x are
// of_x(), and the rest are indices or codes.
template <class Op, class F>
std::vector<array> product_vjp(const Op& op, const engine::VjpArgs& args, F&& of_x) {
  const std::vector<array> inputs(args.primals.begin(), args.primals.end());
  std::vector<array> parameters, of_parameters;
  if (op.format().affine()) parameters = {inputs[2], inputs[3]};
  bool wanted = false;
  for (int argnum : args.argnums) wanted |= is_parameter(op.format(), argnum);
  if (wanted) {
    const auto of = [&](const std::vector<array>& values) {
      std::vector<array> replaced = inputs;
      replaced[2] = values[0];
      replaced[3] = values[1];
      return std::vector<array>{composed(op, replaced)};
    };
    of_parameters = mica::vjp(of, parameters, {args.cotangents[0]}).second;
  }
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    if (argnum == 0) {
      cotangents.push_back(of_x(inputs));
    } else if (is_parameter(op.format(), argnum)) {
      cotangents.push_back(of_parameters[static_cast<size_t>(argnum) - 2]);
    } else {
      cotangents.push_back(zeros_like(inputs[static_cast<size_t>(argnum)]));
    }
  }
  return cotangents;
}

// The product is linear in x, and in the scales and biases together. apply(inputs) makes it.
template <class F>
std::vector<array> product_jvp(const QuantFormat& format, const engine::JvpArgs& args, F&& apply) {
  const std::vector<array> inputs(args.primals.begin(), args.primals.end());
  std::vector<array> with_x = inputs, with_parameters = inputs;
  if (format.affine()) {
    with_parameters[2] = zeros_like(inputs[2]);
    with_parameters[3] = zeros_like(inputs[3]);
  }
  bool x_moves = false, parameters_move = false;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const auto argnum = static_cast<size_t>(args.argnums[i]);
    if (argnum == 0) {
      with_x[0] = args.tangents[i];
      x_moves = true;
    } else if (is_parameter(format, args.argnums[i])) {
      with_parameters[argnum] = args.tangents[i];
      parameters_move = true;
    }
  }
  if (x_moves && parameters_move) return {apply(with_x) + apply(with_parameters)};
  if (x_moves) return {apply(with_x)};
  return {parameters_move ? apply(with_parameters) : zeros_like(args.outputs[0])};
}

// What quantized_matmul and gather_qmm check and convert alike.
struct Arguments {
  QuantFormat format;
  Dtype dtype;
  std::vector<array> inputs;  // of the ops: x, w, scales and, in mode affine, biases

  Arguments(const char* op, const array& x, const array& w, const array& scales,
            const std::optional<array>& biases, bool transpose, std::optional<int> group_size,
            std::optional<int> bits, const std::string& mode, const StreamOrDevice& s)
      : format(quant_format(op, mode, group_size, bits)), dtype(x.dtype()) {
    check_quantized(op, format, w, scales, biases);
    if (format.affine()) dtype = result_type(x, scales, *biases);
    if (!floats.has(dtype)) {
      throw std::invalid_argument(
          fmt::format("{}: expected x of real floats, got {}", op, dtype_name(x.dtype())));
    }
    const int64_t k = transpose ? format.unpacked(w.shape(-1)) : w.shape(-2);
    if (x.ndim() == 0 || x.shape(-1) != k) {
      throw std::invalid_argument(
          fmt::format("{}: expected x (..., {}) for w {} with {} bits and transpose={}, got {}", op,
                      k, to_string(w.shape()), format.bits, transpose, to_string(x.shape())));
    }
    inputs = {astype(x, dtype, s), w, scales};
    if (format.affine()) {
      inputs[2] = astype(scales, dtype, s);
      inputs.push_back(astype(*biases, dtype, s));
    }
  }
};

// Pairs of matrices; x and w have at least two dimensions.
array pairs_product(const char* op, Arguments arguments, bool transpose, bool sorted,
                    const std::optional<array>& lhs_indices,
                    const std::optional<array>& rhs_indices, const StreamOrDevice& s) {
  std::vector<array>& inputs = arguments.inputs;
  const MatrixPairs pairs(op, inputs[0], inputs[1], lhs_indices, rhs_indices, s);
  for (array& input : inputs) input = flatten_batch(input, s);
  inputs.push_back(pairs.lhs);
  inputs.push_back(pairs.rhs);
  const QuantFormat& format = arguments.format;
  return unflatten_pairs(
      apply_gather_qmm({format.mode, format.group_size, format.bits, transpose, sorted}, inputs, s),
      pairs.batch, s);
}

}  // namespace

std::vector<array> QuantizedMatmul::vjp(const engine::VjpArgs& args) const {
  return product_vjp(*this, args, [&](std::vector<array> inputs) {
    inputs[0] = args.cotangents[0];
    return apply_quantized_matmul({mode, group_size, bits, !transpose}, inputs);
  });
}

std::vector<array> QuantizedMatmul::jvp(const engine::JvpArgs& args) const {
  return product_jvp(format(), args, [this](const std::vector<array>& inputs) {
    return apply_quantized_matmul(*this, inputs);
  });
}

engine::Batched QuantizedMatmul::vmap(const engine::VmapArgs& args) const {
  bool weights_batched = false;
  for (size_t i = 1; i < args.inputs.size(); ++i) weights_batched |= args.axes[i] >= 0;
  std::vector<array> inputs(args.inputs.begin(), args.inputs.end());
  if (!weights_batched) {
    inputs[0] = flatten(moveaxis(inputs[0], args.axes[0], 0), 0, 1);
    return {{unflatten(apply_quantized_matmul(*this, inputs), 0,
                       {args.batch, args.inputs[0].shape(args.axes[0] == 0 ? 1 : 0)})},
            {0}};
  }
  for (size_t i = 1; i < inputs.size(); ++i) {
    inputs[i] = batch_first(inputs[i], args.axes[i], args.batch);
  }
  const array matrices = arange(args.batch, int32);
  inputs[0] = batch_first_or_one(inputs[0], args.axes[0]);
  inputs.push_back(args.axes[0] >= 0 ? matrices : zeros_like(matrices));
  inputs.push_back(matrices);
  return {{apply_gather_qmm({mode, group_size, bits, transpose, true}, inputs)}, {0}};
}

std::vector<array> GatherQmm::vjp(const engine::VjpArgs& args) const {
  return product_vjp(*this, args, [&](std::vector<array> inputs) {
    const array x = inputs[0];
    array& lhs = inputs[inputs.size() - 2];
    const array into = lhs;
    lhs = arange(into.shape(0), int32);
    inputs[0] = args.cotangents[0];
    const array matrices = apply_gather_qmm({mode, group_size, bits, !transpose, sorted}, inputs);
    return add_by_index(x, into, matrices);
  });
}

std::vector<array> GatherQmm::jvp(const engine::JvpArgs& args) const {
  return product_jvp(format(), args, [this](const std::vector<array>& inputs) {
    return apply_gather_qmm(*this, inputs);
  });
}

engine::Batched GatherQmm::vmap(const engine::VmapArgs& args) const {
  const size_t indices = args.inputs.size() - 2;
  std::vector<size_t> weights;
  for (size_t i = 1; i < indices; ++i) weights.push_back(i);
  const BatchedPairs x(args, {0}, indices), w(args, weights, indices + 1);
  std::vector<array> inputs{x.operands[0]};
  inputs.insert(inputs.end(), w.operands.begin(), w.operands.end());
  inputs.push_back(x.indices);
  inputs.push_back(w.indices);
  const bool ascend = sorted && args.axes[1] >= 0;
  return unbatch_pairs(apply_gather_qmm({mode, group_size, bits, transpose, ascend}, inputs),
                       args.batch);
}

}  // namespace ops

array quantized_matmul(const array& x, const array& w, const array& scales,
                       const std::optional<array>& biases, bool transpose,
                       std::optional<int> group_size, std::optional<int> bits,
                       const std::string& mode, StreamOrDevice s) {
  ops::Arguments arguments("quantized_matmul", x, w, scales, biases, transpose, group_size, bits,
                           mode, s);
  const ops::QuantFormat& format = arguments.format;
  std::vector<array>& inputs = arguments.inputs;
  if (w.ndim() > 2) {
    const bool vector = x.ndim() == 1;
    if (vector) inputs[0] = expand_dims(inputs[0], 0, s);
    const array out = ops::pairs_product("quantized_matmul", std::move(arguments), transpose, false,
                                         std::nullopt, std::nullopt, s);
    return vector ? squeeze(out, -2, s) : out;
  }
  Shape shape = x.shape();
  shape.back() = ops::product_columns(format, transpose, w);
  if (x.ndim() == 1) inputs[0] = expand_dims(inputs[0], 0, s);
  if (x.ndim() > 2) inputs[0] = flatten(inputs[0], 0, -2, s);
  const array out = ops::apply_quantized_matmul(
      {format.mode, format.group_size, format.bits, transpose}, inputs, s);
  return x.ndim() == 2 ? out : reshape(out, shape, s);
}

array gather_qmm(const array& x, const array& w, const array& scales,
                 const std::optional<array>& biases, std::optional<array> lhs_indices,
                 std::optional<array> rhs_indices, bool transpose, std::optional<int> group_size,
                 std::optional<int> bits, const std::string& mode,
                 const std::optional<array>& global_scale, bool sorted_indices, StreamOrDevice s) {
  if (x.ndim() < 2) {
    throw std::invalid_argument(fmt::format(
        "gather_qmm: expected x with at least two dimensions, got {}", to_string(x.shape())));
  }
  ops::Arguments arguments("gather_qmm", x, w, scales, biases, transpose, group_size, bits, mode,
                           s);
  ops::check_global_scale("gather_qmm", arguments.format, global_scale, "global_scale");
  const bool sorted = sorted_indices && rhs_indices;
  if (!global_scale) {
    return ops::pairs_product("gather_qmm", std::move(arguments), transpose, sorted, lhs_indices,
                              rhs_indices, s);
  }
  const auto matrices = static_cast<ShapeElem>(ops::flatten_batch(w, s).shape(0));
  if (global_scale->shape() != Shape{matrices}) {
    throw std::invalid_argument(
        fmt::format("gather_qmm: expected global_scale ({},), one for each matrix of w, got {}",
                    matrices, to_string(global_scale->shape())));
  }
  // In float32, for products without the scale may be too large for x's dtype.
  const Dtype dtype = arguments.dtype;
  arguments.inputs[0] = astype(arguments.inputs[0], float32, s);
  const array indices = rhs_indices ? *rhs_indices
                                    : reshape(arange(matrices, int32, s),
                                              Shape(w.shape().begin(), w.shape().end() - 2), s);
  const array factors =
      divide(take(*global_scale, indices, 0, s), ops::scalar(ops::global_scale_unit, float32), s);
  const array out = ops::pairs_product("gather_qmm", std::move(arguments), transpose, sorted,
                                       lhs_indices, indices, s);
  return astype(multiply(out, expand_dims(factors, {-2, -1}, s), s), dtype, s);
}

}  // namespace mica
