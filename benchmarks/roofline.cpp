#include "roofline.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace benchmarks {

namespace {

constexpr size_t words = size_t{1} << 25;  // of 8 bytes: 256 MiB, more than caches hold
constexpr int rounds = 8;
constexpr int64_t multiplications = int64_t{1} << 24;  // of vectors

// Seconds of the fastest round of run(thread) on all threads at once.
double fastest(int threads, const std::function<void(int thread)>& run) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
    run(0);
    for (std::thread& other : others) other.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::min(best, seconds.count());
  }
  return best;
}

// Chains enough to keep the units busy while one result waits for the next.
constexpr int chains = 16;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float multiply_avx512() {
  __m512 sums[chains];
  for (int i = 0; i < chains; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 factor = _mm512_set1_ps(0.5f);
  for (int64_t step = 0; step < multiplications / chains; ++step)
    for (int i = 0; i < chains; ++i) sums[i] = _mm512_fmadd_ps(sums[i], factor, factor);
  float total = 0, lanes[16];
  for (int i = 0; i < chains; ++i) {
    _mm512_storeu_ps(lanes, sums[i]);
    for (const float lane : lanes) total += lane;
  }
  return total;
}

__attribute__((target("avx2,fma"))) float multiply_avx2() {
  constexpr int registers = 12;  // of 16
  __m256 sums[registers];
  for (int i = 0; i < registers; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 factor = _mm256_set1_ps(0.5f);
  for (int64_t step = 0; step < multiplications / registers; ++step)
    for (int i = 0; i < registers; ++i) sums[i] = _mm256_fmadd_ps(sums[i], factor, factor);
  float total = 0, lanes[8];
  for (int i = 0; i < registers; ++i) {
    _mm256_storeu_ps(lanes, sums[i]);
    for (const float lane : lanes) total += lane;
  }
  return total;
}
#endif

float multiply_portable() {
  constexpr int lanes = 4;
  float sums[chains * lanes] = {};
  for (int64_t step = 0; step < multiplications / chains; ++step)
    for (float& sum : sums) sum = sum * 0.5f + 0.5f;
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

struct Multiplication {
  float (*run)();
  int lanes;
};

Multiplication best_multiplication() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {multiply_avx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {multiply_avx2, 8};
#endif
  return {multiply_portable, 4};
}

}  // namespace

Roofline measure_roofline(int threads) {
  std::vector<uint64_t> from(words, 1), to(words, 2);
  const size_t share = words / static_cast<size_t>(threads);
  std::vector<uint64_t> sums(static_cast<size_t>(threads));
  const double read = fastest(threads, [&](int thread) {
    const uint64_t* begin = from.data() + static_cast<size_t>(thread) * share;
    uint64_t parts[8] = {};
    for (size_t i = 0; i + 8 <= share; i += 8)
      for (size_t j = 0; j < 8; ++j) parts[j] += begin[i + j];
    for (const uint64_t part : parts) sums[static_cast<size_t>(thread)] += part;
  });
  const double copy = fastest(threads, [&](int thread) {
    const size_t begin = static_cast<size_t>(thread) * share;
    std::memcpy(to.data() + begin, from.data() + begin, share * sizeof(uint64_t));
  });
  const Multiplication multiplication = best_multiplication();
  std::vector<float> results(static_cast<size_t>(threads));
  const double multiply = fastest(
      threads, [&](int thread) { results[static_cast<size_t>(thread)] = multiplication.run(); });
  volatile uint64_t kept = sums[0] + to[0] + static_cast<uint64_t>(results[0]);
  static_cast<void>(kept);
  const double bytes = static_cast<double>(share) * threads * sizeof(uint64_t);
  const double operations = 2.0 * multiplications * multiplication.lanes * threads;
  return {bytes / read, 2 * bytes / copy, operations / multiply};
}

}  // namespace benchmarks
