#include "mica/fast/recurrence_rows.h"

#include <algorithm>

#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/fast/recurrence_rows.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

template <class T>
using Activations = typename RecurrentRows<T>::Activations;

template <class T>
void activate(cpu::ElementwiseKernel f, T* x, int64_t n) {
  f(x, x, nullptr, nullptr, static_cast<size_t>(n));
}

template <class T>
void rnn(Activations<T> f, int64_t n, const T* HWY_RESTRICT x, const T* HWY_RESTRICT p,
         T* HWY_RESTRICT h) {
  for (int64_t j = 0; j < n; ++j) h[j] = x[j] + p[j];
  activate(f.tanh, h, n);
}

template <class T>
void gru(Activations<T> f, int64_t n, int64_t size, const T* HWY_RESTRICT x,
         const T* HWY_RESTRICT p, const T* HWY_RESTRICT bias, const T* HWY_RESTRICT before,
         T* HWY_RESTRICT saved, T* HWY_RESTRICT h) {
  T *const r = saved, *const z = r + size, *const fresh = z + size, *const q = fresh + size;
  for (int64_t j = 0; j < n; ++j) r[j] = x[j] + p[j];
  activate(f.sigmoid, r, n);
  for (int64_t j = 0; j < n; ++j) z[j] = x[size + j] + p[size + j];
  activate(f.sigmoid, z, n);
  for (int64_t j = 0; j < n; ++j) q[j] = p[2 * size + j] + bias[j];
  for (int64_t j = 0; j < n; ++j) fresh[j] = x[2 * size + j] + r[j] * q[j];
  activate(f.tanh, fresh, n);
  for (int64_t j = 0; j < n; ++j) h[j] = (1 - z[j]) * fresh[j] + z[j] * before[j];
}

template <class T>
void lstm(Activations<T> f, int64_t n, int64_t size, const T* HWY_RESTRICT x,
          const T* HWY_RESTRICT p, const T* HWY_RESTRICT before, T* HWY_RESTRICT saved,
          T* HWY_RESTRICT cell, T* HWY_RESTRICT h) {
  const cpu::ElementwiseKernel activations[] = {f.sigmoid, f.sigmoid, f.tanh, f.sigmoid};
  for (int64_t gate = 0; gate < 4; ++gate) {
    const int64_t at = gate * size;
    for (int64_t j = 0; j < n; ++j) saved[at + j] = x[at + j] + p[at + j];
    activate(activations[gate], saved + at, n);
  }
  const T *const i = saved, *const forget = i + size, *const g = forget + size, *const o = g + size;
  for (int64_t j = 0; j < n; ++j) cell[j] = forget[j] * before[j] + i[j] * g[j];
  f.tanh(h, cell, nullptr, nullptr, static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) h[j] *= o[j];
}

template <class T>
void rnn_backward(int64_t n, const T* HWY_RESTRICT h, const T* HWY_RESTRICT dh, T* HWY_RESTRICT dx,
                  T* HWY_RESTRICT dp) {
  for (int64_t j = 0; j < n; ++j) dx[j] = dp[j] = dh[j] * (1 - h[j] * h[j]);
}

template <class T>
void gru_backward(int64_t n, int64_t size, const T* HWY_RESTRICT saved,
                  const T* HWY_RESTRICT before, const T* HWY_RESTRICT dh, T* HWY_RESTRICT dx,
                  T* HWY_RESTRICT dp, T* HWY_RESTRICT d_before) {
  for (int64_t j = 0; j < n; ++j) {
    const T r = saved[j], z = saved[size + j], fresh = saved[2 * size + j];
    const T q = saved[3 * size + j], of_fresh = dh[j] * (1 - z) * (1 - fresh * fresh);
    dx[j] = dp[j] = of_fresh * q * r * (1 - r);
    dx[size + j] = dp[size + j] = dh[j] * (before[j] - fresh) * z * (1 - z);
    dx[2 * size + j] = of_fresh;
    dx[3 * size + j] = dp[2 * size + j] = of_fresh * r;
    d_before[j] = dh[j] * z;
  }
}

template <class T>
void lstm_backward(Activations<T> f, int64_t n, int64_t size, const T* HWY_RESTRICT saved,
                   const T* HWY_RESTRICT cell, const T* HWY_RESTRICT before,
                   const T* HWY_RESTRICT dh, T* HWY_RESTRICT dx, T* HWY_RESTRICT dp,
                   T* HWY_RESTRICT dc) {
  f.tanh(dp, cell, nullptr, nullptr, static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    const T i = saved[j], forget = saved[size + j], g = saved[2 * size + j];
    const T o = saved[3 * size + j], squashed = dp[j];
    const T of_cell = dc[j] + dh[j] * o * (1 - squashed * squashed);
    dx[j] = dp[j] = of_cell * g * i * (1 - i);
    dx[size + j] = dp[size + j] = of_cell * before[j] * forget * (1 - forget);
    dx[2 * size + j] = dp[2 * size + j] = of_cell * i * (1 - g * g);
    dx[3 * size + j] = dp[3 * size + j] = dh[j] * squashed * o * (1 - o);
    dc[j] = of_cell * forget;
  }
}

template <class T>
void fill(RecurrentRows<T>& rows) {
  rows = {rnn<T>, gru<T>, lstm<T>, rnn_backward<T>, gru_backward<T>, lstm_backward<T>};
}

void fill_recurrent_rows(RecurrentRows<float>& floats, RecurrentRows<double>& doubles) {
  fill(floats);
  fill(doubles);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {

HWY_EXPORT(fill_recurrent_rows);

struct Tables {
  RecurrentRows<float> floats;
  RecurrentRows<double> doubles;
};

const Tables& tables() {
  static const Tables result = [] {
    Tables made{};
    HWY_DYNAMIC_DISPATCH(fill_recurrent_rows)(made.floats, made.doubles);
    return made;
  }();
  return result;
}

}  // namespace

template <>
const RecurrentRows<float>& recurrent_rows<float>() {
  return tables().floats;
}
template <>
const RecurrentRows<double>& recurrent_rows<double>() {
  return tables().doubles;
}

}  // namespace mica::ops
#endif
