// Calling a model of any signature with a list of arrays.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/transforms/tree.h"

namespace mica::nn::detail {

using ArraysFunction = std::function<std::vector<array>(const std::vector<array>&)>;

// model(inputs[0], ...) of as many inputs as there are types, and the arrays of its result.
template <class... Inputs, class M>
ArraysFunction call_of(M& model) {
  return [&model](const std::vector<array>& inputs) {
    return [&]<size_t... i>(std::index_sequence<i...>) {
      auto result = model(inputs[i]...);
      std::vector<array> outputs;
      mica::detail::TreeTraits<decltype(result)>::collect(outputs, result);
      return outputs;
    }
    (std::index_sequence_for<Inputs...>());
  };
}

}  // namespace mica::nn::detail
