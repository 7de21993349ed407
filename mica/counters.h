// What the engine has done: for tests and for finding out why a program is slow.
#pragma once

#include <cstdint>

namespace mica {

// Totals of the process since its start or the last reset_counters().
struct Counters {
  uint64_t plan_hits = 0;    // evaluations whose plan was in the cache
  uint64_t plan_misses = 0;  // evaluations that were planned anew
  uint64_t kernels = 0;      // kernels run; a fused program is one
  uint64_t bytes = 0;        // read and written by kernels, estimated from the sizes of arrays
  uint64_t temporaries = 0;  // buffers allocated for values that no one outside an evaluation sees

  bool operator==(const Counters&) const = default;
};

Counters counters();
void reset_counters();

}  // namespace mica
