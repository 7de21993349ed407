// Grouping of elementwise ops and reductions into fused programs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mica/engine/plan.h"

namespace mica::engine {

// A node of the plan: a node of the graph after common subexpressions were merged.
struct PlanNode {
  uint32_t graph_node;
  const Op* op;
  std::vector<uint32_t> inputs;   // plan values
  std::vector<uint32_t> outputs;  // plan values
  bool view = false;
};

// What the passes of planning share.
struct Draft {
  std::vector<PlanValue> values;
  std::vector<PlanNode> nodes;
  std::vector<uint32_t> producer;  // node of each value, none for leaves
  std::vector<bool> kept;          // values wanted after the evaluation
};

bool is_fusable(const PlanNode& node);

// Nodes that run together, in order. Groups come in an order in which they can run.
struct Group {
  std::vector<uint32_t> nodes;
};
std::vector<Group> make_groups(const Draft& draft);

// Whether calls of two nodes can run as one if neither reads what the other writes.
bool can_join(const Draft& draft, const PlanNode& a, const PlanNode& b);

// The groups in an order in which they can run, and in which values leave memory early. Those that
// can join each other are neighbours.
std::vector<Group> in_order(const Draft& draft, std::vector<Group> groups);

// Adds copies of nodes to groups that would otherwise keep large values in memory from one program
// to the next. Changes no bit of any result.
void recompute(Draft& draft, std::vector<Group>& groups);

// The program of a group of fusable nodes; `materialized` says which values must be in memory.
FusedStep lower(const Draft& draft, const Group& group, const std::vector<bool>& materialized);

}  // namespace mica::engine
