// Work shared among the threads of one OpenMP pool, which oneDNN uses too.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace mica::engine {

// Threads that share one computation, the calling one included. At first the value of
// MICA_NUM_THREADS, or else what OpenMP offers within the process's share of the machine.
int num_threads();

// Throws std::invalid_argument where n < 1.
void set_num_threads(int n);

// While it lives, OpenMP regions of the calling thread that are not ours (oneDNN's, LAPACK's) have
// so many threads, num_threads() as ours.
class ThreadCountScope {
 public:
  explicit ThreadCountScope(int threads = num_threads());
  ~ThreadCountScope();
  ThreadCountScope(const ThreadCountScope&) = delete;
  ThreadCountScope& operator=(const ThreadCountScope&) = delete;

 private:
  int previous_;
};

// True within a chunk that runs beside others: work there stays on its thread.
bool in_parallel();

// The number of chunks that n elements are cut into: at most num_threads(), each of at least
// `grain` elements (but for n < grain), one while in_parallel().
int chunk_count(int64_t n, int64_t grain);

// Begin of chunk i of `count` over n elements; its end is the begin of chunk i + 1.
inline int64_t chunk_begin(int64_t n, int64_t count, int64_t i) {
  return n / count * i + std::min(i, n % count);
}

namespace detail {
void run_chunks(int count, void* context, void (*run)(void* context, int chunk));
}

// Calls f(chunk) for each chunk in [0, count), in parallel where possible. Once all have ended,
// throws what the first of those that threw has thrown.
template <class F>
void parallel_chunks(int count, F&& f) {
  if (count == 1) return f(0);
  using Function = std::remove_reference_t<F>;
  detail::run_chunks(count, const_cast<std::remove_const_t<Function>*>(&f),
                     [](void* context, int chunk) { (*static_cast<Function*>(context))(chunk); });
}

// Calls f(begin, end) on contiguous chunks that make up [0, n). Up to `grain` elements stay on the
// calling thread. The partition depends on n, grain and num_threads() alone.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  const int count = chunk_count(n, grain);
  parallel_chunks(
      count, [&](int chunk) { f(chunk_begin(n, count, chunk), chunk_begin(n, count, chunk + 1)); });
}

}  // namespace mica::engine
