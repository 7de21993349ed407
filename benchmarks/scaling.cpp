// How mica's speed depends on sizes: scaling [--benchmark_...] times families of ops with Google
// Benchmark. Counters say what a step must read and write (bytes) and compute (floating-point
// operations), and the report's context what the machine can do; scripts/scaling.py relates them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "inputs.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/mica.h"
#include "roofline.h"

namespace benchmarks {

namespace {

using namespace mica;

struct Cost {
  double read = 0, written = 0, flops = 0;
};

using Step = std::function<void()>;

// A point of a family is named "family/size".
struct Point {
  std::string name;
  Cost cost;
  std::function<Step()> set_up;
};

Step evaluating(std::function<array()> function) {
  return [function = std::move(function)] { function().eval(); };
}

const std::vector<int64_t> sizes = {1,       1 << 6,  1 << 10, 1 << 14,
                                    1 << 17, 1 << 20, 1 << 23, 1 << 26};

// As square as powers of two allow.
Shape two_axes(int64_t size) {
  int64_t rows = 1;
  while (rows * rows * 4 <= size) rows *= 2;
  return {static_cast<int>(rows), static_cast<int>(size / rows)};
}

void add_memory_bound(std::vector<Point>& points) {
  struct Family {
    std::string name;
    array (*function)(const array&);
    bool reduces;
  };
  const std::vector<Family> families = {
      {"copy", [](const array& x) { return x + 0; }, false},
      {"exp", [](const array& x) { return exp(x); }, false},
      {"gelu", [](const array& x) { return nn::gelu(x); }, false},
      {"softmax last axis", [](const array& x) { return softmax(x, -1); }, false},
      {"softmax first axis", [](const array& x) { return softmax(x, 0); }, false},
      {"transpose", [](const array& x) { return contiguous(transpose(x)); }, false},
      {"cumsum", [](const array& x) { return cumsum(x, -1); }, false},
      {"sum", [](const array& x) { return sum(x); }, true},
      {"sum first axis", [](const array& x) { return sum(x, 0); }, true},
      {"sum last axis", [](const array& x) { return sum(x, -1); }, true},
      {"max last axis", [](const array& x) { return max(x, -1); }, true},
  };
  for (const Family& family : families) {
    for (const int64_t size : sizes) {
      const double bytes = 4.0 * static_cast<double>(size);
      points.push_back({family.name + "/" + std::to_string(size),
                        {.read = bytes, .written = family.reduces ? 0 : bytes},
                        [=, function = family.function] {
                          const array x = values(0, two_axes(size));
                          return evaluating([=] { return function(x); });
                        }});
    }
  }
}

void add_products(std::vector<Point>& points) {
  const auto add = [&](const std::string& name, int m, int k, int n, Dtype dtype) {
    const double mk = 1.0 * m * k, kn = 1.0 * k * n, mn = 1.0 * m * n;
    const double size = dtype.size();
    points.push_back(
        {name, {.read = size * (mk + kn), .written = size * mn, .flops = 2 * mk * n}, [=] {
           const array a = astype(values(0, {m, k}), dtype);
           const array b = astype(values(1, {k, n}), dtype);
           eval(a, b);
           return evaluating([=] { return matmul(a, b); });
         }});
  };
  for (const int n : {1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096})
    add("matmul n x n x n/" + std::to_string(n), n, n, n, float32);
  for (const int n : {64, 256, 1024, 4096})
    add("matmul n x n x n bf16/" + std::to_string(n), n, n, n, bfloat16);
  for (const int m : {1, 2, 4, 8, 16, 32, 64, 128, 512})
    add("matmul m x 2048 x 2048/" + std::to_string(m), m, 2048, 2048, float32);
  for (const int n : {1, 2, 4, 8, 16, 32, 64, 128, 512})
    add("matmul 2048 x 2048 x n/" + std::to_string(n), 2048, 2048, n, float32);
  for (const int k : {1, 4, 16, 64, 256})
    add("matmul 2048 x k x 2048/" + std::to_string(k), 2048, k, 2048, float32);
}

void add_attention(std::vector<Point>& points) {
  constexpr int heads = 8, dims = 64;
  const float scale = 0.125f;
  for (const bool causal : {false, true}) {
    const std::string kind = causal ? "causal attention" : "attention",
                      mask = causal ? "causal" : "";
    for (const int length : {128, 256, 512, 1024, 2048, 4096}) {
      const double product = 2.0 * heads * dims * length * length * (causal ? 0.5 : 1);
      const auto inputs = [=] {
        std::vector<array> qkv;
        for (uint32_t i = 0; i < 3; ++i) qkv.push_back(values(i, {1, heads, length, dims}));
        return qkv;
      };
      const auto attend = [=](const std::vector<array>& x) {
        return std::vector{fast::scaled_dot_product_attention(x[0], x[1], x[2], scale, mask)};
      };
      points.push_back({kind + "/" + std::to_string(length), {.flops = 2 * product}, [=] {
                          const auto x = inputs();
                          return evaluating([=] { return attend(x)[0]; });
                        }});
      points.push_back({kind + " forward and backward/" + std::to_string(length),
                        {.flops = 7 * product},
                        [=]() -> Step {
                          const auto x = inputs();
                          const array g = values(3, x[0].shape());
                          return [=] { eval(vjp(attend, x, {g}).second); };
                        }});
    }
  }
}

void add_quantized(std::vector<Point>& points) {
  constexpr int size = 4096;
  for (const int bits : {4, 8}) {
    for (const int rows : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512}) {
      const double weights = 1.0 * size * size;
      points.push_back(
          {std::to_string(bits) + "-bit m x 4096 x 4096/" + std::to_string(rows),
           {.read = weights * bits / 8 + weights / 64 * 8, .flops = 2 * weights * rows},
           [=] {
             const array x = values(0, {rows, size});
             const auto q = quantize(values(1, {size, size}), 64, bits);
             eval(q);
             return evaluating(
                 [=] { return quantized_matmul(x, q[0], q[1], q[2], true, 64, bits); });
           }});
    }
  }
}

void add_moving(std::vector<Point>& points) {
  for (const int64_t size : sizes) {
    if (size < 64) continue;
    const double bytes = 4.0 * static_cast<double>(size);
    const Cost moved{.read = bytes, .written = bytes};
    const std::string end = "/" + std::to_string(size);
    points.push_back({"fft of 1024s" + end, {.read = 2 * bytes, .written = 2 * bytes}, [=] {
                        const int length = static_cast<int>(std::min<int64_t>(size, 1024));
                        const int rows = static_cast<int>(size) / length;
                        const array x = astype(values(0, {rows, length}), complex64);
                        eval(x);
                        return evaluating([=] { return fft::fft(x, -1); });
                      }});
    points.push_back({"gather rows of 64" + end, moved, [=] {
                        const int rows = static_cast<int>(size / 64);
                        const array x = values(0, {rows, 64});
                        const array places = labels(1, {rows}, static_cast<uint32_t>(rows));
                        return evaluating([=] { return take(x, places, 0); });
                      }});
    if (size > 1 << 23) continue;
    points.push_back({"sort rows of 1024" + end, moved, [=] {
                        const int length = static_cast<int>(std::min<int64_t>(size, 1024));
                        const array x = values(0, {static_cast<int>(size) / length, length});
                        return evaluating([=] { return sort(x, -1); });
                      }});
    points.push_back({"sort one row" + end, moved, [=] {
                        const array x = values(0, {static_cast<int>(size)});
                        return evaluating([=] { return sort(x); });
                      }});
  }
}

std::vector<Point> all_points() {
  std::vector<Point> points;
  add_memory_bound(points);
  add_products(points);
  add_attention(points);
  add_quantized(points);
  add_moving(points);
  return points;
}

// Google Benchmark calls this several times, with more steps each time; `step` lives as long.
void time_point(benchmark::State& state, const Point& point, Step& step) {
  if (!step) {
    step = point.set_up();
    const auto start = std::chrono::steady_clock::now();
    for (int steps = 0;
         steps < 3 || std::chrono::steady_clock::now() - start < std::chrono::milliseconds(20);
         ++steps)
      step();
  }
  for (auto _ : state) step();
  state.counters["read"] = point.cost.read;
  state.counters["written"] = point.cost.written;
  state.counters["flops"] = point.cost.flops;
}

void run() {
  const Roofline roofline = measure_roofline(engine::num_threads());
  benchmark::AddCustomContext("read_bytes_per_second", std::to_string(roofline.read));
  benchmark::AddCustomContext("copy_bytes_per_second", std::to_string(roofline.copy));
  benchmark::AddCustomContext("flops_per_second", std::to_string(roofline.flops));

  const std::vector<Point> points = all_points();
  Step step;  // of one point at a time
  const Point* current = nullptr;
  for (const Point& point : points) {
    benchmark::RegisterBenchmark(point.name.c_str(),
                                 [&point, &step, &current](benchmark::State& state) {
                                   if (current != &point) step = nullptr;
                                   current = &point;
                                   time_point(state, point, step);
                                 })
        ->MinTime(0.05)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace

}  // namespace benchmarks

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  try {
    benchmarks::run();
  } catch (const std::exception& error) {
    std::cerr << "scaling: " << error.what() << '\n';
    return 1;
  }
}
