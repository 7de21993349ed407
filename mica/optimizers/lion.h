#pragma once

#include <array>

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct LionOptions {
  LearningRate learning_rate = {};
  std::array<double, 2> betas = {0.9, 0.99};  // in [0, 1)
  double weight_decay = 0.0;
};

// Lion, https://arxiv.org/abs/2302.06675: steps of the sign of a mean of gradients. Its learning
// rate is 3 to 10 times smaller than AdamW's, its weight decay as much larger.
class Lion : public Optimizer {
 public:
  using Options = LionOptions;
  Lion(const Options& options);
  explicit Lion(const LearningRate& learning_rate) : Lion(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
