// Composed, a step at a time: each reads and writes the state, which stays in the cache.
#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/fast/rules.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::fast {
namespace {

void expect_shape(const char* what, const array& x, const Shape& shape) {
  if (x.shape() == shape) return;
  throw std::invalid_argument(std::string("gated_delta_update: expected ") + what + " " +
                              to_string(shape) + ", got " + to_string(x.shape()));
}

void expect_rank_4(const char* what, const array& x) {
  if (x.ndim() == 4) return;
  throw std::invalid_argument(std::string("gated_delta_update: expected ") + what +
                              " (batch, length, heads, size), got " + to_string(x.shape()));
}

// x[:, t] of every step, (B, T, heads, size) with the heads repeated, widened.
std::vector<array> steps_of(const array& x, int repeats, Dtype dtype, const StreamOrDevice& s) {
  const array wide = astype(x, dtype, s);
  return unstack(repeats == 1 ? wide : repeat(wide, repeats, 2, s), 1, s);
}

}  // namespace

std::vector<array> gated_delta_update(const array& queries, const array& keys, const array& values,
                                      const array& gates, const array& beta_,
                                      const std::optional<array>& initial_state,
                                      const std::optional<array>& mask, StreamOrDevice s) {
  expect_rank_4("queries", queries);
  expect_rank_4("values", values);
  const int batch = queries.shape(0), length = queries.shape(1), key_heads = queries.shape(2);
  const int key_size = queries.shape(3), heads = values.shape(2), value_size = values.shape(3);
  expect_shape("keys", keys, queries.shape());
  expect_shape("values", values, {batch, length, heads, value_size});
  if (key_heads == 0 || heads % key_heads != 0) {
    throw std::invalid_argument("gated_delta_update: expected a multiple of the keys' " +
                                std::to_string(key_heads) + " heads in values, got " +
                                std::to_string(heads));
  }
  Shape gate_shape{batch, length, heads};
  if (gates.ndim() == 4) gate_shape.push_back(key_size);
  expect_shape("gates", gates, gate_shape);
  expect_shape("beta", beta_, {batch, length, heads});
  if (mask) expect_shape("mask", *mask, {batch, length});
  const Shape state_shape{batch, heads, value_size, key_size};
  if (initial_state) expect_shape("initial_state", *initial_state, state_shape);
  const Dtype dtype = result_type(queries, keys, values);
  if (!issubdtype(dtype, floating)) {
    throw std::invalid_argument(
        std::string("gated_delta_update: expected operands of a floating dtype, got ") +
        dtype_name(dtype));
  }

  const Dtype wide = ops::at_least_float32(dtype);
  const int repeats = heads / key_heads;
  array state = initial_state ? astype(*initial_state, wide, s) : zeros(state_shape, wide, s);
  if (length == 0) return {zeros(values.shape(), dtype, s), state};
  const std::vector<array> q = steps_of(expand_dims(queries, 3, s), repeats, wide, s);
  const std::vector<array> k = steps_of(expand_dims(keys, 3, s), repeats, wide, s);
  const std::vector<array> v = steps_of(values, 1, wide, s);
  const array row_gates =
      gates.ndim() == 4 ? expand_dims(gates, 3, s) : expand_dims(gates, {3, 4}, s);
  const std::vector<array> g = steps_of(row_gates, 1, wide, s);
  const std::vector<array> b = steps_of(expand_dims(beta_, 3, s), 1, wide, s);
  std::vector<array> outputs;
  for (int t = 0; t < length; ++t) {
    const auto i = static_cast<size_t>(t);
    array next = multiply(state, g[i], s);
    const array missing = subtract(v[i], sum(multiply(next, k[i], s), -1, false, s), s);
    next = add(next, multiply(expand_dims(multiply(missing, b[i], s), -1, s), k[i], s), s);
    array output = sum(multiply(next, q[i], s), -1, false, s);
    if (mask) {
      const array keep = reshape(astype(take(*mask, t, 1, s), bool_, s), {batch, 1, 1, 1}, s);
      next = where(keep, next, state, s);
      output = where(squeeze(keep, -1, s), output, zeros_like(output, s), s);
    }
    state = next;
    outputs.push_back(output);
  }
  return {astype(stack(outputs, 1, s), dtype, s), state};
}

}  // namespace mica::fast
