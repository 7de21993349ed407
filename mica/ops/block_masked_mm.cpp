// A product in blocks, with a mask of blocks for each operand and for the result: composed, since
// an elementwise op of each operand costs little beside the product.
#include <fmt/format.h>

#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/elementwise/base.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace {

// x (..., rows, columns) times its block's element of the mask; where a mask of bools is false,
// zero even if x is not finite.
array masked(const array& x, const std::optional<array>& mask, int block, const char* name,
             const StreamOrDevice& s) {
  if (!mask) return x;
  const int rows = x.shape(-2), columns = x.shape(-1);
  const Shape blocks{(rows + block - 1) / block, (columns + block - 1) / block};
  Shape shape = mask->shape();
  while (shape.size() < 2) shape.insert(shape.begin(), 1);
  const Shape last(shape.end() - 2, shape.end());
  if (!ops::broadcasts_to(last, blocks)) {
    throw std::invalid_argument(
        fmt::format("block_masked_mm: expected {} that broadcasts to (..., {}, {}), got {}", name,
                    blocks[0], blocks[1], to_string(mask->shape())));
  }
  // (..., R, C) as (..., R, 1, C, 1), then spread over the blocks.
  const Shape batch(shape.begin(), shape.end() - 2);
  const auto with = [&](std::initializer_list<int> axes) {
    Shape whole = batch;
    whole.insert(whole.end(), axes.begin(), axes.end());
    return whole;
  };
  array spread = reshape(*mask, with({last[0], 1, last[1], 1}), s);
  spread = broadcast_to(spread, with({blocks[0], block, blocks[1], block}), s);
  spread = reshape(spread, with({blocks[0] * block, blocks[1] * block}), s);
  spread = slice(spread, Shape(shape.size(), 0), with({rows, columns}), s);
  if (mask->dtype() == bool_) return where(spread, x, ops::scalar(0, x.dtype()), s);
  return multiply(x, astype(spread, x.dtype(), s), s);
}

}  // namespace

array block_masked_mm(array a, array b, int block_size, std::optional<array> mask_out,
                      std::optional<array> mask_lhs, std::optional<array> mask_rhs,
                      StreamOrDevice s) {
  const Dtype dtype = result_type(a, b);
  if (!floats.has(dtype)) {
    throw std::invalid_argument(
        fmt::format("block_masked_mm: expected a and b of real floats, got {} and {}",
                    dtype_name(a.dtype()), dtype_name(b.dtype())));
  }
  if (block_size < 1) {
    throw std::invalid_argument(
        fmt::format("block_masked_mm: expected block_size of at least 1, got {}", block_size));
  }
  if (a.ndim() < 2 || b.ndim() < 2) {
    throw std::invalid_argument(
        fmt::format("block_masked_mm: expected a and b with at least two dimensions, got {} and {}",
                    to_string(a.shape()), to_string(b.shape())));
  }
  a = masked(astype(a, dtype, s), mask_lhs, block_size, "mask_lhs", s);
  b = masked(astype(b, dtype, s), mask_rhs, block_size, "mask_rhs", s);
  return masked(matmul(a, b, s), mask_out, block_size, "mask_out", s);
}

}  // namespace mica
