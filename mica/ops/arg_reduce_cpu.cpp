#include <algorithm>
#include <type_traits>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/ops/arg_reduce.h"

namespace mica::ops {
namespace {

using cpu::Compute;

template <class T>
bool is_nan(T x) {
  if constexpr (cpu::is_complex<T>) {
    return is_nan(x.real()) || is_nan(x.imag());
  } else {
    return x != x;
  }
}

// x takes the place of best: the first NaN is never replaced.
template <ArgReduceKind kind, class T>
bool replaces(T x, T best) {
  if constexpr (std::is_floating_point_v<T>) {  // without branches, for vectors
    const int better = kind == ArgReduceKind::min ? x < best : x > best;
    const int nan = x != x, replaceable = best == best;
    return ((better | nan) & replaceable) != 0;
  } else {
    const bool better =
        kind == ArgReduceKind::min ? cpu::sorts_before(x, best) : cpu::sorts_before(best, x);
    return (better || is_nan(x)) && !is_nan(best);
  }
}

// Compares a row with the best so far of each column.
template <ArgReduceKind kind, class T>
void compare_row(const T* row, int64_t count, uint32_t index, Compute<T>* best,
                 uint32_t* positions) {
  for (int64_t j = 0; j < count; ++j) {
    const auto x = static_cast<Compute<T>>(row[j]);
    const bool take = replaces<kind>(x, best[j]);
    best[j] = take ? x : best[j];
    positions[j] = take ? index : positions[j];
  }
}

template <ArgReduceKind kind, class T>
uint32_t row_position(const T* row, int64_t n) {
  constexpr int64_t lanes = 64;
  uint32_t position = 0;
  auto best = static_cast<Compute<T>>(row[0]);
  int64_t done = 1;
  if (n >= 2 * lanes) {  // as a matrix with a column for each lane
    Compute<T> lane_best[lanes];
    uint32_t lane_positions[lanes] = {};
    for (int64_t j = 0; j < lanes; ++j) lane_best[j] = static_cast<Compute<T>>(row[j]);
    for (int64_t i = 1; i < n / lanes; ++i) {
      compare_row<kind>(row + i * lanes, lanes, static_cast<uint32_t>(i), lane_best,
                        lane_positions);
    }
    for (int64_t j = 0; j < lanes; ++j) {
      const auto at = static_cast<uint32_t>(lane_positions[j] * lanes + j);
      const bool equal = lane_best[j] == best || (is_nan(lane_best[j]) && is_nan(best));
      if (replaces<kind>(lane_best[j], best) || (equal && at < position)) {
        best = lane_best[j];
        position = at;
      }
    }
    done = n / lanes * lanes;
  }
  for (int64_t i = done; i < n; ++i) {
    const auto x = static_cast<Compute<T>>(row[i]);
    if (!replaces<kind>(x, best)) continue;
    best = x;
    position = static_cast<uint32_t>(i);
  }
  return position;
}

template <ArgReduceKind kind, class T>
void arg_reduce(const T* in, uint32_t* out, const cpu::AxisLayout& layout) {
  constexpr int64_t grain = 1 << 15;
  const int64_t outer = layout.outer, n = layout.n, inner = layout.inner;
  if (inner == 1) {
    engine::parallel_for(outer, std::max<int64_t>(1, grain / n), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = row_position<kind>(in + i * n, n);
    });
    return;
  }
  // Columns in blocks, so that the best values so far stay in cache while rows are read in order.
  constexpr int64_t width = 256;
  const int64_t blocks = (inner + width - 1) / width;
  const int64_t block_grain = std::max<int64_t>(1, grain / (n * std::min(inner, width)));
  engine::parallel_for(outer * blocks, block_grain, [&](int64_t begin, int64_t end) {
    Compute<T> best[width];
    for (int64_t block = begin; block < end; ++block) {
      const int64_t o = block / blocks;
      const int64_t first = block % blocks * width;
      const int64_t count = std::min(width, inner - first);
      const T* column = in + o * n * inner + first;
      uint32_t* positions = out + o * inner + first;
      for (int64_t j = 0; j < count; ++j) best[j] = static_cast<Compute<T>>(column[j]);
      std::fill_n(positions, count, 0u);
      for (int64_t i = 1; i < n; ++i) {
        compare_row<kind>(column + i * inner, count, static_cast<uint32_t>(i), best, positions);
      }
    }
  });
}

}  // namespace

void ArgReduce::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  uint32_t* out = call.outputs[0].as<uint32_t>();
  const cpu::AxisLayout layout(in.shape, axis);
  cpu::visit_type(in.dtype, [&]<class T>() {
    if (kind == ArgReduceKind::min) {
      arg_reduce<ArgReduceKind::min>(in.as<T>(), out, layout);
    } else {
      arg_reduce<ArgReduceKind::max>(in.as<T>(), out, layout);
    }
  });
}

}  // namespace mica::ops
