#include "mica/fast/recurrence_rows.h"

#include <algorithm>
#include <type_traits>

#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/fast/recurrence_rows.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Activations = typename RecurrentRows<T>::Activations;

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vector = hn::Vec<Tag<T>>;

// A vector of a row's units: `whole`, or padded with zeros.
template <class T, bool whole>
struct Units {
  int64_t at, count;

  Vector<T> load(const T* row) const {
    const Tag<T> d;
    if constexpr (whole) return hn::LoadU(d, row + at);
    HWY_ALIGN T line[HWY_MAX_BYTES / sizeof(T)] = {};
    std::copy_n(row + at, count, line);
    return hn::Load(d, line);
  }

  void store(Vector<T> x, T* row) const {
    const Tag<T> d;
    if constexpr (whole) return hn::StoreU(x, d, row + at);
    HWY_ALIGN T line[HWY_MAX_BYTES / sizeof(T)];
    hn::Store(x, d, line);
    std::copy_n(line, count, row + at);
  }
};

// Calls f(units) for all n.
template <class T, class F>
HWY_INLINE void for_units(int64_t n, F&& f) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(Tag<T>()));
  int64_t at = 0;
  for (; at + lanes <= n; at += lanes) f(Units<T, true>{at, lanes});
  if (at < n) f(Units<T, false>{at, n - at});
}

template <class T>
Vector<T> by_kernel(cpu::ElementwiseKernel f, Vector<T> x) {
  const Tag<T> d;
  HWY_ALIGN T line[HWY_MAX_BYTES / sizeof(T)];
  hn::Store(x, d, line);
  f(line, line, nullptr, nullptr, hn::Lanes(d));
  return hn::Load(d, line);
}

// As the elementwise kernels, which these vectors do not leave their registers for.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
template <class T>
constexpr bool in_registers = false;
#else
template <class T>
constexpr bool in_registers = std::is_same_v<T, float>;
#endif

template <class T>
HWY_INLINE Vector<T> sigmoid(Activations<T> f, Vector<T> x) {
  if constexpr (in_registers<T>) {
    return cpu::HWY_NAMESPACE::math::sigmoid(Tag<T>(), x);
  } else {
    return by_kernel<T>(f.sigmoid, x);
  }
}

template <class T>
HWY_INLINE Vector<T> tanh(Activations<T> f, Vector<T> x) {
  if constexpr (in_registers<T>) {
    return cpu::HWY_NAMESPACE::math::tanh(Tag<T>(), x);
  } else {
    return by_kernel<T>(f.tanh, x);
  }
}

// x (1 - x) and 1 - x^2: the slopes of sigmoid and tanh where they are x.
template <class T>
HWY_INLINE Vector<T> sigmoid_slope(Vector<T> x) {
  return hn::NegMulAdd(x, x, x);
}
template <class T>
HWY_INLINE Vector<T> tanh_slope(Vector<T> x) {
  return hn::NegMulAdd(x, x, hn::Set(Tag<T>(), T(1)));
}

template <class T>
void rnn(Activations<T> f, int64_t n, const T* HWY_RESTRICT x, const T* HWY_RESTRICT p,
         T* HWY_RESTRICT h) {
  for_units<T>(
      n, [&](auto units) { units.store(tanh<T>(f, hn::Add(units.load(x), units.load(p))), h); });
}

template <class T>
void gru(Activations<T> f, int64_t n, int64_t size, const T* HWY_RESTRICT x,
         const T* HWY_RESTRICT p, const T* HWY_RESTRICT bias, const T* HWY_RESTRICT before,
         T* HWY_RESTRICT saved, T* HWY_RESTRICT h) {
  for_units<T>(n, [&](auto units) {
    const auto r = sigmoid<T>(f, hn::Add(units.load(x), units.load(p)));
    const auto z = sigmoid<T>(f, hn::Add(units.load(x + size), units.load(p + size)));
    const auto q = hn::Add(units.load(p + 2 * size), units.load(bias));
    const auto fresh = tanh<T>(f, hn::MulAdd(r, q, units.load(x + 2 * size)));
    units.store(r, saved);
    units.store(z, saved + size);
    units.store(fresh, saved + 2 * size);
    units.store(q, saved + 3 * size);
    units.store(hn::MulAdd(z, hn::Sub(units.load(before), fresh), fresh), h);
  });
}

