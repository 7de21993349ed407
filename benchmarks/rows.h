// The rows of benchmarks/peers in mica: the same workloads on the same inputs. Inputs are held, so
// that no kernel may write over them; equal sums have inputs of their own, for they would be
// computed once; and every step computes its results anew.
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
  // What a step must take; not checked where it is empty.
  std::optional<uint64_t> kernels = std::nullopt;
  // How many steps' results are compared with a peer's: more than one where steps differ.
  int compared_steps = 1;
};

struct Row {
  std::string name;
  std::function<Workload()> set_up;
};

std::vector<Row> op_rows();
std::vector<Row> model_rows();
std::vector<Row> llm_rows();

}  // namespace benchmarks
