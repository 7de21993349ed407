// Weights of few bits. The last axis of a matrix is cut into groups that share a scale; codes are
// packed from the low bits of uint32, without gaps, so that a group is whole words.
//   affine  unsigned integers of `bits` bits: scale * code + bias
//   mxfp4   E2M1 floats, groups of 32 with a power of two (E8M0)
//   mxfp8   E4M3 floats, groups of 32 with a power of two
//   nvfp4   E2M1 floats, groups of 16 with an E4M3 scale, and possibly a scale of the whole matrix
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

enum class QuantMode : uint8_t { affine, mxfp4, mxfp8, nvfp4 };

struct QuantFormat {
  QuantMode mode;
  int group_size;
  int bits;

  bool affine() const { return mode == QuantMode::affine; }
  // uint32 words that n elements take.
  int packed(int n) const { return static_cast<int>(int64_t{n} * bits / 32); }
  // Elements in n words.
  int64_t unpacked(int64_t n) const { return n * 32 / bits; }
};

// The format of the arguments of a public function, where nullopt stands for the mode's default.
// Throws std::invalid_argument for those that don't exist.
QuantFormat quant_format(const char* op, const std::string& mode, std::optional<int> group_size,
                         std::optional<int> bits);
const char* quant_mode_name(QuantMode mode);

// What a tensor's global scale, its largest magnitude, is divided by to scale E4M3 scales of E2M1
// elements: the product of the largest of both.
inline constexpr float global_scale_unit = 448 * 6;

// Inputs: w (..., n) of real floats and, in mode nvfp4, possibly a float32 global scale: of one
// element, or of w's leading axes. Outputs: packed w, scales (..., n / group_size) and, in mode
// affine, biases, both in w's dtype.
struct Quantize {
  QuantMode mode;
  int group_size;
  int bits;

  static constexpr const char* name = "quantize";
  bool operator==(const Quantize&) const = default;
  QuantFormat format() const { return {mode, group_size, bits}; }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: packed w, scales and, in mode affine, biases (in `dtype`, as the scales), or in mode
// nvfp4 possibly a global scale, as in Quantize.
struct Dequantize {
  QuantMode mode;
  int group_size;
  int bits;
  Dtype dtype;

  static constexpr const char* name = "dequantize";
  bool operator==(const Dequantize&) const = default;
  QuantFormat format() const { return {mode, group_size, bits}; }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// x @ w.T, or x @ w unless transpose. Inputs: x (rows, k), packed w (n, k), or (k, n), scales and,
// in mode affine, biases, in x's dtype.
struct QuantizedMatmul {
  QuantMode mode;
  int group_size;
  int bits;
  bool transpose;

  static constexpr const char* name = "quantized_matmul";
  bool operator==(const QuantizedMatmul&) const = default;
  QuantFormat format() const { return {mode, group_size, bits}; }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
  static bool joins(const Shape& out);
  void cpu_joined(std::span<const cpu::Call>) const;
};

// The products of pairs of matrices. Inputs: x (:, rows, k), and packed w, scales and, in mode
// affine, biases as in QuantizedMatmul, of three dimensions; then the indices of both in each pair
// (batch), int32, negative ones counting from the end. Output: (batch, rows, n).
// sorted: the indices of w ascend, none being negative.
struct GatherQmm {
  QuantMode mode;
  int group_size;
  int bits;
  bool transpose;
  bool sorted;

  static constexpr const char* name = "gather_qmm";
  bool operator==(const GatherQmm&) const = default;
  QuantFormat format() const { return {mode, group_size, bits}; }
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

}  // namespace mica::ops
