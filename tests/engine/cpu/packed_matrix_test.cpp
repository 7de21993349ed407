#include "mica/engine/cpu/packed_matrix.h"

#include <gtest/gtest.h>

#include <vector>

namespace mica::cpu {
namespace {

// Small whole numbers, so that products are exact.
std::vector<float> numbers(int64_t count) {
  std::vector<float> x;
  for (int64_t i = 0; i < count; ++i) x.push_back(static_cast<float>(i * 7 % 11 - 5));
  return x;
}

void expect_product(int64_t m, int64_t k, int64_t n, bool transposed) {
  SCOPED_TRACE(std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n));
  const int64_t a_row = k + 3, out_row = n + 2;
  const std::vector<float> a = numbers(m * a_row), b = numbers(k * n);
  const int64_t row = transposed ? 1 : n, column = transposed ? k : 1;
  const PackedMatrix packed(b.data(), row, column, k, n);
  std::vector<float> out(static_cast<size_t>(m * out_row), -1);
  const int64_t panels = PackedMatrix::panels(n), half = panels / 2;
  packed.multiply(a.data(), a_row, m, 0, half, out.data(), out_row);
  packed.multiply(a.data(), a_row, m, half, panels, out.data(), out_row);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < out_row; ++j) {
      float sum = j < n ? 0.0f : -1.0f;  // what lies behind a row stays
      for (int64_t l = 0; j < n && l < k; ++l) {
        sum += a[static_cast<size_t>(i * a_row + l)] * b[static_cast<size_t>(l * row + j * column)];
      }
      ASSERT_EQ(out[static_cast<size_t>(i * out_row + j)], sum) << i << ", " << j;
    }
  }
}

TEST(PackedMatrix, MultipliesRowsOfAnyNumber) {
  for (const int64_t m : {1, 2, 5, 6, 7, 13, 32}) expect_product(m, 9, 40, false);
}

TEST(PackedMatrix, TakesAnyShapeAndLayout) {
  const int64_t panel = PackedMatrix::panel();
  for (const int64_t n : {int64_t{1}, panel - 1, panel, panel + 1, 3 * panel}) {
    expect_product(4, 17, n, false);
    expect_product(4, 17, n, true);
  }
  expect_product(3, 0, 5, false);
}

}  // namespace
}  // namespace mica::cpu
