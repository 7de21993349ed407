// Connectionist temporal classification (Graves et al., 2006), by the forward algorithm.
#include <algorithm>
#include <limits>
#include <string>

#include "mica/nn/reduction.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn::losses {

namespace {

using ops::throw_expected;

// Stands for log(0); finite, so that differences of two are numbers.
constexpr double impossible = -1e30;

void check_lengths(const char* what, const array& lengths, int batch) {
  check_shape("ctc_loss", what, lengths, {batch});
  if (!issubdtype(lengths.dtype(), integer))
    throw_expected("ctc_loss", std::string(what) + " of integers", dtype_name(lengths.dtype()));
}

// (N, L) moved by `by` places to the right; impossible moves in.
array shifted(const array& x, int by) {
  const int length = x.shape(1);
  if (by >= length) return full_like(x, array(impossible));
  const array kept = slice(x, {0, 0}, {x.shape(0), length - by});
  return pad(kept, {1}, {by}, {0}, array(impossible, x.dtype()));
}

// The targets (N, S) with blanks around each label: (N, 2 S + 1).
array with_blanks(const array& targets, int blank) {
  const int batch = targets.shape(0), size = targets.shape(1);
  const array blanks = full({batch, size, 1}, array(blank, int32));
  const array pairs = concatenate({blanks, expand_dims(targets, 2)}, 2);
  return concatenate({reshape(pairs, {batch, 2 * size}), full({batch, 1}, array(blank, int32))}, 1);
}

}  // namespace

array ctc_loss(const array& log_probs, const array& targets, const array& input_lengths,
               const array& target_lengths, const CtcOptions& options) {
  constexpr const char* op = "ctc_loss";
  if (log_probs.ndim() != 3)
    throw_expected(op, "log_probs (N, T, C)", to_string(log_probs.shape()));
  const int batch = log_probs.shape(0), times = log_probs.shape(1), classes = log_probs.shape(2);
  if (times < 1) throw_expected(op, "at least one time step", to_string(log_probs.shape()));
  if (targets.ndim() != 2 || targets.shape(0) != batch)
    throw_expected(op, "targets (" + repr(batch) + ", S)", to_string(targets.shape()));
  if (!issubdtype(targets.dtype(), integer))
    throw_expected(op, "targets of integers", dtype_name(targets.dtype()));
  check_lengths("input_lengths", input_lengths, batch);
  check_lengths("target_lengths", target_lengths, batch);
  if (options.blank < 0 || options.blank >= classes)
    throw_expected(op, "blank in [0, " + repr(classes) + ")", repr(options.blank));

  const Dtype dtype = log_probs.dtype() == float64 ? float64 : float32;
  const array never(impossible, dtype);
  const array labels = with_blanks(astype(targets, int32), options.blank);
  const int places = labels.shape(1);
  const array emitted = take_along_axis(
      astype(log_probs, dtype), broadcast_to(expand_dims(labels, 1), {batch, times, places}), 2);
  const auto at_time = [&](int t) {
    return squeeze(slice(emitted, {0, t, 0}, {batch, t + 1, places}), 1);
  };
  // A path may leave out the blank between two labels that differ.
  const array before = concatenate({full({batch, std::min(2, places)}, array(options.blank, int32)),
                                    slice(labels, {0, 0}, {batch, std::max(places - 2, 0)})},
                                   1);
  const array skips = logical_and(labels != array(options.blank), labels != before);
  const array lengths = expand_dims(astype(input_lengths, int32), 1);

  // paths[n, l]: log of the probability of all beginnings that end at place l.
  array paths = where(less(arange(places), array(2)), at_time(0), never);
  for (int t = 1; t < times; ++t) {
    const array stepped = logaddexp(paths, shifted(paths, 1));
    const array skipped = where(skips, shifted(paths, 2), never);
    const array next = logaddexp(stepped, skipped) + at_time(t);
    paths = where(array(t) < lengths, next, paths);
  }

  // A path ends at the last label or at the blank behind it.
  const array last = expand_dims(array(2) * astype(target_lengths, int32), 1);
  const array at_blank = take_along_axis(paths, last, 1);
  const array at_label = take_along_axis(paths, maximum(last - array(1), array(0)), 1);
  const array log_prob =
      squeeze(where(last == array(0), at_blank, logaddexp(at_blank, at_label)), 1);
  const double otherwise = options.zero_infinity ? 0.0 : std::numeric_limits<double>::infinity();
  const array possible = log_prob > array(impossible / 2, dtype);
  array loss = where(possible, -log_prob, array(otherwise, dtype));
  if (options.reduction == Reduction::mean)
    loss = loss / astype(maximum(target_lengths, array(1)), dtype);
  return astype(reduced(loss, options.reduction), log_probs.dtype());
}

}  // namespace mica::nn::losses
