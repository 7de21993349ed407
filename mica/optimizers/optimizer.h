// Optimizers: they move a model's parameters against their gradients. This folder holds one file
// an optimizer, and schedules of learning rates. Arithmetic is mlx.optimizers', operation by
// operation, so that runs can be compared number by number.
#pragma once

#include <array>
#include <concepts>
#include <optional>
#include <string>
#include <utility>

#include "mica/nn/module.h"
#include "mica/nn/tree.h"
#include "mica/optimizers/schedules.h"

namespace mica::optimizers {

// A number, an array of shape (), or a schedule; empty until it is given.
class LearningRate {
 public:
  LearningRate() = default;
  LearningRate(double value) : value_(array(value)) {}
  LearningRate(array value) : value_(std::move(value)) {}
  template <class F>
  requires std::is_invocable_r_v<array, F&, const array&> LearningRate(F schedule)
      : schedule_(std::move(schedule)) {}

  const std::optional<array>& value() const { return value_; }
  const Schedule& schedule() const { return schedule_; }

 private:
  std::optional<array> value_;
  Schedule schedule_;
};

// Optimizers are values: a copy goes on from the same state, on its own.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One step: model.update(apply_gradients(gradients, model.parameters())).
  void update(nn::Module& model, const Tree& gradients);
  // The parameters after a step, in the structure of the gradients, which may leave parameters out.
  // Throws std::invalid_argument, and changes nothing, where a gradient's path or shape is not a
  // parameter's.
  virtual Tree apply_gradients(const Tree& gradients, const Tree& parameters);
  // Adds the state of parameters that have none; the first step does so otherwise.
  virtual void init(const Tree& parameters);

  // {"step", "learning_rate"} and, at the path of each parameter, a dictionary of its state. It can
  // be saved (tree_flatten) and set again.
  virtual Tree state() const;
  virtual void set_state(Tree state);

  virtual array step() const;  // steps taken, uint64
  virtual array learning_rate() const;
  // Whether the learning rate is a schedule's.
  virtual bool is_scheduled() const { return schedule_ != nullptr; }
  // Until the next step where there is a schedule.
  virtual void set_learning_rate(const array& value);

  // What an optimizer consists of: the state of one parameter, and a step for one, which changes
  // that state and returns the new parameter. step() counts this step already.
  virtual void init_single(const array& parameter, Tree& state) const = 0;
  virtual array apply_single(const array& gradient, const array& parameter, Tree& state) const = 0;

 protected:
  // name: of the optimizer, for errors.
  // A learning rate that is not required is left out of the state where there is none.
  Optimizer(const char* name, const LearningRate& learning_rate, bool required = true);
  Optimizer(const Optimizer&) = default;
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(const Optimizer&) = default;
  Optimizer& operator=(Optimizer&&) = default;

  // Throws std::invalid_argument: "SGD: expected momentum ..., got ...".
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const;
  void check_betas(const std::array<double, 2>& betas) const;
  array learning_rate_like(const array& gradient) const;
  // Throws where a gradient's path or shape is not a parameter's.
  void check(const Tree& gradients, const Tree& parameters, const std::string& path = "") const;
  // What a step begins with: the learning rate that is scheduled, and one more step.
  void count_step();

 private:
  void init(const Tree& parameters, Tree& state);
  Tree apply(const Tree& gradients, const Tree& parameters, Tree& state) const;

  const char* name_;
  Schedule schedule_;
  Tree state_;
  bool initialized_ = false;
};

// For eval and compile.
void collect_arrays(std::vector<array>& out, const Optimizer& optimizer);

// The gradients, scaled by max_norm / norm where their norm, over all together, is more; and the
// norm.
std::pair<Tree, array> clip_grad_norm(const Tree& gradients, const array& max_norm);
// Throws std::invalid_argument where max_norm is below 0.
std::pair<Tree, array> clip_grad_norm(const Tree& gradients, double max_norm);

}  // namespace mica::optimizers
