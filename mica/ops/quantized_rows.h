// Kernels over rows of quantized weights, chosen for this machine's instruction set.
#pragma once

#include <array>
#include <cstdint>

#include "mica/ops/quantized.h"

namespace mica::ops {

// What a code stands for before it is scaled.
enum class CodeKind : uint8_t { integer, e2m1, e4m3 };
inline constexpr int code_kinds = 3;

inline CodeKind code_kind(QuantMode mode) {
  if (mode == QuantMode::affine) return CodeKind::integer;
  return mode == QuantMode::mxfp8 ? CodeKind::e4m3 : CodeKind::e2m1;
}

// Bytes behind the last code that the kernels may read.
inline constexpr int64_t read_ahead = 16;

// One row: its codes, and in float32 the scales and biases (null for none) of its groups.
struct QuantRow {
  const uint8_t* codes;
  const float* scales;
  const float* biases;
};

inline constexpr int most_dot_rows = 4;

struct QuantRowKernels {
  // The values of `count` codes, a multiple of 16.
  void (*unpack)(const uint8_t* codes, int64_t count, float* values);
  // out[i * out_row + j] = sum over l of x[i * k + l] * weight l of rows[j], for i < m <=
  // most_dot_rows and j < row_count <= most_dot_rows; k is a multiple of group_size.
  void (*dot)(const float* x, int m, int64_t k, const QuantRow* rows, int row_count, int group_size,
              float* out, int64_t out_row);
};

// Throws std::logic_error for a width that the kind does not have.
const QuantRowKernels& quant_row_kernels(CodeKind kind, int bits);

}  // namespace mica::ops
