// Ops that re-read their input through other strides, and copies.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// The same elements in row-major order under another shape.
struct Reshape {
  Shape shape;

  static constexpr const char* name = "reshape";
  static constexpr bool strided_inputs = true;
  bool operator==(const Reshape&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Axis i of the output is axis axes[i] of the input.
struct Transpose {
  std::vector<int> axes;

  static constexpr const char* name = "transpose";
  static constexpr bool strided_inputs = true;
  bool operator==(const Transpose&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Repeats axes of size 1, and the whole along new leading axes, with strides of 0.
struct BroadcastTo {
  Shape shape;

  static constexpr const char* name = "broadcast_to";
  static constexpr bool strided_inputs = true;
  bool operator==(const BroadcastTo&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Any strides and offset over the input's elements in row-major order.
struct AsStrided {
  Shape shape;
  Strides strides;
  engine::Runtime<int64_t> offset;

  static constexpr const char* name = "as_strided";
  bool operator==(const AsStrided&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  int64_t view_offset(const Strides& in, int output) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The input itself where it is row-contiguous, or, if that is allowed, column-contiguous; else a
// row-contiguous copy.
struct Contiguous {
  bool allow_col_major;

  static constexpr const char* name = "contiguous";
  static constexpr bool strided_inputs = true;
  bool operator==(const Contiguous&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Its input under another handle.
struct Identity {
  static constexpr const char* name = "copy";
  static constexpr bool strided_inputs = true;
  bool operator==(const Identity&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Its input, of which derivatives see a constant.
struct StopGradient {
  static constexpr const char* name = "stop_gradient";
  static constexpr bool strided_inputs = true;
  bool operator==(const StopGradient&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The input's bytes as elements of the output's dtype; bytes become true where they are not 0. The
// last axis of the output has as many bytes as the input's.
struct BitCast {
  Dtype dtype;

  static constexpr const char* name = "view";
  static constexpr int reuse_input = 0;
  bool operator==(const BitCast&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The first `count` inputs, once all inputs are computed.
struct Depends {
  int count;

  static constexpr const char* name = "depends";
  static constexpr bool strided_inputs = true;
  static constexpr bool run_by_engine = true;  // always a view
  bool operator==(const Depends&) const = default;
  bool view(const engine::Layout& in, const Shape& out_shape, Strides& out) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
};

}  // namespace mica::ops
