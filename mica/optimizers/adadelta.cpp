#include "mica/optimizers/adadelta.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using nn::weak;

AdaDelta::AdaDelta(const Options& options)
    : Optimizer("AdaDelta", options.learning_rate), options_(options) {
  if (!(options.rho >= 0)) fail("rho of at least 0", nn::repr(options.rho));
  if (!(options.eps > 0)) fail("eps above 0", nn::repr(options.eps));
}

void AdaDelta::init_single(const array& parameter, Tree& state) const {
  state["v"] = zeros_like(parameter);
  state["u"] = zeros_like(parameter);
}

array AdaDelta::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const double rho = options_.rho, eps = options_.eps;
  const array v0 = state["v"], u0 = state["u"];
  const array v = weak(rho, v0) * v0 + weak(1 - rho, gradient) * square(gradient);
  const array d = sqrt(u0 + weak(eps, u0)) / sqrt(v + weak(eps, v)) * gradient;
  state["v"] = v;
  state["u"] = weak(rho, u0) * u0 + weak(1 - rho, d) * square(d);
  return parameter - learning_rate_like(gradient) * d;
}

}  // namespace mica::optimizers
