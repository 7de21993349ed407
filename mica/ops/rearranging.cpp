// Repeating, rolling and diagonals: compositions of views and joins.

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace {

int rank(const array& a) { return static_cast<int>(a.ndim()); }

// The k-th diagonal of an (n, m) matrix within its elements in row-major order, m + 1 apart.
struct Diagonal {
  ShapeElem first, length;
};

Diagonal diagonal_of(int n, int m, int k) {
  const int64_t row = std::max<int64_t>(-int64_t{k}, 0);
  const int64_t column = std::max<int64_t>(k, 0);
  const int64_t length = std::max<int64_t>(std::min(n - row, m - column), 0);
  return {length == 0 ? 0 : safe_cast(row * m + column, "diagonal"),
          static_cast<ShapeElem>(length)};
}

// Behind the last element of a diagonal.
ShapeElem end_of(const Diagonal& d, int m) {
  return d.length == 0 ? 0 : safe_cast(d.first + int64_t{d.length - 1} * (m + 1) + 1, "diagonal");
}

}  // namespace

array repeat(const array& arr, int repeats, int axis, StreamOrDevice s) {
  const int at = ops::normalize_axis(axis, rank(arr), "repeat");
  if (repeats < 0) {
    throw std::invalid_argument(
        fmt::format("repeat: expected repeats of at least 0, got {}", repeats));
  }
  Shape shape = arr.shape();
  safe_cast(static_cast<int64_t>(shape[static_cast<size_t>(at)]) * repeats, "repeat");
  shape.insert(shape.begin() + at + 1, repeats);
  return flatten(broadcast_to(expand_dims(arr, at + 1, s), shape, s), at, at + 1, s);
}

array repeat(const array& arr, int repeats, StreamOrDevice s) {
  return repeat(flatten(arr, s), repeats, 0, s);
}

array tile(const array& arr, std::vector<int> reps, StreamOrDevice s) {
  for (int rep : reps) {
    if (rep < 0) {
      throw std::invalid_argument(fmt::format("tile: expected reps of at least 0, got {}", rep));
    }
  }
  const size_t ndim = std::max(reps.size(), arr.ndim());
  reps.insert(reps.begin(), ndim - reps.size(), 1);
  Shape shape = arr.shape();
  const Shape ones(ndim - shape.size(), 1);
  shape.insert(shape.begin(), ones.begin(), ones.end());
  // An axis of repetitions before each axis that has them.
  Shape expanded, repeated, tiled;
  for (size_t i = 0; i < ndim; ++i) {
    if (reps[i] != 1) {
      expanded.push_back(1);
      repeated.push_back(reps[i]);
    }
    expanded.push_back(shape[i]);
    repeated.push_back(shape[i]);
    tiled.push_back(safe_cast(int64_t{shape[i]} * reps[i], "tile"));
  }
  return reshape(broadcast_to(reshape(arr, expanded, s), repeated, s), tiled, s);
}

array roll(const array& a, const Shape& shift, const std::vector<int>& axes, StreamOrDevice s) {
  if (shift.size() < axes.size()) {
    throw std::invalid_argument(fmt::format("roll: expected a shift for each of {} axes, got {}",
                                            axes.size(), to_string(shift)));
  }
  array rolled = a;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int axis = ops::normalize_axis(axes[i], rank(a), "roll");
    const int size = a.shape(axis);
    if (size == 0 || shift[i] % size == 0) continue;
    const int front = (shift[i] % size + size) % size;
    const auto parts = split(rolled, Shape{size - front}, axis, s);
    rolled = concatenate({parts[1], parts[0]}, axis, s);
  }
  return rolled;
}

array roll(const array& a, int shift, const std::vector<int>& axes, StreamOrDevice s) {
  return roll(a, Shape(axes.size(), shift), axes, s);
}

array roll(const array& a, int shift, int axis, StreamOrDevice s) {
  return roll(a, Shape{shift}, std::vector<int>{axis}, s);
}

