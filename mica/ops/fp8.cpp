#include "mica/ops/fp8.h"

#include <stdexcept>
#include <string>
#include <vector>

#include "mica/ops/elementwise/base.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/ops/small_floats.h"

namespace mica {
namespace ops {

// Rounding is constant but for its steps.
std::vector<array> ToFp8::vjp(const engine::VjpArgs& args) const { return zero_cotangents(args); }
std::vector<array> ToFp8::jvp(const engine::JvpArgs& args) const { return zero_tangents(args); }

engine::Batched ToFp8::vmap(const engine::VmapArgs& args) const {
  return {{to_fp8(args.inputs[0])}, {args.axes[0]}};
}

}  // namespace ops

array to_fp8(array x, StreamOrDevice s) {
  if (!floats.has(x.dtype())) {
    throw std::invalid_argument(std::string("to_fp8: expected real floats, got ") +
                                dtype_name(x.dtype()));
  }
  return engine::apply(ops::ToFp8{}, {x}, x.shape(), uint8, s);
}

// A look into a table of all 256.
array from_fp8(array x, Dtype dtype, StreamOrDevice s) {
  if (x.dtype() != uint8) {
    throw std::invalid_argument(std::string("from_fp8: expected x in uint8, got ") +
                                dtype_name(x.dtype()));
  }
  if (!floats.has(dtype)) {
    throw std::invalid_argument(std::string("from_fp8: expected a dtype of real floats, got ") +
                                dtype_name(dtype));
  }
  std::vector<float> table;
  for (int code = 0; code < 256; ++code) {
    table.push_back(ops::e4m3_to_float(static_cast<uint8_t>(code)));
  }
  return take(array(table.begin(), {256}, dtype), x, 0, s);
}

}  // namespace mica
