#include "mica/engine/cpu/dnnl/pooling_kernels.h"

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>
#include <vector>

#include "mica/engine/cpu/kernel_table.h"
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/dnnl/pooling_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A window: the elements base + taps[t] of the input lie under it, and make element `out` of the
// output; both at the first channel to work on. Padding is left out.
struct Window {
  int64_t out;
  int64_t base;
  const int64_t* taps;
  size_t count;
};

template <class F>
void for_each_window(const PoolImage& p, F&& f) {
  std::vector<int64_t> inner, clipped;
  const auto collect = [&](const std::array<int64_t, 3>& first, const std::array<int64_t, 3>& last,
                           std::vector<int64_t>& taps) {
    taps.clear();
    for (int64_t x = first[0]; x < last[0]; ++x) {
      for (int64_t y = first[1]; y < last[1]; ++y) {
        for (int64_t z = first[2]; z < last[2]; ++z) {
          taps.push_back(((x * p.input[1] + y) * p.input[2] + z) * p.channels);
        }
      }
    }
  };
  collect({0, 0, 0}, p.kernel, inner);
  int64_t out = p.begin;
  std::array<int64_t, 3> at;
  for (at[0] = 0; at[0] < p.output[0]; ++at[0]) {
    for (at[1] = 0; at[1] < p.output[1]; ++at[1]) {
      for (at[2] = 0; at[2] < p.output[2]; ++at[2], out += p.channels) {
        std::array<int64_t, 3> first, last;
        bool whole = true;
        for (int axis = 0; axis < 3; ++axis) {
          const int64_t low = at[axis] * p.stride[axis] - p.padding[axis];
          first[axis] = std::max<int64_t>(low, 0);
          last[axis] = std::min(low + p.kernel[axis], p.input[axis]);
          whole = whole && last[axis] - first[axis] == p.kernel[axis];
        }
        if (whole) {
          const int64_t position = (first[0] * p.input[1] + first[1]) * p.input[2] + first[2];
          f(Window{out, position * p.channels + p.begin, inner.data(), inner.size()});
        } else {
          collect(first, last, clipped);
          f(Window{out, p.begin, clipped.data(), clipped.size()});
        }
      }
    }
  }
}

// Calls f(tag, i) for vectors, then single elements, that make up [0, n).
template <class T, class F>
HWY_INLINE void for_each_vector(int64_t n, F&& f) {
  const hn::ScalableTag<T> vector;
  const hn::CappedTag<T, 1> element;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(vector));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) f(vector, i);
  for (; i < n; ++i) f(element, i);
}

template <class T>
constexpr T lowest() {
  return std::is_floating_point_v<T> ? -std::numeric_limits<T>::infinity()
                                     : std::numeric_limits<T>::lowest();
}

// NaN where either is.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V larger(D, V a, V b) {
  if constexpr (std::is_floating_point_v<hn::TFromD<D>>) {
    return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b);
  } else {
    return hn::Max(a, b);
  }
}

template <class T>
HWY_NOINLINE void max_forward(const PoolImage& p, const T* x, T* y) {
  const int64_t n = p.end - p.begin;
  for_each_window(p, [&](const Window& w) {
    const T* from = x + w.base;
    T* to = y + w.out;
    for_each_vector<T>(n, [&](auto tag, int64_t i) HWY_ATTR {
      auto top = hn::Set(tag, lowest<T>());
      for (size_t t = 0; t < w.count; ++t) {
        top = larger(tag, top, hn::LoadU(tag, from + w.taps[t] + i));
      }
      hn::StoreU(top, tag, to + i);
    });
  });
}

// Whether each element lies under exactly one window.
bool tiles(const PoolImage& p) {
  for (int i = 0; i < 3; ++i) {
    if (p.stride[i] != p.kernel[i]) return false;
    if (p.output[i] * p.stride[i] - p.padding[i] < p.input[i]) return false;
  }
  return true;
}

template <class T>
void clear(const PoolImage& p, T* x) {
  const int64_t positions = p.input[0] * p.input[1] * p.input[2], n = p.end - p.begin;
  if (n == p.channels) {
    std::fill_n(x, positions * n, T(0));
  } else {
    for (int64_t i = 0; i < positions; ++i) std::fill_n(x + i * p.channels + p.begin, n, T(0));
  }
}

