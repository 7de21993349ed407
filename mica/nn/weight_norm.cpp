#include "mica/nn/weight_norm.h"

#include <numeric>

#include "mica/nn/values.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/utils.h"

namespace mica::nn::detail {

namespace {

array as_matrix(const array& weight) { return flatten(weight, 1); }

array unit(const array& v, double eps) { return v / maximum(sqrt(sum(square(v))), weak(eps, v)); }

}  // namespace

array weight_norm_magnitude(const array& v, std::optional<int> dim) {
  std::vector<int> axes(v.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  if (dim) {
    axes.erase(axes.begin() +
               normalize_axis_index(*dim, static_cast<int>(v.ndim()), "weight_norm: "));
  }
  return sqrt(sum(square(v), axes, true));
}

array weight_norm(const array& v, const array& g, std::optional<int> dim) {
  return v * (g / weight_norm_magnitude(v, dim));
}

std::pair<array, array> power_iterations(const array& weight, const array& u, const array& v,
                                         int iterations, double eps) {
  const array matrix = stop_gradient(as_matrix(weight));
  array left = stop_gradient(u), right = stop_gradient(v);
  for (int i = 0; i < iterations; ++i) {
    left = unit(matmul(matrix, right), eps);
    right = unit(matmul(transpose(matrix), left), eps);
  }
  return {left, right};
}

array spectral_norm(const array& weight, const array& u, const array& v) {
  const array sigma = sum(stop_gradient(u) * matmul(as_matrix(weight), stop_gradient(v)));
  return weight / sigma;
}

std::pair<array, array> first_vectors(const array& weight, double eps) {
  const array matrix = as_matrix(weight);
  const array u = unit(random::normal({matrix.shape(0)}), eps);
  const array v = unit(random::normal({matrix.shape(1)}), eps);
  return power_iterations(weight, u, v, 15, eps);
}

}  // namespace mica::nn::detail
