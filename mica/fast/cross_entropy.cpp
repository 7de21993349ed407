// Composed: logsumexp makes one pass over the logits, and the gradient another. Derived, the
// gradient would scatter into zeros and add these.
#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica::fast {
namespace {

array losses(const array& logits, const array& targets, const StreamOrDevice& s) {
  const array x = astype(logits, float32, s);
  const array picked = take_along_axis(x, expand_dims(targets, -1, s), -1, s);
  return subtract(logsumexp(x, -1, false, s), squeeze(picked, -1, s), s);
}

// (softmax(logits) - one_hot(targets)) * cotangent; the targets' part is added in place.
array gradient(const array& logits, const array& targets, const array& cotangent,
               const StreamOrDevice& s) {
  const array x = astype(logits, float32, s), each = expand_dims(cotangent, -1, s);
  const array weights = softmax(x, -1, true, s);
  const array slope = scatter_add_axis(multiply(weights, each, s), expand_dims(targets, -1, s),
                                       negative(each, s), -1, s);
  return astype(slope, logits.dtype(), s);
}

}  // namespace

array cross_entropy(const array& logits, const array& targets, StreamOrDevice s) {
  const auto fail = [](const std::string& expected, const std::string& got) {
    throw std::invalid_argument("cross_entropy: expected " + expected + ", got " + got);
  };
  if (!issubdtype(logits.dtype(), floating)) {
    fail("logits of a floating dtype", dtype_name(logits.dtype()));
  }
  if (logits.ndim() == 0) fail("logits (..., classes)", "()");
  if (!issubdtype(targets.dtype(), integer)) fail("integer targets", dtype_name(targets.dtype()));
  Shape rows = logits.shape();
  rows.pop_back();
  if (targets.shape() != rows) fail("targets " + to_string(rows), to_string(targets.shape()));
  if (targets.size() == 0) return zeros(rows, float32, s);
  const auto loss = custom_vjp(
      [s](const std::vector<array>& x) { return std::vector<array>{losses(x[0], x[1], s)}; },
      [s](const std::vector<array>& x, const std::vector<array>& cotangents,
          const std::vector<array>&) {
        return std::vector<array>{gradient(x[0], x[1], cotangents[0], s), zeros_like(x[1], s)};
      });
  return loss({logits, targets})[0];
}

}  // namespace mica::fast
