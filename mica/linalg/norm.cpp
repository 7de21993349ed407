// Norms and the cross product.
#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/linalg/svd.h"
#include "mica/ops/checks.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica::linalg {
namespace {

using Axes = std::vector<int>;

[[noreturn]] void fail(const std::string& expected, const std::string& got) {
  throw std::invalid_argument("linalg::norm: expected " + expected + ", got " + got);
}

std::string text_of(double ord) {
  std::ostringstream text;
  text << ord;
  return text.str();
}

// What compute gives for |x|, with a derivative of 0 where it is 0: |x| is replaced there by 1.
template <class F>
array without_zeros(const array& x, double at_zero, F&& compute, const StreamOrDevice& s) {
  const array is_zero = equal(x, array(0, x.dtype()), s);
  return where(is_zero, array(at_zero, x.dtype()), compute(where(is_zero, ones_like(x, s), x, s)),
               s);
}

array root_of_squares(const array& a, const Axes& axes, bool keepdims, const StreamOrDevice& s) {
  const array x = astype(a, ops::at_least_float(a.dtype()), s);
  const array squares =
      x.dtype() == complex64 ? add(square(real(x, s), s), square(imag(x, s), s), s) : square(x, s);
  const auto root = [&](const array& total) { return sqrt(total, s); };
  return without_zeros(sum(squares, axes, keepdims, s), 0, root, s);
}

array vector_norm(const array& a, double ord, const Axes& axes, bool keepdims,
                  const StreamOrDevice& s) {
  const Dtype dtype = ops::at_least_float(a.dtype());
  if (ord == 0) {
    return astype(sum(not_equal(a, array(0, a.dtype()), s), axes, keepdims, s), dtype, s);
  }
  if (ord == 2) return root_of_squares(a, axes, keepdims, s);
  const array x = abs(a, s);
  if (ord == 1) return astype(sum(x, axes, keepdims, s), dtype, s);
  if (ord == std::numeric_limits<double>::infinity()) {
    return astype(max(x, axes, keepdims, s), dtype, s);
  }
  if (ord == -std::numeric_limits<double>::infinity()) {
    return astype(min(x, axes, keepdims, s), dtype, s);
  }
  const array wide = astype(x, ops::real_dtype(dtype), s);
  const auto raised_to = [&](double exponent) {
    return [&, exponent](const array& y) { return power(y, array(exponent, y.dtype()), s); };
  };
  const double infinite = std::numeric_limits<double>::infinity();
  const array powers = without_zeros(wide, ord > 0 ? 0 : infinite, raised_to(ord), s);
  const array total = sum(powers, axes, keepdims, s);
  return astype(without_zeros(total, ord > 0 ? 0 : infinite, raised_to(1 / ord), s), dtype, s);
}

// The singular values along a new last axis; the two axes stay with size 1 where keepdims.
template <class F>
array of_singular_values(const array& a, const Axes& axes, bool keepdims, const StreamOrDevice& s,
                         F&& reduce) {
  ops::check_matrix_dtype("norm", a, ops::MatrixDtypes::real_or_complex);
  Axes order;
  for (int axis = 0; axis < static_cast<int>(a.ndim()); ++axis) {
    if (axis != axes[0] && axis != axes[1]) order.push_back(axis);
  }
  order.insert(order.end(), axes.begin(), axes.end());
  const auto values = ops::singular_values(transpose(a, order, s), ops::SingularVectors::none, s);
  const array out = reduce(values[0]);
  return keepdims ? expand_dims(out, axes, s) : out;
}

// The largest or smallest, over one axis, of sums of |x| over the other.
array extreme_sum(const array& a, int sum_axis, int other_axis, bool largest, bool keepdims,
                  const StreamOrDevice& s) {
  const array sums = sum(abs(a, s), sum_axis, true, s);
  const array out = largest ? max(sums, other_axis, true, s) : min(sums, other_axis, true, s);
  return keepdims ? out : squeeze(out, {sum_axis, other_axis}, s);
}

array matrix_norm(const array& a, double ord, const Axes& axes, bool keepdims,
                  const StreamOrDevice& s) {
  const Dtype dtype = ops::at_least_float(a.dtype());
  const double magnitude = std::abs(ord);
  if (magnitude == 1 || std::isinf(magnitude)) {
    const int sum_axis = magnitude == 1 ? axes[0] : axes[1];
    const int other_axis = magnitude == 1 ? axes[1] : axes[0];
    return astype(extreme_sum(a, sum_axis, other_axis, ord > 0, keepdims, s), dtype, s);
  }
  if (magnitude == 2) {
    const auto reduce = [&](const array& values) {
      return ord > 0 ? max(values, -1, false, s) : min(values, -1, false, s);
    };
    return astype(of_singular_values(a, axes, keepdims, s, reduce), dtype, s);
  }
  fail("ord 1, -1, 2, -2, inf or -inf for a matrix", text_of(ord));
}

// The axes from 0 on, in the order given; all of the array's where none are.
Axes axes_of(const array& a, const std::optional<Axes>& axis) {
  const int ndim = static_cast<int>(a.ndim());
  if (!axis) return ops::all_axes(ndim);
  ops::normalize_axes(*axis, ndim, "linalg::norm");  // refuses repeated ones
  Axes axes;
  for (int each : *axis) axes.push_back(each < 0 ? each + ndim : each);
  return axes;
}

}  // namespace

