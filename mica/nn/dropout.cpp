#include "mica/nn/dropout.h"

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

Dropout::Dropout(const char* type, double p) : keep_(1 - p) {
  if (!(p >= 0 && p < 1)) fail_as(type, "p in [0, 1)", repr(p));
}

array Dropout::drop(const array& x, const Shape& mask_shape) const {
  if (keep_ == 1 || !training()) return hooked(x, x);
  const array mask = random::bernoulli(keep_, mask_shape);
  return hooked(mask * x * weak(1 / keep_, x), x);
}

array Dropout::operator()(const array& x) const { return drop(x, x.shape()); }

std::string Dropout::extra_repr() const { return "p=" + repr(1 - keep_); }

array Dropout2d::operator()(const array& x) const try {
  if (x.ndim() != 3 && x.ndim() != 4) fail("input (H, W, C) or (N, H, W, C)", to_string(x.shape()));
  Shape mask_shape = x.shape();
  const size_t n = mask_shape.size();
  mask_shape[n - 2] = mask_shape[n - 3] = 1;
  return drop(x, mask_shape);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

array Dropout3d::operator()(const array& x) const try {
  if (x.ndim() != 4 && x.ndim() != 5)
    fail("input (D, H, W, C) or (N, D, H, W, C)", to_string(x.shape()));
  Shape mask_shape = x.shape();
  const size_t n = mask_shape.size();
  mask_shape[n - 2] = mask_shape[n - 3] = mask_shape[n - 4] = 1;
  return drop(x, mask_shape);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

}  // namespace mica::nn
