// Averages of a model's parameters over training, which often generalise better than the last ones.
#pragma once

#include "mica/nn/module.h"
#include "mica/nn/tree.h"

namespace mica::optimizers {

// What both averages share. Statistics of layers, such as BatchNorm's running mean, are averaged as
// parameters are; integers are copied.
class AveragedWeights {
 public:
  virtual ~AveragedWeights() = default;

  // Takes the model's parameters in; the first ones are copied. Lazy, as all arrays.
  void update(const nn::Module& model) { update(model.parameters()); }
  void update(const Tree& parameters);

  // Throws std::invalid_argument before the first update.
  const Tree& parameters() const;
  // model.update(parameters()); to keep what the model had, copy it before: auto trained = model.
  void copy_to(nn::Module& model) const { model.update(parameters()); }

  // {"step", the number of updates, and "average"}, which can be saved (tree_flatten) and set
  // again.
  const Tree& state() const { return state_; }
  void set_state(Tree state);

 protected:
  explicit AveragedWeights(const char* name);
  AveragedWeights(const AveragedWeights&) = default;
  AveragedWeights& operator=(const AveragedWeights&) = default;

 private:
  // The average once a parameter joins those of `count` updates.
  virtual array averaged(const array& average, const array& parameter,
                         const array& count) const = 0;

  const char* name_;
  Tree state_;
};

struct EMAOptions {
  double decay = 0.999;  // in [0, 1)
};

// Exponential moving average: decay * average + (1 - decay) * parameter.
class EMA : public AveragedWeights {
 public:
  using Options = EMAOptions;
  explicit EMA(const Options& options = {});
  explicit EMA(double decay) : EMA(Options{decay}) {}

 private:
  array averaged(const array& average, const array& parameter, const array& count) const override;

  Options options_;
};

// Stochastic weight averaging, https://arxiv.org/abs/1803.05407: the mean of all updates.
class SWA : public AveragedWeights {
 public:
  SWA() : AveragedWeights("SWA") {}

 private:
  array averaged(const array& average, const array& parameter, const array& count) const override;
};

}  // namespace mica::optimizers
