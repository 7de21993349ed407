#include "mica/transforms/tape.h"

#include <bit>
#include <optional>

#include "mica/ops/primitives.h"
#include "mica/transforms/custom.h"

namespace mica::detail {
namespace {

bool has_rule(const detail::CustomRules& rules, Walk walk) {
  switch (walk) {
    case Walk::vjp:
      return static_cast<bool>(rules.vjp);
    case Walk::jvp:
      return static_cast<bool>(rules.jvp);
    case Walk::vmap:
      return static_cast<bool>(rules.vmap);
    case Walk::compile:
      return false;
  }
  return false;
}

// The inputs through which a walk goes on.
std::span<const array> followed_inputs(const engine::Node& node, Walk walk) {
  const std::span<const array> inputs = node.inputs();
  if (!node.op) return {};
  const bool derives = walk == Walk::vjp || walk == Walk::jvp;
  if (derives && node.op->id == op_id<ops::StopGradient>()) return {};
  if (node.op->id == op_id<ops::CustomFunction>()) {
    const auto& custom = engine::attributes<ops::CustomFunction>(*node.op);
    if (has_rule(*custom.rules, walk)) return inputs.subspan(custom.outputs);
  }
  return inputs;
}

// Truth values carry no derivative.
bool carries(const engine::Node& node, Walk walk) {
  if (walk == Walk::vmap || walk == Walk::compile) return true;
  if (node.value.dtype != bool_) return true;
  for (const engine::Value& value : node.others) {
    if (value.dtype != bool_) return true;
  }
  return false;
}

}  // namespace

size_t NodeIndex::place(const engine::Node* node) const {
  // Nodes are aligned: the low bits say nothing. Fibonacci hashing spreads the rest.
  const uint64_t hash = (reinterpret_cast<uintptr_t>(node) >> 4) * 0x9E3779B97F4A7C15u;
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>(hash >> (64 - std::countr_zero(slots_.size())));
  while (slots_[at].node && slots_[at].node != node) at = (at + 1) & mask;
  return at;
}

uint32_t NodeIndex::find(const engine::Node* node) const { return slots_[place(node)].number; }

bool NodeIndex::insert(const engine::Node* node) {
  if (2 * (static_cast<size_t>(count_) + 1) > slots_.size()) grow();
  Slot& slot = slots_[place(node)];
  if (slot.node) return false;
  slot = {node, count_++};
  return true;
}

void NodeIndex::grow() {
  std::vector<Slot> old(4 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.node) slots_[place(slot.node)] = slot;
  }
}

Tape::Tape(std::span<const array> roots, std::span<const array> outputs, Walk walk) {
  for (const array& root : roots) {
    engine::Node* node = &root.node();
    if (!index_.insert(node)) continue;
    place_.push_back(static_cast<uint32_t>(nodes_.size()));
    nodes_.push_back(node);
    first_slot_.push_back(static_cast<uint32_t>(slot_count_));
    slot_count_ += node->output_count();
  }
  root_count_ = static_cast<uint32_t>(nodes_.size());
  for (const array& output : outputs) walk_from(&output.node(), walk);
}

void Tape::walk_from(engine::Node* output, Walk walk) {
  struct Frame {
    engine::Node* node;
    std::span<const array> inputs;
    size_t next;
  };
  std::vector<Frame> stack;
  auto enter = [&](engine::Node* node) {
    // A node that depends on no tracer at all can't depend on the roots.
    if (!node->tracer || !index_.insert(node)) return;
    place_.push_back(NodeIndex::none);
    stack.push_back({node, followed_inputs(*node, walk), 0});
  };
  enter(output);
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.next < frame.inputs.size()) {
      enter(&frame.inputs[frame.next++].node());
    } else {
      add_dependent(frame.node, frame.inputs, walk);
      stack.pop_back();
    }
  }
}

void Tape::add_dependent(engine::Node* node, std::span<const array> inputs, Walk walk) {
  if (!carries(*node, walk)) return;
  for (const array& input : inputs) {
    if (find(input) == NodeIndex::none) continue;
    place_[index_.find(node)] = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back(node);
    first_slot_.push_back(static_cast<uint32_t>(slot_count_));
    slot_count_ += node->output_count();
    return;
  }
}

OnStream::OnStream(const Stream& stream) {
  if (to_stream({}) != stream) context_.emplace(stream);
}

std::vector<array> make_tracers(const std::vector<array>& primals) {
  std::vector<array> traced;
  traced.reserve(primals.size());
  for (const array& primal : primals) {
    traced.push_back(engine::apply(ops::Identity{}, {primal}, primal.shape(), primal.dtype(), {}));
    traced.back().node().tracer = true;
  }
  return traced;
}

array make_argument(const Shape& shape, Dtype dtype) {
  array argument = engine::make_placeholder(shape, dtype, to_stream({}));
  argument.node().tracer = true;
  return argument;
}

}  // namespace mica::detail
