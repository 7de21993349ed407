// Loops over a row of floats that softmax and attention share. Included once for each target.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "mica/engine/cpu/math-inl.h"

#if defined(MICA_ENGINE_CPU_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MICA_ENGINE_CPU_ROWS_INL_H_
#undef MICA_ENGINE_CPU_ROWS_INL_H_
#else
#define MICA_ENGINE_CPU_ROWS_INL_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

inline float row_max(const float* x, int64_t n) { return *std::max_element(x, x + n); }

inline float row_exp(const float* x, float max, float* out, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float e = std::exp(x[i] - max);
    if (out) out[i] = e;
    sum += e;
  }
  return sum;
}

inline void row_scale(float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}

inline float row_dot(const float* x, const float* y, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

#else

using RowFloats = hn::ScalableTag<float>;
using RowVector = hn::Vec<RowFloats>;

// The last, incomplete vector of a row, filled up with -inf.
inline RowVector load_rest(RowFloats d, const float* x, int64_t count) {
  const RowVector filling = hn::Set(d, -std::numeric_limits<float>::infinity());
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const auto used = hn::FirstN(d, static_cast<size_t>(count));
  return hn::IfThenElse(used, hn::MaskedLoad(used, d, x), filling);
#else
  HWY_ALIGN float rest[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(filling, d, rest);
  std::copy_n(x, count, rest);
  return hn::Load(d, rest);
#endif
}

// Its first elements, back to where they belong.
inline void store_rest(RowFloats d, RowVector x, int64_t count, float* out) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  hn::BlendedStore(x, hn::FirstN(d, static_cast<size_t>(count)), d, out);
#else
  HWY_ALIGN float rest[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(x, d, rest);
  std::copy_n(rest, count, out);
#endif
}

inline float row_max(const float* x, int64_t n) {
  const RowFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  RowVector a = hn::Set(d, -std::numeric_limits<float>::infinity());
  RowVector b = a, c = a, e = a;
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    a = hn::Max(a, hn::LoadU(d, x + i));
    b = hn::Max(b, hn::LoadU(d, x + i + lanes));
    c = hn::Max(c, hn::LoadU(d, x + i + 2 * lanes));
    e = hn::Max(e, hn::LoadU(d, x + i + 3 * lanes));
  }
  for (; i + lanes <= n; i += lanes) a = hn::Max(a, hn::LoadU(d, x + i));
  if (i < n) a = hn::Max(a, load_rest(d, x + i, n - i));
  return hn::GetLane(hn::MaxOfLanes(d, hn::Max(hn::Max(a, b), hn::Max(c, e))));
}

// exp(x - max), written where out is not null; returns the sum.
inline float row_exp(const float* x, float max, float* out, int64_t n) {
  const RowFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const RowVector shift = hn::Set(d, max);
  RowVector sum = hn::Zero(d), sum2 = sum;
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const RowVector e = math::exp(d, hn::Sub(hn::LoadU(d, x + i), shift));
    const RowVector e2 = math::exp(d, hn::Sub(hn::LoadU(d, x + i + lanes), shift));
    if (out) {
      hn::StoreU(e, d, out + i);
      hn::StoreU(e2, d, out + i + lanes);
    }
    sum = hn::Add(sum, e);
    sum2 = hn::Add(sum2, e2);
  }
  while (i < n) {
    const int64_t count = std::min(lanes, n - i);
    const RowVector e = math::exp(d, hn::Sub(load_rest(d, x + i, count), shift));
    if (out) store_rest(d, e, count, out + i);
    sum = hn::Add(sum, e);
    i += count;
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(sum, sum2)));
}

inline void row_scale(float* x, float factor, int64_t n) {
  const RowFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const RowVector by = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, x + i), by), d, x + i);
  for (; i < n; ++i) x[i] *= factor;
}

inline float row_dot(const float* x, const float* y, int64_t n) {
  const RowFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  RowVector sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (int64_t j = 0; j < 4; ++j) {
      const int64_t at = i + j * lanes;
      sums[j] = hn::MulAdd(hn::LoadU(d, x + at), hn::LoadU(d, y + at), sums[j]);
    }
  }
  for (; i + lanes <= n; i += lanes) {
    sums[0] = hn::MulAdd(hn::LoadU(d, x + i), hn::LoadU(d, y + i), sums[0]);
  }
  const RowVector total = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
  float sum = hn::GetLane(hn::SumOfLanes(d, total));
  for (; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#endif
