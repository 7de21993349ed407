#pragma once

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct AdagradOptions {
  LearningRate learning_rate = {};
  double eps = 1e-8;  // above 0
};

// Adagrad: steps are divided by the root of the sum of squared gradients (Duchi, Hazan and Singer,
// 2011).
class Adagrad : public Optimizer {
 public:
  using Options = AdagradOptions;
  Adagrad(const Options& options);
  explicit Adagrad(const LearningRate& learning_rate) : Adagrad(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
