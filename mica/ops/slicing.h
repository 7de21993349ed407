// Slices: views, updates, and those whose place is computed.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// `sizes` elements from `start`, `strides` apart along each axis.
struct SliceView {
  engine::Runtime<Shape> start;
  Shape strides;
  Shape sizes;

  static constexpr const char* name = "slice";
  static constexpr bool strided_inputs = true;
  bool operator==(const SliceView&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  int64_t view_offset(const Strides& in, int output) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The parts of the input between places along an axis: ends are those of all parts, the last is
// the axis's size. One op rather than a slice for each, so that its cotangent is their join.
struct Split {
  int axis;
  Shape ends;

  static constexpr const char* name = "split";
  static constexpr bool strided_inputs = true;
  static constexpr bool run_by_engine = true;  // always a view
  bool operator==(const Split&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  int64_t view_offset(const Strides& in, int output) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
};

// Inputs: source and update. The source with the update written over the slice that begins at
// `start`, with `strides` between its elements.
struct SliceUpdate {
  engine::Runtime<Shape> start;
  Shape strides;

  static constexpr const char* name = "slice_update";
  static constexpr bool strided_inputs = true;
  static constexpr int reuse_input = 0;
  bool operator==(const SliceUpdate&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: source and start, an int64 vector with one entry for each of `axes`. A slice of `sizes`,
// moved where it would leave the source. The first `batch_axes` axes of both inputs are batches:
// each has its own start; axes and sizes do not count them.
struct DynamicSlice {
  std::vector<int> axes;
  Shape sizes;
  int batch_axes = 0;

  static constexpr const char* name = "dynamic_slice";
  static constexpr bool strided_inputs = true;
  bool operator==(const DynamicSlice&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: source, update and start, as in DynamicSlice. The source with the update written over
// the slice.
struct DynamicSliceUpdate {
  std::vector<int> axes;
  int batch_axes = 0;

  static constexpr const char* name = "dynamic_slice_update";
  static constexpr bool strided_inputs = true;
  static constexpr int reuse_input = 0;
  bool operator==(const DynamicSliceUpdate&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
