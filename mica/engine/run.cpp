#include "mica/engine/run.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/engine/counters.h"
#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/copy.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/joined.h"
#include "mica/ops/checks.h"

namespace mica::engine {
namespace {

// What a run could not compute: the first error, and the values that lack for it.
class Failures {
 public:
  explicit Failures(const std::vector<PlanValue>& values) : values_(values) {}

  // Call while an exception is handled.
  void catch_error() {
    if (error_) return;
    roots_ = viewed_roots(values_);
    failed_.resize(values_.size(), false);
    error_ = std::current_exception();
  }
  void add(uint32_t value) { failed_[roots_[value]] = true; }
  void add_outputs(const Step& step) {
    for_each_output(step, [this](uint32_t v) { add(v); });
  }
  bool reach(const Step& step) const {
    bool reached = false;
    if (error_) for_each_input(step, [&](uint32_t v) { reached = reached || failed_[roots_[v]]; });
    return reached;
  }

  const std::exception_ptr& error() const { return error_; }
  // For each value; empty where nothing failed.
  std::vector<bool> values() const {
    std::vector<bool> all(failed_.size());
    for (size_t v = 0; v < all.size(); ++v) all[v] = failed_[roots_[v]];
    return all;
  }

 private:
  const std::vector<PlanValue>& values_;
  std::exception_ptr error_;
  std::vector<uint32_t> roots_;  // of views, and `failed_` of roots
  std::vector<bool> failed_;
};

}  // namespace

Run::Run(std::shared_ptr<const Plan> plan, const Graph& graph, std::shared_ptr<Event> done)
    : plan_(std::move(plan)), done_(std::move(done)) {
  for (uint32_t n : plan_->op_nodes) ops_.push_back(graph.nodes[n]->op);
  bind_leaves(graph);
  bind_values(graph);
  publish(graph);
}

Run::~Run() {
  if (done_->is_set()) return;
  done_->set(std::make_exception_ptr(
      std::runtime_error("eval: expected a stream that still exists, got one that was ended")));
}

void Run::bind_leaves(const Graph& graph) {
  buffers_.resize(plan_->storages.size());
  offsets_.resize(plan_->values.size(), 0);
  for (size_t i = 0; i < graph.leaves.size(); ++i) {
    const auto [node, output] = graph.values[graph.leaves[i]];
    const Value& value = node->output(output);
    const uint32_t v = plan_->leaf_values[i];
    buffers_[plan_->values[v].storage] = value.buffer;
    offsets_[v] = value.offset;
    if (node->status.load(std::memory_order_acquire) == Status::scheduled &&
        (!node->event->is_set() || node->event->error())) {
      waits_.push_back({node->event, node->result, v});
    }
  }
}

void Run::bind_values(const Graph& graph) {
  if (plan_->arena_bytes) arena_ = allocate_scratch(plan_->arena_bytes);
  std::vector<std::byte*> bases(plan_->storages.size(), nullptr);
  for (size_t s = 0; s < plan_->storages.size(); ++s) {
    const Storage& storage = plan_->storages[s];
    if (storage.place == Storage::Place::own) buffers_[s] = allocate(storage.bytes);
    if (buffers_[s]) {
      bases[s] = static_cast<std::byte*>(buffers_[s].data());
    } else if (arena_) {
      bases[s] = static_cast<std::byte*>(arena_.data()) + storage.offset;
    }
  }
  pointers_.resize(plan_->values.size());
  for (size_t v = 0; v < plan_->values.size(); ++v) {
    const PlanValue& value = plan_->values[v];
    if (value.view_of != none) {
      offsets_[v] = offsets_[value.view_of];
      if (value.view_node != none) {
        const Op& op = *graph.nodes[value.view_node]->op;
        const Strides& strides = plan_->values[value.view_of].strides;
        offsets_[v] += op.info().view_offset(op, strides, value.view_output);
      }
    }
    if (bases[value.storage]) {
      pointers_[v] = bases[value.storage] + offsets_[v] * static_cast<int64_t>(value.dtype.size());
    }
  }
}

void Run::publish(const Graph& graph) {
  // Others may drop their handles at any time: these keep the nodes alive while they are detached.
  std::vector<array> held;
  held.reserve(graph.held.size());
  for (Node* node : graph.held) held.emplace_back(node, 0);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!graph.kept[n]) continue;
    Node& node = *graph.nodes[n];
    for (uint32_t o = 0; o < node.output_count(); ++o) {
      const uint32_t v = plan_->value_of[node.index + o];
      Value& value = node.output(o);
      value.buffer = buffers_[plan_->values[v].storage];
      value.offset = offsets_[v];
      value.strides = plan_->values[v].strides;
    }
    node.event = done_;
    node.result = plan_->value_of[node.index];
    node.status.store(Status::scheduled, std::memory_order_release);
    detach_evaluated(node);
  }
}

