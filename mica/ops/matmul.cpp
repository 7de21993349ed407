#include "mica/ops/matmul.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/engine/node.h"
#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/ops/reduce.h"
#include "mica/ops/views.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

Shape product_shape(const array& a, const array& b) {
  Shape shape = a.shape();
  shape.back() = b.shape(-1);
  return shape;
}

array apply_matmul(const array& a, const array& b, const StreamOrDevice& s) {
  return engine::apply(Matmul{}, {a, b}, product_shape(a, b), a.dtype(), s);
}

// Two operands of at least two dimensions with the same batch dimensions, and what the caller does
// with the product: a batch of rows that meets a single b is one tall matrix.
struct Operands {
  array a, b;
  Shape out_shape;  // of the product, vectors' axes of size 1 included
  bool a_vector, b_vector;

  Operands(const char* name, const array& a_in, const array& b_in, Dtype dtype,
           const StreamOrDevice& s)
      : a(a_in), b(b_in), a_vector(a_in.ndim() == 1), b_vector(b_in.ndim() == 1) {
    for (const auto& [operand, which] : {std::pair(&a_in, "a"), std::pair(&b_in, "b")}) {
      if (operand->ndim() > 0) continue;
      throw std::invalid_argument(std::string(name) + ": expected " + which +
                                  " with at least one dimension, got ()");
    }
    if (a_vector) a = expand_dims(a, 0, s);
    if (b_vector) b = expand_dims(b, 1, s);
    if (a.shape(-1) != b.shape(-2)) {
      const std::string k = std::to_string(a.shape(-1));
      throw std::invalid_argument(std::string(name) + ": expected b " +
                                  (b_vector ? "(" + k + ",)" : "(..., " + k + ", n)") + " for a " +
                                  to_string(a_in.shape()) + ", got " + to_string(b_in.shape()));
    }
    a = astype(a, dtype, s);
    b = astype(b, dtype, s);
    if (a.ndim() > 2 && b.ndim() == 2) {
      out_shape = product_shape(a, b);
      a = flatten(a, 0, -2, s);
      return;
    }
    if (a.ndim() > 2 || b.ndim() > 2) {
      const Shape batch =
          ops::broadcast_together(name, Shape(a.shape().begin(), a.shape().end() - 2),
                                  Shape(b.shape().begin(), b.shape().end() - 2));
      a = broadcast_batch(a, batch, s);
      b = broadcast_batch(b, batch, s);
    }
    out_shape = product_shape(a, b);
  }

  array finish(const array& product, const StreamOrDevice& s) const {
    std::vector<int> vectors;
    if (a_vector) vectors.push_back(-2);
    if (b_vector) vectors.push_back(-1);
    const array out = product.shape() == out_shape ? product : reshape(product, out_shape, s);
    return vectors.empty() ? out : squeeze(out, vectors, s);
  }

 private:
  static array broadcast_batch(const array& x, const Shape& batch, const StreamOrDevice& s) {
    Shape shape = batch;
    shape.insert(shape.end(), x.shape().end() - 2, x.shape().end());
    return shape == x.shape() ? x : broadcast_to(x, shape, s);
  }
};

array scaled(const array& x, float by) { return by == 1 ? x : x * array(by, x.dtype()); }

// True for a view with the last two axes swapped, as of a layer's weight.
bool is_swapped(const array& x) {
  const engine::OpRef& op = x.node().op;
  if (!op || op->id != op_id<ops::Transpose>()) return false;
  const std::vector<int>& axes = engine::attributes<Transpose>(*op).axes;
  const size_t n = axes.size();
  return n >= 2 && axes[n - 2] == static_cast<int>(n) - 1 && axes[n - 1] == static_cast<int>(n) - 2;
}

