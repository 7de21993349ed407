#include "mica/nn/init.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "mica/linalg/linalg.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn::init {

namespace {

struct Fans {
  double in;
  double out;
  double of(Fan mode) const { return mode == Fan::fan_in ? in : out; }
};

Fans fans_of(const char* op, const array& a) {
  if (a.ndim() < 2)
    throw std::invalid_argument(std::string("init::") + op + ": expected at least 2 axes, got " +
                                to_string(a.shape()));
  double between = 1;
  for (size_t i = 1; i + 1 < a.ndim(); ++i) between *= a.shape(static_cast<int>(i));
  return {a.shape(-1) * between, a.shape(0) * between};
}

array normal_with(const array& a, double std, Dtype dtype) {
  return random::normal(a.shape(), dtype, 0.0f, static_cast<float>(std));
}

array uniform_within(const array& a, double limit, Dtype dtype) {
  return random::uniform(-limit, limit, a.shape(), dtype);
}

}  // namespace

Initializer constant(double value, Dtype dtype) {
  return [=](const array& a) { return full(a.shape(), array(value), dtype); };
}

Initializer normal(double mean, double std, Dtype dtype) {
  return [=](const array& a) {
    return random::normal(a.shape(), dtype, static_cast<float>(mean), static_cast<float>(std));
  };
}

Initializer uniform(double low, double high, Dtype dtype) {
  return [=](const array& a) { return random::uniform(low, high, a.shape(), dtype); };
}

Initializer truncated_normal(double mean, double std, double low, double high, Dtype dtype) {
  if (!(std > 0 && low < high))
    throw std::invalid_argument(
        "init::truncated_normal: expected std above 0 and low below high, got " + repr(std) + ", " +
        repr(low) + " and " + repr(high));
  return [=](const array& a) {
    const array standard = random::truncated_normal(
        array((low - mean) / std, dtype), array((high - mean) / std, dtype), a.shape(), dtype);
    return standard * weak(std, standard) + weak(mean, standard);
  };
}

Initializer identity(Dtype dtype) {
  return [=](const array& a) {
    if (a.ndim() != 2 || a.shape(0) != a.shape(1))
      throw std::invalid_argument("init::identity: expected a square matrix, got " +
                                  to_string(a.shape()));
    return eye(a.shape(0), dtype);
  };
}

Initializer sparse(double sparsity, double mean, double std, Dtype dtype) {
  if (!(sparsity >= 0 && sparsity <= 1))
    throw std::invalid_argument("init::sparse: expected sparsity in [0, 1], got " + repr(sparsity));
  return [=](const array& a) {
    if (a.ndim() != 2)
      throw std::invalid_argument("init::sparse: expected a matrix, got " + to_string(a.shape()));
    const int rows = a.shape(0), columns = a.shape(1);
    const int zeroed = static_cast<int>(std::ceil(sparsity * columns));
    const array order = argsort(random::uniform(a.shape()), 1);
    const array values =
        random::normal(a.shape(), dtype, static_cast<float>(mean), static_cast<float>(std));
    return put_along_axis(values, slice(order, {0, 0}, {rows, zeroed}), array(0, dtype), 1);
  };
}

// The signs of R's diagonal make Q unique, whatever signs the factorization chooses.
Initializer orthogonal(double gain, Dtype dtype) {
  return [=](const array& a) {
    if (a.ndim() != 2)
      throw std::invalid_argument("init::orthogonal: expected a matrix, got " +
                                  to_string(a.shape()));
    const int rows = a.shape(0), columns = a.shape(1), n = std::max(rows, columns);
    const auto [q, r] = linalg::qr(random::normal({n, n}));
    const array part = slice(q * sign(diag(r)), {0, 0}, {rows, columns});
    return astype(part * array(gain), dtype);
  };
}

array glorot_normal::operator()(const array& a, double gain) const {
  const Fans fans = fans_of("glorot_normal", a);
  return normal_with(a, gain * std::sqrt(2.0 / (fans.in + fans.out)), dtype);
}

array glorot_uniform::operator()(const array& a, double gain) const {
  const Fans fans = fans_of("glorot_uniform", a);
  return uniform_within(a, gain * std::sqrt(6.0 / (fans.in + fans.out)), dtype);
}

array he_normal::operator()(const array& a, Fan mode, double gain) const {
  return normal_with(a, gain / std::sqrt(fans_of("he_normal", a).of(mode)), dtype);
}

array he_uniform::operator()(const array& a, Fan mode, double gain) const {
  return uniform_within(a, gain * std::sqrt(3.0 / fans_of("he_uniform", a).of(mode)), dtype);
}

}  // namespace mica::nn::init
