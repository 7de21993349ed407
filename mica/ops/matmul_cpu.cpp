#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/ops/matmul.h"

namespace mica::ops {
namespace {

// One batch dimension, or several that both operands step through as one.
struct BatchDim {
  int64_t size, a_stride, b_stride;
};

std::vector<BatchDim> batch_dims(const cpu::Tensor& a, const cpu::Tensor& b) {
  std::vector<BatchDim> dims;  // innermost first
  for (size_t i = a.shape.size() - 2; i-- > 0;) {
    const BatchDim dim{a.shape[i], a.strides[i], b.strides[i]};
    if (dim.size == 1) continue;
    if (!dims.empty()) {
      BatchDim& last = dims.back();
      if (dim.a_stride == last.a_stride * last.size && dim.b_stride == last.b_stride * last.size) {
        last.size *= dim.size;
        continue;
      }
    }
    dims.push_back(dim);
  }
  return dims;
}

// Adds the products of one call to `calls`: several where the batch has more than three axes that
// cannot be merged.
void add_products(const cpu::Tensor& a, const cpu::Tensor& b, const void* bias, float alpha,
                  const cpu::Tensor& out, std::vector<cpu::MatmulCall>& calls) {
  if (out.size == 0) return;
  const size_t last = a.shape.size() - 1;
  cpu::MatmulProblem problem;
  problem.dtype = out.dtype.val();
  problem.m = a.shape[last - 1];
  problem.k = a.shape[last];
  problem.n = b.shape[last];
  problem.a_row = a.strides[last - 1];
  problem.a_col = a.strides[last];
  problem.b_row = b.strides[last - 1];
  problem.b_col = b.strides[last];
  problem.alpha = alpha;
  const std::vector<BatchDim> dims = batch_dims(a, b);
  const size_t inner = std::min<size_t>(dims.size(), problem.batch.size());
  int64_t inner_batch = 1;
  for (size_t i = 0; i < inner; ++i) {
    const size_t slot = problem.batch.size() - 1 - i;
    problem.batch[slot] = dims[i].size;
    problem.a_batch[slot] = dims[i].a_stride;
    problem.b_batch[slot] = dims[i].b_stride;
    inner_batch *= dims[i].size;
  }
  int64_t outer = 1;
  for (size_t i = inner; i < dims.size(); ++i) outer *= dims[i].size;
  const auto itemsize = static_cast<int64_t>(out.dtype.size());
  for (int64_t o = 0; o < outer; ++o) {
    int64_t rest = o, a_offset = 0, b_offset = 0;
    for (size_t i = inner; i < dims.size(); ++i) {
      const int64_t index = rest % dims[i].size;
      rest /= dims[i].size;
      a_offset += index * dims[i].a_stride;
      b_offset += index * dims[i].b_stride;
    }
    calls.push_back({problem, a.as<char>() + a_offset * itemsize,
                     b.as<char>() + b_offset * itemsize, bias,
                     out.as<char>() + o * inner_batch * problem.m * problem.n * itemsize});
  }
}

void run_products(std::span<const cpu::Call> calls, bool biased, float alpha) {
  std::vector<cpu::MatmulCall> products;
  products.reserve(calls.size());
  for (const cpu::Call& call : calls) {
    add_products(call.inputs[0], call.inputs[1], biased ? call.inputs[2].data : nullptr, alpha,
                 call.outputs[0], products);
  }
  cpu::matmul(products);
}

}  // namespace

bool is_few_rows(const Shape& out) {
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < out.size(); ++i) rows *= out[i];
  return rows <= 16;
}

void Matmul::cpu(const cpu::Call& call) const { run_products({&call, 1}, false, 1); }
void Matmul::cpu_joined(std::span<const cpu::Call> calls) const { run_products(calls, false, 1); }

void AddMM::cpu(const cpu::Call& call) const { run_products({&call, 1}, true, alpha); }
void AddMM::cpu_joined(std::span<const cpu::Call> calls) const { run_products(calls, true, alpha); }

}  // namespace mica::ops
