// Comparing functions and layers with the cases of tests/golden/generate.py.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/mica.h"
#include "tests/golden.h"

namespace mica {

using Goldens = std::unordered_map<std::string, array>;

struct Tolerance {
  double rtol = 1e-5;
  double atol = 2e-6;
};
// Of values that are rounded to half precision more than once on the way.
inline Tolerance half_tolerance(Dtype dtype) {
  return dtype == bfloat16 ? Tolerance{3e-2, 3e-2} : Tolerance{4e-3, 4e-3};
}

inline void expect_close(const array& actual, const array& expected, Tolerance tolerance) {
  golden::expect_close(actual, expected, tolerance.rtol, tolerance.atol);
}

// The arrays whose names start with the prefix, under the rest of their names.
inline std::vector<std::pair<std::string, array>> part_of(const Goldens& file,
                                                          const std::string& prefix) {
  std::vector<std::pair<std::string, array>> part;
  for (const auto& [name, value] : file)
    if (name.starts_with(prefix)) part.emplace_back(name.substr(prefix.size()), value);
  return part;
}

// Expects the case's output, and its gradients in the inputs for the cotangent.
inline void expect_case(const Goldens& file, const std::string& name,
                        const std::function<array(const std::vector<array>&)>& function,
                        const std::vector<array>& inputs, const array& cotangent,
                        Tolerance tolerance = {}) {
  SCOPED_TRACE(name);
  const auto [outputs, gradients] =
      vjp([&](const std::vector<array>& x) { return std::vector<array>{function(x)}; }, inputs,
          std::vector<array>{cotangent});
  expect_close(outputs[0], file.at(name + ".output"), tolerance);
  for (size_t i = 0; i < inputs.size(); ++i) {
    SCOPED_TRACE("gradient " + std::to_string(i));
    expect_close(gradients[i], file.at(name + ".gradients." + std::to_string(i)), tolerance);
  }
}

inline void expect_case(const Goldens& file, const std::string& name,
                        const std::function<array(const array&)>& function, const array& input,
                        Tolerance tolerance = {}) {
  expect_case(
      file, name, [&](const std::vector<array>& x) { return function(x[0]); }, {input},
      file.at(name + ".cotangent"), tolerance);
}

// Expects the tree's arrays to be those of the file under the prefix.
inline void expect_tree(const Goldens& file, const std::string& prefix, const Tree& tree,
                        Tolerance tolerance = {}) {
  SCOPED_TRACE(prefix);
  const auto leaves = tree_flatten(tree);
  EXPECT_EQ(leaves.size(), part_of(file, prefix).size());
  for (const auto& [path, leaf] : leaves) {
    SCOPED_TRACE(path);
    ASSERT_TRUE(file.contains(prefix + path));
    expect_close(leaf, file.at(prefix + path), tolerance);
  }
}

// Expects the output, the gradients in parameters and inputs, and the statistics afterwards of a
// layer with the case's parameters.
template <class L>
void expect_layer_case(const Goldens& file, const std::string& name, L layer,
                       const std::vector<array>& inputs, Tolerance tolerance = {}) {
  layer.load_weights(part_of(file, name + ".parameters."));
  const auto parameters = tree_flatten(layer.trainable_parameters());
  std::vector<array> primals;
  for (const auto& [path, parameter] : parameters) primals.push_back(parameter);
  const bool differentiable = issubdtype(inputs[0].dtype(), floating);
  if (differentiable) primals.insert(primals.end(), inputs.begin(), inputs.end());
  auto call = [&](const std::vector<array>& arrays) {
    auto replaced = parameters;
    for (size_t i = 0; i < replaced.size(); ++i) replaced[i].second = arrays[i];
    if (!replaced.empty()) layer.update(tree_unflatten(replaced));
    const array* given = differentiable ? arrays.data() + replaced.size() : inputs.data();
    if constexpr (std::is_invocable_v<L&, const array&, const array&>)
      return layer(given[0], given[1]);
    else
      return layer(given[0]);
  };
  expect_case(file, name, call, primals, file.at(name + ".cotangent"), tolerance);
  SCOPED_TRACE(name);
  const auto after = part_of(file, name + ".after.");
  const Tree held = layer.parameters();
  for (const auto& [key, expected] : after) expect_close(held[key], expected, tolerance);
}

}  // namespace mica
