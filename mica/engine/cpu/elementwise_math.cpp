// float32 exponentials, logarithms, trigonometric, hyperbolic and error functions, and powers.
#include <algorithm>

#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/elementwise_math.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/kernel_tables.h"
#include "mica/engine/cpu/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

// Without vectors the scalar kernels stay.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

void add_vector_math_kernels_for_target(KernelTables&) {}

#else

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using FloatVector = hn::Vec<Floats>;

// Applies f to vectors of x; the last goes through a padded copy, so that its elements get the same
// instructions.
template <FloatVector (*f)(Floats, FloatVector)>
void unary(void* dst, const void* a, const void*, const void*, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto* x = static_cast<const float*>(a);
  auto* y = static_cast<float*>(dst);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(f(d, hn::LoadU(d, x + i)), d, y + i);
  if (i == n) return;
  HWY_ALIGN float rest[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy(x + i, x + n, rest);
  hn::Store(f(d, hn::Load(d, rest)), d, rest);
  std::copy(rest, rest + (n - i), y + i);
}

template <FloatVector (*f)(Floats, FloatVector, FloatVector)>
void binary(void* dst, const void* a, const void* b, const void*, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto* x0 = static_cast<const float*>(a);
  const auto* x1 = static_cast<const float*>(b);
  auto* y = static_cast<float*>(dst);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(f(d, hn::LoadU(d, x0 + i), hn::LoadU(d, x1 + i)), d, y + i);
  }
  if (i == n) return;
  HWY_ALIGN float rest0[HWY_MAX_BYTES / sizeof(float)] = {};
  HWY_ALIGN float rest1[HWY_MAX_BYTES / sizeof(float)] = {};
  std::copy(x0 + i, x0 + n, rest0);
  std::copy(x1 + i, x1 + n, rest1);
  hn::Store(f(d, hn::Load(d, rest0), hn::Load(d, rest1)), d, rest0);
  std::copy(rest0, rest0 + (n - i), y + i);
}

// a^b, computed in double.
HWY_INLINE FloatVector pow(Floats d, FloatVector a, FloatVector b) {
  const hn::ScalableTag<double> dd;
  const hn::Half<Floats> half;
  const auto low =
      hn::DemoteTo(half, math::pow_double(dd, hn::PromoteTo(dd, hn::LowerHalf(half, a)),
                                          hn::PromoteTo(dd, hn::LowerHalf(half, b))));
  const auto high =
      hn::DemoteTo(half, math::pow_double(dd, hn::PromoteTo(dd, hn::UpperHalf(half, a)),
                                          hn::PromoteTo(dd, hn::UpperHalf(half, b))));
  return hn::Combine(d, high, low);
}

void add_vector_math_kernels_for_target(KernelTables& tables) {
  const auto add = [&tables](OpId op, ElementwiseKernel kernel) {
    tables.elementwise(op, float32) = kernel;
  };
  using D = Floats;
  add(op_id<ops::Exp>(), unary<math::exp<D> >);
  add(op_id<ops::Expm1>(), unary<math::expm1<D> >);
  add(op_id<ops::Log>(), unary<math::log<D> >);
  add(op_id<ops::Log2>(), unary<math::log2<D> >);
  add(op_id<ops::Log10>(), unary<math::log10<D> >);
  add(op_id<ops::Log1p>(), unary<math::log1p<D> >);
  add(op_id<ops::Sin>(), unary<math::sin<D> >);
  add(op_id<ops::Cos>(), unary<math::cos<D> >);
  add(op_id<ops::Tan>(), unary<math::tan<D> >);
  add(op_id<ops::ArcSin>(), unary<math::arcsin<D> >);
  add(op_id<ops::ArcCos>(), unary<math::arccos<D> >);
  add(op_id<ops::ArcTan>(), unary<math::arctan<D> >);
  add(op_id<ops::Sinh>(), unary<math::sinh<D> >);
  add(op_id<ops::Cosh>(), unary<math::cosh<D> >);
  add(op_id<ops::Tanh>(), unary<math::tanh<D> >);
  add(op_id<ops::ArcSinh>(), unary<math::arcsinh<D> >);
  add(op_id<ops::ArcCosh>(), unary<math::arccosh<D> >);
  add(op_id<ops::ArcTanh>(), unary<math::arctanh<D> >);
  add(op_id<ops::Erf>(), unary<math::erf<D> >);
  add(op_id<ops::ErfInv>(), unary<math::erfinv<D> >);
  add(op_id<ops::Sigmoid>(), unary<math::sigmoid<D> >);
  add(op_id<ops::ArcTan2>(), binary<math::arctan2<D> >);
  add(op_id<ops::LogAddExp>(), binary<math::logaddexp<D> >);
  add(op_id<ops::Power>(), binary<pow>);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {

HWY_EXPORT(add_vector_math_kernels_for_target);

void add_vector_math_kernels(KernelTables& tables) {
  HWY_DYNAMIC_DISPATCH(add_vector_math_kernels_for_target)(tables);
}

}  // namespace mica::cpu
#endif
