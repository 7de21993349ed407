#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/copy.h"
#include "mica/ops/joining.h"

namespace mica::ops {

void Concatenate::cpu(const cpu::Call& call) const {
  const cpu::Tensor& out = call.outputs[0];
  const size_t at = static_cast<size_t>(axis);
  int64_t place = 0;
  for (const cpu::Tensor& in : call.inputs) {
    char* to = out.as<char>() + place * out.strides[at] * int64_t{out.dtype.size()};
    cpu::copy_strided(in.data, in.strides, to, out.strides, in.shape, out.dtype.size());
    place += in.shape[at];
  }
}

}  // namespace mica::ops
