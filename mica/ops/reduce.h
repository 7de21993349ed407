// Reductions over any axes.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

enum class ReduceKind : uint8_t { sum, prod, min, max, all, any };

// Reduces axes (sorted, each once), which the output keeps with size 1. The engine runs it, fused
// with the elementwise ops that make its input. float16 and bfloat16 sums and products accumulate
// in float32 and are rounded once.
struct Reduce {
  ReduceKind kind;
  std::vector<int> axes;

  static constexpr const char* name = "reduce";
  static constexpr bool run_by_engine = true;
  bool operator==(const Reduce&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
};

// All axes of x but the last: to sum over rows.
std::vector<int> all_but_last(const array& x);

}  // namespace mica::ops
