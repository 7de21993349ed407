#include <type_traits>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/ops/creation.h"

namespace mica::ops {

namespace {

constexpr int64_t grain = 32 << 10;

// The step is the difference of the first two elements, each rounded to T, as in MLX, whose CPU
// adds it up; here, as on MLX's GPUs, no error accumulates.
template <class T>
void fill_arange(double start, double step, T* out, int64_t size) {
  const auto fill = [&](auto first, auto delta) {
    using Number = decltype(first);
    engine::parallel_for(size, grain, [&](int64_t begin, int64_t end) {
      // 32 bits, as sizes have, for their conversion to floats is vectorized.
      for (int32_t i = static_cast<int32_t>(begin); i < static_cast<int32_t>(end); ++i) {
        out[i] = static_cast<T>(first + static_cast<Number>(i) * delta);
      }
    });
  };
  if constexpr (std::is_integral_v<T>) {
    const auto first = static_cast<T>(static_cast<int64_t>(start));
    const auto second = static_cast<T>(static_cast<int64_t>(start + step));
    fill(static_cast<uint64_t>(first),
         static_cast<uint64_t>(second) - static_cast<uint64_t>(first));
  } else if constexpr (std::is_same_v<T, double>) {
    fill(start, (start + step) - start);
  } else if constexpr (std::is_same_v<T, complex64_t>) {
    const auto first = static_cast<float>(start);
    fill(first, static_cast<float>(start + step) - first);
  } else {
    const T first(static_cast<float>(start));
    const T second(static_cast<float>(start + step));
    const T delta(static_cast<float>(second) - static_cast<float>(first));
    fill(static_cast<float>(first), static_cast<float>(delta));
  }
}

}  // namespace

void Arange::cpu(const cpu::Call& call) const {
  const cpu::Tensor& out = call.outputs[0];
  cpu::visit_type(out.dtype, [&]<class T>() {
    fill_arange(start.value, step.value, out.as<T>(), static_cast<int64_t>(out.size));
  });
}

}  // namespace mica::ops
