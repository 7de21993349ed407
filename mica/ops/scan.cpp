#include "mica/ops/scan.h"

#include <limits>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

array scan(ScanKind kind, const char* name, const array& a, int axis, bool reverse, bool inclusive,
           const StreamOrDevice& s) {
  const int normalized = normalize_axis(axis, static_cast<int>(a.ndim()), name);
  return engine::apply(Scan{kind, normalized, reverse, inclusive}, {a}, a.shape(), a.dtype(), s);
}

array inclusive_scan(const Scan& op, const array& x) {
  return engine::apply(Scan{op.kind, op.axis, op.reverse, true}, {x}, x.shape(), x.dtype(), {});
}

// x moved by one along axis, towards its end where forward; zeros move in.
array shifted(const array& x, int axis, bool forward) {
  if (x.shape(axis) == 0) return x;
  Shape start(x.ndim(), 0), stop = x.shape();
  const auto i = static_cast<size_t>(axis);
  (forward ? stop[i] : start[i]) += forward ? -1 : 1;
  return pad(slice(x, start, stop), {axis}, {forward ? 1 : 0}, {forward ? 0 : 1},
             array(0, x.dtype()));
}

// Where each element of an inclusive min or max scan comes from: the latest of equal elements.
array extremum_positions(const Scan& op, const array& x, const array& out) {
  Shape shape(x.ndim(), 1);
  shape[static_cast<size_t>(op.axis)] = x.shape(op.axis);
  const array positions = reshape(arange(0, x.shape(op.axis), 1), shape);
  const ScanKind latest = op.reverse ? ScanKind::min : ScanKind::max;
  const int never = op.reverse ? x.shape(op.axis) - 1 : 0;
  const array candidates = where(x == out, positions, array(never));
  return inclusive_scan(Scan{latest, op.axis, op.reverse, true}, candidates);
}

// log(x), and -inf without a derivative where x <= 0.
array log_or_nothing(const array& x) {
  const array positive = x > array(0, x.dtype());
  return where(positive, log(where(positive, x, array(1, x.dtype()))),
               array(-std::numeric_limits<float>::infinity(), x.dtype()));
}

// The gradient of an inclusive product, also where there are zeros: only elements up to and
// including the first zero have one.
array product_gradient(const Scan& op, const array& x, const array& out, const array& cotangent) {
  const Dtype dtype = x.dtype();
  const auto reverse_sum = [&](const array& g) { return cumsum(g, op.axis, !op.reverse, true); };
  const array zero = array(0, dtype), one = array(1, dtype);
  const array is_zero = x == zero;
  const array zeros_so_far = cumsum(astype(is_zero, int32), op.axis, op.reverse, true);
  const array before_zero = zeros_so_far == array(0);
  const array first_zero = logical_and(is_zero, zeros_so_far == array(1));
  const array without_first = inclusive_scan(op, where(first_zero, one, x));
  return where(before_zero,
               reverse_sum(cotangent * conjugate(out)) / conjugate(where(is_zero, one, x)),
               where(first_zero, reverse_sum(cotangent * conjugate(without_first)), zero));
}

// The tangent of an inclusive product, by the product rule at each element before the first zero
// and at it.
array product_tangent(const Scan& op, const array& x, const array& out, const array& tangent) {
  const Dtype dtype = x.dtype();
  const auto running_sum = [&](const array& t) { return cumsum(t, op.axis, op.reverse, true); };
  const array zero = array(0, dtype), one = array(1, dtype);
  const array is_zero = x == zero;
  const array zeros_so_far = cumsum(astype(is_zero, int32), op.axis, op.reverse, true);
  const array first_zero = logical_and(is_zero, zeros_so_far == array(1));
  const array without_first = inclusive_scan(op, where(first_zero, one, x));
  const array ratio = where(is_zero, zero, tangent / where(is_zero, one, x));
  return out * running_sum(ratio) + without_first * running_sum(where(first_zero, tangent, zero));
}

}  // namespace

// logaddexp: d out[j] / d x[i] = exp(x[i] - out[j]), summed in log space, for positive and for
// negative cotangents.
std::vector<array> Scan::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  if (kind == ScanKind::sum) return {cumsum(args.cotangents[0], axis, !reverse, inclusive)};
  const array out = inclusive ? args.outputs[0] : inclusive_scan(*this, x);
  const array cotangent =
      inclusive ? args.cotangents[0] : shifted(args.cotangents[0], axis, reverse);
  if (kind == ScanKind::prod) return {product_gradient(*this, x, out, cotangent)};
  if (kind == ScanKind::logaddexp && x.dtype() == complex64) {
    const array weighted = cotangent * conjugate(exp(-out));
    return {cumsum(weighted, axis, !reverse, true) * conjugate(exp(x))};
  }
  if (kind == ScanKind::logaddexp) {
    const auto part = [&](const array& g) {
      return exp(x + logcumsumexp(log_or_nothing(g) - out, axis, !reverse, true));
    };
    return {part(cotangent) - part(-cotangent)};
  }
  return {scatter_add_axis(zeros_like(x), extremum_positions(*this, x, out), cotangent, axis)};
}

