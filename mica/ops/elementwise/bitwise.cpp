#include "mica/ops/elementwise/bitwise.h"

#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace {

// Bools shift as uint8.
template <class Op>
array shift(const array& a, const array& b, const StreamOrDevice& s) {
  const Dtype dtype = result_type(a, b);
  return ops::elementwise<Op>(dtype == bool_ ? uint8 : dtype, s, a, b);
}

}  // namespace

array bitwise_invert(const array& a, StreamOrDevice s) {
  return ops::elementwise<ops::BitwiseInvert>(a.dtype(), s, a);
}
array bitwise_and(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::BitwiseAnd>(result_type(a, b), s, a, b);
}
array bitwise_or(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::BitwiseOr>(result_type(a, b), s, a, b);
}
array bitwise_xor(const array& a, const array& b, StreamOrDevice s) {
  return ops::elementwise<ops::BitwiseXor>(result_type(a, b), s, a, b);
}
array left_shift(const array& a, const array& b, StreamOrDevice s) {
  return shift<ops::LeftShift>(a, b, s);
}
array right_shift(const array& a, const array& b, StreamOrDevice s) {
  return shift<ops::RightShift>(a, b, s);
}

}  // namespace mica
