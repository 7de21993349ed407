#include "mica/ops/elementwise/transcendental.h"

#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

array one_like(const array& x) { return scalar(1, x.dtype()); }

}  // namespace

array Exp::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(t, y);
}
array Expm1::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(t, add(y, one_like(y)));
}
array Log::derivative(int, std::span<const array> x, const array&, const array& t) {
  return divide(t, x[0]);
}
array Log2::derivative(int, std::span<const array> x, const array&, const array& t) {
  return divide(t, multiply(x[0], scalar(M_LN2, x[0].dtype())));
}
array Log10::derivative(int, std::span<const array> x, const array&, const array& t) {
  return divide(t, multiply(x[0], scalar(M_LN10, x[0].dtype())));
}
array Log1p::derivative(int, std::span<const array> x, const array&, const array& t) {
  return divide(t, add(x[0], one_like(x[0])));
}
array Sin::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, cos(x[0]));
}
array Cos::derivative(int, std::span<const array> x, const array&, const array& t) {
  return negative(multiply(t, sin(x[0])));
}
array Tan::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(t, add(square(y), one_like(y)));
}
array ArcSin::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, rsqrt(subtract(one_like(x[0]), square(x[0]))));
}
array ArcCos::derivative(int, std::span<const array> x, const array&, const array& t) {
  return negative(multiply(t, rsqrt(subtract(one_like(x[0]), square(x[0])))));
}
array ArcTan::derivative(int, std::span<const array> x, const array&, const array& t) {
  return divide(t, add(square(x[0]), one_like(x[0])));
}
array Sinh::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, cosh(x[0]));
}
array Cosh::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, sinh(x[0]));
}
array Tanh::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(t, subtract(one_like(y), square(y)));
}
array ArcSinh::derivative(int, std::span<const array> x, const array&, const array& t) {
  return multiply(t, rsqrt(add(square(x[0]), one_like(x[0]))));
}
// As two roots, whose branch cuts are those of complex arccosh.
array ArcCosh::derivative(int, std::span<const array> x, const array&, const array& t) {
  const array one = one_like(x[0]);
  return multiply(multiply(t, rsqrt(subtract(x[0], one))), rsqrt(add(x[0], one)));
}
array ArcTanh::derivative(int, std::span<const array> x, const array&, const array& t) {
  return divide(t, subtract(one_like(x[0]), square(x[0])));
}
array Sigmoid::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(t, multiply(y, subtract(one_like(y), y)));
}
array ArcTan2::derivative(int argnum, std::span<const array> x, const array&, const array& t) {
  const array slope = divide(t, add(square(x[0]), square(x[1])));
  return argnum == 0 ? multiply(slope, x[1]) : negative(multiply(slope, x[0]));
}
array LogAddExp::derivative(int argnum, std::span<const array> x, const array& y, const array& t) {
  const array& chosen = x[static_cast<size_t>(argnum)];
  if (y.dtype() == complex64) return multiply(t, exp(subtract(chosen, y)));
  return multiply(t, sigmoid(subtract(chosen, x[1 - static_cast<size_t>(argnum)])));
}

}  // namespace ops

namespace {

template <class Op>
array of_inexact(const array& a, const StreamOrDevice& s) {
  return ops::elementwise<Op>(ops::at_least_float(a.dtype()), s, a);
}

}  // namespace

array exp(const array& a, StreamOrDevice s) { return of_inexact<ops::Exp>(a, s); }
array expm1(const array& a, StreamOrDevice s) { return of_inexact<ops::Expm1>(a, s); }
array log(const array& a, StreamOrDevice s) { return of_inexact<ops::Log>(a, s); }
array log2(const array& a, StreamOrDevice s) { return of_inexact<ops::Log2>(a, s); }
array log10(const array& a, StreamOrDevice s) { return of_inexact<ops::Log10>(a, s); }
array log1p(const array& a, StreamOrDevice s) { return of_inexact<ops::Log1p>(a, s); }
array sin(const array& a, StreamOrDevice s) { return of_inexact<ops::Sin>(a, s); }
array cos(const array& a, StreamOrDevice s) { return of_inexact<ops::Cos>(a, s); }
array tan(const array& a, StreamOrDevice s) { return of_inexact<ops::Tan>(a, s); }
array arcsin(const array& a, StreamOrDevice s) { return of_inexact<ops::ArcSin>(a, s); }
array arccos(const array& a, StreamOrDevice s) { return of_inexact<ops::ArcCos>(a, s); }
array arctan(const array& a, StreamOrDevice s) { return of_inexact<ops::ArcTan>(a, s); }
array sinh(const array& a, StreamOrDevice s) { return of_inexact<ops::Sinh>(a, s); }
array cosh(const array& a, StreamOrDevice s) { return of_inexact<ops::Cosh>(a, s); }
array tanh(const array& a, StreamOrDevice s) { return of_inexact<ops::Tanh>(a, s); }
array arcsinh(const array& a, StreamOrDevice s) { return of_inexact<ops::ArcSinh>(a, s); }
array arccosh(const array& a, StreamOrDevice s) { return of_inexact<ops::ArcCosh>(a, s); }
array arctanh(const array& a, StreamOrDevice s) { return of_inexact<ops::ArcTanh>(a, s); }
array sigmoid(const array& a, StreamOrDevice s) { return of_inexact<ops::Sigmoid>(a, s); }

array arctan2(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::ArcTan2>(ops::at_least_float(result_type(a, b)), s, a, b);
}
array logaddexp(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::LogAddExp>(ops::at_least_float(result_type(a, b)), s, a, b);
}

}  // namespace mica
