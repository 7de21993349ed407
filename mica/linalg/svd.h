// Singular values and vectors.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

enum class SingularVectors : uint8_t { none, thin, full };

// {S (..., k)} or {U, S, Vt} of a (..., m, n), k = min(m, n): U (..., m, m) and Vt (..., n, n)
// where full, U (..., m, k) and Vt (..., k, n) where thin. float32, float64 or complex64.
struct SVD {
  SingularVectors vectors;

  static constexpr const char* name = "svd";
  bool operator==(const SVD&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

std::vector<array> singular_values(const array& a, SingularVectors vectors,
                                   const StreamOrDevice& s = {});

}  // namespace mica::ops