void Run::execute() noexcept {
  std::exception_ptr error;
  std::vector<bool> failed;
  try {
    Failures failures(plan_->values);
    for (const Wait& wait : waits_) {
      try {
        wait.event->wait(wait.result);
      } catch (...) {
        failures.catch_error();
        failures.add(wait.value);
      }
    }
    ThreadCountScope threads;
    for (const Step& step : plan_->steps) {
      if (failures.reach(step)) {
        failures.add_outputs(step);
        continue;
      }
      try {
        std::visit([this](const auto& s) { run(s); }, step);
      } catch (...) {
        failures.catch_error();
        failures.add_outputs(step);
      }
    }
    count({.kernels = plan_->steps.size(),
           .bytes = plan_->bytes_moved,
           .temporaries = plan_->temporaries});
    failed = failures.values();
    error = failures.error();
  } catch (...) {
    failed.clear();
    error = std::current_exception();
  }
  buffers_.clear();
  arena_ = {};
  ops_.clear();
  waits_.clear();
  done_->set(std::move(error), std::move(failed));
}

const Op& Run::op_of(uint32_t graph_node) const {
  const auto& nodes = plan_->op_nodes;
  const auto it = std::lower_bound(nodes.begin(), nodes.end(), graph_node);
  return *ops_[static_cast<size_t>(it - nodes.begin())];
}

void Run::run(const FusedStep& step) {
  if (step.program.reduction) return reduce(step);
  const size_t inputs = step.program.inputs.size(), outputs = step.program.outputs.size();
  operands_.clear();
  for (const auto& instance : step.instances) {
    for (uint32_t v : instance.inputs) operands_.push_back(pointers_[v]);
    for (uint32_t v : instance.outputs) operands_.push_back(pointers_[v]);
  }
  std::vector<cpu::Instance> instances;
  instances.reserve(step.instances.size());
  void** operand = operands_.data();
  for (const auto& instance : step.instances) {
    instances.push_back({&instance.loops, {operand, inputs}, {operand + inputs, outputs}});
    operand += inputs + outputs;
  }
  cpu::run(step.program, instances);
}

void Run::reduce(const FusedStep& step) {
  const auto& instance = step.instances[0];
  operands_.clear();
  for (uint32_t v : instance.inputs) operands_.push_back(pointers_[v]);
  const PlanValue& out = plan_->values[instance.outputs[0]];
  void* to = pointers_[instance.outputs[0]];
  const Dtype accumulated = step.program.reduction->dtype;
  if (accumulated == out.dtype) {
    cpu::run_reduction(step.program, step.reduction, operands_, to);
    return;
  }
  const auto n = static_cast<size_t>(out.size);
  const BufferRef wide = allocate(n * accumulated.size());
  cpu::run_reduction(step.program, step.reduction, operands_, wide.data());
  cpu::cast_kernel(accumulated, out.dtype)(to, wide.data(), nullptr, nullptr, n);
}

void Run::run(const KernelStep& step) {
  size_t operands = 0;
  for (const auto& call : step.calls) operands += call.inputs.size() + call.outputs.size();
  std::vector<cpu::Tensor> tensors;
  tensors.reserve(operands);
  const auto add = [&](const std::vector<uint32_t>& values) -> std::span<const cpu::Tensor> {
    for (uint32_t v : values) {
      const PlanValue& value = plan_->values[v];
      tensors.push_back(
          {pointers_[v], value.shape, value.strides, value.dtype, static_cast<size_t>(value.size)});
    }
    return std::span(tensors).last(values.size());
  };
  const Op& op = op_of(step.calls[0].node);
  try {
    if (step.calls.size() == 1) {
      const auto inputs = add(step.calls[0].inputs);
      op.info().cpu(op, {inputs, add(step.calls[0].outputs)});
    } else {
      std::vector<cpu::Call> calls;
      calls.reserve(step.calls.size());
      for (const auto& call : step.calls) {
        const auto inputs = add(call.inputs);
        calls.push_back({inputs, add(call.outputs)});
      }
      joined_info(op.id).cpu(op, calls);
    }
  } catch (const std::exception& e) {
    std::string shapes;
    for (const auto& call : step.calls) {
      for (uint32_t v : call.inputs) {
        shapes += (shapes.empty() ? "" : ", ") + to_string(plan_->values[v].shape);
      }
    }
    throw std::runtime_error(std::string(op.info().name) + " of " + shapes + ": " + e.what());
  }
}

void Run::run(const CopyStep& step) {
  const PlanValue& in = plan_->values[step.input];
  cpu::copy_strided(
      {pointers_[step.input], in.shape, in.strides, in.dtype, static_cast<size_t>(in.size)},
      pointers_[step.output]);
}

}  // namespace mica::engine
