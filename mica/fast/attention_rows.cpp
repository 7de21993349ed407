#include <algorithm>
#include <cmath>

#include "mica/engine/cpu/kernel_table.h"
#include "mica/engine/cpu/targets.h"
#include "mica/fast/attention_blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/fast/attention_rows.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

float exp_in_place(float* x, float shift, int64_t n) {
  return cpu::HWY_NAMESPACE::row_exp(x, shift, x, n);
}

void add_to_row(float* x, const float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += y[i];
}

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

void row_backward(float* s, float* dp, float shift, float factor, float delta, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    s[i] = std::exp(s[i] - shift) * factor;
    dp[i] = s[i] * (dp[i] - delta);
  }
}

#else

void row_backward(float* s, float* dp, float shift, float factor, float delta, int64_t n) {
  namespace rows = cpu::HWY_NAMESPACE;
  const rows::RowFloats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto shifts = hn::Set(d, shift), factors = hn::Set(d, factor), deltas = hn::Set(d, delta);
  const auto weight = [&](rows::RowVector score) {
    return hn::Mul(rows::math::exp(d, hn::Sub(score, shifts)), factors);
  };
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto p = weight(hn::LoadU(d, s + i));
    hn::StoreU(p, d, s + i);
    hn::StoreU(hn::Mul(p, hn::Sub(hn::LoadU(d, dp + i), deltas)), d, dp + i);
  }
  if (i == n) return;
  const auto p = weight(rows::load_rest(d, s + i, n - i));
  rows::store_rest(d, p, n - i, s + i);
  const auto of_weight = rows::load_rest(d, dp + i, n - i);
  rows::store_rest(d, hn::Mul(p, hn::Sub(of_weight, deltas)), n - i, dp + i);
}

#endif

void fill_attention_rows(AttentionRows<float>& rows) {
  rows = {cpu::HWY_NAMESPACE::row_max, exp_in_place, cpu::HWY_NAMESPACE::row_scale, add_to_row,
          row_backward};
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {
HWY_EXPORT(fill_attention_rows);
}

template <>
const AttentionRows<float>& attention_rows<float>() {
  static const AttentionRows<float> rows =
      cpu::filled<AttentionRows<float>>(HWY_DYNAMIC_DISPATCH(fill_attention_rows));
  return rows;
}

template <>
const AttentionRows<double>& attention_rows<double>() {
  static constexpr AttentionRows<double> rows{
      [](const double* x, int64_t n) { return *std::max_element(x, x + n); },
      [](double* x, double shift, int64_t n) {
        double sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += x[i] = std::exp(x[i] - shift);
        return sum;
      },
      [](double* x, double factor, int64_t n) {
        for (int64_t i = 0; i < n; ++i) x[i] *= factor;
      },
      [](double* x, const double* y, int64_t n) {
        for (int64_t i = 0; i < n; ++i) x[i] += y[i];
      },
      [](double* s, double* dp, double shift, double factor, double delta, int64_t n) {
        for (int64_t i = 0; i < n; ++i) {
          s[i] = std::exp(s[i] - shift) * factor;
          dp[i] = s[i] * (dp[i] - delta);
        }
      }};
  return rows;
}

}  // namespace mica::ops
#endif
