#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/targets.h"
#include "mica/ops/softmax.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/ops/softmax_cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using cpu::HWY_NAMESPACE::row_dot;
using cpu::HWY_NAMESPACE::row_exp;
using cpu::HWY_NAMESPACE::row_max;
using cpu::HWY_NAMESPACE::row_scale;

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

// Rows of n elements that fit in a vector each, and their maxima and sums of exp(x - maximum) in
// all lanes. All are read before any is written: a read beside what was just written waits for it.
template <int rows>
struct ShortRows {
  hn::Vec<hn::ScalableTag<float>> exps[rows], maxima[rows], sums[rows];

  HWY_INLINE ShortRows(const float* in, int64_t n) {
    const hn::ScalableTag<float> d;
    for (int r = 0; r < rows; ++r) exps[r] = cpu::HWY_NAMESPACE::load_rest(d, in + r * n, n);
    for (int r = 0; r < rows; ++r) {
      maxima[r] = hn::MaxOfLanes(d, exps[r]);
      exps[r] = cpu::HWY_NAMESPACE::math::exp(d, hn::Sub(exps[r], maxima[r]));
      sums[r] = hn::SumOfLanes(d, exps[r]);
    }
  }
};

// Calls f(ShortRows, first row) for as many of the rows at once as pay; false where they are long.
template <class F>
HWY_INLINE bool for_short_rows(const float* in, int64_t rows, int64_t n, F&& f) {
  constexpr int together = 4;
  if (n > static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>()))) return false;
  int64_t row = 0;
  for (; row + together <= rows; row += together) f(ShortRows<together>(in + row * n, n), row);
  for (; row < rows; ++row) f(ShortRows<1>(in + row * n, n), row);
  return true;
}

bool softmax_short_rows(const float* in, float* out, int64_t rows, int64_t n) {
  return for_short_rows(in, rows, n, [&]<int count>(const ShortRows<count>& r, int64_t row) {
    const hn::ScalableTag<float> d;
    for (int i = 0; i < count; ++i) {
      const auto y = hn::Mul(r.exps[i], hn::Div(hn::Set(d, 1.0f), r.sums[i]));
      cpu::HWY_NAMESPACE::store_rest(d, y, n, out + (row + i) * n);
    }
  });
}

#endif

// out may be in.
void softmax_rows(const float* in, float* out, int64_t rows, int64_t n) {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  if (softmax_short_rows(in, out, rows, n)) return;
#endif
  for (; rows > 0; --rows, in += n, out += n) {
    const float sum = row_exp(in, row_max(in, n), out, n);
    row_scale(out, 1.0f / sum, n);
  }
}

// out may be c.
void softmax_backward_row(const float* y, const float* c, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const float sum = row_dot(y, c, n);
  const auto sums = hn::Set(d, sum);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), hn::Sub(hn::LoadU(d, c + i), sums)), d, out + i);
  }
  for (; i < n; ++i) out[i] = y[i] * (c[i] - sum);
}

// Where the largest element is infinite it is the result, but for a NaN beside it.
float infinite_row(const float* in, float max, int64_t n) {
  const float* nan = std::find_if(in, in + n, [](float x) { return std::isnan(x); });
  return nan == in + n ? max : *nan;
}

void logsumexp_rows(const float* in, float* out, int64_t rows, int64_t n) {
#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  const auto finish = [&]<int count>(const ShortRows<count>& r, int64_t row) {
    for (int i = 0; i < count; ++i) {
      const float max = hn::GetLane(r.maxima[i]), sum = hn::GetLane(r.sums[i]);
      out[row + i] =
          std::isinf(max) ? infinite_row(in + (row + i) * n, max, n) : max + std::log(sum);
    }
  };
  if (for_short_rows(in, rows, n, finish)) return;
