// A plan: how to run a graph of a given structure, whatever its leaves and run-time arguments are.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "mica/engine/cpu/program.h"
#include "mica/engine/graph.h"

namespace mica::engine {

inline constexpr uint32_t none = UINT32_MAX;

struct PlanValue {
  Shape shape;
  Strides strides;
  Dtype dtype = float32;
  int64_t size = 0;
  // A view re-reads another value, from an offset that node `view_node` of the graph gives for its
  // output `view_output`.
  uint32_t view_of = none;
  uint32_t view_node = none;
  int view_output = 0;
  uint32_t storage = none;  // that of the viewed value, for a view

  size_t bytes() const { return static_cast<size_t>(size) * dtype.size(); }
};

// Of each value the one whose memory it is in: itself, or what a view views in the end. A view
// comes after what it views.
std::vector<uint32_t> viewed_roots(const std::vector<PlanValue>& values);

struct Storage {
  enum class Place : uint8_t { leaf, own, arena };
  Place place = Place::arena;
  uint32_t leaf = none;  // index into the graph's leaves
  size_t offset = 0;     // into the arena, bytes
  size_t bytes = 0;
};

// An elementwise program over one or, where several of the same form are independent, many sets of
// memory; or a reduction.
struct FusedStep {
  cpu::Program program;
  struct Instance {
    cpu::Loops loops;
    std::vector<uint32_t> inputs;   // values
    std::vector<uint32_t> outputs;  // values
  };
  std::vector<Instance> instances;
  cpu::ReductionLoops reduction;  // where program.reduction is set
};

// A structured op's own kernel, for one call or, where the op joins them, for several of equal ops
// that are independent.
struct KernelStep {
  struct Call {
    uint32_t node;  // of the graph: gives the op
    std::vector<uint32_t> inputs;
    std::vector<uint32_t> outputs;
  };
  OpId op;
  std::vector<Call> calls;
};

// A row-contiguous copy for a kernel that wants one.
struct CopyStep {
  uint32_t input;
  uint32_t output;
};

using Step = std::variant<FusedStep, KernelStep, CopyStep>;

// Calls f with each value that a step reads.
template <class F>
void for_each_input(const Step& step, F&& f) {
  std::visit(
      [&](const auto& s) {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<S, FusedStep>) {
          for (const auto& instance : s.instances) {
            for (uint32_t v : instance.inputs) f(v);
          }
        } else if constexpr (std::is_same_v<S, KernelStep>) {
          for (const auto& call : s.calls) {
            for (uint32_t v : call.inputs) f(v);
          }
        } else {
          f(s.input);
        }
      },
      step);
}

// Calls f with each value that a step writes.
template <class F>
void for_each_output(const Step& step, F&& f) {
  std::visit(
      [&](const auto& s) {
        using S = std::decay_t<decltype(s)>;
        if constexpr (std::is_same_v<S, FusedStep>) {
          for (const auto& instance : s.instances) {
            for (uint32_t v : instance.outputs) f(v);
          }
        } else if constexpr (std::is_same_v<S, KernelStep>) {
          for (const auto& call : s.calls) {
            for (uint32_t v : call.outputs) f(v);
          }
        } else {
          f(s.output);
        }
      },
      step);
}

struct Plan {
  Key key;
  std::vector<PlanValue> values;
  std::vector<uint32_t> value_of;  // plan value of each of the graph's values
  std::vector<Storage> storages;
  std::vector<Step> steps;
  std::vector<uint32_t> op_nodes;     // nodes whose op is needed while running
  std::vector<uint32_t> leaf_values;  // plan value of each leaf
  size_t arena_bytes = 0;
  size_t temporaries = 0;  // storages in the arena
  size_t bytes_moved = 0;  // read and written by all steps
};

std::shared_ptr<const Plan> make_plan(const Graph& graph);

// Assigns each value its storage, reusing what is no longer read: plan_memory.cpp.
void plan_memory(Plan& plan, const Graph& graph, const std::vector<bool>& kept_values);

}  // namespace mica::engine
