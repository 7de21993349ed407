#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/ops/elementwise/arithmetic.h"
#include "mica/ops/scan.h"

namespace mica::ops {
namespace {

using cpu::Compute;

template <class T>
T log_add_exp(T a, T b) {
  if constexpr (cpu::is_complex<T>) {
    if (a.real() == -std::numeric_limits<float>::infinity()) return b;
    if (b.real() == -std::numeric_limits<float>::infinity()) return a;
    const T high = a.real() > b.real() ? a : b, low = a.real() > b.real() ? b : a;
    return high + std::log(T(1) + std::exp(low - high));
  } else {
    if (a != a || b != b) return std::numeric_limits<T>::quiet_NaN();
    const T high = std::max(a, b), low = std::min(a, b);
    if (low == -std::numeric_limits<T>::infinity() || high == std::numeric_limits<T>::infinity()) {
      return high;
    }
    return high + std::log1p(std::exp(low - high));
  }
}

template <class T>
T smallest() {
  if constexpr (cpu::is_complex<T>) {
    return {smallest<float>(), smallest<float>()};
  } else if constexpr (std::numeric_limits<T>::has_infinity) {
    return -std::numeric_limits<T>::infinity();
  } else {
    return std::numeric_limits<T>::lowest();
  }
}

template <class T>
T largest() {
  if constexpr (cpu::is_complex<T>) {
    return {largest<float>(), largest<float>()};
  } else if constexpr (std::numeric_limits<T>::has_infinity) {
    return std::numeric_limits<T>::infinity();
  } else {
    return std::numeric_limits<T>::max();
  }
}

template <class T>
bool is_nan(T x) {
  if constexpr (cpu::is_complex<T>) {
    return is_nan(x.real()) || is_nan(x.imag());
  } else {
    return x != x;
  }
}

template <ScanKind kind, class T>
T neutral() {
  switch (kind) {
    case ScanKind::sum:
      return T(0);
    case ScanKind::prod:
      return T(1);
    case ScanKind::min:
      return largest<T>();
    case ScanKind::max:
      return smallest<T>();
    case ScanKind::logaddexp:
      if constexpr (cpu::is_complex<T>) return {smallest<float>(), 0.0f};
      return smallest<T>();
  }
}

template <ScanKind kind, class T>
T combine(T a, T b) {
  if constexpr (kind == ScanKind::sum) {
    return Add::apply(a, b);
  } else if constexpr (kind == ScanKind::prod) {
    return Multiply::apply(a, b);
  } else if constexpr (kind == ScanKind::min) {
    return is_nan(a) || (!is_nan(b) && cpu::sorts_before(a, b)) ? a : b;
  } else if constexpr (kind == ScanKind::max) {
    return is_nan(a) || (!is_nan(b) && cpu::sorts_before(b, a)) ? a : b;
  } else {
    return log_add_exp(a, b);
  }
}

template <ScanKind kind, class T>
void scan_row(const T* in, T* out, int64_t n, bool reverse, bool inclusive) {
  auto running = neutral<kind, Compute<T>>();
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = reverse ? n - 1 - i : i;
    const auto next = combine<kind>(running, static_cast<Compute<T>>(in[at]));
    out[at] = static_cast<T>(inclusive ? next : running);
    running = next;
  }
}

template <ScanKind kind, class T>
void scan(const T* in, T* out, const cpu::AxisLayout& layout, bool reverse, bool inclusive) {
  constexpr int64_t grain = 1 << 14;
  const int64_t outer = layout.outer, n = layout.n, inner = layout.inner;
  if (inner == 1) {
    engine::parallel_for(outer, std::max<int64_t>(1, grain / n), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        scan_row<kind>(in + row * n, out + row * n, n, reverse, inclusive);
      }
    });
    return;
  }
  // Columns in blocks, whose running values stay in cache while rows are read in order.
  constexpr int64_t width = 64;
  const int64_t blocks = (inner + width - 1) / width;
  const int64_t block_grain = std::max<int64_t>(1, grain / (n * std::min(inner, width)));
  const int64_t step = reverse ? -inner : inner;
  engine::parallel_for(outer * blocks, block_grain, [&](int64_t begin, int64_t end) {
    Compute<T> running[width];
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block % blocks * width;
      const int64_t count = std::min(width, inner - first);
      const int64_t start = (block / blocks * n + (reverse ? n - 1 : 0)) * inner + first;
      std::fill_n(running, count, neutral<kind, Compute<T>>());
      for (int64_t i = 0; i < n; ++i) {
        const T* from = in + start + i * step;
        T* to = out + start + i * step;
        for (int64_t j = 0; j < count; ++j) {
          const auto next = combine<kind>(running[j], static_cast<Compute<T>>(from[j]));
          to[j] = static_cast<T>(inclusive ? next : running[j]);
          running[j] = next;
        }
      }
    }
  });
}

template <ScanKind kind>
void scan(const cpu::Call& call, const Scan& op) {
  const cpu::Tensor& in = call.inputs[0];
  const cpu::AxisLayout layout(in.shape, op.axis);
  if (in.size == 0) return;
  const auto run = [&]<class T>() {
    scan<kind>(in.as<T>(), call.outputs[0].as<T>(), layout, op.reverse, op.inclusive);
  };
  if constexpr (kind == ScanKind::logaddexp) {
    cpu::visit_inexact_type(in.dtype, run);
  } else {
    cpu::visit_type(in.dtype, run);
  }
}

}  // namespace

void Scan::cpu(const cpu::Call& call) const {
  switch (kind) {
    case ScanKind::sum:
      return scan<ScanKind::sum>(call, *this);
    case ScanKind::prod:
      return scan<ScanKind::prod>(call, *this);
    case ScanKind::min:
      return scan<ScanKind::min>(call, *this);
    case ScanKind::max:
      return scan<ScanKind::max>(call, *this);
    case ScanKind::logaddexp:
      return scan<ScanKind::logaddexp>(call, *this);
  }
}

}  // namespace mica::ops
