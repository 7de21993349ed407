// The work of several calls shared among the threads at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>

#include "mica/engine/cpu/parallel.h"

namespace mica::engine {

// One call's work: units that are each done by one thread, and what each of them costs.
struct Work {
  int64_t units, cost;
  int64_t total() const { return units * cost; }
};

// Calls f(call, begin, end) on ranges of units that make up all of `work`, as parallel_for does
// for elements: each thread gets a contiguous share of the whole cost, of at least `grain`.
template <class F>
void parallel_works(std::span<const Work> work, int64_t grain, F&& f) {
  const int64_t total =
      std::accumulate(work.begin(), work.end(), int64_t{0},
                      [](int64_t sum, const Work& each) { return sum + each.total(); });
  parallel_for(total, grain, [&](int64_t begin, int64_t end) {
    int64_t before = 0;  // cost of the calls that are passed
    for (size_t call = 0; call < work.size(); ++call) {
      const auto [units, cost] = work[call];
      // A unit belongs to the share in which its cost begins.
      const auto unit_at = [&, units = units, cost = cost](int64_t at) {
        return std::clamp<int64_t>((at - before + cost - 1) / cost, 0, units);
      };
      const int64_t first = begin <= before ? 0 : unit_at(begin);
      const int64_t last = end <= before ? 0 : unit_at(end);
      if (first < last) f(call, first, last);
      before += units * cost;
    }
  });
}

}  // namespace mica::engine
