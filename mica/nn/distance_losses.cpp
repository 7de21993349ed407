// Losses of the distances between predictions and targets.
#include <algorithm>
#include <cmath>
#include <string>

#include "mica/linalg/linalg.h"
#include "mica/nn/reduction.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn::losses {

using ops::throw_expected;

array l1_loss(const array& predictions, const array& targets, const ReductionOptions& options) {
  check_shape("l1_loss", "targets", targets, predictions.shape());
  return reduced(abs(predictions - targets), options.reduction);
}

array mse_loss(const array& predictions, const array& targets, const ReductionOptions& options) {
  check_shape("mse_loss", "targets", targets, predictions.shape());
  return reduced(square(predictions - targets), options.reduction);
}

array log_cosh_loss(const array& inputs, const array& targets, const UnreducedOptions& options) {
  check_broadcast("log_cosh_loss", "targets", targets, inputs);
  const array errors = inputs - targets;
  const array loss = logaddexp(errors, -errors);
  return reduced(loss - weak(std::log(2.0), loss), options.reduction);
}

array hinge_loss(const array& inputs, const array& targets, const UnreducedOptions& options) {
  check_broadcast("hinge_loss", "targets", targets, inputs);
  const array product = inputs * targets;
  return reduced(maximum(weak(1, product) - product, weak(0, product)), options.reduction);
}

array smooth_l1_loss(const array& predictions, const array& targets,
                     const SmoothL1Options& options) {
  constexpr const char* op = "smooth_l1_loss";
  check_shape(op, "targets", targets, predictions.shape());
  const double beta = options.beta;
  if (!(beta > 0)) throw_expected(op, "beta above 0", repr(beta));
  const array d = abs(predictions - targets);
  const array loss =
      where(d < weak(beta, d), weak(0.5, d) * square(d) / weak(beta, d), d - weak(0.5 * beta, d));
  return reduced(loss, options.reduction);
}

array huber_loss(const array& inputs, const array& targets, const HuberOptions& options) {
  constexpr const char* op = "huber_loss";
  check_broadcast(op, "targets", targets, inputs);
  if (!(options.delta >= 0)) throw_expected(op, "delta of at least 0", repr(options.delta));
  const array d = abs(inputs - targets);
  const array delta = weak(options.delta, d);
  const array quadratic = minimum(d, delta);
  return reduced(weak(0.5, d) * square(quadratic) + delta * (d - quadratic), options.reduction);
}

array gaussian_nll_loss(const array& inputs, const array& targets, const array& vars,
                        const GaussianNllOptions& options) {
  constexpr const char* op = "gaussian_nll_loss";
  check_shape(op, "targets", targets, inputs.shape());
  check_shape(op, "vars", vars, inputs.shape());
  const array clipped = maximum(vars, weak(options.eps, vars));
  array loss = log(clipped) + square(targets - inputs) / clipped;
  loss = weak(0.5, loss) * loss;
  if (options.full) loss = loss + weak(0.5 * std::log(2 * M_PI), loss);
  return reduced(loss, options.reduction);
}

array kl_div_loss(const array& inputs, const array& targets, const KlDivOptions& options) {
  constexpr const char* op = "kl_div_loss";
  check_broadcast(op, "targets", targets, inputs);
  return reduced(sum(exp(targets) * (targets - inputs), options.axis), options.reduction);
}

array cosine_similarity_loss(const array& x1, const array& x2,
                             const CosineSimilarityOptions& options) {
  constexpr const char* op = "cosine_similarity_loss";
  check_broadcast(op, "x2", x2, x1);
  ops::normalize_axis(options.axis, static_cast<int>(std::min(x1.ndim(), x2.ndim())), op);
  const array norms = linalg::norm(x1, options.axis) * linalg::norm(x2, options.axis);
  const array similarity = sum(x1 * x2, options.axis) / maximum(norms, weak(options.eps, norms));
  return reduced(similarity, options.reduction);
}

array margin_ranking_loss(const array& inputs1, const array& inputs2, const array& targets,
                          const MarginRankingOptions& options) {
  constexpr const char* op = "margin_ranking_loss";
  check_shape(op, "inputs2", inputs2, inputs1.shape());
  check_shape(op, "targets", targets, inputs1.shape());
  const array ordered = targets * (inputs1 - inputs2);
  return reduced(maximum(weak(options.margin, ordered) - ordered, weak(0, ordered)),
                 options.reduction);
}

array triplet_loss(const array& anchors, const array& positives, const array& negatives,
                   const TripletOptions& options) {
  constexpr const char* op = "triplet_loss";
  check_broadcast(op, "positives", positives, anchors);
  check_broadcast(op, "negatives", negatives, anchors);
  if (options.p < 1) throw_expected(op, "p of at least 1", repr(options.p));
  const auto distance = [&](const array& other) {
    const array d = abs(anchors - other);
    const array powers = sum(power(d, weak(options.p, d)), options.axis);
    return power(powers + weak(options.eps, powers), weak(1.0 / options.p, powers));
  };
  const array margins = distance(positives) - distance(negatives);
  return reduced(maximum(margins + weak(options.margin, margins), weak(0, margins)),
                 options.reduction);
}

}  // namespace mica::nn::losses
