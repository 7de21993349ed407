#include "mica/utils.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "mica/ops/checks.h"

namespace mica {

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape shape = longer;
  const size_t skipped = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    ShapeElem& dim = shape[skipped + i];
    if (dim == shorter[i] || shorter[i] == 1) continue;
    if (dim != 1) {
      throw std::invalid_argument(fmt::format(
          "broadcast_shapes: shapes {} and {} cannot be broadcast", to_string(a), to_string(b)));
    }
    dim = shorter[i];
  }
  return shape;
}

int normalize_axis_index(int axis, int ndim, const std::string& msg_prefix) {
  if (axis < -ndim || axis >= ndim) {
    throw std::invalid_argument(
        fmt::format("{}expected axis in [{}, {}), got {}", msg_prefix, -ndim, ndim, axis));
  }
  return axis < 0 ? axis + ndim : axis;
}

void detail::throw_dimension_overflow(int64_t dim, std::string_view op) {
  throw std::overflow_error(fmt::format("{}{}expected a dimension of at most 2147483647, got {}",
                                        op, op.empty() ? "" : ": ", dim));
}

finfo::finfo(Dtype type) : dtype(type) {
  int mantissa = 0, max_exponent = 0, min_exponent = 0;
  switch (type.val()) {
    case Dtype::Val::float16:
      bits = 16, mantissa = 10, max_exponent = 15, min_exponent = -14;
      break;
    case Dtype::Val::bfloat16:
      bits = 16, mantissa = 7, max_exponent = 127, min_exponent = -126;
      break;
    case Dtype::Val::float32:
    case Dtype::Val::complex64:
      dtype = float32;
      bits = 32, mantissa = 23, max_exponent = 127, min_exponent = -126;
      break;
    case Dtype::Val::float64:
      bits = 64, mantissa = 52, max_exponent = 1023, min_exponent = -1022;
      break;
    default:
      throw std::invalid_argument(
          fmt::format("finfo: expected a floating-point dtype, got {}", dtype_name(type)));
  }
  eps = std::ldexp(1.0, -mantissa);
  max = std::ldexp(2.0 - eps, max_exponent);
  min = -max;
  smallest_normal = std::ldexp(1.0, min_exponent);
}

iinfo::iinfo(Dtype type) : dtype(type), min(0), max(0) {
  if (!issubdtype(type, integer)) {
    throw std::invalid_argument(
        fmt::format("iinfo: expected an integer dtype, got {}", dtype_name(type)));
  }
  const bool is_signed = issubdtype(type, signedinteger);
  const int value_bits = 8 * type.size() - (is_signed ? 1 : 0);
  max = ~uint64_t{0} >> (64 - value_bits);
  if (is_signed) min = -static_cast<int64_t>(max) - 1;
}

}  // namespace mica
