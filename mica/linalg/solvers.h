// Systems of linear equations. The ops take complex64 too, for the rules of others.
#pragma once

#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// x (..., n, k) with a x = b, by LU; a (..., n, n) and b (..., n, k) have one batch and dtype.
struct Solve {
  static constexpr const char* name = "solve";
  static constexpr int reuse_input = 1;
  bool operator==(const Solve&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// As Solve, for an a that is triangular; its other half is not read.
struct SolveTriangular {
  bool upper;

  static constexpr const char* name = "solve_triangular";
  bool operator==(const SolveTriangular&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

struct Inverse {
  static constexpr const char* name = "inverse";
  static constexpr int reuse_input = 0;
  bool operator==(const Inverse&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// For operands that are as the ops want them.
array solve_matrices(const array& a, const array& b, const StreamOrDevice& s = {});
array solve_triangular_matrices(const array& a, const array& b, bool upper,
                                const StreamOrDevice& s = {});

}  // namespace mica::ops
