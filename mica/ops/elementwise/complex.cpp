#include "mica/ops/elementwise/complex.h"

#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {

array Conjugate::derivative(int, std::span<const array>, const array&, const array& t) {
  return conjugate(t);
}

array Real::derivative(int, std::span<const array>, const array&, const array& t) { return t; }

// The real part of -i t is t's imaginary part.
array Imag::derivative(int, std::span<const array>, const array&, const array& t) {
  return multiply(array(complex64_t(0, -1)), t);
}

}  // namespace ops

// Real numbers are their own conjugates and real parts.
array conjugate(const array& a, StreamOrDevice s) {
  return a.dtype() == complex64 ? ops::elementwise<ops::Conjugate>(complex64, s, a) : a;
}
array real(const array& a, StreamOrDevice s) {
  return a.dtype() == complex64 ? ops::elementwise<ops::Real>(complex64, s, a) : a;
}
array imag(const array& a, StreamOrDevice s) {
  return a.dtype() == complex64 ? ops::elementwise<ops::Imag>(complex64, s, a) : zeros_like(a, s);
}

}  // namespace mica
