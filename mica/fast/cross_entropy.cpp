// Composed: logsumexp makes one pass over the logits, and its gradient another.
#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::fast {

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
  const array x = astype(logits, float32, s);
  const array picked = take_along_axis(x, expand_dims(targets, -1, s), -1, s);
  return subtract(logsumexp(x, -1, false, s), squeeze(picked, -1, s), s);
}

}  // namespace mica::fast
