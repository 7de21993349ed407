#include <algorithm>
#include <numeric>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/ops/sort.h"

namespace mica::ops {
namespace {

// Calls f(offset of the first element) for each line along the axis, in parallel.
template <class F>
void for_each_line(const cpu::AxisLayout& layout, F&& f) {
  const int64_t grain = std::max<int64_t>(1, (1 << 12) / std::max<int64_t>(1, layout.n));
  engine::parallel_for(layout.outer * layout.inner, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      f(i / layout.inner * layout.n * layout.inner + i % layout.inner);
    }
  });
}

template <class T>
void sort_lines(const T* in, T* out, const cpu::AxisLayout& layout) {
  const int64_t n = layout.n, step = layout.inner;
  for_each_line(layout, [&](int64_t offset) {
    if (step == 1) {
      std::copy_n(in + offset, n, out + offset);
      std::stable_sort(out + offset, out + offset + n, cpu::sorts_before<T>);
      return;
    }
    std::vector<T> line(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) line[static_cast<size_t>(i)] = in[offset + i * step];
    std::stable_sort(line.begin(), line.end(), cpu::sorts_before<T>);
    for (int64_t i = 0; i < n; ++i) out[offset + i * step] = line[static_cast<size_t>(i)];
  });
}

template <class T>
void arg_sort_lines(const T* in, uint32_t* out, const cpu::AxisLayout& layout) {
  struct Keyed {
    T key;
    uint32_t index;
  };
  const int64_t n = layout.n, step = layout.inner;
  for_each_line(layout, [&](int64_t offset) {
    std::vector<Keyed> line(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      line[static_cast<size_t>(i)] = {in[offset + i * step], static_cast<uint32_t>(i)};
    }
    std::stable_sort(line.begin(), line.end(), [](const Keyed& a, const Keyed& b) {
      return cpu::sorts_before(a.key, b.key);
    });
    for (int64_t i = 0; i < n; ++i) out[offset + i * step] = line[static_cast<size_t>(i)].index;
  });
}

}  // namespace

void Sort::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  cpu::visit_type(in.dtype, [&]<class T>() {
    sort_lines(in.as<T>(), call.outputs[0].as<T>(), cpu::AxisLayout(in.shape, axis));
  });
}

void ArgSort::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  cpu::visit_type(in.dtype, [&]<class T>() {
    arg_sort_lines(in.as<T>(), call.outputs[0].as<uint32_t>(), cpu::AxisLayout(in.shape, axis));
  });
}

}  // namespace mica::ops
