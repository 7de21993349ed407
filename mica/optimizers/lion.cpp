#include "mica/optimizers/lion.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using nn::weak;

Lion::Lion(const Options& options) : Optimizer("Lion", options.learning_rate), options_(options) {
  check_betas(options.betas);
}

void Lion::init_single(const array& parameter, Tree& state) const {
  state["m"] = zeros_like(parameter);
}

array Lion::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const array lr = learning_rate_like(gradient);
  const auto [b1, b2] = options_.betas;
  const array m = state["m"];
  const array c = weak(b1, m) * m + weak(1 - b1, gradient) * gradient;
  state["m"] = weak(b2, m) * m + weak(1 - b2, gradient) * gradient;
  if (options_.weight_decay <= 0) return parameter - lr * sign(c);
  const array kept = weak(1, lr) - lr * weak(options_.weight_decay, lr);
  return kept * parameter - lr * sign(c);
}

}  // namespace mica::optimizers
