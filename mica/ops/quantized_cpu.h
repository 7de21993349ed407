// Reading quantized matrices, for the kernels of quantized arrays.
#pragma once

#include <cstdint>

#include "mica/engine/cpu/call.h"
#include "mica/ops/quantized.h"
#include "mica/ops/quantized_kernels.h"

namespace mica::ops {

// Matrices of `cols` columns, one below the other.
class QuantMatrix {
 public:
  // biases: null but in mode affine.
  QuantMatrix(const QuantFormat& format, const cpu::Tensor& codes, const cpu::Tensor& scales,
              const cpu::Tensor* biases);

  const QuantFormat& format() const { return format_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t groups() const { return cols_ / format_.group_size; }

  // Elements [first, first + count) of a row, both multiples of the group size, times `factor` (1
  // in mode affine), as mica::dequantize gives them: each step is rounded to T, which is the
  // scales' dtype in mode affine.
  template <class T>
  void dequantize(int64_t row, int64_t first, int64_t count, float factor, T* out) const;

  // Rows for QuantRowKernels. Scales and biases that are not float32 are converted into
  // `parameters` (2 * count * groups() floats), and codes that end with the array are copied into
  // `padded` (count * row_bytes() + read_ahead).
  QuantRows some_rows(int64_t first, int count, float* parameters, uint8_t* padded) const;
  int64_t row_bytes() const { return cols_ * format_.bits / 8; }

 private:
  template <class T>
  void scale_halves(int64_t group, int64_t count, float factor, float* values, T* out) const;
  template <class T>
  void scale_values(int64_t group, int64_t count, float factor, const float* values, T* out) const;
  float small_float_scale(int64_t group) const;
  const float* as_floats(const void* parameters, int64_t row, int rows, float* converted) const;

  QuantFormat format_;
  Dtype scale_dtype_;
  int64_t rows_, cols_;
  const uint8_t *codes_, *codes_end_;
  const void *scales_, *biases_;
};

// The factor of the scales in mode nvfp4 with a global scale.
inline float global_factor(float global_scale) { return global_scale / global_scale_unit; }

}  // namespace mica::ops
