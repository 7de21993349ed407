// The position of the smallest or largest element along an axis.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

enum class ArgReduceKind : uint8_t { min, max };

// The index (uint32) of the first extremum along axis, which the output keeps with size 1; the
// first NaN where there is one. Complex numbers are ordered by real, then imaginary part.
struct ArgReduce {
  ArgReduceKind kind;
  int axis;

  static constexpr const char* name = "arg_reduce";
  bool operator==(const ArgReduce&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
