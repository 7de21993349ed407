#include "mica/engine/cpu/parallel.h"

#include <omp.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>

#include "mica/engine/machine.h"

namespace mica::engine {
namespace {

int initial_num_threads() {
  if (const char* text = std::getenv("MICA_NUM_THREADS")) {
    int value = 0;
    const char* end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, value);
    if (result.ec != std::errc() || result.ptr != end || value < 1) {
      throw std::invalid_argument(
          std::string("MICA_NUM_THREADS: expected a positive integer, got '") + text + "'");
    }
    return value;
  }
  return std::max(1, std::min(omp_get_max_threads(), machine().cores));
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count = initial_num_threads();
  return count;
}

}  // namespace

int num_threads() { return thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int n) {
  if (n < 1) {
    throw std::invalid_argument("set_num_threads: expected n >= 1, got " + std::to_string(n));
  }
  thread_count().store(n, std::memory_order_relaxed);
}

ThreadCountScope::ThreadCountScope(int threads) : previous_(omp_get_max_threads()) {
  if (threads != previous_) omp_set_num_threads(threads);
}

ThreadCountScope::~ThreadCountScope() {
  if (omp_get_max_threads() != previous_) omp_set_num_threads(previous_);
}

bool in_parallel() { return omp_in_parallel() != 0; }

int chunk_count(int64_t n, int64_t grain) {
  if (n <= grain || n <= 1) return 1;
  const int64_t useful = n / std::max<int64_t>(grain, 1);
  const int64_t count = std::min<int64_t>(useful, num_threads());
  return count <= 1 || in_parallel() ? 1 : static_cast<int>(count);
}

namespace detail {

void run_chunks(int count, void* context, void (*run)(void* context, int chunk)) {
  std::mutex mutex;
  std::exception_ptr error;
  int error_chunk = count;
  auto run_guarded = [&](int chunk) noexcept {
    try {
      run(context, chunk);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (chunk < error_chunk) {
        error_chunk = chunk;
        error = std::current_exception();
      }
    }
  };
  const int threads = num_threads();
  if (threads == 1 || in_parallel()) {
    for (int chunk = 0; chunk < count; ++chunk) run_guarded(chunk);
  } else {
    // The whole team each time, even for fewer chunks: libgomp ends the threads that a smaller
    // team leaves over and has to make them again.
#pragma omp parallel num_threads(threads)
    {
      const int team = omp_get_num_threads();
      for (int chunk = omp_get_thread_num(); chunk < count; chunk += team) run_guarded(chunk);
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace detail
}  // namespace mica::engine
