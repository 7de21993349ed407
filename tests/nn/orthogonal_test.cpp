// The orthogonal initialiser draws mlx.nn's matrices.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using nn::init::orthogonal;

array drawn(const nn::init::Initializer& initializer, const Shape& shape) {
  random::seed(3);
  return initializer(zeros(shape));
}

TEST(Orthogonal, MlxMatrices) {
  const Goldens file = golden::load("nn/orthogonal");
  const Tolerance tolerance{1e-4, 1e-5};
  expect_close(drawn(orthogonal(), {4, 4}), file.at("square"), tolerance);
  expect_close(drawn(orthogonal(2.5), {5, 2}), file.at("tall"), tolerance);
  expect_close(drawn(orthogonal(0.5, float16), {2, 4}), file.at("wide"), half_tolerance(float16));
}

TEST(Orthogonal, RowsOrColumnsAreOrthogonal) {
  const array wide = drawn(orthogonal(2.0), {16, 64}), tall = drawn(orthogonal(), {9, 3});
  expect_close(matmul(wide, transpose(wide)), 4 * eye(16), {1e-4, 1e-4});
  expect_close(matmul(transpose(tall), tall), eye(3), {1e-5, 1e-5});
}

TEST(Orthogonal, Errors) {
  EXPECT_EQ(error_of([] {
              orthogonal()(zeros({2, 3, 4}));
            }),
            "init::orthogonal: expected a matrix, got (2, 3, 4)");
}

}  // namespace
}  // namespace mica
