// Conversion between dtypes.
#pragma once

#include "mica/ops/elementwise/base.h"

namespace mica::ops {

// Floats lose their fraction on becoming integers (beyond int64, or int32 for narrower ones, the
// result is unspecified), complex numbers their imaginary part on becoming real; to bool, nonzero
// is true; rounding is to nearest even.
struct AsType {
  static constexpr const char* name = "astype";
  static constexpr int arity = 1;
  static constexpr DtypeSet operands = all_dtypes;
  static constexpr ResultDtype result = ResultDtype::attribute;
  static constexpr bool differentiable = true;

  Dtype dtype;

  bool operator==(const AsType&) const = default;
  // t itself: the drivers convert it.
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

}  // namespace mica::ops
