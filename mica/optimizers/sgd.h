#pragma once

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct SGDOptions {
  LearningRate learning_rate = {};
  double momentum = 0.0;
  double weight_decay = 0.0;  // added to the gradient, times the parameter
  double dampening = 0.0;
  bool nesterov = false;  // needs momentum and no dampening
};

// Stochastic gradient descent.
class SGD : public Optimizer {
 public:
  using Options = SGDOptions;
  SGD(const Options& options);
  explicit SGD(const LearningRate& learning_rate) : SGD(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