// The cotangents of a and b in a @ b. That of a swapped view is made as a swapped view too, so that
// the cotangent of what it shows is contiguous.
array operand_cotangent(const engine::VjpArgs& args, int argnum) {
  const array &a = args.primals[0], &b = args.primals[1], &cotangent = args.cotangents[0];
  if (is_swapped(args.primals[static_cast<size_t>(argnum)])) {
    const array swapped = swapaxes(cotangent, -1, -2);
    return swapaxes(argnum == 0 ? matmul(conjugate(b), swapped) : matmul(swapped, conjugate(a)), -1,
                    -2);
  }
  return argnum == 0 ? matmul(cotangent, adjoint(b)) : matmul(adjoint(a), cotangent);
}

// The tangent of a @ b along one operand.
array operand_tangent(const engine::JvpArgs& args, int argnum, const array& tangent) {
  return argnum == 0 ? matmul(tangent, args.primals[1]) : matmul(args.primals[0], tangent);
}

}  // namespace

array adjoint(const array& x) { return swapaxes(conjugate(x), -1, -2); }

std::vector<array> Matmul::vjp(const engine::VjpArgs& args) const {
  std::vector<array> cotangents;
  for (int argnum : args.argnums) cotangents.push_back(operand_cotangent(args, argnum));
  return cotangents;
}

std::vector<array> Matmul::jvp(const engine::JvpArgs& args) const {
  array out = operand_tangent(args, args.argnums[0], args.tangents[0]);
  for (size_t i = 1; i < args.argnums.size(); ++i) {
    out = out + operand_tangent(args, args.argnums[i], args.tangents[i]);
  }
  return {out};
}

// An operand without the batch is shared by all: matmul() folds the batch into the rows of a where
// b is a single matrix.
engine::Batched Matmul::vmap(const engine::VmapArgs& args) const {
  const auto moved = [&](size_t i) {
    return args.axes[i] >= 0 ? moveaxis(args.inputs[i], args.axes[i], 0) : args.inputs[i];
  };
  return {{matmul(moved(0), moved(1))}, {0}};
}

std::vector<array> AddMM::vjp(const engine::VjpArgs& args) const {
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    cotangents.push_back(argnum < 2 ? scaled(operand_cotangent(args, argnum), alpha)
                                    : sum(args.cotangents[0], all_but_last(args.cotangents[0])));
  }
  return cotangents;
}

std::vector<array> AddMM::jvp(const engine::JvpArgs& args) const {
  std::vector<array> terms;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const int argnum = args.argnums[i];
    terms.push_back(argnum < 2 ? scaled(operand_tangent(args, argnum, args.tangents[i]), alpha)
                               : broadcast_to(args.tangents[i], args.outputs[0].shape()));
  }
  array out = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) out = out + terms[i];
  return {out};
}

engine::Batched AddMM::vmap(const engine::VmapArgs& args) const {
  const auto moved = [&](size_t i) {
    return args.axes[i] >= 0 ? moveaxis(args.inputs[i], args.axes[i], 0) : args.inputs[i];
  };
  const array a = moved(0), b = moved(1);
  if (args.axes[2] < 0) return {{addmm(args.inputs[2], a, b, alpha)}, {0}};
  // (batch, 1, ..., 1, n)
  const array bias = moved(2);
  Shape shape(std::max(a.ndim(), b.ndim()), 1);
  shape.front() = bias.shape(0);
  shape.back() = bias.shape(1);
  if (args.axes[0] >= 0 || args.axes[1] >= 0) {
    return {{addmm(reshape(bias, shape), a, b, alpha)}, {0}};
  }
  shape.insert(shape.begin() + 1, 1);
  return {{expand_dims(scaled(matmul(a, b), alpha), 0) + reshape(bias, shape)}, {0}};
}

}  // namespace ops

array matmul(const array& a, const array& b, StreamOrDevice s) {
  const Dtype dtype = result_type(a, b);
  if (!issubdtype(dtype, inexact)) {
    throw std::invalid_argument("matmul: expected floating or complex operands, got " +
                                std::string(dtype_name(a.dtype())) + " and " +
                                dtype_name(b.dtype()));
  }
  const ops::Operands operands("matmul", a, b, dtype, s);
  return operands.finish(ops::apply_matmul(operands.a, operands.b, s), s);
}

