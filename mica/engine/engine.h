// The engine turns a lazy graph into results: it collects the nodes to compute (graph.h), looks up
// or makes a plan for their structure (plan.h: common subexpressions, fusion, memory), binds memory
// and runs it on a stream. engine/cpu holds what no single op owns.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "mica/array/array.h"

namespace mica::engine {

// Computes the arrays; waits for them unless async. Throws std::invalid_argument for arguments of
// functions being traced, and what a kernel threw.
void evaluate(std::span<const array> outputs, bool async);

// The bytes that evaluating the outputs would hold at once: what it starts from, results and
// temporaries. Arguments of functions being traced count as if they had data.
size_t memory_to_evaluate(const std::vector<array>& outputs);

}  // namespace mica::engine
