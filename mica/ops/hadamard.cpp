// The Walsh-Hadamard transform, composed of products with matrices of at most 64 rows.
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <string_view>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace {

using ops::throw_expected;

// Signs of Hadamard matrices, those of MLX, made of circulant blocks: each column of a block is the
// one before, shifted down. Given are the first columns of the blocks.
struct Signs {
  int block;
  std::vector<std::string_view> columns;
};

const Signs& signs_of(int m) {
  static const Signs twelve{1,
                            {"+-++++++++++", "--+-+-+-+-+-", "+++-++----++", "+---+--+-++-",
                             "+++++-++----", "+-+---+--+-+", "++--+++-++--", "+--++---+--+",
                             "++----+++-++", "+--+-++---+-", "++++----+++-", "+-+--+-++---"}};
  static const Signs twenty{5,
                            {"+-----++++--++--+--+", "+----+----+-++---++-", "++--+-+--++----+----",
                             "+-++-++--+-+++++----"}};
  static const Signs twenty_eight{7,
                                  {"+--------++++--+-++-+-++--++", "++----++------+--++---+-++-+",
                                   "+-+--+--++--+++------++----+", "+--++--+-+--+---++++-+------"}};
  return m == 12 ? twelve : m == 20 ? twenty : twenty_eight;
}

// (m, m) of 1 and -1.
array named_matrix(int m) {
  const Signs& signs = signs_of(m);
  std::vector<float> values;
  for (int row = 0; row < m; ++row) {
    const int begin = row / signs.block * signs.block;
    for (int column = 0; column < m; ++column) {
      const std::string_view first = signs.columns[static_cast<size_t>(column / signs.block)];
      const int at = begin + (row + signs.block - column % signs.block) % signs.block;
      values.push_back(first[static_cast<size_t>(at)] == '+' ? 1.0f : -1.0f);
    }
  }
  return array(values.begin(), {m, m}, float32);
}

// Sylvester's (n, n), n a power of two: -1 where row and column share an odd number of bits.
array power_matrix(int n) {
  std::vector<float> values;
  for (int row = 0; row < n; ++row) {
    for (int column = 0; column < n; ++column) {
      values.push_back(std::popcount(static_cast<uint32_t>(row & column)) % 2 ? -1.0f : 1.0f);
    }
  }
  return array(values.begin(), {n, n}, float32);
}

// The matrices of which that of size n is the Kronecker product; none where there is no such.
std::vector<array> factors_of(int n) {
  const int odd = n >> std::countr_zero(static_cast<uint32_t>(n));
  const int m = odd == 1 ? 1 : 4 * odd;
  if (odd > 7 || n % m != 0) return {};
  std::vector<array> factors;
  if (m > 1) factors.push_back(named_matrix(m));
  for (int rest = n / m; rest > 1 || factors.empty();) {
    const int size = std::min(rest, 64);
    factors.push_back(power_matrix(size));
    rest /= size;
  }
  return factors;
}

}  // namespace

// Computed in at least float32.
array hadamard_transform(const array& a, std::optional<float> scale, StreamOrDevice s) {
  constexpr const char* op = "hadamard_transform";
  if (a.size() == 0) throw_expected(op, "an array with elements", to_string(a.shape()));
  const int n = a.ndim() == 0 ? 1 : a.shape(-1);
  const std::vector<array> factors = factors_of(n);
  if (factors.empty()) {
    throw_expected(op, "m * 2^k elements along the last axis with m of 1, 12, 20 or 28",
                   std::to_string(n));
  }
  const Dtype dtype = issubdtype(a.dtype(), floating) ? a.dtype() : float32;
  const Dtype computed = dtype == float64 ? float64 : float32;
  array x = astype(a, computed, s);
  int behind = n;  // elements over which the factors that are left vary
  for (const array& factor : factors) {
    const int size = factor.shape(0);
    behind /= size;
    const array matrix = astype(factor, computed, s);
    x = behind == 1 ? matmul(reshape(x, {-1, size}, s), transpose(matrix, s), s)
                    : matmul(matrix, reshape(x, {-1, size, behind}, s), s);
  }
  const float factor = scale.value_or(1 / std::sqrt(static_cast<float>(n)));
  return astype(multiply(reshape(x, a.shape(), s), array(factor, computed), s), dtype, s);
}

}  // namespace mica