// Several shifts along one axis add up.
array roll(const array& a, const Shape& shift, int axis, StreamOrDevice s) {
  const int64_t total = std::accumulate(shift.begin(), shift.end(), int64_t{0});
  return roll(a, safe_cast(total, "roll"), axis, s);
}

array roll(const array& a, const Shape& shift, StreamOrDevice s) {
  return reshape(roll(flatten(a, s), shift, 0, s), a.shape(), s);
}

array roll(const array& a, int shift, StreamOrDevice s) { return roll(a, Shape{shift}, s); }

std::vector<array> meshgrid(const std::vector<array>& arrays, bool sparse,
                            const std::string& indexing, StreamOrDevice s) {
  if (indexing != "xy" && indexing != "ij") {
    throw std::invalid_argument(
        fmt::format("meshgrid: expected indexing xy or ij, got '{}'", indexing));
  }
  std::vector<array> grid;
  for (size_t i = 0; i < arrays.size(); ++i) {
    // Rows and columns change places.
    const size_t axis = indexing == "xy" && arrays.size() > 1 && i < 2 ? 1 - i : i;
    Shape shape(arrays.size(), 1);
    shape[axis] = -1;
    if (arrays[i].size() == 0) shape[axis] = 0;
    grid.push_back(reshape(arrays[i], shape, s));
  }
  return sparse ? grid : broadcast_arrays(grid, s);
}

namespace {

// Errors name `op`, the public function.
array diagonal_named(const char* op, const array& a, int offset, int axis1, int axis2,
                     const StreamOrDevice& s) {
  if (a.ndim() < 2) {
    throw std::invalid_argument(
        fmt::format("{}: expected a with at least 2 axes, got {}", op, to_string(a.shape())));
  }
  const int row = ops::normalize_axis(axis1, rank(a), op);
  const int column = ops::normalize_axis(axis2, rank(a), op);
  if (row == column) {
    throw std::invalid_argument(
        fmt::format("{}: expected two different axes, got axis {} twice", op, row));
  }
  std::vector<int> axes;
  for (int i = 0; i < rank(a); ++i) {
    if (i != row && i != column) axes.push_back(i);
  }
  axes.push_back(row);
  axes.push_back(column);
  const array flat = flatten(transpose(a, axes, s), -2, -1, s);

  const Diagonal d = diagonal_of(a.shape(row), a.shape(column), offset);
  Shape start(flat.ndim(), 0), stop = flat.shape(), strides(flat.ndim(), 1);
  start.back() = d.first;
  stop.back() = end_of(d, a.shape(column));
  strides.back() = safe_cast(int64_t{a.shape(column)} + 1, op);
  return slice(flat, start, stop, strides, s);
}

}  // namespace

array diagonal(const array& a, int offset, int axis1, int axis2, StreamOrDevice s) {
  return diagonal_named("diagonal", a, offset, axis1, axis2, s);
}

array diag(const array& a, int k, StreamOrDevice s) {
  if (a.ndim() == 2) return diagonal(a, k, 0, 1, s);
  if (a.ndim() != 1) {
    throw std::invalid_argument(
        fmt::format("diag: expected a with 1 or 2 axes, got {}", to_string(a.shape())));
  }
  const int n = safe_cast(int64_t{a.shape(0)} + std::abs(int64_t{k}), "diag");
  const Diagonal d = diagonal_of(n, n, k);
  const array flat = zeros({safe_cast(int64_t{n} * n, "diag")}, a.dtype(), s);
  const array filled = slice_update(flat, a, Shape{d.first}, Shape{end_of(d, n)},
                                    Shape{safe_cast(n + 1, "diag")}, s);
  return reshape(filled, {n, n}, s);
}

array trace(const array& a, int offset, int axis1, int axis2, Dtype dtype, StreamOrDevice s) {
  return sum(astype(diagonal_named("trace", a, offset, axis1, axis2, s), dtype, s), -1, false, s);
}

array trace(const array& a, int offset, int axis1, int axis2, StreamOrDevice s) {
  return trace(a, offset, axis1, axis2, a.dtype(), s);
}

array trace(const array& a, StreamOrDevice s) { return trace(a, 0, 0, 1, a.dtype(), s); }

}  // namespace mica
