// The engine turns a lazy graph into results: it collects the nodes to compute (graph.h), looks up
// or makes a plan for their structure (plan.h: common subexpressions, fusion, memory), binds memory
// and runs it on a stream. engine/cpu holds what no single op owns.
#pragma once

#include <vector>

#include "mica/array/array.h"

namespace mica::engine {

// Computes the arrays; waits for them unless async. Throws std::invalid_argument for arguments of
// functions being traced, and what a kernel threw.
void evaluate(std::vector<array> outputs, bool async);

}  // namespace mica::engine