std::vector<array> Scan::jvp(const engine::JvpArgs& args) const {
  const array& x = args.primals[0];
  const array& t = args.tangents[0];
  if (kind == ScanKind::sum) return {cumsum(t, axis, reverse, inclusive)};
  const array out = inclusive ? args.outputs[0] : inclusive_scan(*this, x);
  const auto inclusive_tangent = [&] {
    if (kind == ScanKind::prod) return product_tangent(*this, x, out, t);
    if (kind == ScanKind::logaddexp && x.dtype() == complex64) {
      return cumsum(t * exp(x), axis, reverse, true) * exp(-out);
    }
    if (kind == ScanKind::logaddexp) {
      const auto part = [&](const array& g) {
        return exp(logcumsumexp(x + log_or_nothing(g), axis, reverse, true) - out);
      };
      return part(t) - part(-t);
    }
    return take_along_axis(t, extremum_positions(*this, x, out), axis);
  };
  const array tangent = inclusive_tangent();
  return {inclusive ? tangent : shifted(tangent, axis, !reverse)};
}

engine::Batched Scan::vmap(const engine::VmapArgs& args) const {
  const array& x = args.inputs[0];
  const Scan batched{kind, axis + (axis >= args.axes[0]), reverse, inclusive};
  return {{engine::apply(batched, {x}, x.shape(), x.dtype(), {})}, {args.axes[0]}};
}

}  // namespace ops

using ops::ScanKind;

array cumsum(const array& a, int axis, bool reverse, bool inclusive, std::optional<Dtype> dtype,
             StreamOrDevice s) {
  const Dtype accumulated = dtype.value_or(a.dtype() == bool_ ? int32 : a.dtype());
  return ops::scan(ScanKind::sum, "cumsum", astype(a, accumulated, s), axis, reverse, inclusive, s);
}
array cumsum(const array& a, bool reverse, bool inclusive, std::optional<Dtype> dtype,
             StreamOrDevice s) {
  return cumsum(reshape(a, {-1}, s), 0, reverse, inclusive, dtype, s);
}

array cumprod(const array& a, int axis, bool reverse, bool inclusive, std::optional<Dtype> dtype,
              StreamOrDevice s) {
  const Dtype accumulated = dtype.value_or(a.dtype());
  return ops::scan(ScanKind::prod, "cumprod", astype(a, accumulated, s), axis, reverse, inclusive,
                   s);
}
array cumprod(const array& a, bool reverse, bool inclusive, std::optional<Dtype> dtype,
              StreamOrDevice s) {
  return cumprod(reshape(a, {-1}, s), 0, reverse, inclusive, dtype, s);
}

array cummax(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  return ops::scan(ScanKind::max, "cummax", a, axis, reverse, inclusive, s);
}
array cummax(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return cummax(reshape(a, {-1}, s), 0, reverse, inclusive, s);
}

array cummin(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  return ops::scan(ScanKind::min, "cummin", a, axis, reverse, inclusive, s);
}
array cummin(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return cummin(reshape(a, {-1}, s), 0, reverse, inclusive, s);
}

array logcumsumexp(const array& a, int axis, bool reverse, bool inclusive, StreamOrDevice s) {
  const Dtype dtype = issubdtype(a.dtype(), inexact) ? a.dtype() : float32;
  return ops::scan(ScanKind::logaddexp, "logcumsumexp", astype(a, dtype, s), axis, reverse,
                   inclusive, s);
}
array logcumsumexp(const array& a, bool reverse, bool inclusive, StreamOrDevice s) {
  return logcumsumexp(reshape(a, {-1}, s), 0, reverse, inclusive, s);
}

array diff(const array& a, int n, int axis, StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "diff");
  if (n < 0) ops::throw_expected("diff", "n of at least 0", std::to_string(n));
  array differences = a;
  for (int i = 0; i < n && differences.shape(normalized) > 0; ++i) {
    Shape start(a.ndim(), 0), stop = differences.shape();
    start[static_cast<size_t>(normalized)] = 1;
    const array right = slice(differences, start, stop, s);
    --stop[static_cast<size_t>(normalized)];
    const array left = slice(differences, Shape(a.ndim(), 0), stop, s);
    differences = a.dtype() == bool_ ? not_equal(right, left, s) : subtract(right, left, s);
  }
  return differences;
}

}  // namespace mica