template <class T>
void lstm(Activations<T> f, int64_t n, int64_t size, const T* HWY_RESTRICT x,
          const T* HWY_RESTRICT p, const T* HWY_RESTRICT before, T* HWY_RESTRICT saved,
          T* HWY_RESTRICT cell, T* HWY_RESTRICT h) {
  for_units<T>(n, [&](auto units) {
    const auto sum = [&](int64_t gate) {
      return hn::Add(units.load(x + gate * size), units.load(p + gate * size));
    };
    const auto i = sigmoid<T>(f, sum(0)), forget = sigmoid<T>(f, sum(1));
    const auto g = tanh<T>(f, sum(2)), o = sigmoid<T>(f, sum(3));
    units.store(i, saved);
    units.store(forget, saved + size);
    units.store(g, saved + 2 * size);
    units.store(o, saved + 3 * size);
    const auto c = hn::MulAdd(forget, units.load(before), hn::Mul(i, g));
    units.store(c, cell);
    units.store(hn::Mul(o, tanh<T>(f, c)), h);
  });
}

template <class T>
void rnn_backward(int64_t n, const T* HWY_RESTRICT h, const T* cotangent, const T* HWY_RESTRICT dh,
                  T* dx, T* HWY_RESTRICT dp) {
  for_units<T>(n, [&](auto units) {
    const auto of_h = hn::Add(units.load(dh), units.load(cotangent));
    const auto of_p = hn::Mul(of_h, tanh_slope<T>(units.load(h)));
    units.store(of_p, dx);
    units.store(of_p, dp);
  });
}

template <class T>
void gru_backward(int64_t n, int64_t size, const T* saved, const T* HWY_RESTRICT before,
                  const T* HWY_RESTRICT cotangent, const T* HWY_RESTRICT dh, T* dx,
                  T* HWY_RESTRICT dp, T* HWY_RESTRICT directly) {
  for_units<T>(n, [&](auto units) {
    const auto r = units.load(saved), z = units.load(saved + size);
    const auto fresh = units.load(saved + 2 * size), q = units.load(saved + 3 * size);
    const auto of_h = hn::Add(hn::Add(units.load(dh), units.load(cotangent)), units.load(directly));
    const auto through_z = hn::Mul(of_h, z);
    const auto of_fresh = hn::Mul(hn::Sub(of_h, through_z), tanh_slope<T>(fresh));
    const auto of_r = hn::Mul(hn::Mul(of_fresh, q), sigmoid_slope<T>(r));
    const auto of_z =
        hn::Mul(hn::Mul(of_h, hn::Sub(units.load(before), fresh)), sigmoid_slope<T>(z));
    const auto of_q = hn::Mul(of_fresh, r);
    units.store(of_r, dx);
    units.store(of_r, dp);
    units.store(of_z, dx + size);
    units.store(of_z, dp + size);
    units.store(of_fresh, dx + 2 * size);
    units.store(of_q, dx + 3 * size);
    units.store(of_q, dp + 2 * size);
    units.store(through_z, directly);
  });
}

template <class T>
void lstm_backward(Activations<T> f, int64_t n, int64_t size, const T* saved,
                   const T* HWY_RESTRICT cell, const T* HWY_RESTRICT before,
                   const T* HWY_RESTRICT cotangent, const T* HWY_RESTRICT cell_cotangent,
                   const T* HWY_RESTRICT dh, T* dx, T* HWY_RESTRICT dp, T* HWY_RESTRICT dc) {
  for_units<T>(n, [&](auto units) {
    const auto i = units.load(saved), forget = units.load(saved + size);
    const auto g = units.load(saved + 2 * size), o = units.load(saved + 3 * size);
    const auto squashed = tanh<T>(f, units.load(cell));
    const auto of_h = hn::Add(units.load(dh), units.load(cotangent));
    const auto of_cell = hn::MulAdd(hn::Mul(of_h, o), tanh_slope<T>(squashed),
                                    hn::Add(units.load(dc), units.load(cell_cotangent)));
    const auto put = [&](int64_t gate, auto x) {
      units.store(x, dx + gate * size);
      units.store(x, dp + gate * size);
    };
    put(0, hn::Mul(hn::Mul(of_cell, g), sigmoid_slope<T>(i)));
    put(1, hn::Mul(hn::Mul(of_cell, units.load(before)), sigmoid_slope<T>(forget)));
    put(2, hn::Mul(hn::Mul(of_cell, i), tanh_slope<T>(g)));
    put(3, hn::Mul(hn::Mul(of_h, squashed), sigmoid_slope<T>(o)));
    units.store(hn::Mul(of_cell, forget), dc);
  });
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