array addmm(array c, array a, array b, const float& alpha, const float& beta, StreamOrDevice s) {
  const Dtype dtype = result_type(a, b, c);
  if (!issubdtype(dtype, inexact)) {
    throw std::invalid_argument("addmm: expected floating or complex operands, got " +
                                std::string(dtype_name(a.dtype())) + ", " + dtype_name(b.dtype()) +
                                " and " + dtype_name(c.dtype()));
  }
  const ops::Operands operands("addmm", a, b, dtype, s);
  array bias = astype(c, dtype, s);
  if (beta != 1) bias = multiply(bias, array(beta, dtype), s);

  Shape out_shape = operands.out_shape;
  if (operands.b_vector) out_shape.pop_back();
  if (operands.a_vector) out_shape.erase(out_shape.end() - (operands.b_vector ? 1 : 2));
  bool broadcasts = c.ndim() <= out_shape.size();
  for (size_t i = 0; broadcasts && i < c.ndim(); ++i) {
    const ShapeElem have = c.shape()[c.ndim() - 1 - i];
    broadcasts = have == 1 || have == out_shape[out_shape.size() - 1 - i];
  }
  if (!broadcasts) {
    throw std::invalid_argument("addmm: expected c that broadcasts to " + to_string(out_shape) +
                                ", got " + to_string(c.shape()));
  }

  const int n = operands.b.shape(-1);
  const bool is_row =
      c.ndim() > 0 && c.shape(-1) == n && c.size() == static_cast<size_t>(n) && !operands.b_vector;
  if (is_row) {
    const array row = contiguous(reshape(bias, {n}, s), false, s);
    const array product = engine::apply(ops::AddMM{alpha}, {operands.a, operands.b, row},
                                        ops::product_shape(operands.a, operands.b), dtype, s);
    return operands.finish(product, s);
  }
  array product = operands.finish(ops::apply_matmul(operands.a, operands.b, s), s);
  if (alpha != 1) product = multiply(product, array(alpha, dtype), s);
  return add(product, bias, s);
}

array inner(const array& a, const array& b, StreamOrDevice s) {
  if (a.ndim() == 0 || b.ndim() == 0) return multiply(a, b, s);
  if (a.shape(-1) != b.shape(-1)) {
    throw std::invalid_argument("inner: expected b (..., " + std::to_string(a.shape(-1)) +
                                "), got " + to_string(b.shape()));
  }
  return tensordot(a, b, {-1}, {-1}, s);
}

array outer(const array& a, const array& b, StreamOrDevice s) {
  return multiply(reshape(a, {static_cast<ShapeElem>(a.size()), 1}, s), flatten(b, s), s);
}

array tensordot(const array& a, const array& b, const int axis, StreamOrDevice s) {
  if (axis < 0 || axis > static_cast<int>(std::min(a.ndim(), b.ndim()))) {
    throw std::invalid_argument("tensordot: expected axis in [0, " +
                                std::to_string(std::min(a.ndim(), b.ndim())) + "], got " +
                                std::to_string(axis));
  }
  std::vector<int> axes_a, axes_b;
  for (int i = 0; i < axis; ++i) {
    axes_a.push_back(static_cast<int>(a.ndim()) - axis + i);
    axes_b.push_back(i);
  }
  return tensordot(a, b, axes_a, axes_b, s);
}

