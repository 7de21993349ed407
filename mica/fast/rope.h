// Rotary position embedding.
#pragma once

#include <optional>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// Inputs: x (batch, ..., length, size), floating; the position of the first row, int32, (1) or
// (batch); and (dims / 2) wavelengths over 2 pi, of the dtype it computes in, where there is no
// base. Rotates pairs
// of the first `dims` elements of each row, clockwise if `inverse`.
struct Rope {
  int dims;
  bool traditional;  // pairs are neighbours; else dims / 2 apart
  std::optional<float> base;
  float scale;  // of positions
  bool inverse = false;

  static constexpr const char* name = "rope";
  static constexpr bool strided_inputs = true;
  bool operator==(const Rope&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
