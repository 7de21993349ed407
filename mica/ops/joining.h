// Joining arrays along an axis.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

struct Concatenate {
  int axis;

  static constexpr const char* name = "concatenate";
  static constexpr bool strided_inputs = true;
  bool operator==(const Concatenate&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
