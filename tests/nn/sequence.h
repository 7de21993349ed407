// Comparing layers of sequences with the cases of tests/golden/sequence_goldens.py.
#pragma once

#include <sstream>

#include "tests/nn/goldens.h"

namespace mica {

// Expects the output of call(layer, inputs), and its gradients in the layer's parameters and in the
// inputs, with the case's parameters.
template <class L, class Call>
void expect_layer(const Goldens& file, const std::string& name, L layer, const Call& call,
                  const std::vector<array>& inputs, Tolerance tolerance = {2e-5, 5e-6}) {
  SCOPED_TRACE(name);
  layer.load_weights(part_of(file, name + ".parameters."));
  const auto parameters = tree_flatten(layer.trainable_parameters());
  std::vector<array> primals;
  for (const auto& [path, parameter] : parameters) primals.push_back(parameter);
  primals.insert(primals.end(), inputs.begin(), inputs.end());
  const auto function = [&](const std::vector<array>& arrays) {
    auto replaced = parameters;
    for (size_t i = 0; i < replaced.size(); ++i) replaced[i].second = arrays[i];
    layer.update(tree_unflatten(replaced));
    const auto first = arrays.begin() + static_cast<std::ptrdiff_t>(replaced.size());
    return call(layer, std::vector<array>(first, arrays.end()));
  };
  expect_case(file, name, function, primals, file.at(name + ".cotangent"), tolerance);
}

// The text of a case that holds what Python prints.
inline std::string printed_text(const Goldens& file, const std::string& name) {
  array bytes = file.at(name);
  bytes.eval();
  return {bytes.data<char>(), bytes.size()};
}

template <class L>
std::string print(const L& layer) {
  std::ostringstream text;
  text << layer;
  return text.str();
}

}  // namespace mica
