#include "mica/nn/losses.h"

#include <algorithm>
#include <string>

#include "mica/fast/fast.h"
#include "mica/nn/reduction.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::nn::losses {

using ops::throw_expected;

void check_shape(const char* op, const char* what, const array& a, const Shape& expected) {
  if (a.shape() != expected)
    throw_expected(op, std::string(what) + " " + to_string(expected), to_string(a.shape()));
}

void check_broadcast(const char* op, const char* what, const array& a, const array& other) {
  const size_t common = std::min(a.ndim(), other.ndim());
  for (size_t i = 1; i <= common; ++i) {
    const int axis = -static_cast<int>(i);
    const int size = a.shape(axis), expected = other.shape(axis);
    if (size != expected && size != 1 && expected != 1)
      throw_expected(op, std::string(what) + " that broadcast with " + to_string(other.shape()),
                     to_string(a.shape()));
  }
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

array reduced(const array& loss, Reduction reduction, const std::optional<array>& counted) {
  if (!counted || reduction != Reduction::mean) return reduced(loss, reduction);
  const array count = astype(maximum(sum(*counted), array(1)), loss.dtype());
  return sum(loss) / count;
}

array along(const array& a, int axis, size_t ndim) {
  Shape shape(ndim, 1);
  shape[static_cast<size_t>(axis)] = a.shape(0);
  return reshape(a, shape);
}

namespace {

array weighted(const char* op, const array& loss, const std::optional<array>& weights) {
  if (!weights) return loss;
  check_shape(op, "weights", *weights, loss.shape());
  return loss * *weights;
}

// Class indices, and where they count; what is ignored becomes class 0.
struct Targets {
  array classes;
  std::optional<array> counted;

  Targets(const array& targets, const std::optional<int>& ignore_index) : classes(targets) {
    if (!ignore_index) return;
    const array index(*ignore_index, result_type(targets, array(0)));
    counted = targets != index;
    classes = where(*counted, targets, array(0, targets.dtype()));
  }
  array without_ignored(const array& loss) const {
    return counted ? where(*counted, loss, array(0, loss.dtype())) : loss;
  }
};

// Class indices of the shape of `scores` without the axis; throws where they are not.
void check_indices(const char* op, const array& scores, const array& targets, int axis) {
  Shape expected = scores.shape();
  expected.erase(expected.begin() + axis);
  check_shape(op, "targets", targets, expected);
  if (!issubdtype(targets.dtype(), integer))
    throw_expected(op, "targets of integers", dtype_name(targets.dtype()));
}

array at_indices(const array& scores, const array& targets, int axis) {
  return squeeze(take_along_axis(scores, expand_dims(targets, axis), axis), axis);
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
  if (probabilities) {
    check_shape(op, "targets", targets, logits.shape());
    if (options.ignore_index)
      throw_expected(op, "class indices as targets with ignore_index", "probabilities");
  } else {
    check_indices(op, logits, targets, axis);
  }
  const Targets given(targets, options.ignore_index);

  const auto finish = [&](const array& loss) {
    return reduced(given.without_ignored(weighted(op, loss, options.weights)), options.reduction,
                   given.counted);
  };
  // The common case in fewer passes, for the dtypes that these do not widen.
  const bool one_class_each = !probabilities && !options.class_weights && smoothing == 0;
  if (one_class_each && axis + 1 == static_cast<int>(logits.ndim()) &&
      issubdtype(logits.dtype(), floating) && logits.dtype() != float64) {
    return finish(astype(fast::cross_entropy(logits, given.classes), logits.dtype()));
  }

  const array shifted = logits - stop_gradient(max(logits, axis, true));
  const array log_sum = logsumexp(shifted, axis);
  const auto at_targets = [&](const array& values) {
    return probabilities ? sum(values * targets, axis) : at_indices(values, given.classes, axis);
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
  return finish(loss);
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

array focal_loss(const array& inputs, const array& targets, const FocalOptions& options) {
  constexpr const char* op = "focal_loss";
  check_shape(op, "targets", targets, inputs.shape());
  if (!(options.gamma >= 0)) throw_expected(op, "gamma of at least 0", repr(options.gamma));
  if (options.alpha > 1) throw_expected(op, "alpha of at most 1", repr(options.alpha));
  const array one = weak(1, inputs);
  const array loss = binary_cross_entropy(inputs, targets, {.reduction = Reduction::none});
  const array p = sigmoid(inputs);
  const array wrong = p + targets - (one + one) * p * targets;  // 1 - the target's probability
  array focused = loss;
  if (options.gamma >= 1) {
    focused = loss * power(wrong, weak(options.gamma, wrong));
  } else if (options.gamma > 0) {
    // Roots have no slope at 0; below this the loss itself is as small.
    const array least = weak(1e-6, wrong);
    focused = loss * power(maximum(wrong, least), weak(options.gamma, wrong));
  }
  if (options.alpha >= 0)
    focused = focused *
              (weak(1 - options.alpha, targets) + weak(2 * options.alpha - 1, targets) * targets);
  return reduced(focused, options.reduction);
}

array dice_loss(const array& inputs, const array& targets, const DiceOptions& options) {
  constexpr const char* op = "dice_loss";
  check_shape(op, "targets", targets, inputs.shape());
  if (inputs.ndim() < 2) throw_expected(op, "inputs (N, ...)", to_string(inputs.shape()));
  if (!(options.smooth >= 0)) throw_expected(op, "smooth of at least 0", repr(options.smooth));
  const array p = flatten(inputs, 1, -1), t = flatten(targets, 1, -1);
  const array smooth = weak(options.smooth, inputs);
  const array overlap = sum(p * t, 1), total = sum(p, 1) + sum(t, 1);
  return reduced(weak(1, p) - (weak(2, p) * overlap + smooth) / (total + smooth),
                 options.reduction);
}

array nll_loss(const array& inputs, const array& targets, const NllOptions& options) {
  constexpr const char* op = "nll_loss";
  if (inputs.ndim() == 0) throw_expected(op, "inputs with an axis of classes", "()");
  const int axis = ops::normalize_axis(options.axis, static_cast<int>(inputs.ndim()), op);
  check_indices(op, inputs, targets, axis);
  const Targets given(targets, options.ignore_index);
  const array loss = -at_indices(inputs, given.classes, axis);
  return reduced(given.without_ignored(loss), options.reduction, given.counted);
}

}  // namespace mica::nn::losses
