#include "mica/optimizers/multi_optimizer.h"

#include <algorithm>
#include <stdexcept>

namespace mica::optimizers {

MultiOptimizer::MultiOptimizer(std::vector<AnyOptimizer> optimizers, std::vector<Filter> filters)
    : Optimizer("MultiOptimizer", {}, false),
      optimizers_(std::move(optimizers)),
      filters_(std::move(filters)) {
  if (optimizers_.empty()) fail("at least 1 optimizer", "none");
  if (filters_.size() + 1 != optimizers_.size())
    fail(std::to_string(optimizers_.size() - 1) + " filters", std::to_string(filters_.size()));
}

// The gradients of each optimizer, at their paths.
std::vector<Tree> MultiOptimizer::parts_of(const Tree& gradients) const {
  std::vector<std::vector<std::pair<std::string, array>>> leaves(optimizers_.size());
  for (auto& [path, gradient] : tree_flatten(gradients)) {
    size_t i = 0;
    while (i < filters_.size() && !filters_[i](path, gradient)) ++i;
    leaves[i].emplace_back(path, gradient);
  }
  std::vector<Tree> parts;
  for (const auto& part : leaves) parts.push_back(part.empty() ? Tree() : tree_unflatten(part));
  return parts;
}

void MultiOptimizer::init(const Tree& parameters) {
  const std::vector<Tree> parts = parts_of(parameters);
  for (size_t i = 0; i < parts.size(); ++i) optimizers_[i]->init(parts[i]);
}

Tree MultiOptimizer::apply_gradients(const Tree& gradients, const Tree& parameters) {
  check(gradients, parameters);
  const std::vector<Tree> parts = parts_of(gradients);
  Tree out;
  for (size_t i = 0; i < parts.size(); ++i)
    out = tree_merge(out, optimizers_[i]->apply_gradients(parts[i], parameters));
  return out;
}

Tree MultiOptimizer::state() const {
  Tree states = Tree::list();
  for (const AnyOptimizer& optimizer : optimizers_) states.push_back(optimizer->state());
  return Tree::dict({{"states", std::move(states)}});
}

void MultiOptimizer::set_state(Tree state) {
  if (!state.contains("states") || !state["states"].is_list() ||
      state["states"].size() != optimizers_.size())
    fail("a state with 'states' of " + std::to_string(optimizers_.size()) + " optimizers",
         state.contains("states") ? std::to_string(state["states"].size()) : "none");
  for (size_t i = 0; i < optimizers_.size(); ++i) optimizers_[i]->set_state(state["states"][i]);
}

bool MultiOptimizer::is_scheduled() const {
  return std::any_of(optimizers_.begin(), optimizers_.end(),
                     [](const AnyOptimizer& optimizer) { return optimizer->is_scheduled(); });
}

void MultiOptimizer::set_learning_rate(const array& value) {
  for (AnyOptimizer& optimizer : optimizers_) optimizer->set_learning_rate(value);
}

void MultiOptimizer::init_single(const array&, Tree&) const {
  throw std::logic_error("MultiOptimizer::init_single: its optimizers have the state");
}

array MultiOptimizer::apply_single(const array&, const array&, Tree&) const {
  throw std::logic_error("MultiOptimizer::apply_single: its optimizers take the steps");
}

}  // namespace mica::optimizers
