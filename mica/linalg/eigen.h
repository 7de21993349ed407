// Eigenvalues and eigenvectors.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// {values (..., n)}, complex64, and where wanted {vectors (..., n, n)}, in the columns.
struct Eig {
  bool vectors;

  static constexpr const char* name = "eig";
  bool operator==(const Eig&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// {values (..., n)}, real and ascending, and where wanted {vectors (..., n, n)}, of a Hermitian
// matrix, of which one half is read.
struct Eigh {
  bool vectors;
  bool upper;

  static constexpr const char* name = "eigh";
  bool operator==(const Eigh&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
