#include "mica/ops/elementwise/logical.h"

#include <limits>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {

// The condition has no gradient.
array Select::derivative(int argnum, std::span<const array> x, const array&, const array& t) {
  const array zero = scalar(0, t.dtype());
  if (argnum == 0) return zero;
  return argnum == 1 ? where(x[0], t, zero) : where(x[0], zero, t);
}

}  // namespace ops

namespace {

template <class Op>
array compare(const array& a, const array& b, const StreamOrDevice& s) {
  return ops::elementwise<Op>(result_type(a, b), s, a, b);
}

array infinity(Dtype dtype, float sign) {
  return array(sign * std::numeric_limits<float>::infinity(), dtype);
}

array all_false(const array& a, const StreamOrDevice& s) { return zeros_like(a, bool_, s); }

}  // namespace

array equal(const array& a, const array& b, StreamOrDevice s) {
  return compare<ops::Equal>(a, b, s);
}
array not_equal(const array& a, const array& b, StreamOrDevice s) {
  return compare<ops::NotEqual>(a, b, s);
}
array greater(const array& a, const array& b, StreamOrDevice s) {
  return compare<ops::Greater>(a, b, s);
}
array greater_equal(const array& a, const array& b, StreamOrDevice s) {
  return compare<ops::GreaterEqual>(a, b, s);
}
array less(const array& a, const array& b, StreamOrDevice s) { return compare<ops::Less>(a, b, s); }
array less_equal(const array& a, const array& b, StreamOrDevice s) {
  return compare<ops::LessEqual>(a, b, s);
}

array logical_not(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::LogicalNot>(bool_, s, a);
}
array logical_and(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::LogicalAnd>(bool_, s, a, b);
}
array logical_or(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::LogicalOr>(bool_, s, a, b);
}
array logical_xor(const array& a, const array& b, StreamOrDevice s) {
  ops::broadcast_together("logical_xor", a.shape(), b.shape());
  return ops::elementwise<ops::NotEqual>(bool_, s, a, b);
}

array where(const array& condition, const array& x, const array& y, StreamOrDevice s) {
  ops::broadcast_together("where", condition.shape(),
                          ops::broadcast_together("where", x.shape(), y.shape()));
  const Dtype dtype = result_type(x, y);
  array inputs[] = {ops::cast_operand(condition, bool_, s), ops::cast_operand(x, dtype, s),
                    ops::cast_operand(y, dtype, s)};
  return ops::make_elementwise(engine::make_op(ops::Select{}), inputs, dtype, s);
}

array isnan(const array& a, StreamOrDevice s) {
  return inexacts.has(a.dtype()) ? not_equal(a, a, s) : all_false(a, s);
}
array isposinf(const array& a, StreamOrDevice s) {
  return inexacts.has(a.dtype()) ? equal(a, infinity(a.dtype(), 1), s) : all_false(a, s);
}
array isneginf(const array& a, StreamOrDevice s) {
  return inexacts.has(a.dtype()) ? equal(a, infinity(a.dtype(), -1), s) : all_false(a, s);
}
// Of complex numbers: where either part is.
array isinf(const array& a, StreamOrDevice s) {
  if (!inexacts.has(a.dtype())) return all_false(a, s);
  if (a.dtype() == complex64) return logical_or(isinf(real(a, s), s), isinf(imag(a, s), s), s);
  return equal(abs(a, s), infinity(a.dtype(), 1), s);
}
array isfinite(const array& a, StreamOrDevice s) {
  if (!inexacts.has(a.dtype())) return logical_not(all_false(a, s), s);
  return logical_not(logical_or(isinf(a, s), isnan(a, s), s), s);
}

array nan_to_num(const array& a, float nan, const std::optional<float> posinf,
                 const std::optional<float> neginf, StreamOrDevice s) {
  const Dtype dtype = a.dtype();
  if (dtype == complex64) {
    throw std::invalid_argument("nan_to_num: expected real numbers, got complex64");
  }
  if (!inexacts.has(dtype)) return a;
  const auto replaced = [&](const std::optional<float>& value, double limit) {
    return value ? array(*value, dtype) : array(limit, dtype);
  };
  const finfo limits(dtype);
  array result = where(isnan(a, s), array(nan, dtype), a, s);
  result = where(isposinf(a, s), replaced(posinf, limits.max), result, s);
  return where(isneginf(a, s), replaced(neginf, limits.min), result, s);
}

// Infinities are close to themselves only.
array isclose(const array& a, const array& b, double rtol, double atol, bool equal_nan,
              StreamOrDevice s) {
  ops::broadcast_together("isclose", a.shape(), b.shape());
  const Dtype dtype = ops::at_least_float(result_type(a, b));
  const array x = astype(a, dtype, s), y = astype(b, dtype, s);
  const Dtype real_dtype = dtype == complex64 ? float32 : dtype;
  const array limit =
      add(array(atol, real_dtype), multiply(array(rtol, real_dtype), abs(y, s), s), s);
  const array near = less_equal(abs(subtract(x, y, s), s), limit, s);
  const array infinite = logical_or(isinf(x, s), isinf(y, s), s);
  array close = where(infinite, equal(x, y, s), near, s);
  if (equal_nan) close = logical_or(close, logical_and(isnan(x, s), isnan(y, s), s), s);
  return close;
}
array allclose(const array& a, const array& b, double rtol, double atol, bool equal_nan,
               StreamOrDevice s) {
  return all(isclose(a, b, rtol, atol, equal_nan, s), s);
}

array array_equal(const array& a, const array& b, bool equal_nan, StreamOrDevice s) {
  if (a.shape() != b.shape()) return array(false);
  const Dtype dtype = result_type(a, b);
  const array same = equal_nan && inexacts.has(dtype)
                         ? ops::elementwise<ops::NanEqual>(dtype, s, a, b)
                         : equal(a, b, s);
  return all(same, s);
}
array array_equal(const array& a, const array& b, StreamOrDevice s) {
  return array_equal(a, b, false, s);
}

}  // namespace mica
