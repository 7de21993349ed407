#include "mica/nn/drawing_trace.h"

#include <algorithm>

#include "mica/ops/checks.h"

namespace mica::nn::detail {

using engine::Node;

CallTrace::CallTrace(Module& model, const std::vector<array>& inputs) {
  for (const array& input : inputs) model_inputs_.insert(&input.node());
  add(model, "", -1);
}

int CallTrace::add(Module& module, const std::string& path, int parent) {
  const auto [known, is_new] = index_.emplace(&module, static_cast<int>(modules_.size()));
  const int index = known->second;
  if (is_new) {
    const size_t parameters = tree_reduce([](size_t sum, const array& a) { return sum + a.size(); },
                                          module.parameters(), size_t{0});
    modules_.push_back({path, module.type_name(), parameters, {}});
    hooks_.push_back(module.register_forward_hook(
        [this, index](const ForwardCall& call) { note(index, call.inputs, call.outputs, true); }));
  }
  if (parent >= 0) modules_[static_cast<size_t>(index)].parents.push_back(parent);
  if (is_new) add(ModuleWalk::members(module), path, index);
  return index;
}

void CallTrace::add(const Members& members, const std::string& prefix, int parent) {
  for (const Member& member : members) {
    const std::string path = mica::detail::join_path(prefix, member.key);
    if (member.is_array()) parameters_.emplace(&member.value->node(), path);
    if (member.is_container()) add(member.items, path, parent);
    if (member.is_module()) add(*member.module, path, parent);
  }
}

void CallTrace::finish(const std::vector<array>& outputs) {
  const bool seen = std::any_of(calls_.begin(), calls_.end(), [](const Call& call) {
    return call.module == 0 && call.parent == -1;
  });
  std::vector<array> inputs;
  if (!seen) note(0, inputs, outputs, false);
  hooks_.clear();
}

int CallTrace::owner(const Node* node) const {
  const auto found = owners_.find(node);
  return found == owners_.end() ? -1 : found->second;
}

std::string CallTrace::parameter(const Node* node) const {
  const auto found = parameters_.find(node);
  return found == parameters_.end() ? "" : found->second;
}

bool CallTrace::is_below(int module, int other) const {
  const auto& parents = modules_[static_cast<size_t>(module)].parents;
  return std::any_of(parents.begin(), parents.end(),
                     [&](int parent) { return parent == other || is_below(parent, other); });
}

bool CallTrace::is_inside(int call, int module) const {
  while (calls_[static_cast<size_t>(call)].parent >= 0)
    call = calls_[static_cast<size_t>(call)].parent;
  return is_below(calls_[static_cast<size_t>(call)].module, module);
}

std::vector<const Node*> CallTrace::made(int module, const Nodes& given,
                                         const std::vector<array>& outputs) const {
  const auto is_outside = [&](const Node* node) {
    if (given.contains(node) || model_inputs_.contains(node) || !node->op) return true;
    if (const int call = owner(node); call >= 0) return !is_inside(call, module);
    const auto reader = first_readers_.find(node);
    return reader != first_readers_.end() && !is_inside(reader->second, module);
  };
  struct Visit {
    const Node* node;
    size_t next_input;
  };
  std::vector<const Node*> order;
  std::vector<Visit> path;
  Nodes seen;
  const auto enter = [&](const array& a) {
    const Node* node = &a.node();
    if (seen.insert(node).second && !is_outside(node)) path.push_back({node, 0});
  };
  for (const array& output : outputs) {
    enter(output);
    while (!path.empty()) {
      Visit& top = path.back();
      const auto inputs = top.node->inputs();
      if (top.next_input < inputs.size()) {
        enter(inputs[top.next_input++]);
      } else {
        order.push_back(top.node);
        path.pop_back();
      }
    }
  }
  return order;
}

void CallTrace::note(int module, const std::vector<array>& inputs,
                     const std::vector<array>& outputs, bool hooked) {
  Nodes given;
  for (const array& input : inputs) given.insert(&input.node());
  if (!hooked) given = model_inputs_;
  const std::vector<const Node*> nodes = made(module, given, outputs);
  const int index = static_cast<int>(calls_.size());
  Call call{module, inputs, outputs, -1, hooked};
  Nodes depends;  // on what the call was given
  bool made_any = false;
  for (const Node* node : nodes) {
    bool reads_given = false;
    for (const array& input : node->inputs())
      reads_given |= given.contains(&input.node()) || depends.contains(&input.node());
    if (!reads_given) continue;
    depends.insert(node);
    made_any = true;
    if (!owners_.emplace(node, index).second) continue;
    for (const array& input : node->inputs()) {
      const Node* read = &input.node();
      if (!given.contains(read) && !depends.contains(read)) call.inputs.push_back(input);
    }
  }
  if (!made_any) return;  // it returned what it was given, or a constant
  const Nodes region(nodes.begin(), nodes.end());
  for (Call& other : calls_) {
    const bool ended_inside =
        other.parent < 0 && is_below(other.module, module) &&
        std::any_of(other.outputs.begin(), other.outputs.end(),
                    [&](const array& output) { return region.contains(&output.node()); });
    if (!ended_inside) continue;
    other.parent = index;
    call.leaf = false;
  }
  for (const array& input : inputs)
    if (owner(&input.node()) < 0) first_readers_.emplace(&input.node(), index);
  calls_.push_back(std::move(call));
}

}  // namespace mica::nn::detail
