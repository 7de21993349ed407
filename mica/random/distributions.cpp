// Distributions, as MLX makes them from bits: the same formulas in the same order.
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/custom_function.h"
#include "mica/utils.h"

namespace mica::random {
namespace {

[[noreturn]] void fail(const std::string& text) { throw std::invalid_argument(text); }

// The largest number below 1.
array below_one(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::float16:
      return array(1 - 0x1p-11, float16);
    case Dtype::Val::bfloat16:
      return array(1 - 0x1p-8, bfloat16);
    default:
      return array(1 - 0x1p-24, float32);
  }
}

// In (-1, 1), in float32.
array uniform_around_zero(const Shape& shape, const std::optional<array>& key,
                          const StreamOrDevice& s) {
  return uniform(array(-1 + 0x1p-24), array(1.0f), shape, float32, key, s);
}

void check_floating(const char* op, Dtype dtype) {
  if (issubdtype(dtype, floating)) return;
  fail(std::string(op) + ": expected a floating dtype, got " + dtype_name(dtype));
}

void check_broadcasts(const char* op, const Shape& from, const Shape& shape) {
  ops::check_dimensions(op, shape);
  if (ops::broadcasts_to(from, shape)) return;
  fail(std::string(op) + ": expected parameters that broadcast to " + to_string(shape) + ", got " +
       to_string(from));
}

array categorical_of(const array& logits, int axis, const Shape& noise_shape,
                     const std::optional<array>& key, const StreamOrDevice& s) {
  return argmax(add(logits, gumbel(noise_shape, float32, key, s), s), axis, false, s);
}

// The map from a change of a symmetric matrix to that of its symmetric root: with the eigenvectors
// V and values r of the root, V (V^T t V / (r[i] + r[j])) V^T.
array root_change(const array& root, const array& t) {
  const auto [values, v] = linalg::eigh(root);
  const array vt = swapaxes(v, -1, -2);
  const array turned = matmul(vt, matmul(ops::hermitian_part(t), v));
  const array sums = expand_dims(values, -1) + expand_dims(values, -2);
  return matmul(v, matmul(ops::ratio(turned, sums), vt));
}

// The symmetric root of a positive semi-definite matrix. Its rules are its own: those of svd would
// divide by the differences of equal values.
array symmetric_root(const array& x, const StreamOrDevice& s) {
  using Arrays = std::vector<array>;
  const auto root_of = [s](const Arrays& in) {
    const std::vector<array> usv = linalg::svd(in[0], true, s);
    const array scaled = multiply(usv[0], expand_dims(sqrt(usv[1], s), -2, s), s);
    return Arrays{matmul(scaled, usv[2], s)};
  };
  const auto root = custom_function(
      root_of,
      [](const Arrays&, const Arrays& cotangents, const Arrays& outputs) {
        return Arrays{root_change(outputs[0], cotangents[0])};
      },
      [s](const Arrays& in, const Arrays& tangents, const std::vector<int>&) {
        return Arrays{root_change(symmetric_root(in[0], s), tangents[0])};
      });
  return root({x})[0];
}

}  // namespace

array uniform(const array& low, const array& high, const Shape& shape, Dtype dtype,
              const std::optional<array>& key, StreamOrDevice s) {
  if (dtype != float32 && dtype != float16 && dtype != bfloat16) {
    fail("uniform: expected dtype float32, float16 or bfloat16, got " +
         std::string(dtype_name(dtype)));
  }
  const array lo = astype(low, dtype, s);
  check_broadcasts("uniform", ops::broadcast_together("uniform", low.shape(), high.shape()), shape);
  const array range = subtract(astype(high, dtype, s), lo, s);
  const array words = astype(bits(shape, 4, key, s), float32, s);
  const array unit = astype(divide(words, array(0x1p32f), s), dtype, s);
  return add(multiply(range, minimum(unit, below_one(dtype), s), s), lo, s);
}

