#include <algorithm>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/copy.h"
#include "mica/ops/views.h"

namespace mica::ops {

namespace {

// Copies what a view of the first input would show.
template <class View>
void copy_view(const View& op, const cpu::Call& call) {
  const cpu::Tensor& in = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  Strides strides;
  op.view({in.shape, in.strides}, out.shape, strides);
  cpu::copy_strided(in.data, strides, out.data, out.strides, out.shape, out.dtype.size());
}

void copy_input(const cpu::Call& call) { cpu::copy_strided(call.inputs[0], call.outputs[0].data); }

}  // namespace

void Reshape::cpu(const cpu::Call& call) const { copy_input(call); }

void Transpose::cpu(const cpu::Call& call) const { copy_view(*this, call); }

void BroadcastTo::cpu(const cpu::Call& call) const { copy_view(*this, call); }

void AsStrided::cpu(const cpu::Call& call) const {
  const cpu::Tensor& out = call.outputs[0];
  const char* first = call.inputs[0].as<char>() + offset.value * int64_t{out.dtype.size()};
  cpu::copy_strided(first, strides, out.data, out.strides, out.shape, out.dtype.size());
}

void Contiguous::cpu(const cpu::Call& call) const { copy_input(call); }

void Identity::cpu(const cpu::Call& call) const { copy_input(call); }

void StopGradient::cpu(const cpu::Call& call) const { copy_input(call); }

void BitCast::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  if (out.dtype == bool_) {
    const auto* bytes = in.as<unsigned char>();
    std::transform(bytes, bytes + out.size, out.as<bool>(), [](unsigned char b) { return b != 0; });
  } else if (in.data != out.data && out.size > 0) {
    cpu::copy_strided(in.data, out.strides, out.data, out.strides, out.shape, out.dtype.size());
  }
}

}  // namespace mica::ops
