#include "mica/optimizers/muon.h"

#include <algorithm>
#include <cmath>

#include "mica/linalg/linalg.h"
#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::optimizers {

namespace {

using nn::weak;

// A matrix with the singular vectors of x and singular values near 1: the quintic iteration of
// Newton and Schulz, with the coefficients of Muon's authors.
array orthogonalized(const array& matrix, int steps) {
  constexpr double a = 3.4445, b = -4.7750;
  constexpr float c = 2.0315f;
  const bool tall = matrix.shape(0) > matrix.shape(1);
  array x = tall ? transpose(matrix) : matrix;
  const array length = linalg::norm(x, std::nullopt, true);
  x = x / (length + weak(1e-7, length));
  for (int i = 0; i < steps; ++i) {
    const array gram = matmul(x, transpose(x));
    const array polynomial = addmm(weak(b, gram) * gram, gram, gram, c);
    x = addmm(weak(a, x) * x, polynomial, x);
  }
  return tall ? transpose(x) : x;
}

}  // namespace

Muon::Muon(const Options& options) : Optimizer("Muon", options.learning_rate), options_(options) {
  if (options.ns_steps < 0) fail("ns_steps of at least 0", std::to_string(options.ns_steps));
}

void Muon::init_single(const array& parameter, Tree& state) const {
  state["v"] = zeros_like(parameter);
}

array Muon::apply_single(const array& gradient, const array& parameter, Tree& state) const {
  const double momentum = options_.momentum;
  array g = gradient;
  if (options_.weight_decay != 0) g = g + weak(options_.weight_decay, parameter) * parameter;
  const array previous = state["v"];
  const array v = weak(momentum, previous) * previous + weak(1 - momentum, g) * g;
  state["v"] = v;
  array update = options_.nesterov ? g * weak(1 - momentum, g) + v * weak(momentum, v) : v;
  array lr = learning_rate_like(g);
  if (update.ndim() >= 2) {
    const Shape shape = update.shape();
    update = reshape(orthogonalized(reshape(update, {shape[0], -1}), options_.ns_steps), shape);
    const double ratio = static_cast<double>(update.shape(-2)) / update.shape(-1);
    lr = lr * weak(std::sqrt(std::max(1.0, ratio)), lr);
  }
  return parameter - lr * update;
}

}  // namespace mica::optimizers
