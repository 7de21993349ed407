// Normalization over the last axis.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// Inputs: x, then weight and bias, (n) each, where there are any; all floating, of one dtype.
// Without `centered` the root mean square takes the place of the standard deviation, and there is
// no bias.
struct Normalize {
  bool centered;
  bool weighted;
  bool biased;
  float eps;

  static constexpr const char* name = "normalize";
  static constexpr int reuse_input = 0;
  bool operator==(const Normalize&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The cotangents of Normalize's inputs, of which all are float32, float16 or bfloat16; computed in
// float32. Inputs: x, the output's cotangent, and the weight if there is one. Outputs: the
// cotangent of x, then those of weight and bias, (1, dims), where there are any.
struct NormalizeBackward {
  bool centered;
  bool weighted;
  bool biased;
  float eps;

  static constexpr const char* name = "normalize_backward";
  static constexpr int reuse_input = 1;
  bool operator==(const NormalizeBackward&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
