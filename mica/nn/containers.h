// Modules that hold other modules.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/nn/slot.h"

namespace mica::nn {

// Calls its layers one after the other: any modules and functions that map an array to an array.
// Write Sequential model{...} with braces, so that the layers are made, and draw, in order.
struct Sequential : Module {
  std::vector<Layer> layers;
  MICA_MODULE(Sequential, layers)

  Sequential() = default;
  explicit Sequential(std::vector<Layer> modules) : layers(std::move(modules)) {}
  template <class... M>
  requires(sizeof...(M) > 0 && (std::constructible_from<Layer, M> && ...) &&
           !(sizeof...(M) == 1 && (std::same_as<std::remove_cvref_t<M>, Sequential> && ...)))
      Sequential(M&&... modules) {
    layers.reserve(sizeof...(M));
    (layers.emplace_back(std::forward<M>(modules)), ...);
  }

  virtual array operator()(const array& x) const;
};

}  // namespace mica::nn
