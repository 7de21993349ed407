// Steps of optimizers against those of a golden file: "start", "gradients" and, for each case, its
// "parameters" and "state" behind them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/nn/goldens.h"

namespace mica {

class StepsTest : public ::testing::Test {
 protected:
  explicit StepsTest(const std::string& file) : file_(golden::load(file)) {}

  Tree tree(const std::string& prefix) const {
    return tree_unflatten(part_of(file_, prefix + "."));
  }
  template <class O>
  void expect_steps(const std::string& name, O optimizer, const std::string& data = "",
                    Tolerance tolerance = {}) const {
    Tree parameters = tree(data + "start");
    const Tree gradients = tree(data + "gradients");
    for (const Tree& each : gradients.elements())
      parameters = optimizer.apply_gradients(each, parameters);
    expect_tree(file_, name + ".parameters.", parameters, tolerance);
    expect_tree(file_, name + ".state.", optimizer.state(), tolerance);
  }

  const Goldens file_;
  const optimizers::Schedule falling_ = optimizers::linear_schedule(0.1, 0.01, 3);
};

}  // namespace mica
