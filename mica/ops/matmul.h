// Matrix products.
#pragma once

#include <span>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// Whether a product's result has so few rows that reading one matrix is what takes time.
bool is_few_rows(const Shape& out);

// a (..., m, k) @ b (..., k, n), with equal batch dimensions (a repeated one has stride 0); read
// through their strides.
struct Matmul {
  static constexpr const char* name = "matmul";
  static constexpr bool strided_inputs = true;
  bool operator==(const Matmul&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
  static bool joins(const Shape& out) { return is_few_rows(out); }
  void cpu_joined(std::span<const cpu::Call>) const;
};

// alpha * (a @ b) + bias, with a and b as in Matmul and bias (n), contiguous.
struct AddMM {
  float alpha;

  static constexpr const char* name = "addmm";
  static constexpr bool strided_inputs = true;
  bool operator==(const AddMM&) const = default;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
  static bool joins(const Shape& out) { return is_few_rows(out); }
  void cpu_joined(std::span<const cpu::Call>) const;
};

// The conjugate transpose of the last two axes.
array adjoint(const array& x);

}  // namespace mica::ops
