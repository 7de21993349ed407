#include "mica/ops/gather_mm.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/elementwise/base.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

ShapeElem matrix_count(const array& x) {
  int64_t count = 1;
  for (size_t i = 0; i + 2 < x.ndim(); ++i) count *= x.shape()[i];
  return safe_cast<int64_t>(count, "gather_mm");
}

array apply_gather_mm(const GatherMM& op, const array& a, const array& b, const array& lhs,
                      const array& rhs, const StreamOrDevice& s = {}) {
  return engine::apply(op, {a, b, lhs, rhs}, {lhs.shape(0), a.shape(1), b.shape(2)}, a.dtype(), s);
}

array transposed(const array& x) { return swapaxes(x, -1, -2); }

array from_start(const array& indices, int count) {
  const array zero(0, int32);
  return where(less(indices, zero), indices + array(count, int32), indices);
}

// The cotangent of b in GatherMM: for each of its matrices the product of the rows of a and of the
// cotangent that met it, which lie together once they are sorted.
array gathered_cotangent(const GatherMM& op, const engine::VjpArgs& args) {
  const array &a = args.primals[0], &b = args.primals[1];
  array lhs = args.primals[2], rhs = from_start(args.primals[3], b.shape(0));
  array cotangent = args.cotangents[0];
  if (!op.sorted) {
    const array order = argsort(rhs);
    lhs = take(lhs, order, 0);
    cotangent = take(cotangent, order, 0);
  }
  const int m = a.shape(1);
  const array matrices = arange(b.shape(0), int32);
  const auto first_row = [&](const array& before) {
    return astype(sum(before, 1) * array(m, int32), uint32);
  };
  const array own = expand_dims(matrices, 1), all = expand_dims(rhs, 0);
  const array segments = stack({first_row(less(all, own)), first_row(less_equal(all, own))}, 1);
  const array rows = flatten(take(a, lhs, 0), 0, 1);
  return segmented_mm(transpose(rows), flatten(cotangent, 0, 1), segments);
}

array apply_segmented_mm(const array& a, const array& b, const array& segments,
                         const StreamOrDevice& s = {}) {
  const int batch = std::max({a.shape(0), b.shape(0), segments.shape(0)});
  return engine::apply(SegmentedMM{}, {a, b, segments},
                       {batch, segments.shape(1), a.shape(1), b.shape(2)}, a.dtype(), s);
}

// (batch, count, k): whether each of k is in the segment.
array inside(const array& segments, int k) {
  const array index = astype(arange(k, int32), uint32);
  const array start = take(segments, array({0}), 2), end = take(segments, array({1}), 2);
  return logical_and(greater_equal(index, start), less(index, end));
}

void check_matrices(const char* op, const array& a, const array& b, Dtype dtype) {
  if (!floats.has(dtype)) {
    throw std::invalid_argument(fmt::format("{}: expected a and b of real floats, got {} and {}",
                                            op, dtype_name(a.dtype()), dtype_name(b.dtype())));
  }
}

}  // namespace

array flatten_batch(const array& x, const StreamOrDevice& s) {
  if (x.ndim() == 3) return x;
  return x.ndim() == 2 ? expand_dims(x, 0, s) : flatten(x, 0, -3, s);
}

array unflatten_pairs(const array& out, const Shape& batch, const StreamOrDevice& s) {
  Shape shape = batch;
  shape.push_back(out.shape(1));
  shape.push_back(out.shape(2));
  return reshape(out, shape, s);
}

array add_by_index(const array& x, const array& indices, const array& matrices) {
  return scatter_add(zeros_like(x), indices, expand_dims(matrices, 1), 0);
}

