#include <algorithm>
#include <cstring>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/ops/convolution.h"

namespace mica::ops {
namespace {

cpu::ConvProblem conv_problem(const ConvWindow& window, Dtype dtype, const Shape& input,
                              const Shape& weight) {
  cpu::ConvProblem problem;
  problem.dtype = dtype.val();
  problem.rank = static_cast<int>(window.stride.size());
  problem.batch = input[0];
  problem.in_channels = input.back();
  problem.out_channels = weight[0];
  problem.groups = window.groups;
  for (size_t i = 0; i < window.stride.size(); ++i) {
    problem.input[i] = input[i + 1];
    problem.kernel[i] = weight[i + 1];
    problem.stride[i] = window.stride[i];
    problem.padding_lo[i] = window.padding_lo[i];
    problem.padding_hi[i] = window.padding_hi[i];
    problem.dilation[i] = window.kernel_dilation[i];
    problem.input_dilation[i] = window.input_dilation[i];
  }
  problem.flip = window.flip;
  return problem;
}

// True where there is nothing to sum: the output is then zero.
bool fill_empty(const cpu::Call& call) {
  const cpu::Tensor& out = call.outputs[0];
  if (call.inputs[0].size > 0 && call.inputs[1].size > 0 && out.size > 0) return false;
  std::memset(out.data, 0, out.size * out.dtype.size());
  return true;
}

}  // namespace

void Convolution::cpu(const cpu::Call& call) const {
  if (fill_empty(call)) return;
  const cpu::Tensor &input = call.inputs[0], &weight = call.inputs[1], &out = call.outputs[0];
  cpu::conv_forward(conv_problem(window, out.dtype, input.shape, weight.shape), input.data,
                    weight.data, biased ? call.inputs[2].data : nullptr, out.data);
}

void ConvolutionBackwardData::cpu(const cpu::Call& call) const {
  if (fill_empty(call)) return;
  const cpu::Tensor &gradient = call.inputs[0], &weight = call.inputs[1], &out = call.outputs[0];
  cpu::conv_backward_data(conv_problem(window, out.dtype, out.shape, weight.shape), gradient.data,
                          weight.data, out.data);
}

void ConvolutionBackwardWeights::cpu(const cpu::Call& call) const {
  if (fill_empty(call)) return;
  const cpu::Tensor &input = call.inputs[0], &gradient = call.inputs[1], &out = call.outputs[0];
  cpu::conv_backward_weights(conv_problem(window, out.dtype, input.shape, out.shape), input.data,
                             gradient.data, out.data, nullptr);
}

}  // namespace mica::ops
