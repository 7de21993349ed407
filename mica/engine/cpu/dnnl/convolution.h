// The routes a convolution can take. Internal to this folder.
#pragma once

#include <algorithm>

#include "mica/engine/cpu/dnnl/dnnl.h"

namespace mica::cpu {

enum class ConvPass : uint8_t { forward, backward_data, backward_weights };

// The operands of any pass. Which of them is written follows from the pass; `bias` is read or
// written, and may be null.
struct ConvOperands {
  const void* input;
  const void* weight;
  const void* output;
  const void* bias;
};

// A problem with input dilation 1 and no flip, as oneDNN knows it.
struct PlainConv {
  ConvProblem problem;
  // The weight's memory is (in_channels, kernel..., out_channels / groups), groups outermost.
  bool transposed_weight = false;
};

// False where oneDNN has no optimized implementation; nothing is then written. Only float32 and
// bfloat16.
bool conv_onednn(const PlainConv& conv, ConvPass pass, const ConvOperands& operands);

// Winograd's F(4x4, 3x3), channels last: a quarter of the products, for transforms of all operands.
// Half the time of the direct algorithm from 32 channels and 128 tiles of 4x4 on (16x28x28x128: 3.3
// of 6.6 ms); with few tiles the transformed weight costs more than it saves. Where the
// threads' sums of a weight's gradient would take more than 128 MiB it doesn't suit either.
bool suits_winograd(const ConvProblem& problem, ConvPass pass);
void conv_winograd(const ConvProblem& problem, ConvPass pass, const ConvOperands& operands);

// Every problem of every dtype but float16 and bfloat16: a matrix product with the input's windows
// laid out as rows, a block of output positions at a time.
void conv_general(const ConvProblem& problem, ConvPass pass, const ConvOperands& operands);

inline int64_t product(const std::array<int64_t, 3>& x, int rank) {
  int64_t result = 1;
  for (int i = 0; i < rank; ++i) result *= x[i];
  return result;
}

inline int64_t input_size(const ConvProblem& p) {
  return p.batch * product(p.input, p.rank) * p.in_channels;
}
inline int64_t weight_size(const ConvProblem& p) {
  return p.out_channels * product(p.kernel, p.rank) * (p.in_channels / p.groups);
}
inline int64_t output_size(const ConvProblem& p) {
  return p.batch * product(p.output(), p.rank) * p.out_channels;
}

}  // namespace mica::cpu
