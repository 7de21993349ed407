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

// Between memory in which the elements of a line are `inner` elements apart and `count` lines one
// after the other. Elements are `width` floats.
void gather_lines(const float* from, float* lines, int64_t n, int64_t inner, int64_t count,
                  int width) {
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t l = 0; l < count; ++l) {
      for (int part = 0; part < width; ++part) {
        lines[(l * n + j) * width + part] = from[(j * inner + l) * width + part];
      }
    }
  }
}

void scatter_lines(const float* lines, float* to, int64_t n, int64_t inner, int64_t count,
                   int width) {
  for (int64_t j = 0; j < n; ++j) {
    for (int64_t l = 0; l < count; ++l) {
      for (int part = 0; part < width; ++part) {
        to[(j * inner + l) * width + part] = lines[(l * n + j) * width + part];
      }
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
  const int64_t in_line = from.n * in_width, out_line = to.n * out_width;
  const int64_t lines = from.inner == 1 ? 1 : together;
  const int64_t blocks = (from.inner + lines - 1) / lines;
  const auto plan = cpu::fourier_plan(kind, n);

  const int64_t work = lines * n * std::bit_width(static_cast<uint32_t>(n));
  const int64_t grain = std::max<int64_t>(1, (1 << 15) / work);
  engine::parallel_for(from.outer * blocks, grain, [&](int64_t begin, int64_t end) {
    const int64_t gathered = lines == 1 ? 0 : lines * in_line;
    const int64_t results = lines == 1 ? 0 : lines * out_line;
    const auto memory = std::make_unique_for_overwrite<float[]>(
        static_cast<size_t>(gathered + results + plan->scratch_size()));
    float* const scratch = memory.get() + gathered + results;
    for (int64_t block = begin; block < end; ++block) {
      const int64_t outer = block / blocks, first = block % blocks * lines;
      const int64_t count = std::min(lines, from.inner - first);
      const float* source = in.as<float>() + (outer * from.n * from.inner + first) * in_width;
      float* const target = out.as<float>() + (outer * to.n * to.inner + first) * out_width;
      float* result = target;
      if (lines > 1) {
        gather_lines(source, memory.get(), from.n, from.inner, count, in_width);
        source = memory.get();
        result = memory.get() + gathered;
      }
      for (int64_t l = 0; l < count; ++l) {
        plan->run(source + l * in_line, result + l * out_line, scratch);
      }
      if (scale != 1) {
        for (int64_t i = 0; i < count * out_line; ++i) result[i] *= scale;
      }
      if (lines > 1) scatter_lines(result, target, to.n, to.inner, count, out_width);
    }
  });
}

}  // namespace mica::ops
