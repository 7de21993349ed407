// Functions that add, drop, merge, split and move axes: compositions of reshape and transpose.

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace {

int rank(const array& a) { return static_cast<int>(a.ndim()); }

template <array (*f)(const array&, StreamOrDevice)>
std::vector<array> for_each(const std::vector<array>& arrays, const StreamOrDevice& s) {
  std::vector<array> results;
  for (const array& a : arrays) results.push_back(f(a, s));
  return results;
}

}  // namespace

array unflatten(const array& a, int axis, Shape shape, StreamOrDevice s) {
  const int at = ops::normalize_axis(axis, rank(a), "unflatten");
  if (shape.empty()) {
    throw std::invalid_argument("unflatten: expected a shape of at least one dimension, got ()");
  }
  // -1 stands for what is left of the axis.
  const int64_t size = a.shape(at);
  ShapeElem* inferred = nullptr;
  int64_t product = 1;
  bool fits = true;
  for (ShapeElem& dim : shape) {
    if (dim == -1 && !inferred) {
      inferred = &dim;
    } else {
      fits &= dim >= 0 && !__builtin_mul_overflow(product, int64_t{dim}, &product);
    }
  }
  if (inferred && fits && product > 0) {
    *inferred = static_cast<ShapeElem>(size / product);
    product *= *inferred;
  }
  if (!fits || product != size || (inferred && *inferred == -1)) {
    throw std::invalid_argument(
        fmt::format("unflatten: expected a shape of {} elements for axis {} of {}, got {}", size,
                    at, to_string(a.shape()), to_string(shape)));
  }
  Shape whole = a.shape();
  whole.erase(whole.begin() + at);
  whole.insert(whole.begin() + at, shape.begin(), shape.end());
  return reshape(a, whole, s);
}

// Axes beyond the first or the last stand for those.
array flatten(const array& a, int start_axis, int end_axis, StreamOrDevice s) {
  if (a.ndim() == 0) return reshape(a, {1}, s);
  const int ndim = rank(a);
  const int start = std::max(0, start_axis + (start_axis < 0 ? ndim : 0));
  const int end = std::min(ndim - 1, end_axis + (end_axis < 0 ? ndim : 0));
  if (end < start) {
    throw std::invalid_argument(
        fmt::format("flatten: expected start_axis not behind end_axis for a {}, got {} and {}",
                    to_string(a.shape()), start_axis, end_axis));
  }
  if (start == end) return a;
  Shape shape(a.shape().begin(), a.shape().begin() + start);
  int64_t merged = 1;
  for (int i = start; i <= end; ++i) merged = safe_cast(merged * a.shape(i), "flatten");
  shape.push_back(static_cast<ShapeElem>(merged));
  shape.insert(shape.end(), a.shape().begin() + end + 1, a.shape().end());
  return reshape(a, shape, s);
}
array flatten(const array& a, StreamOrDevice s) { return flatten(a, 0, -1, s); }

array squeeze(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  Shape shape = a.shape();
  const std::vector<int> dropped = ops::normalize_axes(axes, rank(a), "squeeze");
  for (auto axis = dropped.rbegin(); axis != dropped.rend(); ++axis) {
    if (a.shape(*axis) != 1) {
      throw std::invalid_argument(
          fmt::format("squeeze: expected axis {} of {} to have size 1, got {}", *axis,
                      to_string(a.shape()), a.shape(*axis)));
    }
    shape.erase(shape.begin() + *axis);
  }
  return reshape(a, shape, s);
}
array squeeze(const array& a, int axis, StreamOrDevice s) {
  return squeeze(a, std::vector<int>{axis}, s);
}
array squeeze(const array& a, StreamOrDevice s) {
  std::vector<int> axes;
  for (int i = 0; i < rank(a); ++i) {
    if (a.shape(i) == 1) axes.push_back(i);
  }
  return squeeze(a, axes, s);
}

array expand_dims(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  Shape shape = a.shape();
  const int ndim = rank(a) + static_cast<int>(axes.size());
  for (int axis : ops::normalize_axes(axes, ndim, "expand_dims")) {
    shape.insert(shape.begin() + axis, 1);
  }
  return reshape(a, shape, s);
}
array expand_dims(const array& a, int axis, StreamOrDevice s) {
  return expand_dims(a, std::vector<int>{axis}, s);
}

array transpose(const array& a, std::initializer_list<int> axes, StreamOrDevice s) {
  return transpose(a, std::vector<int>(axes), s);
}
array transpose(const array& a, StreamOrDevice s) {
  std::vector<int> axes = ops::all_axes(rank(a));
  std::reverse(axes.begin(), axes.end());
  return transpose(a, std::move(axes), s);
}

array matrix_transpose(const array& a, StreamOrDevice s) {
  if (a.ndim() < 2) {
    throw std::invalid_argument(fmt::format(
        "matrix_transpose: expected a with at least 2 axes, got {}", to_string(a.shape())));
  }
  return swapaxes(a, -1, -2, s);
}

array swapaxes(const array& a, int axis1, int axis2, StreamOrDevice s) {
  std::vector<int> axes = ops::all_axes(rank(a));
  std::swap(axes[static_cast<size_t>(ops::normalize_axis(axis1, rank(a), "swapaxes"))],
            axes[static_cast<size_t>(ops::normalize_axis(axis2, rank(a), "swapaxes"))]);
  return transpose(a, std::move(axes), s);
}

array moveaxis(const array& a, int source, int destination, StreamOrDevice s) {
  const int from = ops::normalize_axis(source, rank(a), "moveaxis");
  const int to = ops::normalize_axis(destination, rank(a), "moveaxis");
  std::vector<int> axes = ops::all_axes(rank(a));
  axes.erase(axes.begin() + from);
  axes.insert(axes.begin() + to, from);
  return transpose(a, std::move(axes), s);
}

std::vector<array> broadcast_arrays(const std::vector<array>& inputs, StreamOrDevice s) {
  Shape shape;
  for (const array& a : inputs)
    shape = ops::broadcast_together("broadcast_arrays", shape, a.shape());
  std::vector<array> outputs;
  for (const array& a : inputs) outputs.push_back(broadcast_to(a, shape, s));
  return outputs;
}

array atleast_1d(const array& a, StreamOrDevice s) {
  return a.ndim() == 0 ? reshape(a, {1}, s) : a;
}
array atleast_2d(const array& a, StreamOrDevice s) {
  return a.ndim() < 2 ? expand_dims(atleast_1d(a, s), 0, s) : a;
}
array atleast_3d(const array& a, StreamOrDevice s) {
  return a.ndim() < 3 ? expand_dims(atleast_2d(a, s), 2, s) : a;
}
std::vector<array> atleast_1d(const std::vector<array>& a, StreamOrDevice s) {
  return for_each<&atleast_1d>(a, s);
}
std::vector<array> atleast_2d(const std::vector<array>& a, StreamOrDevice s) {
  return for_each<&atleast_2d>(a, s);
}
std::vector<array> atleast_3d(const std::vector<array>& a, StreamOrDevice s) {
  return for_each<&atleast_3d>(a, s);
}

}  // namespace mica
