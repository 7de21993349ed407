#include <algorithm>
#include <cmath>
#include <numeric>
#include <type_traits>
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

// What a row is normalized with.
struct NormMoments {
  float mean, scale;
};

HWY_INLINE NormMoments norm_moments(const float* x, int64_t n, bool centered, float eps) {
  const auto count = static_cast<float>(n);
  const float mean = centered ? norm_row_sum(x, n, [](NormVector v) { return v; }) / count : 0.0f;
  const NormVector means = hn::Set(NormFloats(), mean);
  const float square_sum = norm_row_sum(x, n, [means](NormVector v) {
    const NormVector deviation = hn::Sub(v, means);
    return hn::Mul(deviation, deviation);
  });
  return {mean, 1.0f / std::sqrt(square_sum / count + eps)};
}

// weight and bias may be null; out may be x.
void normalize_row(const float* x, const float* weight, const float* bias, float* out, int64_t n,
                   bool centered, float eps) {
  const NormFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto [mean, scale] = norm_moments(x, n, centered, eps);
  const NormVector means = hn::Set(d, mean), scales = hn::Set(d, scale);
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

// Calls f(tag, i) for vectors at i, then for what is left, one by one.
template <class F>
HWY_INLINE void for_norm_vectors(int64_t n, F&& f) {
  const NormFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) f(d, i);
  for (; i < n; ++i) f(hn::CappedTag<float, 1>(), i);
}

// c: the cotangent of normalize_row's result; weight may be null; out may be c. Adds to of_weight
// and of_bias unless they are null.
void normalize_backward_row(const float* x, const float* c, const float* weight, float* out,
                            float* of_weight, float* of_bias, int64_t n, bool centered, float eps) {
  const NormMoments at = norm_moments(x, n, centered, eps);
  const auto x_hat = [&](auto d, int64_t i) {
    return hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, at.mean)), hn::Set(d, at.scale));
  };
  const auto inner = [&](auto d, int64_t i) {
    const auto v = hn::LoadU(d, c + i);
    return weight ? hn::Mul(v, hn::LoadU(d, weight + i)) : v;
  };
  const NormFloats whole;
  NormVector sums = hn::Zero(whole), alongs = hn::Zero(whole);
  float sum = 0, along = 0;
  for_norm_vectors(n, [&](auto d, int64_t i) {
    const auto normal = x_hat(d, i), v = inner(d, i);
    if constexpr (std::is_same_v<decltype(d), NormFloats>) {
      sums = hn::Add(sums, v);
      alongs = hn::MulAdd(v, normal, alongs);
    } else {
      sum += hn::GetLane(v);
      along += hn::GetLane(hn::Mul(v, normal));
    }
    const auto cotangent = hn::LoadU(d, c + i);
    if (of_weight) {
      hn::StoreU(hn::MulAdd(cotangent, normal, hn::LoadU(d, of_weight + i)), d, of_weight + i);
    }
    if (of_bias) hn::StoreU(hn::Add(cotangent, hn::LoadU(d, of_bias + i)), d, of_bias + i);
  });
  const auto count = static_cast<float>(n);
  along = (along + hn::GetLane(hn::SumOfLanes(whole, alongs))) / count;
  const float mean = centered ? (sum + hn::GetLane(hn::SumOfLanes(whole, sums))) / count : 0.0f;
  for_norm_vectors(n, [&](auto d, int64_t i) {
    const auto rest = hn::Sub(inner(d, i), hn::Set(d, mean));
    const auto across = hn::NegMulAdd(x_hat(d, i), hn::Set(d, along), rest);
    hn::StoreU(hn::Mul(across, hn::Set(d, at.scale)), d, out + i);
  });
}