// The gradient of a window's maximum goes to the elements equal to it, divided by their number. The
// product with 0 or 1 makes NaN of a whole window whose maximum is NaN.
template <bool tiled, class T>
HWY_NOINLINE void max_backward_windows(const PoolImage& p, const T* x, const T* y, const T* dy,
                                       T* dx) {
  const int64_t n = p.end - p.begin;
  const size_t taps = static_cast<size_t>(p.kernel[0] * p.kernel[1] * p.kernel[2]);
  for_each_window(p, [&](const Window& w) {
    const T padded = static_cast<T>(taps - w.count);
    const T *from = x + w.base, *top = y + w.out, *grad = dy + w.out;
    T* to = dx + w.base;
    for_each_vector<T>(n, [&](auto tag, int64_t i) HWY_ATTR {
      const auto one = hn::Set(tag, T(1));
      const auto most = hn::LoadU(tag, top + i);
      auto count =
          hn::IfThenElseZero(hn::Eq(most, hn::Set(tag, lowest<T>())), hn::Set(tag, padded));
      for (size_t t = 0; t < w.count; ++t) {
        const auto equal = hn::Eq(hn::LoadU(tag, from + w.taps[t] + i), most);
        count = hn::Add(count, hn::IfThenElseZero(equal, one));
      }
      const auto share = hn::Div(hn::LoadU(tag, grad + i), count);
      for (size_t t = 0; t < w.count; ++t) {
        const auto equal = hn::Eq(hn::LoadU(tag, from + w.taps[t] + i), most);
        auto sum = hn::Mul(hn::IfThenElseZero(equal, one), share);
        if constexpr (!tiled) sum = hn::Add(sum, hn::LoadU(tag, to + w.taps[t] + i));
        hn::StoreU(sum, tag, to + w.taps[t] + i);
      }
    });
  });
}

template <class T>
void max_backward(const PoolImage& p, const T* x, const T* y, const T* dy, T* dx) {
  if (tiles(p)) return max_backward_windows<true>(p, x, y, dy, dx);
  clear(p, dx);
  max_backward_windows<false>(p, x, y, dy, dx);
}

template <class T>
T reciprocal_of_window(const PoolImage& p) {
  return T(1) / static_cast<T>(p.kernel[0] * p.kernel[1] * p.kernel[2]);
}

template <class T>
HWY_NOINLINE void average_forward(const PoolImage& p, const T* x, T* y) {
  const int64_t n = p.end - p.begin;
  for_each_window(p, [&](const Window& w) {
    const T* from = x + w.base;
    T* to = y + w.out;
    for_each_vector<T>(n, [&](auto tag, int64_t i) HWY_ATTR {
      auto sum = hn::Zero(tag);
      for (size_t t = 0; t < w.count; ++t) {
        sum = hn::Add(sum, hn::LoadU(tag, from + w.taps[t] + i));
      }
      hn::StoreU(hn::Mul(sum, hn::Set(tag, reciprocal_of_window<T>(p))), tag, to + i);
    });
  });
}

template <bool tiled, class T>
HWY_NOINLINE void average_backward_windows(const PoolImage& p, const T* dy, T* dx) {
  const int64_t n = p.end - p.begin;
  for_each_window(p, [&](const Window& w) {
    const T* grad = dy + w.out;
    T* to = dx + w.base;
    for_each_vector<T>(n, [&](auto tag, int64_t i) HWY_ATTR {
      const auto share =
          hn::Mul(hn::LoadU(tag, grad + i), hn::Set(tag, reciprocal_of_window<T>(p)));
      for (size_t t = 0; t < w.count; ++t) {
        auto sum = share;
        if constexpr (!tiled) sum = hn::Add(sum, hn::LoadU(tag, to + w.taps[t] + i));
        hn::StoreU(sum, tag, to + w.taps[t] + i);
      }
    });
  });
}

template <class T>
void average_backward(const PoolImage& p, const T* dy, T* dx) {
  if (tiles(p)) return average_backward_windows<true>(p, dy, dx);
  clear(p, dx);
  average_backward_windows<false>(p, dy, dx);
}

template <class T>
void set_kernels(PoolKernels<T>& kernels) {
  kernels.max_forward = max_forward<T>;
  if constexpr (std::is_floating_point_v<T>) {
    kernels.max_backward = max_backward<T>;
    kernels.average_forward = average_forward<T>;
    kernels.average_backward = average_backward<T>;
  }
}

void fill_pool_table(PoolTable& table) {
  std::apply([](auto&... kernels) { (set_kernels(kernels), ...); }, table);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {
namespace {
HWY_EXPORT(fill_pool_table);
}

const PoolTable& pool_table() {
  static const PoolTable table = filled<PoolTable>(HWY_DYNAMIC_DISPATCH(fill_pool_table));
  return table;
}

}  // namespace mica::cpu
#endif
