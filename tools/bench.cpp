#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>

#include "machine_report.h"
#include "mica/fast/fast.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/transforms.h"
#include "program.h"
#include "table.h"

namespace tools {
namespace {

using mica::array;

constexpr double seconds_per_row = 0.5;
constexpr size_t least_runs = 5;

// The median time, in seconds, of evaluating what the function returns.
double median_time(const std::function<array()>& function) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (int i = 0; i < 3; ++i) function().eval();
  std::vector<double> times;
  const auto start = Clock::now();
  while (times.size() < least_runs || seconds_since(start) < seconds_per_row) {
    const auto begin = Clock::now();
    function().eval();
    times.push_back(seconds_since(begin));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                   times.end());
  return times[times.size() / 2];
}

// Of one core that is busy, from a chain of products and sums, each of which takes 3 + 1 cycles on
// the processors of the last decade.
double gigahertz() {
  constexpr int steps = 20'000'000;
  uint64_t value =
      static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (int step = 0; step < steps; ++step)
      value = value * 6364136223846793005u + 1442695040888963407u;
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::max(best, 4.0 * steps / taken.count() / 1e9);
  }
  volatile uint64_t sink = value;  // so that the chain is computed
  static_cast<void>(sink);
  return best;
}

// float32 operations a second: two fused multiply-adds a cycle and core.
double peak_flops(const MachineReport& report, double clock) {
  const double lanes = report.kernels == "AVX-512" ? 16 : report.kernels == "AVX2" ? 8 : 4;
  return 2 * 2 * lanes * clock * 1e9 * report.threads;
}

}  // namespace

void bench(std::ostream& output) {
  const MachineReport report = machine_report();
  std::vector<Row> rows;
  const auto add = [&](const std::string& name, double seconds, const std::string& rate,
                       double share) {
    rows.push_back({name, fmt::format("{:.3g}", seconds * 1e3), rate,
                    share > 0 ? fmt::format("{:.0f} %", 100 * share) : ""});
  };

  const array large = mica::random::normal({4096, 4096});
  large.eval();
  const double bytes = 2.0 * static_cast<double>(large.nbytes());
  const double copy = median_time([&] { return -large; });
  add("-x, 64 MiB", copy, fmt::format("{:.1f} GB/s", bytes / copy / 1e9), 0);
  const double chain =
      median_time([&] { return tanh(large * 2.0f + 1.0f) * sigmoid(large) + large * 0.5f; });
  add("tanh(2x+1)*sigmoid(x)+x/2, 64 MiB", chain, fmt::format("{:.1f} GB/s", bytes / chain / 1e9),
      copy / chain);

  const double clock = gigahertz(), peak = peak_flops(report, clock);
  const auto add_flops = [&](const std::string& name, double operations,
                             const std::function<array()>& function) {
    const double seconds = median_time(function);
    add(name, seconds, fmt::format("{:.0f} GFLOP/s", operations / seconds / 1e9),
        operations / seconds / peak);
  };
  const double n = 1024;
  const array a = mica::random::normal({1024, 1024}), b = mica::random::normal({1024, 1024});
  mica::eval(a, b);
  add_flops("matmul 1024", 2 * n * n * n, [&] { return matmul(a, b); });
  const array q = mica::random::normal({1, 8, 1024, 64}),
              k = mica::random::normal({1, 8, 1024, 64}),
              v = mica::random::normal({1, 8, 1024, 64});
  mica::eval(q, k, v);
  add_flops("attention H8 T1024 D64", 4.0 * 8 * n * n * 64,
            [&] { return mica::fast::scaled_dot_product_attention(q, k, v, 0.125f); });

  output << fmt::format("{}, {} threads, {} kernels, float32\n\n", report.processor, report.threads,
                        report.kernels);
  print_table(output, {"row", "ms", "rate", "of roof"}, rows, {1, 2, 3}, std::nullopt);
  output << fmt::format(
      "\nroof: the bandwidth of the first row; for products {:.0f} GFLOP/s, {} cores at {:.2f} GHz "
      "with two multiply-adds a cycle\n",
      peak / 1e9, report.threads, clock);
}

}  // namespace tools
