#include "mica/optimizers/sgd.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

using nn::weak;

SGD::SGD(const Options& options) : Optimizer("SGD", options.learning_rate), options_(options) {
  if (options.nesterov && (options.momentum <= 0 || options.dampening != 0))
    fail("momentum above 0 and dampening 0 with nesterov",
         nn::repr(options.momentum) + " and " + nn::repr(options.dampening));
}

void SGD::init_single(const array& parameter, Tree& state) const {
  state["v"] = zeros_like(parameter);
}

array SGD::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  array g = gradient;
  if (options_.weight_decay != 0) g = g + weak(options_.weight_decay, parameter) * parameter;
  if (options_.momentum <= 0) return parameter - learning_rate_like(g) * g;
  const array previous = state["v"];
  array v = weak(options_.momentum, previous) * previous;
  v = v + (options_.dampening > 0 ? weak(1 - options_.dampening, g) * g : g);
  state["v"] = v;
  const array update = options_.nesterov ? g + weak(options_.momentum, v) * v : v;
  return parameter - learning_rate_like(g) * update;
}

}  // namespace mica::optimizers
