#include "mica/ops/creation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"

namespace mica {

namespace ops {

// Arange has no inputs: there is nothing to differentiate by or to batch.

std::vector<array> Arange::vjp(const engine::VjpArgs&) const { return {}; }

std::vector<array> Arange::jvp(const engine::JvpArgs& args) const {
  return {zeros_like(args.outputs[0])};
}

engine::Batched Arange::vmap(const engine::VmapArgs&) const { return {}; }

}  // namespace ops

namespace {

array arange_of(double start, double stop, double step, Dtype dtype, const StreamOrDevice& s) {
  const auto fail = [&](const char* expected) {
    throw std::invalid_argument(fmt::format("arange: expected {}, got start {}, stop {}, step {}",
                                            expected, start, stop, step));
  };
  if (dtype == bool_) {
    throw std::invalid_argument("arange: expected a dtype of numbers, got bool");
  }
  if (std::isnan(start) || std::isnan(stop) || std::isnan(step)) fail("numbers");
  if (std::isinf(start) || std::isinf(stop)) fail("finite bounds");
  if (step == 0) fail("a step other than 0");
  if (std::isinf(step)) {
    // Only the start lies between the bounds, if anything does.
    const bool empty = step > 0 ? start >= stop : start <= stop;
    return full({empty ? 0 : 1}, array(start, dtype), s);
  }
  const double size = std::max(std::ceil((stop - start) / step), 0.0);
  if (size > std::numeric_limits<ShapeElem>::max()) fail("at most 2147483647 elements");
  return engine::apply(ops::Arange{{start}, {step}}, {}, {static_cast<ShapeElem>(size)}, dtype, s);
}

void check_sides(const char* op, int n, int m) {
  if (n < 0 || m < 0) {
    throw std::invalid_argument(
        fmt::format("{}: expected n and m of at least 0, got {} and {}", op, n, m));
  }
}

// Row index plus k, and column index, as (n, 1) and (1, m).
std::pair<array, array> grid(int n, int m, int k, const StreamOrDevice& s) {
  const int shift = std::clamp(k, -n, m);  // further diagonals are as empty or as full
  return {expand_dims(arange(shift, n + shift, s), 1, s), expand_dims(arange(m, s), 0, s)};
}

void check_matrix(const char* op, const array& x) {
  if (x.ndim() < 2) {
    throw std::invalid_argument(
        fmt::format("{}: expected x with at least 2 axes, got {}", op, to_string(x.shape())));
  }
}

}  // namespace

array arange(double start, double stop, double step, Dtype dtype, StreamOrDevice s) {
  return arange_of(start, stop, step, dtype, s);
}
array arange(double start, double stop, double step, StreamOrDevice s) {
  return arange_of(start, stop, step, float32, s);
}
array arange(double start, double stop, Dtype dtype, StreamOrDevice s) {
  return arange_of(start, stop, 1, dtype, s);
}
array arange(double start, double stop, StreamOrDevice s) {
  return arange_of(start, stop, 1, float32, s);
}
array arange(double stop, Dtype dtype, StreamOrDevice s) { return arange_of(0, stop, 1, dtype, s); }
array arange(double stop, StreamOrDevice s) { return arange_of(0, stop, 1, float32, s); }
array arange(int start, int stop, int step, StreamOrDevice s) {
  return arange_of(start, stop, step, int32, s);
}
array arange(int start, int stop, StreamOrDevice s) { return arange_of(start, stop, 1, int32, s); }
array arange(int stop, StreamOrDevice s) { return arange_of(0, stop, 1, int32, s); }

// As MLX: (1 - t) * start + t * stop in float32, where t = i / (num - 1), or i / num without the
// endpoint.
array linspace(double start, double stop, int num, bool endpoint, Dtype dtype, StreamOrDevice s) {
  if (num < 0) {
    throw std::invalid_argument(fmt::format("linspace: expected num of at least 0, got {}", num));
  }
  if (num == 1) return astype(full({1}, array(start, float32), s), dtype, s);
  const float steps = static_cast<float>(endpoint ? num - 1 : num);
  const array t = divide(arange(0.0, num, float32, s), array(steps), s);
  const array from = multiply(subtract(array(1.0f), t, s), array(start, float32), s);
  const array to = multiply(t, array(stop, float32), s);
  return astype(add(from, to, s), dtype, s);
}
array linspace(double start, double stop, int num, Dtype dtype, StreamOrDevice s) {
  return linspace(start, stop, num, true, dtype, s);
}

array full(Shape shape, array vals, Dtype dtype, StreamOrDevice s) {
  ops::check_dimensions("full", shape);
  if (!ops::broadcasts_to(vals.shape(), shape)) {
    throw std::invalid_argument(fmt::format("full: expected vals that broadcast to {}, got {}",
                                            to_string(shape), to_string(vals.shape())));
  }
  return broadcast_to(ops::cast_operand(vals, dtype, s), shape, s);
}
array full(Shape shape, array vals, StreamOrDevice s) {
  const Dtype dtype = vals.dtype();
  return full(std::move(shape), std::move(vals), dtype, s);
}
array full_like(const array& a, array vals, Dtype dtype, StreamOrDevice s) {
  return full(a.shape(), std::move(vals), dtype, s);
}
array full_like(const array& a, array vals, StreamOrDevice s) {
  return full(a.shape(), std::move(vals), a.dtype(), s);
}

array zeros(const Shape& shape, Dtype dtype, StreamOrDevice s) {
  ops::check_dimensions("zeros", shape);
  return full(shape, array(0, dtype), s);
}
array zeros(const Shape& shape, StreamOrDevice s) { return zeros(shape, float32, s); }
array zeros_like(const array& a, StreamOrDevice s) { return zeros(a.shape(), a.dtype(), s); }
array zeros_like(const array& a, Dtype dtype, StreamOrDevice s) {
  return zeros(a.shape(), dtype, s);
}
array ones(const Shape& shape, Dtype dtype, StreamOrDevice s) {
  ops::check_dimensions("ones", shape);
  return full(shape, array(1, dtype), s);
}
array ones(const Shape& shape, StreamOrDevice s) { return ones(shape, float32, s); }
array ones_like(const array& a, StreamOrDevice s) { return ones(a.shape(), a.dtype(), s); }
array ones_like(const array& a, Dtype dtype, StreamOrDevice s) { return ones(a.shape(), dtype, s); }

array eye(int n, int m, int k, Dtype dtype, StreamOrDevice s) {
  check_sides("eye", n, m);
  const auto [row, column] = grid(n, m, k, s);
  return astype(equal(row, column, s), dtype, s);
}
array eye(int n, Dtype dtype, StreamOrDevice s) { return eye(n, n, 0, dtype, s); }
array eye(int n, int m, StreamOrDevice s) { return eye(n, m, 0, float32, s); }
array eye(int n, int m, int k, StreamOrDevice s) { return eye(n, m, k, float32, s); }
array eye(int n, StreamOrDevice s) { return eye(n, n, 0, float32, s); }
array identity(int n, Dtype dtype, StreamOrDevice s) {
  check_sides("identity", n, n);
  return eye(n, n, 0, dtype, s);
}
array identity(int n, StreamOrDevice s) { return identity(n, float32, s); }

array tri(int n, int m, int k, Dtype type, StreamOrDevice s) {
  check_sides("tri", n, m);
  const auto [row, column] = grid(n, m, k, s);
  return astype(greater_equal(row, column, s), type, s);
}
array tri(int n, Dtype type, StreamOrDevice s) { return tri(n, n, 0, type, s); }

array tril(array x, int k, StreamOrDevice s) {
  check_matrix("tril", x);
  return where(tri(x.shape(-2), x.shape(-1), k, bool_, s), x, array(0, x.dtype()), s);
}

array triu(array x, int k, StreamOrDevice s) {
  check_matrix("triu", x);
  const int below = std::max(k, -x.shape(-2)) - 1;
  return where(tri(x.shape(-2), x.shape(-1), below, bool_, s), array(0, x.dtype()), x, s);
}

}  // namespace mica
