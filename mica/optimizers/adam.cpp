#include "mica/optimizers/adam.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using nn::weak;

Adam::Adam(const char* name, const Options& options)
    : Optimizer(name, options.learning_rate), options_(options) {
  check_betas(options.betas);
  if (!(options.eps >= 0)) fail("eps of at least 0", nn::repr(options.eps));
}

void Adam::init_single(const array& parameter, Tree& state) const {
  state["m"] = zeros_like(parameter);
  state["v"] = zeros_like(parameter);
}

array Adam::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const array lr = learning_rate_like(gradient);
  const auto [b1, b2] = options_.betas;
  const array previous_m = state["m"], previous_v = state["v"];
  const array m = weak(b1, previous_m) * previous_m + weak(1 - b1, gradient) * gradient;
  const array v = weak(b2, previous_v) * previous_v + weak(1 - b2, gradient) * square(gradient);
  state["m"] = m;
  state["v"] = v;
  if (!options_.bias_correction) return parameter - lr * m / (sqrt(v) + weak(options_.eps, v));
  const array one(1.0f);
  const array c1 = astype(lr / (one - power(array(b1), step())), gradient.dtype());
  const array c2 = astype(rsqrt(one - power(array(b2), step())), gradient.dtype());
  const array denominator = sqrt(v) * c2 + weak(options_.eps, v);
  return parameter - c1 * m / denominator;
}

AdamW::AdamW(const Options& options)
    : Adam("AdamW", {.learning_rate = options.learning_rate,
                     .betas = options.betas,
                     .eps = options.eps,
                     .bias_correction = options.bias_correction}),
      weight_decay_(options.weight_decay) {}

array AdamW::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const array lr = learning_rate_like(gradient);
  const array kept = weak(1, lr) - lr * weak(weight_decay_, lr);
  return Adam::apply_single(gradient, parameter * kept, state);
}

Adamax::Adamax(const Options& options)
    : Adam("Adamax",
           {.learning_rate = options.learning_rate, .betas = options.betas, .eps = options.eps}),
      options_(options) {}

array Adamax::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const auto [b1, b2] = options_.betas;
  const array previous_m = state["m"], previous_v = state["v"];
  const array m = weak(b1, previous_m) * previous_m + weak(1 - b1, gradient) * gradient;
  const array v = maximum(weak(b2, previous_v) * previous_v, abs(gradient));
  state["m"] = m;
  state["v"] = v;
  return parameter - learning_rate_like(gradient) * m / (v + weak(options_.eps, v));
}

}  // namespace mica::optimizers
