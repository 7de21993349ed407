// Products of matrices chosen by index, and of segments of two matrices.
#pragma once

#include <optional>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// The products of pairs of matrices, read in place. Inputs: a (:, m, k), b (:, k, n), through their
// strides, and the indices of both in each pair (batch), int32, negative ones counting from the
// end; one outside throws std::out_of_range when it is used. Output: (batch, m, n).
// sorted: the indices of b ascend, none being negative.
struct GatherMM {
  bool sorted;

  static constexpr const char* name = "gather_mm";
  static constexpr bool strided_inputs = true;
  bool operator==(const GatherMM&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// a[..., start:end] @ b[..., start:end, :] for each segment (start, end), whose end is cut off at
// k. Inputs: a (batch, m, k), b (batch, k, n), segments (batch, count, 2), uint32; a batch of 1
// serves all. Output: (batch, count, m, n).
struct SegmentedMM {
  static constexpr const char* name = "segmented_mm";
  static constexpr bool strided_inputs = true;
  bool operator==(const SegmentedMM&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// What the public functions with indices make of their arguments: indices into the flattened batch
// of a and of b, flat themselves, and the shape that they broadcast to. Without indices, each
// matrix of the batch in order.
struct MatrixPairs {
  array lhs, rhs;  // (batch), int32
  Shape batch;

  MatrixPairs(const char* op, const array& a, const array& b,
              const std::optional<array>& lhs_indices, const std::optional<array>& rhs_indices,
              const StreamOrDevice& s);
};

// x (..., m, n) as (:, m, n).
array flatten_batch(const array& x, const StreamOrDevice& s = {});
// out (pairs, m, n) with the pairs' axes.
array unflatten_pairs(const array& out, const Shape& batch, const StreamOrDevice& s = {});

// For vmap rules of ops of pairs: operands whose batch is part of their matrices' axis, and their
// indices (batch * pairs) shifted to match. `which` are the inputs that the indices belong to.
struct BatchedPairs {
  std::vector<array> operands;
  array indices;

  BatchedPairs(const engine::VmapArgs& args, const std::vector<size_t>& which, size_t indices);
};
// Their output (batch * pairs, m, n) as (batch, pairs, m, n).
engine::Batched unbatch_pairs(const array& out, int batch);

// Cotangents of the operands: matrices (pairs, m, n) added up where their index says, in the shape
// of x.
array add_by_index(const array& x, const array& indices, const array& matrices);

}  // namespace mica::ops