array uniform(const Shape& shape, Dtype dtype, const std::optional<array>& key, StreamOrDevice s) {
  return uniform(array(0.0f), array(1.0f), shape, dtype, key, s);
}

array normal(const Shape& shape, Dtype dtype, const std::optional<array>& loc,
             const std::optional<array>& scale, const std::optional<array>& key, StreamOrDevice s) {
  if (!issubdtype(dtype, inexact)) {
    fail("normal: expected a floating dtype or complex64, got " + std::string(dtype_name(dtype)));
  }
  ops::check_dimensions("normal", shape);
  if (loc) ops::broadcast_together("normal", shape, loc->shape());
  if (scale) ops::broadcast_together("normal", shape, scale->shape());
  array samples(0.0f);
  if (dtype == complex64) {
    Shape parts = shape;
    parts.push_back(2);
    const array pairs = erfinv(uniform_around_zero(parts, key, s), s);
    const array imaginary = multiply(take(pairs, 1, -1, s), array(complex64_t(0, 1)), s);
    samples = add(take(pairs, 0, -1, s), imaginary, s);
    if (scale) samples = multiply(samples, astype(*scale, dtype, s), s);
  } else {
    samples = astype(erfinv(uniform_around_zero(shape, key, s), s), dtype, s);
    array factor(std::numbers::sqrt2, dtype);
    if (scale) factor = multiply(factor, astype(*scale, dtype, s), s);
    samples = multiply(factor, samples, s);
  }
  return loc ? add(samples, astype(*loc, dtype, s), s) : samples;
}

array randint(const array& low, const array& high, const Shape& shape, Dtype dtype,
              const std::optional<array>& key, StreamOrDevice s) {
  if (issubdtype(dtype, inexact)) {
    fail("randint: expected an integer dtype or bool, got " + std::string(dtype_name(dtype)));
  }
  check_broadcasts("randint", ops::broadcast_together("randint", low.shape(), high.shape()), shape);
  const array samples = floor(uniform(low, high, shape, float32, key, s), s);
  return astype(maximum(samples, low, s), dtype, s);
}

array bernoulli(const array& p, const Shape& shape, const std::optional<array>& key,
                StreamOrDevice s) {
  if (!issubdtype(p.dtype(), floating)) {
    fail("bernoulli: expected p of a floating dtype, got " + std::string(dtype_name(p.dtype())));
  }
  check_broadcasts("bernoulli", p.shape(), shape);
  // Above every word, so that p = 1 is always true.
  const array upper(std::nextafter(0x1p32f, std::numeric_limits<float>::max()));
  return less(bits(shape, 4, key, s), multiply(p, upper, s), s);
}

array bernoulli(const array& p, const std::optional<array>& key, StreamOrDevice s) {
  return bernoulli(p, p.shape(), key, s);
}

array bernoulli(const std::optional<array>& key, StreamOrDevice s) {
  return bernoulli(array(0.5f), key, s);
}

array truncated_normal(const array& lower, const array& upper, const Shape& shape, Dtype dtype,
                       const std::optional<array>& key, StreamOrDevice s) {
  check_floating("truncated_normal", dtype);
  check_broadcasts("truncated_normal",
                   ops::broadcast_together("truncated_normal", lower.shape(), upper.shape()),
                   shape);
  const array root(std::numbers::sqrt2, dtype);
  const array low = astype(lower, dtype, s), high = astype(upper, dtype, s);
  const array u =
      uniform(erf(divide(low, root, s), s), erf(divide(high, root, s), s), shape, dtype, key, s);
  return maximum(minimum(high, multiply(root, erfinv(u, s), s), s), low, s);
}

array truncated_normal(const array& lower, const array& upper, Dtype dtype,
                       const std::optional<array>& key, StreamOrDevice s) {
  return truncated_normal(lower, upper, broadcast_shapes(lower.shape(), upper.shape()), dtype, key,
                          s);
}

