#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/targets.h"
#include "mica/fast/norms.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/fast/norms_cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using NormFloats = hn::ScalableTag<float>;
using NormVector = hn::Vec<NormFloats>;

// The sum over a row of f(x), in four interleaved chains.
template <class F>
HWY_INLINE float norm_row_sum(const float* x, int64_t n, F&& f) {
  const NormFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  NormVector sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (int64_t j = 0; j < 4; ++j) {
      sums[j] = hn::Add(sums[j], f(hn::LoadU(d, x + i + j * lanes)));
    }
  }
  for (; i + lanes <= n; i += lanes) sums[0] = hn::Add(sums[0], f(hn::LoadU(d, x + i)));
  HWY_ALIGN float last[HWY_MAX_BYTES / sizeof(float)];
  const NormVector total = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
  float sum = hn::GetLane(hn::SumOfLanes(d, total));
  for (; i < n; ++i) {
    std::fill_n(last, lanes, x[i]);
    sum += hn::GetLane(f(hn::Load(d, last)));
  }
  return sum;
}

// weight and bias may be null; out may be x.
void normalize_row(const float* x, const float* weight, const float* bias, float* out, int64_t n,
                   bool centered, float eps) {
  const NormFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto count = static_cast<float>(n);
  const float mean = centered ? norm_row_sum(x, n, [](NormVector v) { return v; }) / count : 0.0f;
  const NormVector means = hn::Set(d, mean);
  const float square_sum = norm_row_sum(x, n, [means](NormVector v) {
    const NormVector deviation = hn::Sub(v, means);
    return hn::Mul(deviation, deviation);
  });
  const float scale = 1.0f / std::sqrt(square_sum / count + eps);
  const NormVector scales = hn::Set(d, scale);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    NormVector y = hn::Mul(hn::Sub(hn::LoadU(d, x + i), means), scales);
    if (weight) y = hn::Mul(y, hn::LoadU(d, weight + i));
    if (bias) y = hn::Add(y, hn::LoadU(d, bias + i));
    hn::StoreU(y, d, out + i);
  }
  for (; i < n; ++i) {
    float y = (x[i] - mean) * scale;
    if (weight) y *= weight[i];
    if (bias) y += bias[i];
    out[i] = y;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {

HWY_EXPORT(normalize_row);

void normalize_row_of(const double* x, const double* weight, const double* bias, double* out,
                      int64_t n, bool centered, double eps) {
  const double mean = centered ? std::accumulate(x, x + n, 0.0) / static_cast<double>(n) : 0.0;
  double square_sum = 0;
  for (int64_t i = 0; i < n; ++i) square_sum += (x[i] - mean) * (x[i] - mean);
  const double scale = 1 / std::sqrt(square_sum / static_cast<double>(n) + eps);
  for (int64_t i = 0; i < n; ++i) {
    out[i] = (x[i] - mean) * scale * (weight ? weight[i] : 1) + (bias ? bias[i] : 0);
  }
}

template <class T>
void normalize(const cpu::Call& call, const Normalize& op) {
  const cpu::Tensor& in = call.inputs[0];
  const int64_t n = in.shape.back();
  const int64_t rows = static_cast<int64_t>(in.size) / n;
  const T* weight = op.weighted ? call.inputs[1].as<T>() : nullptr;
  const T* bias = op.biased ? call.inputs[op.weighted ? 2 : 1].as<T>() : nullptr;
  const auto run = [&](int64_t begin, int64_t end) {
    const T* x = in.as<T>() + begin * n;
    T* y = call.outputs[0].as<T>() + begin * n;
    if constexpr (std::is_same_v<T, float>) {
      for (int64_t row = begin; row < end; ++row, x += n, y += n) {
        HWY_DYNAMIC_DISPATCH(normalize_row)(x, weight, bias, y, n, op.centered, op.eps);
      }
    } else if constexpr (std::is_same_v<T, double>) {
      for (int64_t row = begin; row < end; ++row, x += n, y += n) {
        normalize_row_of(x, weight, bias, y, n, op.centered, op.eps);
      }
    } else {
      const auto widened = [n](const T* from) {
        return from ? std::vector<float>(from, from + n) : std::vector<float>();
      };
      const std::vector<float> wide_weight = widened(weight), wide_bias = widened(bias);
      std::vector<float> line(static_cast<size_t>(n));
      for (int64_t row = begin; row < end; ++row, x += n, y += n) {
        std::copy(x, x + n, line.begin());
        HWY_DYNAMIC_DISPATCH(normalize_row)
        (line.data(), weight ? wide_weight.data() : nullptr, bias ? wide_bias.data() : nullptr,
         line.data(), n, op.centered, op.eps);
        for (int64_t i = 0; i < n; ++i) y[i] = static_cast<T>(line[static_cast<size_t>(i)]);
      }
    }
  };
  engine::parallel_for(rows, std::max<int64_t>(1, (1 << 13) / n), run);
}

}  // namespace

void Normalize::cpu(const cpu::Call& call) const {
  if (call.inputs[0].size == 0) return;
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) normalize<T>(call, *this);
  });
}

}  // namespace mica::ops
#endif
