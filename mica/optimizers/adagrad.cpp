#include "mica/optimizers/adagrad.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using nn::weak;

Adagrad::Adagrad(const Options& options)
    : Optimizer("Adagrad", options.learning_rate), options_(options) {
  if (!(options.eps > 0)) fail("eps above 0", nn::repr(options.eps));
}

void Adagrad::init_single(const array& parameter, Tree& state) const {
  state["v"] = zeros_like(parameter);
}

array Adagrad::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const array v = state["v"] + square(gradient);
  state["v"] = v;
  return parameter - learning_rate_like(gradient) * gradient / (sqrt(v) + weak(options_.eps, v));
}

}  // namespace mica::optimizers