array gumbel(const Shape& shape, Dtype dtype, const std::optional<array>& key, StreamOrDevice s) {
  check_floating("gumbel", dtype);
  ops::check_dimensions("gumbel", shape);
  return negative(log(negative(log(uniform(shape, dtype, key, s), s), s), s), s);
}

array categorical(const array& logits, int axis, const Shape& shape,
                  const std::optional<array>& key, StreamOrDevice s) {
  const int ndim = static_cast<int>(logits.ndim());
  const int from_end = ops::normalize_axis(axis, ndim, "categorical") - ndim;
  Shape rows = logits.shape();
  rows.erase(rows.end() + from_end);
  check_broadcasts("categorical", rows, shape);
  Shape noise_shape = shape;
  noise_shape.insert(noise_shape.end() + from_end + 1, logits.shape(from_end));
  return categorical_of(logits, from_end, noise_shape, key, s);
}

array categorical(const array& logits, int axis, int num_samples, const std::optional<array>& key,
                  StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(logits.ndim()), "categorical");
  if (num_samples < 0) {
    fail("categorical: expected num_samples of at least 0, got " + std::to_string(num_samples));
  }
  Shape noise_shape = logits.shape();
  noise_shape.push_back(num_samples);
  return categorical_of(expand_dims(logits, -1, s), normalized, noise_shape, key, s);
}

array categorical(const array& logits, int axis, const std::optional<array>& key,
                  StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(logits.ndim()), "categorical");
  return categorical_of(logits, normalized, logits.shape(), key, s);
}

array laplace(const Shape& shape, Dtype dtype, const float loc, const float scale,
              const std::optional<array>& key, StreamOrDevice s) {
  check_floating("laplace", dtype);
  ops::check_dimensions("laplace", shape);
  const array u = uniform_around_zero(shape, key, s);
  array samples = astype(multiply(sign(u, s), log1p(negative(abs(u, s), s), s), s), dtype, s);
  if (scale != 1) samples = multiply(array(scale, dtype), samples, s);
  return loc == 0 ? samples : add(array(loc, dtype), samples, s);
}

array permutation(const array& x, int axis, const std::optional<array>& key, StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(x.ndim()), "permutation");
  return take(x, permutation(x.shape(normalized), key, s), normalized, s);
}

array permutation(int x, const std::optional<array>& key, StreamOrDevice s) {
  if (x < 0) fail("permutation: expected x of at least 0, got " + std::to_string(x));
  return argsort(bits({x}, 4, key, s), 0, s);
}

// The rows of z R for the symmetric root R of the covariance, and a standard normal z.
array multivariate_normal(const array& mean, const array& cov, const Shape& shape, Dtype dtype,
                          const std::optional<array>& key, StreamOrDevice s) {
  if (dtype != float32) {
    fail("multivariate_normal: expected dtype float32, got " + std::string(dtype_name(dtype)));
  }
  if (mean.ndim() < 1) fail("multivariate_normal: expected mean (..., n), got ()");
  const int n = mean.shape(-1);
  if (cov.ndim() < 2 || cov.shape(-1) != n || cov.shape(-2) != n) {
    const std::string size = std::to_string(n);
    fail("multivariate_normal: expected cov (..., " + size + ", " + size + ") for mean " +
         to_string(mean.shape()) + ", got " + to_string(cov.shape()));
  }
  Shape samples = broadcast_shapes(Shape(mean.shape().begin(), mean.shape().end() - 1),
                                   Shape(cov.shape().begin(), cov.shape().end() - 2));
  samples = broadcast_shapes(samples, shape);
  samples.push_back(n);
  const array root = symmetric_root(astype(cov, float32, s), s);
  const array z = normal(samples, dtype, 0.0f, 1.0f, key, s);
  const array moved = matmul(expand_dims(z, -2, s), root, s);
  return add(mean, squeeze(moved, -2, s), s);
}

}  // namespace mica::random