array norm(const array& a, const double ord, const std::optional<std::vector<int>>& axis,
           bool keepdims, StreamOrDevice s) {
  const Axes axes = axes_of(a, axis);
  if (axes.size() == 1) return vector_norm(a, ord, axes, keepdims, s);
  if (axes.size() == 2) return matrix_norm(a, ord, axes, keepdims, s);
  fail("1 or 2 axes with ord", std::to_string(axes.size()));
}

array norm(const array& a, const std::string& ord, const std::optional<std::vector<int>>& axis,
           bool keepdims, StreamOrDevice s) {
  const Axes axes = axes_of(a, axis);
  if (ord != "fro" && ord != "f" && ord != "nuc") {
    fail("ord \"fro\", \"f\" or \"nuc\"", "\"" + ord + "\"");
  }
  if (axes.size() != 2) fail("2 axes with ord \"" + ord + "\"", std::to_string(axes.size()));
  if (ord != "nuc") return root_of_squares(a, axes, keepdims, s);
  const auto reduce = [&](const array& values) { return sum(values, -1, false, s); };
  return of_singular_values(a, axes, keepdims, s, reduce);
}

array norm(const array& a, const std::optional<std::vector<int>>& axis, bool keepdims,
           StreamOrDevice s) {
  const Axes axes = axes_of(a, axis);
  if (axis && axes.size() > 2) fail("at most 2 axes", std::to_string(axes.size()));
  return root_of_squares(a, axes, keepdims, s);
}

array cross(const array& a, const array& b, int axis, StreamOrDevice s) {
  const auto fail_cross = [&] {
    throw std::invalid_argument("linalg::cross: expected a and b with 2 or 3 elements along axis " +
                                std::to_string(axis) + ", got " + to_string(a.shape()) + " and " +
                                to_string(b.shape()));
  };
  if (a.ndim() == 0 || b.ndim() == 0) fail_cross();
  const int at_a = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "linalg::cross");
  const int at_b = ops::normalize_axis(axis, static_cast<int>(b.ndim()), "linalg::cross");
  const int size_a = a.shape(at_a), size_b = b.shape(at_b);
  if (size_a < 2 || size_a > 3 || size_b < 2 || size_b > 3) fail_cross();
  const Dtype dtype = result_type(a, b);
  const auto with_three = [&](const array& x, int at) {
    const array y = astype(x, dtype, s);
    return x.shape(at) == 3 ? y : pad(y, {at}, {0}, {1}, array(0, dtype), "constant", s);
  };
  const std::vector<array> both = broadcast_arrays({with_three(a, at_a), with_three(b, at_b)}, s);
  const int at = axis < 0 ? axis + static_cast<int>(both[0].ndim()) : axis;
  const std::vector<array> x = unstack(both[0], at, s), y = unstack(both[1], at, s);
  const auto minor = [&](size_t i, size_t j) {
    return subtract(multiply(x[i], y[j], s), multiply(x[j], y[i], s), s);
  };
  return stack({minor(1, 2), minor(2, 0), minor(0, 1)}, at, s);
}

}  // namespace mica::linalg
