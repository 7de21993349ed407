// Gradients with respect to a model's parameters.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/nn/module.h"
#include "mica/transforms/transforms.h"

namespace mica::nn {

namespace detail {

// The arrays of a model, put back when this ends unless released.
class ParametersGuard {
 public:
  explicit ParametersGuard(Module& model);
  ~ParametersGuard();
  ParametersGuard(const ParametersGuard&) = delete;
  ParametersGuard& operator=(const ParametersGuard&) = delete;

  // Puts back those of the trainable parameters that still are what was put in their place, and
  // keeps all else that has changed since: layers' state, parameters that the function assigned.
  void keep_changes(const Tree& traced);

 private:
  Module& model_;
  std::vector<array> arrays_;
  bool restore_ = true;
};

}  // namespace detail

// A function of fn's arguments that returns a pair: what fn returns, the loss or a tuple with the
// loss in front, and the tree of its gradients in model.trainable_parameters(). The model is used
// where it is, so it must outlive the function. While fn runs its parameters are traced; afterwards
// they are what they were, also where fn throws, and what layers changed besides, as BatchNorm's
// statistics, stays.
template <class M, class F>
requires std::derived_from<M, Module>
auto value_and_grad(M& model, F fn) {
  static_assert(!std::is_const_v<M>, "nn::value_and_grad: expected a model that is not const");
  return mica::detail::like<F>(
      [&model, fn = mica::detail::keep(std::move(fn))]<class... Args>(Args&&... args) {
        detail::ParametersGuard guard(model);
        const Tree parameters = model.trainable_parameters();
        Tree traced;
        auto loss = [&](const Tree& tracers) {
          traced = tracers;
          model.update(tracers);
          return (*fn)(std::forward<Args>(args)...);
        };
        auto result = mica::value_and_grad<0>(loss)(parameters);
        guard.keep_changes(traced);
        return result;
      });
}

// A temporary would be gone when the function is called.
template <class M, class F>
requires(std::derived_from<std::remove_cvref_t<M>, Module> && !std::is_lvalue_reference_v<M>)  //
    auto value_and_grad(M&& model, F fn) = delete;

}  // namespace mica::nn