#endif
  for (int64_t row = 0; row < rows; ++row, in += n) {
    const float max = row_max(in, n);
    out[row] =
        std::isinf(max) ? infinite_row(in, max, n) : max + std::log(row_exp(in, max, nullptr, n));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {

HWY_EXPORT(softmax_rows);
HWY_EXPORT(softmax_backward_row);
HWY_EXPORT(logsumexp_rows);

double real_part(double x) { return x; }
float real_part(complex64_t x) { return x.real(); }

// Complex numbers in the order of their real parts, then of their imaginary ones.
template <class T>
T max_of_row(const T* in, int64_t n) {
  return *std::max_element(in, in + n, [](T a, T b) {
    if constexpr (std::is_same_v<T, complex64_t>) {
      return a.real() != b.real() ? a.real() < b.real() : a.imag() < b.imag();
    } else {
      return a < b;
    }
  });
}

template <class T>
void softmax_row_of(const T* in, T* out, int64_t n, std::vector<float>& scratch) {
  if constexpr (cpu::is_half<T>) {
    scratch.assign(in, in + n);
    HWY_DYNAMIC_DISPATCH(softmax_rows)(scratch.data(), scratch.data(), 1, n);
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(scratch[static_cast<size_t>(i)]);
  } else {
    const T max = max_of_row(in, n);
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += out[i] = std::exp(in[i] - max);
    for (int64_t i = 0; i < n; ++i) out[i] /= sum;
  }
}

template <class T>
T logsumexp_row_of(const T* in, int64_t n, std::vector<float>& scratch) {
  if constexpr (cpu::is_half<T>) {
    scratch.assign(in, in + n);
    float result;
    HWY_DYNAMIC_DISPATCH(logsumexp_rows)(scratch.data(), &result, 1, n);
    return static_cast<T>(result);
  } else {
    const T max = max_of_row(in, n);
    if (std::isinf(real_part(max))) {
      const T* nan = std::find_if(in, in + n, [](T x) { return std::isnan(real_part(x)); });
      return nan == in + n ? max : *nan;
    }
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::exp(in[i] - max);
    return max + std::log(sum);
  }
}

// Calls f(begin, end) for parts of the rows of the last axis, in parallel.
template <class F>
void for_rows(const cpu::Tensor& in, F&& f) {
  const int64_t n = in.shape.back();
  const int64_t rows = static_cast<int64_t>(in.size) / n;
  engine::parallel_for(rows, std::max<int64_t>(1, (1 << 13) / n), f);
}

// Calls f(row, scratch) for each of them.
template <class F>
void for_each_row(const cpu::Tensor& in, F&& f) {
  for_rows(in, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch;
    for (int64_t row = begin; row < end; ++row) f(row, scratch);
  });
}

}  // namespace

void Softmax::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  if (in.size == 0) return;
  const int64_t n = in.shape.back();
  if (in.dtype == float32) {
    const float* from = in.as<float>();
    float* const out = call.outputs[0].as<float>();
    return for_rows(in, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(softmax_rows)(from + begin * n, out + begin * n, end - begin, n);
    });
  }
  cpu::visit_inexact_type(in.dtype, [&]<class T>() {
    for_each_row(in, [&](int64_t row, std::vector<float>& scratch) {
      softmax_row_of(in.as<T>() + row * n, call.outputs[0].as<T>() + row * n, n, scratch);
    });
  });
}

void SoftmaxBackward::cpu(const cpu::Call& call) const {
  const cpu::Tensor &y = call.inputs[0], &c = call.inputs[1];
  if (y.size == 0) return;
  const int64_t n = y.shape.back();
  cpu::visit_inexact_type(y.dtype, [&]<class T>() {
    for_each_row(
        y, [&]([[maybe_unused]] int64_t row, [[maybe_unused]] std::vector<float>& scratch) {
          [[maybe_unused]] const T *from = y.as<T>() + row * n, *cotangent = c.as<T>() + row * n;
          [[maybe_unused]] T* const out = call.outputs[0].as<T>() + row * n;
          if constexpr (std::is_same_v<T, float>) {
            HWY_DYNAMIC_DISPATCH(softmax_backward_row)(from, cotangent, out, n);
          } else if constexpr (cpu::is_half<T>) {
            scratch.assign(from, from + n);
            scratch.insert(scratch.end(), cotangent, cotangent + n);
            float* const wide = scratch.data();
            HWY_DYNAMIC_DISPATCH(softmax_backward_row)(wide, wide + n, wide + n, n);
            for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(wide[n + i]);
          }
        });
  });
}

void LogSumExp::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  if (in.size == 0) return;
  const int64_t n = in.shape.back();
  if (in.dtype == float32) {
    const float* from = in.as<float>();
    float* const out = call.outputs[0].as<float>();
    return for_rows(in, [&](int64_t begin, int64_t end) {
      HWY_DYNAMIC_DISPATCH(logsumexp_rows)(from + begin * n, out + begin, end - begin, n);
    });
  }
  cpu::visit_inexact_type(in.dtype, [&]<class T>() {
    for_each_row(in, [&](int64_t row, std::vector<float>& scratch) {
      call.outputs[0].as<T>()[row] = logsumexp_row_of(in.as<T>() + row * n, n, scratch);
    });
  });
}

}  // namespace mica::ops
#endif
