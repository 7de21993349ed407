#pragma once

#include <array>

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

struct AdamOptions {
  LearningRate learning_rate = {};
  std::array<double, 2> betas = {0.9, 0.999};  // in [0, 1)
  double eps = 1e-8;
  bool bias_correction = false;
};

// Adam, https://arxiv.org/abs/1412.6980; its bias correction is an option.
class Adam : public Optimizer {
 public:
  using Options = AdamOptions;
  Adam(const Options& options) : Adam("Adam", options) {}
  explicit Adam(const LearningRate& learning_rate) : Adam(Options{learning_rate}) {}

  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 protected:
  Adam(const char* name, const Options& options);

 private:
  Options options_;
};

struct AdamWOptions {
  LearningRate learning_rate = {};
  std::array<double, 2> betas = {0.9, 0.999};  // in [0, 1)
  double eps = 1e-8;
  double weight_decay = 0.01;
  bool bias_correction = false;
};

// Adam with parameters that decay by learning_rate * weight_decay in each step,
// https://arxiv.org/abs/1711.05101.
class AdamW : public Adam {
 public:
  using Options = AdamWOptions;
  AdamW(const Options& options);
  explicit AdamW(const LearningRate& learning_rate) : AdamW(Options{learning_rate}) {}

  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  double weight_decay_;
};

struct AdamaxOptions {
  LearningRate learning_rate = {};
  std::array<double, 2> betas = {0.9, 0.999};  // in [0, 1)
  double eps = 1e-8;
};

// Adam with the largest recent gradient in place of the second moment,
// https://arxiv.org/abs/1412.6980.
class Adamax : public Adam {
 public:
  using Options = AdamaxOptions;
  Adamax(const Options& options);
  explicit Adamax(const LearningRate& learning_rate) : Adamax(Options{learning_rate}) {}

  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

 private:
  Options options_;
};

}  // namespace mica::optimizers
