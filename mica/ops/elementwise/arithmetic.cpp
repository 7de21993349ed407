#include "mica/ops/elementwise/arithmetic.h"

#include "mica/ops/checks.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {

array Abs::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, conjugate(sign(x[0])));
}

array Negative::derivative(int, std::span<const array>, const array&, const array& t) {
  return negative(t);
}

array Sqrt::derivative(int, std::span<const array>, const array& y, const array& t) {
  return divide(multiply(t, scalar(0.5, t.dtype())), y);
}

array Rsqrt::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(multiply(t, scalar(-0.5, t.dtype())), multiply(y, square(y)));
}

array Square::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, multiply(x[0], scalar(2, x[0].dtype())));
}

array Add::derivative(int, std::span<const array>, const array&, const array& t) { return t; }

array Subtract::derivative(int argnum, std::span<const array>, const array&, const array& t) {
  return argnum == 0 ? t : negative(t);
}

array Multiply::derivative(int argnum, std::span<const array> x, const array&, const array& t) {
  return multiply(t, x[1 - static_cast<size_t>(argnum)]);
}

array Divide::derivative(int argnum, std::span<const array> x, const array& y, const array& t) {
  return divide(argnum == 0 ? t : negative(multiply(t, y)), x[1]);
}

array Remainder::derivative(int argnum, std::span<const array> x, const array&, const array& t) {
  return argnum == 0 ? t : negative(multiply(t, floor_divide(x[0], x[1])));
}

array Maximum::derivative(int argnum, std::span<const array> x, const array&, const array& t) {
  const array chosen = argnum == 0 ? greater(x[0], x[1]) : less_equal(x[0], x[1]);
  return where(chosen, t, scalar(0, t.dtype()));
}

array Minimum::derivative(int argnum, std::span<const array> x, const array&, const array& t) {
  const array chosen = argnum == 0 ? less(x[0], x[1]) : greater_equal(x[0], x[1]);
  return where(chosen, t, scalar(0, t.dtype()));
}

// By the base: b a^(b-1), 0 for b = 0. By the exponent: log(a) a^b, 0 where a^b is 0.
array Power::derivative(int argnum, std::span<const array> x, const array& y, const array& t) {
  const array zero = scalar(0, y.dtype());
  if (argnum == 0) {
    const array slope = multiply(x[1], power(x[0], subtract(x[1], scalar(1, x[1].dtype()))));
    return multiply(t, where(equal(x[1], zero), zero, slope));
  }
  return multiply(t, where(equal(y, zero), zero, multiply(log(x[0]), y)));
}

}  // namespace ops

array abs(const array& a, StreamOrDevice s) {
  if ((bool_only | unsigned_integers).has(a.dtype())) return a;
  return ops::elementwise<ops::Abs>(a.dtype(), s, a);
}
array negative(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::Negative>(a.dtype(), s, a);
}
array positive(const array& a, StreamOrDevice) { return a; }
array sign(const array& a, StreamOrDevice s) {
  return a.dtype() == bool_ ? a : ops::elementwise<ops::Sign>(a.dtype(), s, a);
}

// Integers are whole already.
array ceil(const array& a, StreamOrDevice s) {
  return inexacts.has(a.dtype()) ? ops::elementwise<ops::Ceil>(a.dtype(), s, a) : a;
}
array floor(const array& a, StreamOrDevice s) {
  return inexacts.has(a.dtype()) ? ops::elementwise<ops::Floor>(a.dtype(), s, a) : a;
}
array trunc(const array& a, StreamOrDevice s) {
  return inexacts.has(a.dtype()) ? ops::elementwise<ops::Trunc>(a.dtype(), s, a) : a;
}
array round(const array& a, StreamOrDevice s) { return round(a, 0, s); }
array round(const array& a, int decimals, StreamOrDevice s) {
  if (a.dtype() == bool_ || (decimals == 0 && integers.has(a.dtype()))) return a;
  if (decimals == 0) return ops::elementwise<ops::Rint>(a.dtype(), s, a);
  const Dtype dtype = ops::at_least_float(a.dtype());
  const double scale = std::pow(10.0, decimals);
  const array scaled = multiply(a, array(scale, dtype), s);
  return astype(multiply(round(scaled, 0, s), array(1 / scale, dtype), s), a.dtype(), s);
}

array sqrt(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::Sqrt>(ops::at_least_float(a.dtype()), s, a);
}
array rsqrt(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::Rsqrt>(ops::at_least_float(a.dtype()), s, a);
}
array square(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::Square>(a.dtype(), s, a);
}
array reciprocal(const array& a, StreamOrDevice s) {
  return divide(array(1.0f, ops::at_least_float(a.dtype())), a, s);
}
array degrees(const array& a, StreamOrDevice s) {
  return multiply(a, array(180 / M_PI, ops::at_least_float(a.dtype())), s);
}
array radians(const array& a, StreamOrDevice s) {
  return multiply(a, array(M_PI / 180, ops::at_least_float(a.dtype())), s);
}

array add(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Add>(result_type(a, b), s, a, b);
}
array subtract(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Subtract>(result_type(a, b), s, a, b);
}
array multiply(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Multiply>(result_type(a, b), s, a, b);
}
array divide(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Divide>(ops::at_least_float(result_type(a, b)), s, a, b);
}
array floor_divide(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::FloorDivide>(result_type(a, b), s, a, b);
}
array remainder(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Remainder>(result_type(a, b), s, a, b);
}
std::vector<array> divmod(const array& a, const array& b, StreamOrDevice s) {
  ops::broadcast_together("divmod", a.shape(), b.shape());
  ops::check_operand("divmod", ops::Remainder::operands, result_type(a, b));
  array rest = remainder(a, b, s);
  return {floor_divide(a, b, s), std::move(rest)};
}
array maximum(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Maximum>(result_type(a, b), s, a, b);
}
array minimum(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Minimum>(result_type(a, b), s, a, b);
}
array power(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::Power>(result_type(a, b), s, a, b);
}

// At a bound the bound gets the gradient.
array clip(const array& a, const std::optional<array>& a_min, const std::optional<array>& a_max,
           StreamOrDevice s) {
  if (!a_min && !a_max) {
    throw std::invalid_argument("clip: expected a_min, a_max or both, got neither");
  }
  if (a_min) ops::broadcast_together("clip", a.shape(), a_min->shape());
  if (a_max) ops::broadcast_together("clip", a.shape(), a_max->shape());
  array result = a_min ? maximum(a, *a_min, s) : a;
  return a_max ? minimum(result, *a_max, s) : result;
}

}  // namespace mica
