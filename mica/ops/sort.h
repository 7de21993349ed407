// Sorting along an axis.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// The elements along axis, ascending, NaN last; equal elements keep their order. Complex numbers
// are ordered by real, then imaginary part.
struct Sort {
  int axis;

  static constexpr const char* name = "sort";
  bool operator==(const Sort&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The indices (uint32) with which Sort orders.
struct ArgSort {
  int axis;

  static constexpr const char* name = "arg_sort";
  bool operator==(const ArgSort&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
