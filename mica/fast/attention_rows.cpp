#include <algorithm>
#include <cmath>

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

float exp_in_place(float* x, float shift, int64_t n) {
  return cpu::HWY_NAMESPACE::row_exp(x, shift, x, n);
}

void add_to_row(float* x, const float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] += y[i];
}

void row_backward(float* s, float* dp, float shift, float factor, float delta, int64_t n) {
  cpu::HWY_NAMESPACE::row_exp(s, shift, s, n);
  for (int64_t i = 0; i < n; ++i) {
    s[i] *= factor;
    dp[i] = s[i] * (dp[i] - delta);
  }
}

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
  static const AttentionRows<float> rows = [] {
    AttentionRows<float> result{};
    HWY_DYNAMIC_DISPATCH(fill_attention_rows)(result);
    return result;
  }();
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
