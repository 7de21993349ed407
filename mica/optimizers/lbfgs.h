#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "mica/nn/value_and_grad.h"
#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

enum class LineSearch { none, strong_wolfe };

struct LBFGSOptions {
  LearningRate learning_rate = 1.0;  // the step along the direction, or the first one tried
  int max_iter = 20;                 // iterations of one minimize()
  std::optional<int> max_eval = {};  // evaluations of the loss, at most; 5/4 of max_iter
  double tolerance_grad = 1e-7;      // of the gradient's largest element
  double tolerance_change = 1e-9;    // of the loss and of each parameter
  int history_size = 100;            // pairs of steps and changes of the gradient that are kept
  LineSearch line_search = LineSearch::none;
};

// Limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4): directions from
// the last steps and changes of the gradient over all parameters together, in float32 or wider.
//
//   optimizers::LBFGS optimizer({.line_search = optimizers::LineSearch::strong_wolfe});
//   const array loss = optimizer.minimize(model, [&] { return loss_of(model(x), y); });
//
// minimize() evaluates the loss as often as it needs to, at once; update() and apply_gradients()
// take one lazy iteration with a step of learning_rate.
class LBFGS : public Optimizer {
 public:
  using Options = LBFGSOptions;
  // The loss and its gradients for parameters, in their structure.
  using Function = std::function<std::pair<array, Tree>(const Tree& parameters)>;

  LBFGS(const Options& options = {});
  explicit LBFGS(const LearningRate& learning_rate) : LBFGS(Options{learning_rate}) {}

  // Moves the model's trainable parameters by up to max_iter iterations; returns the loss before.
  // Where loss throws, the model is as it was.
  template <std::derived_from<nn::Module> M, class F>
  array minimize(M& model, F&& loss) {
    auto loss_and_grad = nn::value_and_grad(model, [&loss] { return array(loss()); });
    const Tree before = model.trainable_parameters();
    try {
      auto [first, found] = minimize(before, [&](const Tree& parameters) -> std::pair<array, Tree> {
        model.update(parameters);
        auto [value, gradients] = loss_and_grad();
        return {value, gradients};
      });
      model.update(found);
      return first;
    } catch (...) {
      model.update(before);
      throw;
    }
  }
  // The loss at the parameters given, and the parameters found.
  std::pair<array, Tree> minimize(const Tree& parameters, const Function& function);

  // One iteration. The gradients are those of the same parameters in each step.
  Tree apply_gradients(const Tree& gradients, const Tree& parameters) override;
  // Does nothing: the history begins with the first step.
  void init(const Tree& parameters) override;
  // {"step", "learning_rate", "history"}
  Tree state() const override;
  void set_state(Tree state) override;

 private:
  // Its steps are of all parameters together: both throw std::logic_error.
  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

  // A step and how it changed the gradient. The weight is 1 / (step . change), and 0 for a pair
  // without positive curvature, which then counts for nothing.
  struct Pair {
    array step, change, weight;
  };
  void remember(const array& gradient);
  array direction(const array& gradient) const;
  array step_length(const array& gradient) const;

  Options options_;
  std::vector<Pair> pairs_;        // the latest last
  std::optional<array> gradient_;  // of the last step
  std::optional<array> move_;      // the last step
  array scale_ = array(1.0f);      // of the inverse Hessian that the pairs start from
};

}  // namespace mica::optimizers
