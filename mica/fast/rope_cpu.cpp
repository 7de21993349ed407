#include <cmath>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/targets.h"
#include "mica/fast/rope.h"
#include "mica/ops/elementwise/transcendental.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/fast/rope_cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

// The halves of a contiguous row.
void rotate_halves(const float* HWY_RESTRICT x, const float* HWY_RESTRICT c,
                   const float* HWY_RESTRICT s, float* HWY_RESTRICT out, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    out[i] = x[i] * c[i] - x[half + i] * s[i];
    out[half + i] = x[i] * s[i] + x[half + i] * c[i];
  }
}

// The neighbours of a contiguous row.
void rotate_neighbours(const float* HWY_RESTRICT x, const float* HWY_RESTRICT c,
                       const float* HWY_RESTRICT s, float* HWY_RESTRICT out, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    out[2 * i] = x[2 * i] * c[i] - x[2 * i + 1] * s[i];
    out[2 * i + 1] = x[2 * i] * s[i] + x[2 * i + 1] * c[i];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {

HWY_EXPORT(rotate_halves);
HWY_EXPORT(rotate_neighbours);

// The cosines and sines of every position's angles, for each offset.
template <class C>
struct Angles {
  int64_t half, length;
  std::vector<C> cosines, sines;

  Angles(const Rope& op, const cpu::Call& call)
      : half(op.dims / 2), length(call.inputs[0].shape.end()[-2]) {
    std::vector<C> speeds(static_cast<size_t>(half));
    for (int64_t i = 0; i < half; ++i) speeds[static_cast<size_t>(i)] = speed(op, call, i);
    const cpu::Tensor& offsets = call.inputs[1];
    const auto count = static_cast<int64_t>(offsets.size) * length;
    cosines.resize(static_cast<size_t>(count * half));
    sines.resize(cosines.size());
    const auto cosine = cpu::elementwise_kernel(op_id<Cos>(), dtype_of<C>());
    const auto sine = cpu::elementwise_kernel(op_id<Sin>(), dtype_of<C>());
    engine::parallel_for(count, 4096 / half + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const C offset = static_cast<C>(offsets.as<int32_t>()[row / length * offsets.strides[0]]);
        const C position = (static_cast<C>(row % length) + offset) * static_cast<C>(op.scale);
        // Turning back is turning by the negative angle.
        const C turns = op.inverse ? -position : position;
        C* const angles = sines.data() + row * half;
        for (int64_t i = 0; i < half; ++i) angles[i] = turns * speeds[static_cast<size_t>(i)];
      }
      const auto n = static_cast<size_t>((end - begin) * half);
      C* const angles = sines.data() + begin * half;
      cosine(cosines.data() + begin * half, angles, nullptr, nullptr, n);
      sine(angles, angles, nullptr, nullptr, n);
    });
  }

  static C speed(const Rope& op, const cpu::Call& call, int64_t i) {
    if (!op.base) return 1 / call.inputs[2].as<C>()[i * call.inputs[2].strides[0]];
    const C exponent = static_cast<C>(std::log(*op.base) / static_cast<float>(op.dims / 2));
    return std::exp(static_cast<C>(-i) * exponent);
  }
};

// One row; `step` elements lie between those of x.
template <class T, class C>
void rotate_row(const Rope& op, const T* x, int64_t step, const C* c, const C* s, T* out,
                int64_t size) {
  const int64_t half = op.dims / 2;
  for (int64_t i = op.dims; i < size; ++i) out[i] = x[i * step];
  if constexpr (std::is_same_v<T, float>) {
    if (step == 1 && op.traditional) {
      return HWY_DYNAMIC_DISPATCH(rotate_neighbours)(x, c, s, out, half);
    }
    if (step == 1) return HWY_DYNAMIC_DISPATCH(rotate_halves)(x, c, s, out, half);
  }
  const int64_t apart = op.traditional ? 1 : half, next = op.traditional ? 2 : 1;
  for (int64_t i = 0; i < half; ++i) {
    const C first = static_cast<C>(x[i * next * step]);
    const C second = static_cast<C>(x[(i * next + apart) * step]);
    out[i * next] = static_cast<T>(first * c[i] - second * s[i]);
    out[i * next + apart] = static_cast<T>(first * s[i] + second * c[i]);
  }
}

template <class T>
void rotate(const Rope& op, const cpu::Call& call) {
  using C = cpu::Compute<T>;
  const cpu::Tensor& x = call.inputs[0];
  const size_t rank = x.shape.size();
  const int64_t size = x.shape[rank - 1], length = x.shape[rank - 2];
  const int64_t rows = static_cast<int64_t>(x.size) / size, batch_rows = rows / x.shape[0];
  const Angles<C> angles(op, call);
  const bool one_offset = call.inputs[1].size == 1;
  engine::parallel_for(rows, 16384 / size + 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      int64_t from = 0, rest = row;
      for (size_t axis = rank - 1; axis-- > 0; rest /= x.shape[axis]) {
        from += rest % x.shape[axis] * x.strides[axis];
      }
      const int64_t table = one_offset ? 0 : row / batch_rows;
      const int64_t at = (table * length + row % length) * angles.half;
      rotate_row(op, x.as<T>() + from, x.strides[rank - 1], angles.cosines.data() + at,
                 angles.sines.data() + at, call.outputs[0].as<T>() + row * size, size);
    }
  });
}

}  // namespace

void Rope::cpu(const cpu::Call& call) const {
  if (call.inputs[0].size == 0) return;
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) rotate<T>(*this, call);
  });
}

}  // namespace mica::ops
#endif
