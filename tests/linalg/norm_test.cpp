// Norms and cross products against mlx; samples of random::multivariate_normal.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using linalg::cross;
using linalg::norm;

constexpr double infinity = std::numeric_limits<double>::infinity();

class Norms : public ::testing::Test {
 protected:
  void expect(const array& actual, const std::string& name, Tolerance tolerance = {}) const {
    SCOPED_TRACE(name);
    expect_close(actual, file_.at(name), tolerance);
  }

  const Goldens file_ = golden::load("linalg/norms");
  const array vector_ = file_.at("vector"), matrix_ = file_.at("matrix"), cube_ = file_.at("cube");
  const array complex_ = file_.at("complex"), integers_ = file_.at("integers");
};

TEST_F(Norms, OfVectors) {
  const std::vector<std::pair<std::string, double>> orders = {{"0", 0},
                                                              {"1", 1},
                                                              {"2", 2},
                                                              {"3", 3},
                                                              {"half", 0.5},
                                                              {"inf", infinity},
                                                              {"minus_1", -1},
                                                              {"minus_2", -2},
                                                              {"minus_half", -0.5},
                                                              {"minus_inf", -infinity}};
  for (const auto& [name, ord] : orders) {
    expect(norm(vector_, ord), "vector_" + name);
    expect(norm(cube_, ord, 1), "axis_" + name);
    expect(norm(cube_, ord, -1, true), "axis_kept_" + name);
    expect(norm(complex_, ord, 1), "complex_" + name);
    expect(norm(integers_, ord, 1), "integers_" + name);
  }
}

TEST_F(Norms, OfMatrices) {
  const std::vector<std::pair<std::string, double>> orders = {
      {"1", 1},        {"2", 2},        {"inf", infinity},
      {"minus_1", -1}, {"minus_2", -2}, {"minus_inf", -infinity}};
  for (const auto& [name, ord] : orders) {
    expect(norm(matrix_, ord), "matrix_" + name);
    expect(norm(cube_, ord, std::vector<int>{0, 2}), "axes_" + name);
    expect(norm(cube_, ord, std::vector<int>{2, 0}, true), "swapped_" + name);
    expect(norm(complex_, ord), "complex_matrix_" + name);
  }
  for (const std::string name : {"fro", "f", "nuc"}) {
    expect(norm(matrix_, name), "matrix_" + name);
    expect(norm(cube_, name, std::vector<int>{0, 2}), "axes_" + name);
    expect(norm(cube_, name, std::vector<int>{-1, 0}, true), "swapped_" + name);
    expect(norm(complex_, name), "complex_matrix_" + name);
  }
}

TEST_F(Norms, WithoutAnOrder) {
  expect(norm(cube_), "all");
  expect(norm(cube_, std::nullopt, true), "all_kept");
  expect(norm(cube_, 1), "one_axis");
  expect(norm(cube_, std::vector<int>{0, 2}), "two_axes");
  expect(norm(cube_, std::vector<int>{}), "no_axes");
  expect(norm(array(-3.0f)), "scalar");
  expect(norm(integers_), "integers_all");
  expect(norm(astype(matrix_, float16)), "half", half_tolerance(float16));
  expect(norm(astype(matrix_, bfloat16), 3.0, 0), "bfloat16", half_tolerance(bfloat16));
  expect(norm(astype(matrix_, float64), 3.0, 0), "float64");
  expect(norm(complex_), "complex_all");
}

TEST_F(Norms, CrossProducts) {
  const array a = file_.at("cross.a"), b = file_.at("cross.b"), flat = file_.at("cross.flat");
  expect(cross(a, b), "cross.three");
  expect(cross(flat, a), "cross.two_and_three");
  expect(cross(flat, flip(flat, 0)), "cross.two");
  expect(cross(transpose(a), reshape(b[0], {3, 1}), 0), "cross.axis");
  expect(cross(array({1, 2, 3}), array({-4, 5, 6})), "cross.integers");
}

TEST(MultivariateNormal, MlxSamples) {
  const Goldens file = golden::load("linalg/random");
  const array mean = file.at("mean"), cov = file.at("cov"), key = random::key(7);
  const Tolerance tolerance{1e-4, 1e-4};
  const array one = random::multivariate_normal(mean[0], cov[{0, 0}], {}, float32, key);
  expect_close(one, file.at("one"), tolerance);
  const array batch = random::multivariate_normal(mean, cov, {5, 2, 4}, float32, key);
  expect_close(batch, file.at("batch"), tolerance);
}

TEST(MultivariateNormal, Moments) {
  const array mean = array({1.0f, -2.0f});
  const array cov = array({{2.0f, 0.6f}, {0.6f, 0.5f}});
  const array x = random::multivariate_normal(mean, cov, {40000}, float32, random::key(1));
  EXPECT_EQ(x.shape(), (Shape{40000, 2}));
  const array centred = x - mica::mean(x, 0);
  expect_close(mica::mean(x, 0), mean, {0, 0.03});
  expect_close(matmul(transpose(centred), centred) / array(40000.0f), cov, {0, 0.05});
}

TEST(MultivariateNormal, Derivatives) {
  const array key = random::key(5), weights = random::normal({6, 2}, random::key(6));
  const auto f = [&](const array& mean, const array& cov) {
    return sum(weights * random::multivariate_normal(mean, cov, {6}, float32, key));
  };
  const auto [of_mean, of_cov] = grad<0, 1>(f)(zeros({2}), 4 * eye(2));
  expect_close(of_mean, sum(weights, 0), {});
  // A covariance of 4 times the identity, all of whose singular values are equal: the root moves by
  // a quarter of what the covariance does.
  const array z = random::multivariate_normal(zeros({2}), eye(2), {6}, float32, key);
  const array product = matmul(transpose(z), weights);
  expect_close(of_cov, (product + transpose(product)) / 8, {1e-5, 1e-5});
  const auto of_cov_alone = [&](const array& cov) { return f(zeros({2}), cov); };
  const array t = array({{0.3f, -0.2f}, {-0.2f, 1.0f}}), c = 4 * eye(2) + t;
  const auto [value, tangent] = jvp(of_cov_alone, c, t);
  expect_close(tangent, sum(grad(of_cov_alone)(c) * t), {1e-4, 1e-4});
}

TEST(MultivariateNormal, Errors) {
  const array mean = zeros({2}), cov = eye(2);
  test::expect_error([&] { random::multivariate_normal(mean, cov, {}, float64); },
                     "multivariate_normal: expected dtype float32, got float64");
  test::expect_error([&] { random::multivariate_normal(array(0.0f), cov, {}, float32); },
                     "multivariate_normal: expected mean (..., n), got ()");
  test::expect_error([&] { random::multivariate_normal(mean, eye(3), {}, float32); },
                     "multivariate_normal: expected cov (..., 2, 2) for mean (2,), got (3, 3)");
}

}  // namespace
}  // namespace mica
