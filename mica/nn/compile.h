// Compiled training steps.
#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/nn/module.h"
#include "mica/optimizers/optimizer.h"
#include "mica/transforms/compile.h"

namespace mica::nn {

namespace detail {

// The arrays of what a step changes, and what its trace depends on besides: which modules train,
// and which parameters are frozen.
struct StepState {
  std::vector<Tree> parts;
  std::string flags;
};
void collect_arrays(std::vector<array>& out, const StepState& state);
StepState rebuild_arrays(const StepState& like, const array*& next);
void describe_structure(std::string& key, const StepState& state);

void add_state(StepState& state, Module& model);
void add_state(StepState& state, optimizers::Optimizer& optimizer);
void set_state(Module& model, const Tree& part);
void set_state(optimizers::Optimizer& optimizer, const Tree& part);

}  // namespace detail

// step, which may change the models and optimizers given (at least one), as a function that calls
// it only where a shape or dtype is new, a model's mode or frozen parameters have changed: see
// mica::compile. A compiled step gives what the plain one would, with new random numbers in each
// call. Models and optimizers are used where they are, so they must outlive the function. What step
// returns are arrays or trees or tuples of them.
//
//   auto step = nn::compile([&](const array& x, const array& y) {
//     auto [loss, gradients] = loss_and_grad(x, y);
//     optimizer.update(model, gradients);
//     return loss;
//   }, model, optimizer);
template <class F, class... S>
requires(sizeof...(S) > 0 &&
         ((std::is_base_of_v<Module, S> || std::is_base_of_v<optimizers::Optimizer, S>)&&...))  //
    auto compile(F&& step, S&... changed) {
  auto get = [&changed...] {
    detail::StepState state;
    (detail::add_state(state, changed), ...);
    return state;
  };
  auto set = [&changed...](const detail::StepState& state) {
    size_t i = 0;
    (detail::set_state(changed, state.parts[i++]), ...);
  };
  return mica::detail::compile_stateful(std::forward<F>(step), std::move(get), std::move(set));
}

}  // namespace mica::nn
