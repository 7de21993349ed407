#pragma once

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct AdaDeltaOptions {
  LearningRate learning_rate = {};
  double rho = 0.9;   // of both running means, at least 0
  double eps = 1e-6;  // above 0
};

// AdaDelta with a learning rate, https://arxiv.org/abs/1212.5701: steps have the size of the steps
// before.
class AdaDelta : public Optimizer {
 public:
  using Options = AdaDeltaOptions;
  AdaDelta(const Options& options);
  explicit AdaDelta(const LearningRate& learning_rate) : AdaDelta(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
