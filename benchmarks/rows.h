// The rows of benchmarks/peers in mica: the same workloads, timed the same way. A row's result is
// checked against plain loops before it is timed, its inputs are held, so that no kernel may write
// over them, and every step computes its results anew.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mica/mica.h"

namespace benchmarks {

using mica::array;

// Evaluates a step's results and returns them.
using Step = std::function<std::vector<array>()>;

struct Workload {
  Step step;
  // Throws std::runtime_error where the results of a step are wrong.
  std::function<void(const std::vector<array>& results)> check;
  // What a step must take; not checked where it is empty.
  std::optional<uint64_t> kernels = std::nullopt;
};

struct Row {
  std::string name;
  std::function<Workload()> set_up;
};

std::vector<Row> op_rows();
std::vector<Row> model_rows();

// Throws std::runtime_error naming the first that is off by more than tolerance * (1 + |expected|).
void expect_close(const std::vector<double>& got, const std::vector<double>& expected,
                  double tolerance);

// Evaluated values from a normal distribution.
array normal(const mica::Shape& shape);

}  // namespace benchmarks
