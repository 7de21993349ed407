// The Fourier transform along one axis, of which all others are composed.
#pragma once

#include <vector>

#include "mica/engine/cpu/fourier.h"
#include "mica/engine/op.h"

namespace mica::ops {

// Lines along axis, transformed as FourierKind says and multiplied by scale. Complex numbers are
// complex64, real ones float32; n is the length of the transform, and for the real kinds that of
// the real line.
struct Fourier {
  cpu::FourierKind kind;
  int axis;
  int n;
  float scale;

  static constexpr const char* name = "fft";
  bool operator==(const Fourier&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
