#include "mica/nn/compile.h"

#include "mica/nn/walk.h"

namespace mica::nn::detail {

void collect_arrays(std::vector<array>& out, const StepState& state) {
  for (const Tree& part : state.parts) mica::collect_arrays(out, part);
}

StepState rebuild_arrays(const StepState& like, const array*& next) {
  StepState state{{}, like.flags};
  for (const Tree& part : like.parts) state.parts.push_back(mica::rebuild_arrays(part, next));
  return state;
}

void describe_structure(std::string& key, const StepState& state) {
  for (const Tree& part : state.parts) mica::describe_structure(key, part);
  key += state.flags;
}

void add_state(StepState& state, Module& model) {
  state.parts.push_back(model.state());
  ModuleWalk::add_flags(state.flags, model);
}

void add_state(StepState& state, optimizers::Optimizer& optimizer) {
  state.parts.push_back(optimizer.state());
}

void set_state(Module& model, const Tree& part) { model.update(part, false); }

void set_state(optimizers::Optimizer& optimizer, const Tree& part) { optimizer.set_state(part); }

}  // namespace mica::nn::detail
