// The order in which kernels go through pairs of matrices.
#pragma once

#include <cstdint>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/parallel.h"

namespace mica::ops {

// `count` pairs, from number `first` on, of one matrix of b with matrices of a that follow each
// other: the product of one taller matrix.
struct PairRun {
  int64_t first, count;
  int64_t a, b;  // indices of the first pair's matrices
};

// Throws std::out_of_range for an index (int32) outside of [-matrices, matrices). Where a's
// matrices don't follow each other in memory (!joins), every run is of one pair.
std::vector<PairRun> pair_runs(const cpu::Tensor& lhs, int64_t lhs_matrices, const cpu::Tensor& rhs,
                               int64_t rhs_matrices, bool joins);

// Calls f(run) for each. Where there are many, they share the threads among themselves; few leave
// them to each product.
template <class F>
void for_each_run(const std::vector<PairRun>& runs, F&& f) {
  const auto count = static_cast<int64_t>(runs.size());
  const int64_t grain = count >= 2 * engine::num_threads() ? 1 : count;
  engine::parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(runs[static_cast<size_t>(i)]);
  });
}

}  // namespace mica::ops