MatrixPairs::MatrixPairs(const char* op, const array& a, const array& b,
                         const std::optional<array>& lhs_indices,
                         const std::optional<array>& rhs_indices, const StreamOrDevice& s)
    : lhs(0), rhs(0) {
  const auto indices_of = [&](const array& x, const std::optional<array>& given) {
    if (given) {
      if (!integers.has(given->dtype())) {
        throw std::invalid_argument(
            fmt::format("{}: expected integer indices, got {}", op, dtype_name(given->dtype())));
      }
      return astype(*given, int32, s);
    }
    return reshape(arange(matrix_count(x), int32, s), Shape(x.shape().begin(), x.shape().end() - 2),
                   s);
  };
  lhs = indices_of(a, lhs_indices);
  rhs = indices_of(b, rhs_indices);
  batch = broadcast_together(op, lhs.shape(), rhs.shape());
  lhs = flatten(broadcast_to(lhs, batch, s), s);
  rhs = flatten(broadcast_to(rhs, batch, s), s);
}

BatchedPairs::BatchedPairs(const engine::VmapArgs& args, const std::vector<size_t>& which,
                           size_t indices_input)
    : indices(batch_first(args.inputs[indices_input], args.axes[indices_input], args.batch)) {
  bool batched = false;
  for (size_t i : which) batched |= args.axes[i] >= 0;
  for (size_t i : which) {
    operands.push_back(batched
                           ? flatten(batch_first(args.inputs[i], args.axes[i], args.batch), 0, 1)
                           : args.inputs[i]);
  }
  if (batched) {
    const int count = operands[0].shape(0) / args.batch;
    const array first = expand_dims(arange(args.batch, int32) * array(count, int32), 1);
    indices = from_start(indices, count) + first;
  }
  indices = flatten(indices);
}

engine::Batched unbatch_pairs(const array& out, int batch) {
  return {{unflatten(out, 0, {batch, out.shape(0) / batch})}, {0}};
}

std::vector<array> GatherMM::vjp(const engine::VjpArgs& args) const {
  const array &b = args.primals[1], &lhs = args.primals[2], &rhs = args.primals[3];
  const array& cotangent = args.cotangents[0];
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    if (argnum == 0) {
      const array matrices =
          apply_gather_mm(*this, cotangent, transposed(b), arange(lhs.shape(0), int32), rhs);
      cotangents.push_back(add_by_index(args.primals[0], lhs, matrices));
    } else {
      cotangents.push_back(argnum == 1 ? gathered_cotangent(*this, args)
                                       : zeros_like(args.primals[static_cast<size_t>(argnum)]));
    }
  }
  return cotangents;
}

std::vector<array> GatherMM::jvp(const engine::JvpArgs& args) const {
  std::optional<array> total;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const int argnum = args.argnums[i];
    if (argnum > 1) continue;
    const array& t = args.tangents[i];
    const array term =
        apply_gather_mm(*this, argnum == 0 ? t : args.primals[0], argnum == 1 ? t : args.primals[1],
                        args.primals[2], args.primals[3]);
    total = total ? *total + term : term;
  }
  return {total.value_or(zeros_like(args.outputs[0]))};
}

engine::Batched GatherMM::vmap(const engine::VmapArgs& args) const {
  const BatchedPairs a(args, {0}, 2), b(args, {1}, 3);
  const bool ascend = sorted && args.axes[1] >= 0;
  return unbatch_pairs(
      apply_gather_mm({ascend}, a.operands[0], b.operands[0], a.indices, b.indices), args.batch);
}

// The part of k outside of a segment has no part in its product.
std::vector<array> SegmentedMM::vjp(const engine::VjpArgs& args) const {
  const array &a = args.primals[0], &b = args.primals[1], &segments = args.primals[2];
  const array& cotangent = args.cotangents[0];
  const array mask = inside(segments, a.shape(2));
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    if (argnum == 0) {
      const array all = matmul(cotangent, expand_dims(transposed(b), 1));
      cotangents.push_back(sum(where(expand_dims(mask, 2), all, scalar(0, all.dtype())), 1));
    } else if (argnum == 1) {
      const array all = matmul(expand_dims(transposed(a), 1), cotangent);
      cotangents.push_back(sum(where(expand_dims(mask, 3), all, scalar(0, all.dtype())), 1));
    } else {
      cotangents.push_back(zeros_like(segments));
    }
  }
  return cotangents;
}

