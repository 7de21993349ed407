// Running sums, products, extrema and logsumexps.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

enum class ScanKind : uint8_t { sum, prod, min, max, logaddexp };

// out[i] combines in[0..i] along axis, or in[i..] where reverse; without in[i] itself unless
// inclusive: the first is then the neutral element. float16 and bfloat16 accumulate in float32.
struct Scan {
  ScanKind kind;
  int axis;
  bool reverse;
  bool inclusive;

  static constexpr const char* name = "scan";
  bool operator==(const Scan&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
