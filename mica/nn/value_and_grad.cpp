#include "mica/nn/value_and_grad.h"

#include <stdexcept>
#include <unordered_set>

#include "mica/nn/walk.h"

namespace mica::nn::detail {

ParametersGuard::ParametersGuard(Module& model) : model_(model) {
  for (const array* a : ModuleWalk::arrays(model)) arrays_.push_back(*a);
}

ParametersGuard::~ParametersGuard() {
  if (!restore_) return;
  const std::vector<array*> places = ModuleWalk::arrays(model_);
  for (size_t i = 0; i < std::min(places.size(), arrays_.size()); ++i) *places[i] = arrays_[i];
}

void ParametersGuard::keep_changes(const Tree& traced) {
  std::unordered_set<std::uintptr_t> tracers;
  for (const auto& [path, tracer] : tree_flatten(traced)) tracers.insert(tracer.id());
  const std::vector<array*> places = ModuleWalk::arrays(model_);
  if (places.size() != arrays_.size())
    throw std::logic_error("nn::value_and_grad: expected " + std::to_string(arrays_.size()) +
                           " arrays in the model, got " + std::to_string(places.size()) +
                           "; the function must not add or remove parameters");
  for (size_t i = 0; i < places.size(); ++i)
    if (tracers.contains(places[i]->id())) *places[i] = arrays_[i];
  restore_ = false;
}

}  // namespace mica::nn::detail
