#include "rows.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace benchmarks {

namespace {

// As benchmarks/peers/harness.py.
constexpr double warm_seconds = 0.2;
constexpr double timed_seconds = 0.8;
constexpr size_t most_steps = 50;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// With freeing the results, as the peers are timed.
double timed(const Step& step) {
  const auto start = std::chrono::steady_clock::now();
  step();
  return seconds_since(start);
}

struct Measured {
  double ms;
  uint64_t kernels;  // of a step
};

Measured measure(const Workload& workload) {
  workload.check(workload.step());
  workload.step();  // the last one that may make a plan: optimizers have their state now
  workload.step();
  mica::reset_counters();
  auto start = std::chrono::steady_clock::now();
  size_t steps = 0;
  double last = 0;
  for (; steps == 0 || seconds_since(start) < warm_seconds; ++steps) last = timed(workload.step);
  std::vector<double> seconds{last};
  start = std::chrono::steady_clock::now();
  if (last <= timed_seconds) seconds.clear();
  for (; seconds.empty() || (last <= timed_seconds && seconds.size() < most_steps &&
                             seconds_since(start) < timed_seconds);
       ++steps)
    seconds.push_back(timed(workload.step));

  const mica::Counters counters = mica::counters();
  if (counters.plan_misses != 0)
    throw std::runtime_error(std::to_string(counters.plan_misses) + " steps were planned anew");
  const uint64_t kernels = counters.kernels / steps;
  if (workload.kernels && kernels != *workload.kernels)
    throw std::runtime_error("expected " + std::to_string(*workload.kernels) +
                             " kernels a step, got " + std::to_string(kernels));
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  return {1e3 * *middle, kernels};
}

void report(const Row& row) {
  mica::random::seed(0);
  try {
    const Measured measured = measure(row.set_up());
    std::cout << R"({"peer": "mica", "row": ")" << row.name << R"(", "ms": )" << measured.ms
              << R"(, "kernels": )" << measured.kernels << "}" << std::endl;
  } catch (const std::exception& error) {
    throw std::runtime_error(row.name + ": " + error.what());
  }
}

int run(const std::vector<std::string>& names) {
  std::vector<Row> rows = op_rows();
  for (Row& row : model_rows()) rows.push_back(std::move(row));
  for (const Row& row : rows)
    if (names.empty() || std::find(names.begin(), names.end(), row.name) != names.end())
      report(row);
  return 0;
}

}  // namespace

void expect_close(const std::vector<double>& got, const std::vector<double>& expected,
                  double tolerance) {
  if (got.size() != expected.size()) throw std::runtime_error("a result has the wrong size");
  for (size_t i = 0; i < got.size(); ++i)
    if (!(std::abs(got[i] - expected[i]) <= tolerance * (1 + std::abs(expected[i])))) {
      std::ostringstream message;
      message << "expected " << expected[i] << " in place " << i << " of those checked, got "
              << got[i];
      throw std::runtime_error(message.str());
    }
}

array normal(const mica::Shape& shape) {
  array x = mica::random::normal(shape);
  x.eval();
  return x;
}

}  // namespace benchmarks

int main(int argc, char** argv) {
  try {
    return benchmarks::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "rows: " << error.what() << '\n';
    return 1;
  }
}
