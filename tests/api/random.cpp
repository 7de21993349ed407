// random.h of MLX.
#include "tests/api/surface.h"

#include "mlx/random.h"

namespace {

TEST(ArraySurface, Random) {
  has<array(const array&, const Shape&, const std::optional<array>&, S)>(mx::random::bernoulli);
  has<array(const array&, const std::optional<array>&, S)>(mx::random::bernoulli);
  has<array(const std::optional<array>&, S)>(mx::random::bernoulli);
  has<array(const Shape&, int, const std::optional<array>&, S)>(mx::random::bits);
  has<array(const Shape&, const std::optional<array>&, S)>(mx::random::bits);
  has<array(const array&, int, const Shape&, const std::optional<array>&, S)>(
      mx::random::categorical);
  has<array(const array&, int, int, const std::optional<array>&, S)>(mx::random::categorical);
  has<array(const array&, int, const std::optional<array>&, S)>(mx::random::categorical);
  has<array(const Shape&, Dtype, const std::optional<array>&, S)>(mx::random::gumbel);
  has<array(uint64_t)>(mx::random::key);
  has<array(const Shape&, Dtype, const float, const float, const std::optional<array>&, S)>(
      mx::random::laplace);
  has<array(const Shape&, const float, const float, const std::optional<array>&, S)>(
      mx::random::laplace);
  has<array(const Shape&, const Dtype, const std::optional<array>&, S)>(mx::random::laplace);
  has<array(const Shape&, const std::optional<array>&, S)>(mx::random::laplace);
  has<array(const array&, const array&, const Shape&, Dtype, const std::optional<array>&, S)>(
      mx::random::multivariate_normal);
  has<array(const Shape&, Dtype, const std::optional<array>&, const std::optional<array>&,
            const std::optional<array>&, S)>(mx::random::normal);
  has<array(const Shape&, Dtype, const float, const float, const std::optional<array>&, S)>(
      mx::random::normal);
  has<array(const Shape&, const float, const float, const std::optional<array>&, S)>(
      mx::random::normal);
  has<array(const Shape&, const Dtype, const std::optional<array>&, S)>(mx::random::normal);
  has<array(const Shape&, const std::optional<array>&, S)>(mx::random::normal);
  has<array(const array&, int, const std::optional<array>&, S)>(mx::random::permutation);
  has<array(int, const std::optional<array>&, S)>(mx::random::permutation);
  has<array(const array&, const array&, const Shape&, Dtype, const std::optional<array>&, S)>(
      mx::random::randint);
  has<void(uint64_t)>(mx::random::seed);
  has<std::pair<array, array>(const array&, S)>(mx::random::split);
  has<array(const array&, int, S)>(mx::random::split);
  has<array(const array&, const array&, const Shape&, Dtype, const std::optional<array>&, S)>(
      mx::random::truncated_normal);
  has<array(const array&, const array&, Dtype, const std::optional<array>&, S)>(
      mx::random::truncated_normal);
  has<array(const array&, const array&, const Shape&, Dtype, const std::optional<array>&, S)>(
      mx::random::uniform);
  has<array(const Shape&, Dtype, const std::optional<array>&, S)>(mx::random::uniform);
  has<array(const Shape&, const std::optional<array>&, S)>(mx::random::uniform);
}

}  // namespace
