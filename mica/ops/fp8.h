// Conversion to and from float8 e4m3, kept in uint8.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// Real floats to uint8: rounded to nearest even, beyond 448 and NaN to 448.
struct ToFp8 {
  static constexpr const char* name = "to_fp8";
  bool operator==(const ToFp8&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
