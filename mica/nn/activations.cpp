#include "mica/nn/activations.h"

#include <cmath>
#include <numbers>
#include <stdexcept>

#include "mica/fast/batch_norm.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

array sigmoid(const array& x) { return mica::sigmoid(x); }

array relu(const array& x) {
  if (const auto y = ops::relu_of_batch_normalize(x)) return *y;
  return maximum(x, weak(0, x));
}

array relu2(const array& x) { return square(relu(x)); }

array relu6(const array& x) {
  const array y = relu(x);
  return minimum(y, weak(6.0, y));
}

array leaky_relu(const array& x, double negative_slope) {
  return maximum(weak(negative_slope, x) * x, x);
}

array log_softmax(const array& x, int axis) {
  ops::normalize_axis(axis, static_cast<int>(x.ndim()), "log_softmax");
  const array shifted = x - stop_gradient(max(x, axis, true));
  return shifted - logsumexp(shifted, axis, true);
}

array elu(const array& x, double alpha) {
  const array y = exp(x);
  return where(x > weak(0, x), x, weak(alpha, y) * (y - weak(1, y)));
}

array softmax(const array& x, int axis) { return mica::softmax(x, axis); }

array softmin(const array& x, int axis) {
  ops::normalize_axis(axis, static_cast<int>(x.ndim()), "softmin");
  return mica::softmax(-x, axis);
}

array softplus(const array& x) { return logaddexp(x, weak(0, x)); }

array softsign(const array& x) { return x / (weak(1, x) + abs(x)); }

array softshrink(const array& x, double lambd) {
  const array limit = weak(lambd, x);
  const array y = x - sign(x) * limit;
  return where(abs(x) > limit, y, weak(0, y));
}

array celu(const array& x, double alpha) {
  const array scale = weak(alpha, x);
  const array negative = exp(minimum(x, weak(0.0, x)) / scale);
  return maximum(x, weak(0.0, x)) + scale * (negative - weak(1, negative));
}

array silu(const array& x) { return x * mica::sigmoid(x); }

array log_sigmoid(const array& x) { return -softplus(-x); }

array gelu(const array& x) {
  const array e = erf(x / weak(std::numbers::sqrt2, x));
  const array y = x * (weak(1, e) + e);
  return y / weak(2, y);
}

array gelu_approx(const array& x) {
  const array cubic = x + weak(0.044715, x) * power(x, weak(3, x));
  const array t = mica::tanh(weak(std::sqrt(2 / std::numbers::pi), x) * cubic);
  return weak(0.5, x) * x * (weak(1, t) + t);
}

array gelu_fast_approx(const array& x) { return x * mica::sigmoid(weak(1.702, x) * x); }

array glu(const array& x, int axis) {
  ops::normalize_axis(axis, static_cast<int>(x.ndim()), "glu");
  if (x.shape(axis) % 2)
    throw std::invalid_argument("glu: expected an even size of axis " + repr(axis) + ", got " +
                                to_string(x.shape()));
  const auto halves = split(x, 2, axis);
  return halves[0] * mica::sigmoid(halves[1]);
}

array step(const array& x, double threshold) {
  return where(x >= weak(threshold, x), array(1), array(0));
}

array selu(const array& x) {
  const array y = elu(x, 1.67326);
  return y * weak(1.0507, y);
}

array prelu(const array& x, const array& alpha) {
  const array zero = weak(0, x);
  return maximum(zero, x) + alpha * minimum(zero, x);
}

array mish(const array& x) { return x * mica::tanh(softplus(x)); }

array hardswish(const array& x) {
  const array shifted = maximum(x + weak(3, x), weak(0, x));
  const array y = x * minimum(shifted, weak(6, shifted));
  return y / weak(6, y);
}

array hard_tanh(const array& x, double min_val, double max_val) {
  const array y = maximum(x, weak(min_val, x));
  return minimum(y, weak(max_val, y));
}

array hard_shrink(const array& x, double lambd) {
  return where(abs(x) > weak(lambd, x), x, weak(0, x));
}

array tanh(const array& x) { return mica::tanh(x); }

PReLU::PReLU(int num_parameters, const Options& options) : weight(0.0f) {
  if (num_parameters < 1) fail("num_parameters of at least 1", repr(num_parameters));
  weight = full({num_parameters}, array(options.init));
}

array GELU::operator()(const array& x) const {
  switch (approx) {
    case Approx::none:
      return hooked(gelu(x), x);
    case Approx::fast:
      return hooked(gelu_fast_approx(x), x);
    default:
      return hooked(gelu_approx(x), x);
  }
}

}  // namespace mica::nn
