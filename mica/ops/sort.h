// Sorting along an axis.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// The elements along axis, ascending, -0 before 0 and NaN last. Complex numbers are ordered by
// real, then imaginary part; their zeros come out positive.
struct Sort {
  int axis;

  static constexpr const char* name = "sort";
  bool operator==(const Sort&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The indices (uint32) of the elements in ascending order, NaN last; equal elements, to which -0
// and 0 belong, keep their order.
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
