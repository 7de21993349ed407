#pragma once

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct MuonOptions {
  LearningRate learning_rate = {};
  double momentum = 0.95;
  double weight_decay = 0.01;  // added to the gradient, times the parameter
  bool nesterov = true;
  int ns_steps = 5;  // Newton-Schulz iterations
};

// Muon, https://kellerjordan.github.io/posts/muon: the momentum of a matrix is made orthogonal
// before each step; axes behind the first are one where there are more than two. Embeddings, the
// last layer and vectors are better left to another optimizer (see MultiOptimizer).
class Muon : public Optimizer {
 public:
  using Options = MuonOptions;
  Muon(const Options& options);
  explicit Muon(const LearningRate& learning_rate) : Muon(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
