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

}  // namespace mica::cpu
