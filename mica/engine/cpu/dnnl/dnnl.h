// Dense linear algebra on the CPU: matrix products, convolutions and pooling.
//
// This folder is the only place that knows oneDNN (2.x and 3.x) and CBLAS. Its functions take raw
// pointers and plain descriptions, choose a library routine by shape, dtype and thread count
// (never by timing), and fall back to own loops for what the libraries refuse. All of them may be
// called from several threads at once, also from inside an OpenMP region, where they run on the
// calling thread alone. Outputs never alias inputs. Descriptions that make no sense throw
// std::invalid_argument.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "mica/array/dtype.h"

namespace mica::cpu {

// What happens to alpha * (a @ b) + bias before it is stored. `accumulate` adds beta times what
// `out` held before. The gelu forms need a floating dtype, relu any but complex64.
enum class Epilogue : uint8_t { none, relu, gelu_erf, gelu_tanh, accumulate };

// out[..., i, j] = epilogue(alpha * sum_k a[..., i, k] * b[..., k, j] + bias[j]).
//
// Strides are in elements, may be zero or negative, and are ignored where the extent is 1; fast
// are operands with a unit stride in one of their last two axes. `out` is contiguous, row-major.
// float16 and bfloat16 sum in float32 and round once.
struct MatmulProblem {
  Dtype::Val dtype = Dtype::Val::float32;  // of a, b, bias and out; any but bool
  int64_t m = 0, n = 0, k = 0;
  int64_t a_row = 0, a_col = 0;
  int64_t b_row = 0, b_col = 0;
  std::array<int64_t, 3> batch{1, 1, 1};
  std::array<int64_t, 3> a_batch{};  // a stride of 0 repeats the matrix
  std::array<int64_t, 3> b_batch{};
  Epilogue epilogue = Epilogue::none;
  double alpha = 1;
  double beta = 1;

  bool operator==(const MatmulProblem&) const = default;
};

// `bias` has n elements, or is null.
void matmul(const MatmulProblem& problem, const void* a, const void* b, const void* bias,
            void* out);

struct MatmulCall {
  MatmulProblem problem;
  const void *a, *b, *bias;
  void* out;
};

// Products of which none reads another's result. Those of up to 16 rows share one parallel region.
void matmul(std::span<const MatmulCall> calls);

// A convolution (cross-correlation, unless `flip`) with channels last:
//   input  (batch, input..., in_channels)
//   weight (out_channels, kernel..., in_channels / groups)
//   output (batch, output()..., out_channels)
// all contiguous. Of the spatial arrays the first `rank` entries count.
struct ConvProblem {
  Dtype::Val dtype = Dtype::Val::float32;  // of every operand; any but bool
  int rank = 2;                            // spatial axes, 1 to 3
  int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
  std::array<int64_t, 3> input{1, 1, 1};
  std::array<int64_t, 3> kernel{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> padding_lo{};  // negative padding crops
  std::array<int64_t, 3> padding_hi{};
  std::array<int64_t, 3> dilation{1, 1, 1};        // distance of the kernel's elements
  std::array<int64_t, 3> input_dilation{1, 1, 1};  // of the input's: a transposed convolution
  bool flip = false;                               // reverse the kernel along each spatial axis
  Epilogue epilogue = Epilogue::none;              // of the forward pass; not accumulate

  // Spatial extents of the output; 0 where the kernel does not fit. Axes past `rank` are 1.
  std::array<int64_t, 3> output() const;
  bool operator==(const ConvProblem&) const = default;
};

// float16 and bfloat16 sum in float32 and round once. float32 convolutions with 3x3 kernels,
// stride 1, at least 32 channels on both sides and many outputs use Winograd's F(4x4, 3x3): half
// the time, with an error of up to about 1.5e-5 of the largest output (direct: 2e-6). `bias` has
// out_channels elements, or is null.
void conv_forward(const ConvProblem& problem, const void* input, const void* weight,
                  const void* bias, void* output);

// The gradient with respect to the input.
void conv_backward_data(const ConvProblem& problem, const void* grad_output, const void* weight,
                        void* grad_input);

// The gradients with respect to the weight and, unless null, the bias.
void conv_backward_weights(const ConvProblem& problem, const void* input, const void* grad_output,
                           void* grad_weight, void* grad_bias);

// Windows over channels-last arrays:
//   input  (batch, input..., channels)
//   output (batch, output()..., channels)
// Of the spatial arrays the first `rank` entries count. Padding is at least 0.
struct PoolProblem {
  Dtype::Val dtype = Dtype::Val::float32;  // of input and output
  int rank = 2;                            // spatial axes, 1 to 3
  int64_t batch = 1, channels = 1;
  std::array<int64_t, 3> input{1, 1, 1};
  std::array<int64_t, 3> kernel{1, 1, 1};
  std::array<int64_t, 3> stride{1, 1, 1};
  std::array<int64_t, 3> padding_lo{};
  std::array<int64_t, 3> padding_hi{};

  // Spatial extents of the output; 0 where the kernel does not fit. Axes past `rank` are 1.
  std::array<int64_t, 3> output() const;
  bool operator==(const PoolProblem&) const = default;
};

// The largest element under each window; padding is smaller than all, except that floats see it as
// minus infinity. NaN where a window has one. Any dtype but complex64.
void max_pool_forward(const PoolProblem& problem, const void* input, void* output);

// Equal maxima share a window's gradient evenly (padding counts where the maximum is minus
// infinity, and a NaN makes NaN of the window), as MLX does. Floating dtypes, summed in at least
// float32.
void max_pool_backward(const PoolProblem& problem, const void* input, const void* output,
                       const void* grad_output, void* grad_input);

// The mean of each window, in which padding counts as zeros. Floating dtypes and complex64, summed
// in at least float32.
void average_pool_forward(const PoolProblem& problem, const void* input, void* output);
void average_pool_backward(const PoolProblem& problem, const void* grad_output, void* grad_input);

}  // namespace mica::cpu
