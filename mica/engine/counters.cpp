#include "mica/engine/counters.h"

#include <atomic>

namespace mica {
namespace {

struct AtomicCounters {
  std::atomic<uint64_t> plan_hits{0};
  std::atomic<uint64_t> plan_misses{0};
  std::atomic<uint64_t> kernels{0};
  std::atomic<uint64_t> bytes{0};
  std::atomic<uint64_t> temporaries{0};
};

constinit AtomicCounters totals;

void add(std::atomic<uint64_t>& total, uint64_t value) {
  if (value != 0) total.fetch_add(value, std::memory_order_relaxed);
}

}  // namespace

namespace engine {

void count(const Counters& done) noexcept {
  add(totals.plan_hits, done.plan_hits);
  add(totals.plan_misses, done.plan_misses);
  add(totals.kernels, done.kernels);
  add(totals.bytes, done.bytes);
  add(totals.temporaries, done.temporaries);
}

}  // namespace engine

Counters counters() {
  return {.plan_hits = totals.plan_hits,
          .plan_misses = totals.plan_misses,
          .kernels = totals.kernels,
          .bytes = totals.bytes,
          .temporaries = totals.temporaries};
}

void reset_counters() {
  totals.plan_hits = 0;
  totals.plan_misses = 0;
  totals.kernels = 0;
  totals.bytes = 0;
  totals.temporaries = 0;
}

}  // namespace mica
