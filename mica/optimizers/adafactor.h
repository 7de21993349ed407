#pragma once

#include <array>
#include <optional>

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct AdafactorOptions {
  LearningRate learning_rate = {};              // needed without relative_step, ignored with it
  std::array<double, 2> eps = {1e-30, 1e-3};    // added to squares; least scale of a parameter
  double clip_threshold = 1.0;                  // of an update's root mean square
  double decay_rate = -0.8;                     // beta_2 is 1 - step^decay_rate
  std::optional<double> beta_1 = std::nullopt;  // of a running mean of updates, none without it
  double weight_decay = 0.0;
  bool scale_parameter = true;  // steps times the root mean square of the parameter
  bool relative_step = true;    // learning rate min(1e-2, 1 / sqrt(step))
  bool warmup_init = false;     // ... or 1e-6 step in place of 1e-2
};

// Adafactor, https://arxiv.org/abs/1804.04235: Adam whose second moment of a matrix is kept as sums
// of its rows and columns.
class Adafactor : public Optimizer {
 public:
  using Options = AdafactorOptions;
  Adafactor(const Options& options = {});
  explicit Adafactor(const LearningRate& learning_rate) : Adafactor(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  array step_size(const array& parameter_rms) const;
  array second_moment_root(const array& gradient, const array& beta, Tree& state) const;

  Options options_;
};

}  // namespace mica::optimizers
