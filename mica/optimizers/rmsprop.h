#pragma once

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct RMSpropOptions {
  LearningRate learning_rate = {};
  double alpha = 0.99;  // of the running mean, at least 0
  double eps = 1e-8;    // above 0
};

// RMSprop: steps are divided by the root of a running mean of squared gradients (Tieleman and
// Hinton, 2012).
class RMSprop : public Optimizer {
 public:
  using Options = RMSpropOptions;
  RMSprop(const Options& options);
  explicit RMSprop(const LearningRate& learning_rate) : RMSprop(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
