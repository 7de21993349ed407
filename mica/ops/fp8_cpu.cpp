#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/ops/fp8.h"
#include "mica/ops/small_floats.h"

namespace mica::ops {

void ToFp8::cpu(const cpu::Call& call) const {
  const cpu::Tensor& out = call.outputs[0];
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) {
      const T* x = call.inputs[0].as<T>();
      engine::parallel_for(static_cast<int64_t>(out.size), 16384, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          out.as<uint8_t>()[i] = to_e4m3(static_cast<cpu::Compute<T>>(x[i]));
        }
      });
    }
  });
}

}  // namespace mica::ops