std::vector<array> SegmentedMM::jvp(const engine::JvpArgs& args) const {
  std::optional<array> total;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const int argnum = args.argnums[i];
    if (argnum > 1) continue;
    const array& t = args.tangents[i];
    const array term = apply_segmented_mm(argnum == 0 ? t : args.primals[0],
                                          argnum == 1 ? t : args.primals[1], args.primals[2]);
    total = total ? *total + term : term;
  }
  return {total.value_or(zeros_like(args.outputs[0]))};
}

// Batches within batches are one: all operands that have more than one matrix get every one.
engine::Batched SegmentedMM::vmap(const engine::VmapArgs& args) const {
  int inner = 1;
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    const Shape& shape = args.inputs[i].shape();
    inner = std::max(inner, shape[args.axes[i] == 0 ? 1 : 0]);
  }
  std::vector<array> operands;
  for (size_t i = 0; i < args.inputs.size(); ++i) {
    array x = args.inputs[i];
    if (args.axes[i] >= 0 || x.shape(0) > 1) {
      x = batch_first(x, args.axes[i], args.batch);
      Shape shape = x.shape();
      shape[1] = inner;
      x = flatten(broadcast_to(x, shape), 0, 1);
    }
    operands.push_back(x);
  }
  const array out = apply_segmented_mm(operands[0], operands[1], operands[2]);
  return {{unflatten(out, 0, {args.batch, inner})}, {0}};
}

}  // namespace ops

array gather_mm(array a, array b, std::optional<array> lhs_indices,
                std::optional<array> rhs_indices, bool sorted_indices, StreamOrDevice s) {
  if (!lhs_indices && !rhs_indices) return matmul(a, b, s);
  const Dtype dtype = result_type(a, b);
  ops::check_matrices("gather_mm", a, b, dtype);
  const bool a_vector = a.ndim() == 1, b_vector = b.ndim() == 1;
  if (a_vector) a = expand_dims(a, 0, s);
  if (b_vector) b = expand_dims(b, 1, s);
  if (a.ndim() < 2 || b.ndim() < 2 || a.shape(-1) != b.shape(-2)) {
    throw std::invalid_argument(
        fmt::format("gather_mm: expected a (..., m, k) and b (..., k, n), got {} and {}",
                    to_string(a.shape()), to_string(b.shape())));
  }
  const ops::MatrixPairs pairs("gather_mm", a, b, lhs_indices, rhs_indices, s);
  const array out = ops::apply_gather_mm(
      {sorted_indices && rhs_indices}, ops::flatten_batch(astype(a, dtype, s), s),
      ops::flatten_batch(astype(b, dtype, s), s), pairs.lhs, pairs.rhs, s);
  array result = ops::unflatten_pairs(out, pairs.batch, s);
  if (b_vector) result = squeeze(result, -1, s);
  return a_vector ? squeeze(result, b_vector ? -1 : -2, s) : result;
}

array segmented_mm(array a, array b, array segments, StreamOrDevice s) {
  const Dtype dtype = result_type(a, b);
  ops::check_matrices("segmented_mm", a, b, dtype);
  if (a.ndim() != 2 || b.ndim() != 2 || a.shape(1) != b.shape(0)) {
    throw std::invalid_argument(
        fmt::format("segmented_mm: expected a (m, k) and b (k, n), got {} and {}",
                    to_string(a.shape()), to_string(b.shape())));
  }
  if (!integers.has(segments.dtype())) {
    throw std::invalid_argument(fmt::format("segmented_mm: expected integer segments, got {}",
                                            dtype_name(segments.dtype())));
  }
  if (segments.ndim() == 0 || segments.shape(-1) != 2) {
    throw std::invalid_argument(fmt::format("segmented_mm: expected segments (..., 2), got {}",
                                            to_string(segments.shape())));
  }
  const array flat = reshape(astype(segments, uint32, s), {1, -1, 2}, s);
  const array out = ops::apply_segmented_mm(expand_dims(astype(a, dtype, s), 0, s),
                                            expand_dims(astype(b, dtype, s), 0, s), flat, s);
  Shape shape = segments.shape();
  shape.pop_back();
  shape.push_back(a.shape(0));
  shape.push_back(b.shape(1));
  return reshape(out, shape, s);
}

}  // namespace mica
