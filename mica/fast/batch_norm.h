// Normalization over all axes but the last with the batch's own statistics, and the relu that
// follows it: what BatchNorm computes while training.
#pragma once

#include <optional>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// x (..., C), float32 -> mean and variance (C) over all axes but the last. Deviations are taken
// from the means of blocks of rows, so an offset costs no precision.
struct BatchMoments {
  static constexpr const char* name = "batch_moments";
  bool operator==(const BatchMoments&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// (x - mean) / sqrt(var + eps), times weight plus bias where there are any, at least 0 with `relu`.
// Inputs: x (..., C), its BatchMoments, then weight and bias (C); all float32. The moments are
// given so that they are computed once: a derivative by x contains their part, those by them are 0.
struct BatchNormalize {
  bool affine;
  bool relu;
  float eps;

  static constexpr const char* name = "batch_normalize";
  static constexpr int reuse_input = 0;
  bool operator==(const BatchNormalize&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The cotangents of BatchNormalize's x, (..., C), and of its weight and bias, (1, C), where there
// are any. Inputs: the output's cotangent, then those of BatchNormalize.
struct BatchNormalizeBackward {
  bool affine;
  bool relu;
  float eps;

  static constexpr const char* name = "batch_normalize_backward";
  static constexpr int reuse_input = 0;
  bool operator==(const BatchNormalizeBackward&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

struct BatchNormalized {
  array y, mean, var;
};

// x (..., C) of any dtype, at least one row; weight and bias (C) are given together. Other dtypes
// than float32 are composed.
BatchNormalized batch_normalize(const array& x, const std::optional<array>& weight,
                                const std::optional<array>& bias, double eps);

// relu(x) in one pass with the normalization, where x is the result of BatchNormalize in a function
// that is being differentiated, and has not been evaluated; nothing otherwise.
std::optional<array> relu_of_batch_normalize(const array& x);

}  // namespace mica::ops
