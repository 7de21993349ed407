#include <algorithm>
#include <bit>
#include <memory>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/fft/fourier_op.h"

namespace mica::ops {
namespace {

using cpu::FourierKind;

// Lines that are gathered lie further apart than their length, for lengths are often powers of two,
// and the starts of lines would share few sets of the cache.
constexpr int64_t line_gap = 16;

// Between memory in which the elements of a line are `inner` elements apart and `count` lines one
// after the other, `pitch` floats apart. Elements are `width` floats.
template <int width>
void gather_lines(const float* from, float* lines, int64_t n, int64_t inner, int64_t count,
                  int64_t pitch) {
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t l = 0; l < count; ++l) {
      std::copy_n(from + (j * inner + l) * width, width, lines + l * pitch + j * width);
    }
  }
}

template <int width>
void scatter_lines(const float* lines, float* to, int64_t n, int64_t inner, int64_t count,
                   int64_t pitch) {
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t l = 0; l < count; ++l) {
      std::copy_n(lines + l * pitch + j * width, width, to + (j * inner + l) * width);
    }
  }
}

}  // namespace

// Where the axis is not the last, neighbouring lines are gathered together, so that what is read
// and written are pieces of rows.
void Fourier::cpu(const cpu::Call& call) const {
  constexpr int64_t together = 16;
  const cpu::Tensor& in = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  if (out.size == 0) return;
  const cpu::AxisLayout from(in.shape, axis), to(out.shape, axis);
  const int in_width = kind == FourierKind::real_forward ? 1 : 2;
  const int out_width = kind == FourierKind::real_inverse ? 1 : 2;
  const bool gathers = from.inner > 1;
  const int64_t gap = gathers ? line_gap : 0;
  const int64_t in_pitch = from.n * in_width + gap, out_pitch = to.n * out_width + gap;
  const int64_t lines = gathers ? std::min(together, from.inner) : 1;
  const int64_t blocks = (from.inner + lines - 1) / lines;
  const auto plan = cpu::fourier_plan(kind, n);

  const int64_t work = lines * n * std::bit_width(static_cast<uint32_t>(n));
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / work);
  engine::parallel_for(from.outer * blocks, grain, [&](int64_t begin, int64_t end) {
    const int64_t gathered = gathers ? lines * in_pitch : 0;
    const int64_t results = gathers ? lines * out_pitch : 0;
    const auto memory = std::make_unique_for_overwrite<float[]>(
        static_cast<size_t>(gathered + results + plan->scratch_size()));
    float* const scratch = memory.get() + gathered + results;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t outer = block / blocks, first = block % blocks * lines;
      const int64_t count = std::min(lines, from.inner - first);
      const float* source = in.as<float>() + (outer * from.n * from.inner + first) * in_width;
      float* const target = out.as<float>() + (outer * to.n * to.inner + first) * out_width;
      float* result = target;
      if (gathers) {
        (in_width == 1 ? gather_lines<1> : gather_lines<2>)(source, memory.get(), from.n,
                                                            from.inner, count, in_pitch);
        source = memory.get();
        result = memory.get() + gathered;
      }
      for (int64_t l = 0; l < count; ++l) {
        float* const line = result + l * out_pitch;
        plan->run(source + l * in_pitch, line, scratch);
        if (kind == FourierKind::real_forward) {  // sums of real numbers, up to their signs
          line[1] = 0;
          if (n % 2 == 0) line[n + 1] = 0;
        }
        if (scale == 1) continue;
        for (int64_t i = 0; i < to.n * out_width; ++i) line[i] *= scale;
      }
      if (gathers) {
        (out_width == 1 ? scatter_lines<1> : scatter_lines<2>)(result, target, to.n, to.inner,
                                                               count, out_pitch);
      }
    }
  });
}

}  // namespace mica::ops
