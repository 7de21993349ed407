// Determinants, from LU.
#include <stdexcept>

#include "mica/linalg/factorizations.h"
#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/ops/ops.h"

namespace mica::linalg {
namespace {

// The diagonal of U in at least float32, and the sign (1 or -1) of the exchange of rows.
struct Pivots {
  Dtype dtype;  // of the result
  array diagonal;
  array sign;
};

Pivots pivots_of(const char* name, const array& a, const StreamOrDevice& s) {
  if (a.dtype() == complex64) {
    throw std::invalid_argument("linalg::" + std::string(name) +
                                ": expected a of real numbers, got complex64");
  }
  ops::check_square(name, a);
  const Dtype dtype = issubdtype(a.dtype(), floating) ? a.dtype() : float32;
  const Dtype computed = dtype == float64 ? float64 : float32;
  const std::vector<array> lu = ops::lu_factors(astype(a, computed, s), s);
  const array own = arange(0.0, a.shape(-1), 1.0, uint32, s);
  const array exchanges = sum(not_equal(lu[1], own, s), -1, false, s);
  const array odd = remainder(exchanges, array(2, exchanges.dtype()), s);
  const array sign =
      subtract(array(1, computed), multiply(array(2, computed), astype(odd, computed, s), s), s);
  return {dtype, diagonal(lu[0], 0, -2, -1, s), sign};
}

}  // namespace

array det(const array& a, StreamOrDevice s) {
  const Pivots pivots = pivots_of("det", a, s);
  return astype(multiply(pivots.sign, prod(pivots.diagonal, -1, false, s), s), pivots.dtype, s);
}

std::pair<array, array> slogdet(const array& a, StreamOrDevice s) {
  const Pivots pivots = pivots_of("slogdet", a, s);
  const array sign = multiply(pivots.sign, prod(mica::sign(pivots.diagonal, s), -1, false, s), s);
  const array logarithm = sum(log(abs(pivots.diagonal, s), s), -1, false, s);
  return {astype(sign, pivots.dtype, s), astype(logarithm, pivots.dtype, s)};
}

}  // namespace mica::linalg
