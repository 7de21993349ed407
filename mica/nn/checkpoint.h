// Gradients of a part of a model that keep nothing of what the part computes.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "mica/nn/value_and_grad.h"
#include "mica/transforms/transforms.h"

namespace mica::nn {

// A function that behaves as fn, which calls the module, but whose gradient in the module's
// trainable parameters and in the arguments computes all values in between again, with the same
// random numbers. The arguments are arrays or trees. The module is used where it is, so it must
// outlive the function and the gradient.
template <class M, class F>
requires std::derived_from<M, Module>
auto checkpoint(M& module, F fn) {
  return [&module, fn = mica::detail::keep(std::move(fn))]<class... Args>(const Args&... args) {
    auto with_parameters = [&module, fn](const Tree& parameters, const Args&... given) {
      detail::ParametersGuard guard(module);
      module.update(parameters);
      auto result = (*fn)(given...);
      guard.keep_changes(parameters);
      return result;
    };
    return mica::checkpoint(with_parameters)(module.trainable_parameters(), args...);
  };
}

// The module itself, as such a function.
template <class M>
requires std::derived_from<M, Module>
auto checkpoint(M& module) {
  return checkpoint(module, [&module](const auto&... args) { return module(args...); });
}

}  // namespace mica::nn
