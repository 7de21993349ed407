// Triangular and orthogonal factors: Cholesky, LU and QR. The functions apply the ops to what they
// are defined for, without checks.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// The lower factor L, L L^T = a; reads a's lower half.
struct Cholesky {
  static constexpr const char* name = "cholesky";
  static constexpr int reuse_input = 0;
  bool operator==(const Cholesky&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// {factors (..., m, n): L below the diagonal, U on and above it; pivots (..., k); row_indices
// (..., m)}: the rows row_indices of L U are a's. The latter two are uint32.
struct LU {
  static constexpr const char* name = "lu";
  bool operator==(const LU&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// {Q (..., m, n), R (..., n, n)} of a matrix with m >= n.
struct QR {
  static constexpr const char* name = "qr";
  bool operator==(const QR&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

std::vector<array> lu_factors(const array& a, const StreamOrDevice& s = {});

}  // namespace mica::ops