array tensordot(const array& a, const array& b, const std::vector<int>& axes_a,
                const std::vector<int>& axes_b, StreamOrDevice s) {
  if (axes_a.size() != axes_b.size()) {
    throw std::invalid_argument("tensordot: expected as many axes_b as axes_a, " +
                                std::to_string(axes_a.size()) + ", got " +
                                std::to_string(axes_b.size()));
  }
  // The axes of one operand, the contracted ones last or first, and both groups made one axis.
  const auto contracted = [](const array& x, const std::vector<int>& axes) {
    std::vector<int> normalized;
    for (int axis : axes) {
      normalized.push_back(ops::normalize_axis(axis, static_cast<int>(x.ndim()), "tensordot"));
    }
    ops::normalize_axes(axes, static_cast<int>(x.ndim()), "tensordot");  // refuses repeated ones
    return normalized;
  };
  const auto kept = [](const array& x, const std::vector<int>& without) {
    std::vector<int> axes;
    for (int axis = 0; axis < static_cast<int>(x.ndim()); ++axis) {
      if (std::find(without.begin(), without.end(), axis) == without.end()) axes.push_back(axis);
    }
    return axes;
  };
  const std::vector<int> sum_a = contracted(a, axes_a), sum_b = contracted(b, axes_b);
  int64_t k = 1;
  for (size_t i = 0; i < sum_a.size(); ++i) {
    if (a.shape(sum_a[i]) != b.shape(sum_b[i])) {
      throw std::invalid_argument("tensordot: expected equal sizes of the contracted axes, got a " +
                                  to_string(a.shape()) + " and b " + to_string(b.shape()));
    }
    k *= a.shape(sum_a[i]);
  }
  std::vector<int> order_a = kept(a, sum_a), order_b = sum_b;
  const std::vector<int> kept_b = kept(b, sum_b);
  Shape out_shape;
  int64_t m = 1, n = 1;
  for (int axis : order_a) m *= a.shape(axis), out_shape.push_back(a.shape(axis));
  for (int axis : kept_b) n *= b.shape(axis), out_shape.push_back(b.shape(axis));
  order_a.insert(order_a.end(), sum_a.begin(), sum_a.end());
  order_b.insert(order_b.end(), kept_b.begin(), kept_b.end());
  const auto size = [](int64_t dim) { return safe_cast<int64_t>(dim, "tensordot"); };
  const array left = reshape(transpose(a, order_a, s), {size(m), size(k)}, s);
  const array right = reshape(transpose(b, order_b, s), {size(k), size(n)}, s);
  return reshape(matmul(left, right, s), out_shape, s);
}

array vecdot(const array& a, const array& b, int axis, StreamOrDevice s) {
  if (a.ndim() == 0 || b.ndim() == 0) {
    throw std::invalid_argument("vecdot: expected a and b with at least one dimension, got " +
                                to_string(a.shape()) + " and " + to_string(b.shape()));
  }
  const int normalized = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "vecdot");
  if (normalized >= static_cast<int>(b.ndim()) || a.shape(normalized) != b.shape(normalized)) {
    throw std::invalid_argument("vecdot: expected b with " + std::to_string(a.shape(normalized)) +
                                " elements along axis " + std::to_string(normalized) + ", got " +
                                to_string(b.shape()));
  }
  return sum(multiply(conjugate(a, s), b, s), normalized, false, s);
}

// Every axis of a and, behind it, that of b are made one.
array kron(const array& a, const array& b, StreamOrDevice s) {
  if (a.size() == 0 || b.size() == 0) {
    throw std::invalid_argument("kron: expected non-empty a and b, got " + to_string(a.shape()) +
                                " and " + to_string(b.shape()));
  }
  const size_t ndim = std::max(a.ndim(), b.ndim());
  Shape outer_shape, inner_shape, shape;
  for (size_t i = 0; i < ndim; ++i) {
    const auto size_in = [&](const array& x) {
      return i + x.ndim() < ndim ? 1 : x.shape()[i + x.ndim() - ndim];
    };
    outer_shape.push_back(size_in(a));
    outer_shape.push_back(1);
    inner_shape.push_back(1);
    inner_shape.push_back(size_in(b));
    shape.push_back(safe_cast<int64_t>(int64_t{size_in(a)} * size_in(b), "kron"));
  }
  return reshape(multiply(reshape(a, outer_shape, s), reshape(b, inner_shape, s), s), shape, s);
}

}  // namespace mica
