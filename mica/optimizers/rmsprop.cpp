#include "mica/optimizers/rmsprop.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using nn::weak;

RMSprop::RMSprop(const Options& options)
    : Optimizer("RMSprop", options.learning_rate), options_(options) {
  if (!(options.alpha >= 0)) fail("alpha of at least 0", nn::repr(options.alpha));
  if (!(options.eps > 0)) fail("eps above 0", nn::repr(options.eps));
}

void RMSprop::init_single(const array& parameter, Tree& state) const {
  state["v"] = zeros_like(parameter);
}

array RMSprop::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const array lr = learning_rate_like(gradient);
  const double alpha = options_.alpha;
  const array previous = state["v"];
  const array v = weak(alpha, previous) * previous + weak(1 - alpha, gradient) * square(gradient);
  state["v"] = v;
  return parameter - lr * gradient / (sqrt(v) + weak(options_.eps, v));
}

}  // namespace mica::optimizers
