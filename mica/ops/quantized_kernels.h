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

// Rows of x, and rows of weights, that QuantRowKernels::dot takes at once.
inline constexpr int most_dot_inputs = 4;
inline constexpr int most_dot_rows = 8;

// Floats of a row of x that is prepared for dot: whole vectors of its elements and group sums.
inline int64_t prepared_size(int64_t k, int group_size) {
  return (k + 15) / 16 * 16 + (k / group_size + 15) / 16 * 16;
}

// `count` <= most_dot_rows rows below each other: their codes, and in float32 the scales and biases
// (null for none) of their groups.
struct QuantRows {
  int count;
  const uint8_t* codes;
  int64_t code_stride;
  const float *scales, *biases;
  int64_t group_stride;
};

struct QuantRowKernels {
  // The values of `count` codes, a multiple of 16.
  void (*unpack)(const uint8_t* codes, int64_t count, float* values);
  // The codes themselves.
  void (*unpack_bytes)(const uint8_t* codes, int64_t count, uint8_t* bytes);
  // The weights of elements [first, first + count), in whole groups, of the first of the rows.
  void (*dequantize)(const QuantRows& rows, int64_t first, int64_t count, int group_size,
                     float* out);
  // Lays a row of x out for dot, in prepared_size() floats. Where the kind has groups of less than
  // 32, k and group_size may be odd multiples of 16.
  void (*prepare)(const float* x, int64_t k, int group_size, float* out);
  // out[i * out_row + j] = sum over l of x[i, l] * weight l of row j, for prepared rows i < m <=
  // most_dot_inputs of x; k is a multiple of group_size.
  void (*dot)(const float* x, int m, int64_t k, const QuantRows& rows, int group_size, float* out,
              int64_t out_row);
};

// The kernels of the widths that exist, by kind and bits.
using QuantRowTable = std::array<std::array<QuantRowKernels, 9>, code_kinds>;
QuantRowTable make_quant_row_table();

// Of a table made once. Throws std::logic_error for a width that the kind does not have.
const QuantRowKernels& quant_row_kernels(CodeKind kind, int bits);

}  // namespace mica::ops