void add_row(const float* x, float* to, int64_t n) {
  for_norm_vectors(n, [&](auto d, int64_t i) {
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, x + i)), d, to + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {

HWY_EXPORT(normalize_row);
HWY_EXPORT(normalize_backward_row);
HWY_EXPORT(add_row);

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
std::vector<float> widened(const T* x, int64_t n) {
  return x ? std::vector<float>(x, x + n) : std::vector<float>();
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
      const std::vector<float> wide_weight = widened(weight, n), wide_bias = widened(bias, n);
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

// Sums over rows in two stages, so that errors grow with the root of their number.
class RowSums {
 public:
  RowSums(int64_t n, bool wanted) : n_(n), sums_(wanted ? static_cast<size_t>(2 * n) : 0) {}

  // To be added to by each row, or null.
  float* next_row() {
    if (sums_.empty()) return nullptr;
    if (++rows_ % 64 == 0) flush();
    return sums_.data();
  }
  // The sum of all rows so far, or null.
  const float* total() {
    if (sums_.empty()) return nullptr;
    flush();
    return sums_.data() + n_;
  }

 private:
  void flush() {
    HWY_DYNAMIC_DISPATCH(add_row)(sums_.data(), sums_.data() + n_, n_);
    std::fill_n(sums_.begin(), n_, 0.0f);
  }

  int64_t n_, rows_ = 0;
  std::vector<float> sums_;  // of some rows, then of those before
};

template <class T>
void normalize_backward(const cpu::Call& call, const NormalizeBackward& op) {
  const cpu::Tensor& in = call.inputs[0];
  const int64_t n = in.shape.back();
  const int64_t rows = static_cast<int64_t>(in.size) / n;
  const std::vector<float> weight = widened(op.weighted ? call.inputs[2].as<T>() : nullptr, n);
  const int chunks = engine::chunk_count(rows, std::max<int64_t>(1, (1 << 12) / n));
  std::vector<RowSums> of_weight(static_cast<size_t>(chunks), RowSums(n, op.weighted));
  std::vector<RowSums> of_bias(static_cast<size_t>(chunks), RowSums(n, op.biased));
  engine::parallel_chunks(chunks, [&](int chunk) {
    RowSums &weights = of_weight[static_cast<size_t>(chunk)],
            &biases = of_bias[static_cast<size_t>(chunk)];
    [[maybe_unused]] std::vector<float> line(std::is_same_v<T, float> ? 0
                                                                      : static_cast<size_t>(2 * n));
    const int64_t end = engine::chunk_begin(rows, chunks, chunk + 1);
    for (int64_t row = engine::chunk_begin(rows, chunks, chunk); row < end; ++row) {
      const T *x = in.as<T>() + row * n, *c = call.inputs[1].as<T>() + row * n;
      T* const out = call.outputs[0].as<T>() + row * n;
      const auto run = [&](const float* wide_x, const float* wide_c, float* wide_out) {
        HWY_DYNAMIC_DISPATCH(normalize_backward_row)
        (wide_x, wide_c, op.weighted ? weight.data() : nullptr, wide_out, weights.next_row(),
         biases.next_row(), n, op.centered, op.eps);
      };
      if constexpr (std::is_same_v<T, float>) {
        run(x, c, out);
      } else {
        std::copy(c, c + n, std::copy(x, x + n, line.begin()));
        run(line.data(), line.data() + n, line.data() + n);
        for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(line[static_cast<size_t>(n + i)]);
      }
    }
  });
  const auto store = [&](std::vector<RowSums>& sums, size_t output) {
    std::vector<float> total(static_cast<size_t>(n));
    for (RowSums& each : sums) HWY_DYNAMIC_DISPATCH(add_row)(each.total(), total.data(), n);
    T* const out = call.outputs[output].as<T>();
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(total[static_cast<size_t>(i)]);
  };
  if (op.weighted) store(of_weight, 1);
  if (op.biased) store(of_bias, op.weighted ? 2 : 1);
}

}  // namespace

void NormalizeBackward::cpu(const cpu::Call& call) const {
  if (call.inputs[0].size == 0) {
    for (const cpu::Tensor& out : call.outputs) {
      std::fill_n(out.as<char>(), out.size * out.dtype.size(), 0);
    }
    return;
  }
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, float> || cpu::is_half<T>) {
      normalize_backward<T>(call, *this);
    }
  });
}

void Normalize::cpu(const cpu::Call& call) const {
  if (call.inputs[0].size == 0) return;
  cpu::visit_inexact_type(call.inputs[0].dtype, [&]<class T>() {
    if constexpr (!cpu::is_complex<T>) normalize<T>(call, *this);
  });
}

}  // namespace mica::ops
#endif
