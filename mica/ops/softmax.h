// softmax and logsumexp over the last axis.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// exp(x - max(x)) / sum(exp(x - max(x))) along the last axis, computed in at least float32.
struct Softmax {
  static constexpr const char* name = "softmax";
  static constexpr int reuse_input = 0;
  bool operator==(const Softmax&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The cotangent of x from softmax's output y and its cotangent c, real: y (c - sum(y c)) along the
// last axis, computed in float32.
struct SoftmaxBackward {
  static constexpr const char* name = "softmax_backward";
  static constexpr int reuse_input = 1;
  bool operator==(const SoftmaxBackward&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// max(x) + log(sum(exp(x - max(x)))) along the last axis, which the output keeps with size 1;
// computed in at least float32. An infinite maximum is the result.
struct LogSumExp {
  static constexpr const char* name = "log_sum_exp";
  bool operator==(const LogSumExp&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
