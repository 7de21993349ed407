#include <cstring>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/ops/pooling.h"

namespace mica::ops {
namespace {

// x is an input of pooling, or the gradient of one.
cpu::PoolProblem pool_problem(const PoolWindow& window, const cpu::Tensor& x) {
  cpu::PoolProblem problem;
  problem.dtype = x.dtype.val();
  problem.rank = static_cast<int>(window.kernel.size());
  problem.batch = x.shape[0];
  problem.channels = x.shape.back();
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    problem.input[i] = x.shape[i + 1];
    problem.kernel[i] = window.kernel[i];
    problem.stride[i] = window.stride[i];
    problem.padding_lo[i] = problem.padding_hi[i] = window.padding[i];
  }
  return problem;
}

bool is_empty(const cpu::Call& call) {
  const cpu::Tensor& out = call.outputs[0];
  if (out.size == 0) return true;
  if (call.inputs.back().size > 0) return false;
  std::memset(out.data, 0, out.size * out.dtype.size());
  return true;
}

}  // namespace

void MaxPool::cpu(const cpu::Call& call) const {
  if (is_empty(call)) return;
  cpu::max_pool_forward(pool_problem(window, call.inputs[0]), call.inputs[0].data,
                        call.outputs[0].data);
}

void MaxPoolBackward::cpu(const cpu::Call& call) const {
  if (is_empty(call)) return;
  cpu::max_pool_backward(pool_problem(window, call.inputs[0]), call.inputs[0].data,
                         call.inputs[1].data, call.inputs[2].data, call.outputs[0].data);
}

void AvgPool::cpu(const cpu::Call& call) const {
  if (is_empty(call)) return;
  cpu::average_pool_forward(pool_problem(window, call.inputs[0]), call.inputs[0].data,
                            call.outputs[0].data);
}

void AvgPoolBackward::cpu(const cpu::Call& call) const {
  if (is_empty(call)) return;
  cpu::average_pool_backward(pool_problem(window, call.outputs[0]), call.inputs[0].data,
                             call.outputs[0].data);
}

}  // namespace mica::ops
