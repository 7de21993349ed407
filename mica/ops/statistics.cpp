// Means, variances, medians and counts, composed of reductions.
#include <algorithm>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace {

std::vector<int> all_axes(const array& a) { return ops::all_axes(static_cast<int>(a.ndim())); }

std::vector<int> checked_axes(const array& a, const std::vector<int>& axes, const char* name) {
  return ops::normalize_axes(axes, static_cast<int>(a.ndim()), name);
}

double count_along(const array& a, const std::vector<int>& axes) {
  double count = 1;
  for (int axis : axes) count *= a.shape(axis);
  return count;
}

Dtype at_least_float(Dtype dtype) { return issubdtype(dtype, inexact) ? dtype : float32; }

// a with axes (sorted) moved to the end and made one.
array axes_flattened_last(const array& a, const std::vector<int>& axes, const StreamOrDevice& s) {
  std::vector<int> order;
  Shape shape;
  for (int axis = 0; axis < static_cast<int>(a.ndim()); ++axis) {
    if (std::binary_search(axes.begin(), axes.end(), axis)) continue;
    order.push_back(axis);
    shape.push_back(a.shape(axis));
  }
  order.insert(order.end(), axes.begin(), axes.end());
  shape.push_back(static_cast<ShapeElem>(count_along(a, axes)));
  return reshape(transpose(a, order, s), shape, s);
}

}  // namespace

// As MLX: the sum times 1 / count, each rounded to the dtype.
array mean(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  const auto sorted = checked_axes(a, axes, "mean");
  const Dtype dtype = at_least_float(a.dtype());
  const array scale(1.0 / count_along(a, sorted), dtype);
  return multiply(sum(astype(a, dtype, s), sorted, keepdims, s), scale, s);
}

array var(const array& a, const std::vector<int>& axes, bool keepdims, int ddof, StreamOrDevice s) {
  const auto sorted = checked_axes(a, axes, "var");
  const Dtype dtype = at_least_float(a.dtype());
  const array x = astype(a, dtype, s);
  array deviation = subtract(x, mean(x, sorted, true, s), s);
  if (dtype == complex64) deviation = abs(deviation, s);
  const array total = sum(square(deviation, s), sorted, keepdims, s);
  const double count = count_along(a, sorted);
  if (ddof == 0) return multiply(total, array(1.0 / count, total.dtype()), s);
  return divide(total, array(std::max(count - ddof, 0.0), total.dtype()), s);
}

array std(const array& a, const std::vector<int>& axes, bool keepdims, int ddof, StreamOrDevice s) {
  return sqrt(var(a, checked_axes(a, axes, "std"), keepdims, ddof, s), s);
}

array median(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  const auto sorted_axes = checked_axes(a, axes, "median");
  if (count_along(a, sorted_axes) == 0) {
    throw std::invalid_argument("median: expected non-empty axes, got a of shape " +
                                to_string(a.shape()));
  }
  const Dtype dtype = at_least_float(a.dtype());
  const array rows = sort(axes_flattened_last(astype(a, dtype, s), sorted_axes, s), -1, s);
  const int n = rows.shape(-1);
  const auto column = [&](int i) { return take(rows, i, -1, s); };
  array middle = column(n / 2);
  if (n % 2 == 0) {
    middle = multiply(add(column(n / 2 - 1), middle, s), array(0.5, dtype), s);
  }
  const array last = column(n - 1);  // NaN where there is one
  array out = where(isnan(last, s), last, middle, s);
  return keepdims ? expand_dims(out, sorted_axes, s) : out;
}

array count_nonzero(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  const array nonzero = not_equal(a, array(0, a.dtype()), s);
  return astype(sum(nonzero, axes, keepdims, s), int32, s);  // a sum over no axes stays bool
}

array number_of_elements(const array& a, std::vector<int> axes, bool inverted, Dtype dtype,
                         StreamOrDevice s) {
  for (int& axis : axes) {
    axis = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "number_of_elements");
  }
  const double count = count_along(a, axes);
  return copy(array(inverted ? 1 / count : count, dtype), s);
}

// The overloads over all axes and over one.

array mean(const array& a, bool keepdims, StreamOrDevice s) {
  return mean(a, all_axes(a), keepdims, s);
}
array mean(const array& a, StreamOrDevice s) { return mean(a, false, s); }
array mean(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return mean(a, std::vector<int>{axis}, keepdims, s);
}
array var(const array& a, bool keepdims, int ddof, StreamOrDevice s) {
  return var(a, all_axes(a), keepdims, ddof, s);
}
array var(const array& a, StreamOrDevice s) { return var(a, false, 0, s); }
array var(const array& a, int axis, bool keepdims, int ddof, StreamOrDevice s) {
  return var(a, std::vector<int>{axis}, keepdims, ddof, s);
}
array std(const array& a, bool keepdims, int ddof, StreamOrDevice s) {
  return std(a, all_axes(a), keepdims, ddof, s);
}
array std(const array& a, StreamOrDevice s) { return std(a, false, 0, s); }
array std(const array& a, int axis, bool keepdims, int ddof, StreamOrDevice s) {
  return std(a, std::vector<int>{axis}, keepdims, ddof, s);
}
array median(const array& a, bool keepdims, StreamOrDevice s) {
  return median(a, all_axes(a), keepdims, s);
}
array median(const array& a, StreamOrDevice s) { return median(a, false, s); }
array median(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return median(a, std::vector<int>{axis}, keepdims, s);
}
array count_nonzero(const array& a, bool keepdims, StreamOrDevice s) {
  return count_nonzero(a, all_axes(a), keepdims, s);
}
array count_nonzero(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return count_nonzero(a, std::vector<int>{axis}, keepdims, s);
}

}  // namespace mica
