// Arrays made of numbers.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// start + i * step, a vector; numbers of integers wrap around.
struct Arange {
  engine::Runtime<double> start;
  engine::Runtime<double> step;

  static constexpr const char* name = "arange";
  bool operator==(const Arange&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
