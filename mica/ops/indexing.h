// Reading and writing at computed indices. Indices are integers of one dtype, negative ones count
// from the end; one outside of its axis throws std::out_of_range when it is used.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// Inputs: a, and an index array of one common shape for each of axes. The output has that shape
// followed by slice_sizes: the slices of a that start at the indices along axes, at 0 along others.
struct Gather {
  std::vector<int> axes;
  Shape slice_sizes;

  static constexpr const char* name = "gather";
  bool operator==(const Gather&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: a and indices, equal in shape but along axis: out[i][j] = a[i][indices[i][j]].
struct GatherAxis {
  int axis;

  static constexpr const char* name = "gather_axis";
  bool operator==(const GatherAxis&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

enum class ScatterKind : uint8_t { set, add, prod, max, min };

// Inputs: a, the index arrays as in Gather, and updates of the shape that Gather gives out. Slices
// that overlap are combined in the order of the indices, so set keeps the last.
struct Scatter {
  ScatterKind kind;
  std::vector<int> axes;

  static constexpr const char* name = "scatter";
  static constexpr int reuse_input = 0;
  bool operator==(const Scatter&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: a, indices and updates, of one shape that equals a's but along axis; kind is set or add.
struct ScatterAxis {
  ScatterKind kind;
  int axis;

  static constexpr const char* name = "scatter_axis";
  static constexpr int reuse_input = 0;
  bool operator==(const ScatterAxis&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
