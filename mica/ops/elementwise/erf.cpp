#include "mica/ops/elementwise/erf.h"

#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {

array Erf::derivative(int, std::span<const array> x, const array&, const array& t) {
  const array slope = multiply(scalar(M_2_SQRTPI, x[0].dtype()), exp(negative(square(x[0]))));
  return multiply(t, slope);
}

array ErfInv::derivative(int, std::span<const array>, const array& y, const array& t) {
  return multiply(t, multiply(scalar(1 / M_2_SQRTPI, y.dtype()), exp(square(y))));
}

}  // namespace ops

array erf(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::Erf>(ops::at_least_float(a.dtype()), s, a);
}
array erfinv(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::ErfInv>(ops::at_least_float(a.dtype()), s, a);
}

}  // namespace mica
