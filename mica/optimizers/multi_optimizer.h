#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mica/optimizers/optimizer.h"

namespace mica::optimizers {

// An optimizer of any type, as a value.
class AnyOptimizer {
 public:
  template <std::derived_from<Optimizer> T>
  AnyOptimizer(T optimizer)
      : optimizer_(std::make_unique<T>(std::move(optimizer))), copy_([](const Optimizer& other) {
          return std::unique_ptr<Optimizer>(std::make_unique<T>(static_cast<const T&>(other)));
        }) {}
  AnyOptimizer(const AnyOptimizer& other)
      : optimizer_(other.copy_(*other.optimizer_)), copy_(other.copy_) {}
  AnyOptimizer(AnyOptimizer&&) = default;
  AnyOptimizer& operator=(AnyOptimizer other) {
    std::swap(optimizer_, other.optimizer_);
    std::swap(copy_, other.copy_);
    return *this;
  }

  Optimizer& operator*() { return *optimizer_; }
  const Optimizer& operator*() const { return *optimizer_; }
  Optimizer* operator->() { return optimizer_.get(); }
  const Optimizer* operator->() const { return optimizer_.get(); }

 private:
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Optimizer> (*copy_)(const Optimizer&);
};

// Different optimizers for different parameters: each goes to the first one whose filter is true
// for its path ("layers.0.weight") and gradient, or to the last one, which has no filter.
//
//   optimizers::MultiOptimizer optimizer(
//       {optimizers::Muon(0.02), optimizers::AdamW(1e-3)},
//       {[](const std::string&, const array& gradient) { return gradient.ndim() == 2; }});
class MultiOptimizer : public Optimizer {
 public:
  using Filter = std::function<bool(const std::string& path, const array& gradient)>;

  // Throws std::invalid_argument unless there is one filter less than there are optimizers.
  explicit MultiOptimizer(std::vector<AnyOptimizer> optimizers, std::vector<Filter> filters = {});

  const std::vector<AnyOptimizer>& optimizers() const { return optimizers_; }
  std::vector<AnyOptimizer>& optimizers() { return optimizers_; }

  Tree apply_gradients(const Tree& gradients, const Tree& parameters) override;
  void init(const Tree& parameters) override;
  Tree state() const override;  // {"states": [one of each]}
  void set_state(Tree state) override;
  array step() const override { return optimizers_.front()->step(); }
  array learning_rate() const override { return optimizers_.front()->learning_rate(); }
  bool is_scheduled() const override;                   // whether one of them is
  void set_learning_rate(const array& value) override;  // of all

 private:
  // The steps are its optimizers': both throw std::logic_error.
  void init_single(const array& parameter, Tree& state) const override;
  array apply_single(const array& gradient, const array& parameter, Tree& state) const override;

  std::vector<Tree> parts_of(const Tree& gradients) const;

  std::vector<AnyOptimizer> optimizers_;
  std::vector<Filter> filters_;
};

}  // namespace mica::optimizers
