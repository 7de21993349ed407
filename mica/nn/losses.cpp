#include "mica/nn/losses.h"

#include <string>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn::losses {

namespace {

using ops::throw_expected;

void check_shape(const char* op, const char* what, const array& a, const Shape& expected) {
  if (a.shape() != expected)
    throw_expected(op, std::string(what) + " " + to_string(expected), to_string(a.shape()));
}

array reduced(const array& loss, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean:
      return mean(loss);
    case Reduction::sum:
      return sum(loss);
    default:
      return loss;
  }
}

array weighted(const char* op, const array& loss, const std::optional<array>& weights) {
  if (!weights) return loss;
  check_shape(op, "weights", *weights, loss.shape());
  return loss * *weights;
}

// (C,) as an operand of arrays with C classes along an axis.
array along(const array& a, int axis, size_t ndim) {
  Shape shape(ndim, 1);
  shape[static_cast<size_t>(axis)] = a.shape(0);
  return reshape(a, shape);
}

}  // namespace

array cross_entropy(const array& logits, const array& targets, const CrossEntropyOptions& options) {
  constexpr const char* op = "cross_entropy";
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0 && smoothing < 1))
    throw_expected(op, "label_smoothing in [0, 1)", repr(smoothing));
  if (logits.ndim() == 0) throw_expected(op, "logits with an axis of classes", "()");
  const int axis = ops::normalize_axis(options.axis, static_cast<int>(logits.ndim()), op);
  const bool probabilities = targets.ndim() == logits.ndim();
  Shape expected = logits.shape();
  if (!probabilities) expected.erase(expected.begin() + axis);
  check_shape(op, "targets", targets, expected);
  if (!probabilities && !issubdtype(targets.dtype(), integer))
    throw_expected(op, "targets of integers", dtype_name(targets.dtype()));

  const array shifted = logits - stop_gradient(max(logits, axis, true));
  const array log_sum = logsumexp(shifted, axis);
  const auto at_targets =
      [&, classes = probabilities ? targets : expand_dims(targets, axis)](const array& values) {
        return probabilities ? sum(values * classes, axis)
                             : squeeze(take_along_axis(values, classes, axis), axis);
      };
  array loss = log_sum - at_targets(shifted);
  if (options.class_weights) {
    const array& class_weights = *options.class_weights;
    check_shape(op, "class_weights", class_weights, {logits.shape(axis)});
    const array scale = along(class_weights, axis, logits.ndim());
    // Each class's term is scaled by its weight, those of smoothing too.
    const array terms = (expand_dims(log_sum, axis) - shifted) * scale;
    loss = at_targets(terms);
    if (smoothing > 0)
      loss = weak(1 - smoothing, loss) * loss + mean(terms, axis) * weak(smoothing, loss);
  } else if (smoothing > 0) {
    const array smoothed = -mean(shifted, axis) * weak(smoothing, shifted);
    loss = log_sum - weak(1 - smoothing, shifted) * at_targets(shifted) + smoothed;
  }
  return reduced(weighted(op, loss, options.weights), options.reduction);
}

array binary_cross_entropy(const array& inputs, const array& targets,
                           const BinaryCrossEntropyOptions& options) {
  constexpr const char* op = "binary_cross_entropy";
  check_shape(op, "targets", targets, inputs.shape());
  auto loss = [&] {
    if (options.with_logits) return logaddexp(weak(0.0, inputs), inputs) - inputs * targets;
    const array one = weak(1, inputs);
    auto clipped_log = [](const array& p) {
      const array l = log(p);
      return maximum(l, weak(-100, l));
    };
    return -(targets * clipped_log(inputs) +
             (weak(1, targets) - targets) * clipped_log(one - inputs));
  };
  return reduced(weighted(op, loss(), options.weights), options.reduction);
}

array l1_loss(const array& predictions, const array& targets, const ReductionOptions& options) {
  check_shape("l1_loss", "targets", targets, predictions.shape());
  return reduced(abs(predictions - targets), options.reduction);
}

array mse_loss(const array& predictions, const array& targets, const ReductionOptions& options) {
  check_shape("mse_loss", "targets", targets, predictions.shape());
  return reduced(square(predictions - targets), options.reduction);
}

}  // namespace mica::nn::losses
