#include "mica/ops/gather_mm_cpu.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/ops/gather_mm.h"

namespace mica::ops {
namespace {

int64_t index_at(const cpu::Tensor& indices, int64_t i, int64_t matrices) {
  const int32_t index = indices.as<int32_t>()[i * indices.strides[0]];
  const int64_t from_start = index + (index < 0 ? matrices : 0);
  if (from_start < 0 || from_start >= matrices) {
    throw std::out_of_range("index " + std::to_string(index) + " is out of bounds for " +
                            std::to_string(matrices) + " matrices");
  }
  return from_start;
}

// a (m, k) @ b (k, n) through the strides of two tensors' last axes.
cpu::MatmulProblem product_of(const cpu::Tensor& a, const cpu::Tensor& b) {
  cpu::MatmulProblem problem;
  problem.dtype = a.dtype.val();
  problem.m = a.shape[1];
  problem.k = a.shape[2];
  problem.n = b.shape[2];
  problem.a_row = a.strides[1];
  problem.a_col = a.strides[2];
  problem.b_row = b.strides[1];
  problem.b_col = b.strides[2];
  return problem;
}

const char* at(const cpu::Tensor& x, int64_t offset) {
  return x.as<char>() + offset * static_cast<int64_t>(x.dtype.size());
}

}  // namespace

std::vector<PairRun> pair_runs(const cpu::Tensor& lhs, int64_t lhs_matrices, const cpu::Tensor& rhs,
                               int64_t rhs_matrices, bool joins) {
  std::vector<PairRun> runs;
  for (int64_t i = 0; i < lhs.shape[0]; ++i) {
    const int64_t a = index_at(lhs, i, lhs_matrices), b = index_at(rhs, i, rhs_matrices);
    if (joins && !runs.empty() && runs.back().b == b && runs.back().a + runs.back().count == a) {
      ++runs.back().count;
    } else {
      runs.push_back({i, 1, a, b});
    }
  }
  return runs;
}

void GatherMM::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &b = call.inputs[1], &out = call.outputs[0];
  const bool joins = a.strides[0] == a.shape[1] * a.strides[1];
  const auto runs = pair_runs(call.inputs[2], a.shape[0], call.inputs[3], b.shape[0], joins);
  if (out.size == 0) return;
  const int64_t matrix = int64_t{out.shape[1]} * out.shape[2];
  for_each_run(runs, [&](const PairRun& run) {
    cpu::MatmulProblem problem = product_of(a, b);
    problem.m *= run.count;
    cpu::matmul(problem, at(a, run.a * a.strides[0]), at(b, run.b * b.strides[0]), nullptr,
                const_cast<char*>(at(out, run.first * matrix)));
  });
}

void SegmentedMM::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &b = call.inputs[1], &segments = call.inputs[2];
  const cpu::Tensor& out = call.outputs[0];
  if (out.size == 0) return;
  const int64_t count = out.shape[1], matrix = int64_t{out.shape[2]} * out.shape[3];
  const auto batch_step = [](const cpu::Tensor& x) { return x.shape[0] > 1 ? x.strides[0] : 0; };
  for (int64_t i = 0; i < out.shape[0] * count; ++i) {
    const int64_t which = i / count;
    const uint32_t* segment =
        segments.as<uint32_t>() + which * batch_step(segments) + i % count * segments.strides[1];
    const int64_t start = segment[0], end = segment[segments.strides[2]];
    cpu::MatmulProblem problem = product_of(a, b);
    problem.k = std::min(end, problem.k) - start;
    char* to = const_cast<char*>(at(out, i * matrix));
    if (problem.k <= 0) {
      std::memset(to, 0, static_cast<size_t>(matrix) * out.dtype.size());
      continue;
    }
    cpu::matmul(problem, at(a, which * batch_step(a) + start * a.strides[2]),
                at(b, which * batch_step(b) + start * b.strides[1]), nullptr, to);
  }
}

}  // namespace mica::ops
