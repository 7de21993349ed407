// Layers whose weight is computed from others at each call. Each is a T, so that it fits into a
// Slot<T>, and constructs like one: nn::WeightNorm<nn::Linear> layer(784, 128).
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mica/nn/module.h"

namespace mica::nn {

namespace detail {

// A T with another weight, for one call.
template <class T>
T with_weight(const T& layer, array weight) {
  T copy = layer;
  copy.weight = std::move(weight);
  return copy;
}

// v * g / |v|, norms over all axes but `dim`, or all where it is empty.
array weight_norm(const array& v, const array& g, std::optional<int> dim);
array weight_norm_magnitude(const array& v, std::optional<int> dim);

// The left and right singular vectors after `iterations` of the power method; nothing is
// differentiated. weight: (rows, ...); u: (rows), v: (the product of the other axes).
std::pair<array, array> power_iterations(const array& weight, const array& u, const array& v,
                                         int iterations, double eps);
// weight over its largest singular value u^T W v.
array spectral_norm(const array& weight, const array& u, const array& v);
// Random vectors of length 1, after 15 iterations.
std::pair<array, array> first_vectors(const array& weight, double eps);

}  // namespace detail

struct WeightNormOptions {
  std::optional<int> dim = 0;  // whose slices have a magnitude each; the whole weight where empty
};

// A layer with weight weight_g * weight_v / |weight_v|: its length and direction are parameters
// ("Weight Normalization", Salimans and Kingma, 2016). Of any layer with an array `weight`.
template <class T>
requires std::derived_from<T, Module>
struct WeightNorm : T {
  using MicaSelf = WeightNorm;
  array weight_g;  // of the weight's shape, with 1 for all axes but dim
  array weight_v;  // of the weight's shape
  std::optional<int> dim;

  // Computes what the layer does until its parameters change.
  explicit WeightNorm(T layer, const WeightNormOptions& options = {})
      : T(std::move(layer)),
        weight_g(detail::weight_norm_magnitude(this->weight, options.dim)),
        weight_v(this->weight),
        dim(options.dim) {}
  template <class... A>
  requires(std::constructible_from<T, A...> && sizeof...(A) > 1)  //
      explicit WeightNorm(A&&... args)
      : WeightNorm(T(std::forward<A>(args)...)) {}

  void list_members(Members& members) override {
    T::list_members(members);
    std::erase_if(members, [](const Member& member) { return member.key == "weight"; });
    mica::nn::detail::add_members(members, {"weight_g", "weight_v"}, weight_g, weight_v);
  }
  array operator()(const array& x) const override {
    const array weight = detail::weight_norm(weight_v, weight_g, dim);
    return this->hooked(detail::with_weight<T>(*this, weight)(x), x);
  }
};

struct SpectralNormOptions {
  int n_power_iterations = 1;  // in each call while training
  double eps = 1e-12;          // least length of a vector
};

// A layer whose weight, as a matrix (rows, everything else), is divided by an estimate of its
// largest singular value ("Spectral Normalization", Miyato et al., 2018), which gets better with
// each call while training. Of any layer with an array `weight` of two axes or more.
template <class T>
requires std::derived_from<T, Module>
struct SpectralNorm : T {
  using MicaSelf = SpectralNorm;
  mutable array weight_u, weight_v;  // never trained
  SpectralNormOptions options;

  explicit SpectralNorm(T layer, const SpectralNormOptions& options = {})
      : T(std::move(layer)), weight_u(0.0f), weight_v(0.0f), options(options) {
    if (this->weight.ndim() < 2)
      this->fail("a weight of at least 2 axes", std::to_string(this->weight.ndim()));
    if (options.n_power_iterations < 1)
      this->fail("n_power_iterations of at least 1", std::to_string(options.n_power_iterations));
    std::tie(weight_u, weight_v) = detail::first_vectors(this->weight, options.eps);
    this->never_train({"weight_u", "weight_v"});
  }
  template <class... A>
  requires(std::constructible_from<T, A...> && sizeof...(A) > 1)  //
      explicit SpectralNorm(A&&... args)
      : SpectralNorm(T(std::forward<A>(args)...)) {}

  void list_members(Members& members) override {
    T::list_members(members);
    mica::nn::detail::add_members(members, {"weight_u", "weight_v"}, weight_u, weight_v);
  }
  array operator()(const array& x) const override {
    if (this->training())
      std::tie(weight_u, weight_v) = detail::power_iterations(
          this->weight, weight_u, weight_v, options.n_power_iterations, options.eps);
    const array weight = detail::spectral_norm(this->weight, weight_u, weight_v);
    return this->hooked(detail::with_weight<T>(*this, weight)(x), x);
  }
};

// The layer, reparametrized.
template <class T>
WeightNorm<T> weight_norm(T layer, const WeightNormOptions& options = {}) {
  return WeightNorm<T>(std::move(layer), options);
}
template <class T>
SpectralNorm<T> spectral_norm(T layer, const SpectralNormOptions& options = {}) {
  return SpectralNorm<T>(std::move(layer), options);
}

}  // namespace mica::nn
