#include "mica/engine/cpu/dnnl/winograd_transforms.h"

#include <algorithm>

#include "mica/engine/cpu/kernel_table.h"
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/dnnl/winograd_transforms.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

HWY_INLINE Vector times(float factor, Vector x) { return hn::Mul(hn::Set(Floats(), factor), x); }
// a + factor * x
HWY_INLINE Vector plus(Vector a, float factor, Vector x) {
  return hn::MulAdd(hn::Set(Floats(), factor), x, a);
}

// Transforms along one axis. Each is a matrix whose rows belong to the points; those of filters
// and tiles are powers of the points, scaled, those of the results powers transposed.
struct OfInput {
  static constexpr int from = 6, to = 6;
  static HWY_INLINE void apply(const Vector* x, Vector* y) {
    const Vector even = plus(x[4], -4, x[2]), odd = plus(x[3], -4, x[1]);
    const Vector difference = hn::Sub(x[4], x[2]), slope = hn::Sub(x[3], x[1]);
    y[0] = plus(plus(x[4], -5, x[2]), 4, x[0]);
    y[1] = hn::Add(even, odd);
    y[2] = hn::Sub(even, odd);
    y[3] = plus(difference, 2, slope);
    y[4] = plus(difference, -2, slope);
    y[5] = plus(plus(x[5], -5, x[3]), 4, x[1]);
  }
};

struct OfFilter {
  static constexpr int from = 3, to = 6;
  static HWY_INLINE void apply(const Vector* x, Vector* y) {
    const Vector ones = times(-1.0f / 6, hn::Add(x[0], x[2]));
    const Vector twos = plus(times(1.0f / 24, x[0]), 1.0f / 6, x[2]);
    y[0] = times(0.25f, x[0]);
    y[1] = plus(ones, -1.0f / 6, x[1]);
    y[2] = plus(ones, 1.0f / 6, x[1]);
    y[3] = plus(twos, 1.0f / 12, x[1]);
    y[4] = plus(twos, -1.0f / 12, x[1]);
    y[5] = x[2];
  }
};

struct OfTile {
  static constexpr int from = 4, to = 6;
  static HWY_INLINE void apply(const Vector* x, Vector* y) {
    const Vector ones = hn::Add(x[0], x[2]), odd_ones = hn::Add(x[1], x[3]);
    const Vector twos = plus(x[0], 4, x[2]), odd_twos = plus(x[1], 4, x[3]);
    y[0] = times(0.25f, x[0]);
    y[1] = times(-1.0f / 6, hn::Add(ones, odd_ones));
    y[2] = times(-1.0f / 6, hn::Sub(ones, odd_ones));
    y[3] = times(1.0f / 24, plus(twos, 2, odd_twos));
    y[4] = times(1.0f / 24, plus(twos, -2, odd_twos));
    y[5] = x[3];
  }
};

struct ToOutput {
  static constexpr int from = 6, to = 4;
  static HWY_INLINE void apply(const Vector* x, Vector* y) {
    const Vector ones = hn::Add(x[1], x[2]), odd_ones = hn::Sub(x[1], x[2]);
    const Vector twos = hn::Add(x[3], x[4]), odd_twos = hn::Sub(x[3], x[4]);
    y[0] = hn::Add(x[0], hn::Add(ones, twos));
    y[1] = plus(odd_ones, 2, odd_twos);
    y[2] = plus(ones, 4, twos);
    y[3] = hn::Add(x[5], plus(odd_ones, 8, odd_twos));
  }
};

struct ToFilter {
  static constexpr int from = 6, to = 3;
  static HWY_INLINE void apply(const Vector* x, Vector* y) {
    const Vector ones = hn::Add(x[1], x[2]), twos = hn::Add(x[3], x[4]);
    y[0] = hn::Add(x[0], hn::Add(ones, twos));
    y[1] = plus(hn::Sub(x[1], x[2]), 2, hn::Sub(x[3], x[4]));
    y[2] = hn::Add(x[5], plus(ones, 4, twos));
  }
};

// Along both axes; store(place, vector, channel) takes the results.
template <class Axis, class Store>
HWY_INLINE void transform_square(const float* const* from, int64_t n, Store&& store) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t next = 0; next < n; next += lanes) {
    const int64_t i = std::min(next, n - lanes);  // the last vector overlaps the one before
    Vector half[Axis::to][Axis::from];
    for (int column = 0; column < Axis::from; ++column) {
      Vector x[Axis::from], y[Axis::to];
      for (int row = 0; row < Axis::from; ++row) {
        x[row] = hn::LoadU(d, from[row * Axis::from + column] + i);
      }
      Axis::apply(x, y);
      for (int row = 0; row < Axis::to; ++row) half[row][column] = y[row];
    }
    for (int row = 0; row < Axis::to; ++row) {
      Vector y[Axis::to];
      Axis::apply(half[row], y);
      for (int column = 0; column < Axis::to; ++column) {
        store(row * Axis::to + column, y[column], i);
      }
    }
  }
}

template <class Axis>
void transform(const float* const* from, float* const* to, int64_t n) {
  transform_square<Axis>(from, n, [to](int place, Vector y, int64_t i) HWY_ATTR {
    hn::StoreU(y, Floats(), to[place] + i);
  });
}

void transform_output(const float* const* from, float* const* to, const float* bias, bool relu,
                      int64_t n) {
  const Floats d;
  transform_square<ToOutput>(from, n, [=](int place, Vector y, int64_t i) HWY_ATTR {
    if (bias) y = hn::Add(y, hn::LoadU(d, bias + i));
    if (relu) y = hn::IfThenZeroElse(hn::Le(y, hn::Zero(d)), y);
    hn::StoreU(y, d, to[place] + i);
  });
}

void fill_winograd_transforms(WinogradTransforms& transforms) {
  transforms = {transform<OfInput>, transform<OfFilter>, transform<OfTile>, transform<ToFilter>,
                transform_output};
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {
namespace {
HWY_EXPORT(fill_winograd_transforms);
}

const WinogradTransforms& winograd_transforms() {
  static const WinogradTransforms transforms =
      filled<WinogradTransforms>(HWY_DYNAMIC_DISPATCH(fill_winograd_transforms));
  return transforms;
}

}  // namespace mica::cpu
#endif
