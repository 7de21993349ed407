// float32 elementary functions over Highway vectors, accurate to a few units in the last place,
// with the limits of C's functions at zeros, infinities and NaN. Polynomials and rational functions
// are minimax fits made for this file; comments give their largest error before rounding. Included
// once for each target that has fused multiply-add.
#include <cmath>
#include <limits>

#include "mica/engine/cpu/targets.h"

#if defined(MICA_ENGINE_CPU_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MICA_ENGINE_CPU_MATH_INL_H_
#undef MICA_ENGINE_CPU_MATH_INL_H_
#else
#define MICA_ENGINE_CPU_MATH_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {
namespace math {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using IntTag = hn::Rebind<hwy::MakeSigned<hn::TFromD<D>>, D>;

template <class D>
HWY_INLINE hn::Vec<D> infinity(D d) {
  return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
}

template <class D>
HWY_INLINE hn::Vec<D> not_a_number(D d) {
  return hn::Set(d, std::numeric_limits<hn::TFromD<D>>::quiet_NaN());
}

// c0 + c1 x + c2 x^2 + ...
template <class D, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, V, double c) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(c));
}
template <class D, class V = hn::Vec<D>, class... Cs>
HWY_INLINE V polynomial(D d, V x, double c0, Cs... rest) {
  return hn::MulAdd(polynomial(d, x, rest...), x, hn::Set(d, static_cast<hn::TFromD<D>>(c0)));
}

// x limited to [low, high]; NaN stays NaN, for it is the second operand.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V clamp(D d, V x, double low, double high) {
  using T = hn::TFromD<D>;
  return hn::Min(hn::Set(d, static_cast<T>(high)), hn::Max(hn::Set(d, static_cast<T>(low)), x));
}

// 2^n for integers n in the exponent's range of normal numbers.
template <class D, class VI>
HWY_INLINE hn::Vec<D> power_of_two(D d, VI n) {
  const IntTag<D> di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// v * 2^n for integral n in [-252, 254].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V scale(D d, V v, V n) {
#if HWY_TARGET == HWY_AVX3
  return V{_mm512_scalef_ps(v.raw, n.raw)};
#else
  const IntTag<D> di;
  const auto whole = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(whole);
  return hn::Mul(hn::Mul(v, power_of_two(d, half)), power_of_two(d, hn::Sub(whole, half)));
#endif
}

// exp(x) = 2^n (1 + em1), with em1 = expm1(r), |r| <= ln(2) / 2.
template <class V>
struct ExpParts {
  V n;
  V em1;
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE ExpParts<V> exp_parts(D d, V x) {
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 1.44269504f)));
  V r = hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), r);
  // (expm1(r) - r) / r^2, 1.3e-8
  const V p = polynomial(d, r, 0.50000000622666319, 0.16666542544197074, 0.041666280663713966,
                         0.008366644080806852, 0.0013946551887495597);
  return {n, hn::MulAdd(hn::Mul(r, r), p, r)};
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  const auto e = exp_parts(d, clamp(d, x, -104.0, 89.0));
  return scale(d, hn::Add(e.em1, hn::Set(d, 1.0f)), e.n);
}

// (exp(x) - 1) / 2, which stays finite as long as sinh and cosh do.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V half_expm1(D d, V x) {
  const IntTag<D> di;
  const auto e = exp_parts(d, clamp(d, x, -18.0, 89.5));
  // A quarter of 2^n is finite where 2^n / 2 is not.
  const V quarter = power_of_two(d, hn::ConvertTo(di, hn::Sub(e.n, hn::Set(d, 2.0f))));
  const V y = hn::MulAdd(quarter, e.em1, hn::Sub(quarter, hn::Set(d, 0.25f)));
  return hn::Add(y, y);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V expm1(D d, V x) {
  const V half = half_expm1(d, x);
  return hn::CopySign(hn::Add(half, half), x);
}

// log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_near_one(D d, V f) {
  // (log(1 + f) - f + f^2 / 2) / f^3, 5.8e-9
  const V p = polynomial(d, f, 0.3333333170919407, -0.25000821073030488, 0.20001226732323005,
                         -0.16623355888738373, 0.14201760422665946, -0.13160199069495132,
                         0.12761567832946302, -0.07634441417676574);
  const V f2 = hn::Mul(f, f);
  return hn::Add(f, hn::MulAdd(hn::Mul(f, f2), p, hn::Mul(f2, hn::Set(d, -0.5f))));
}

// x = 2^n (1 + f), 1 + f in [sqrt(1/2), sqrt(2)), for positive normal x.
template <class V>
struct LogParts {
  V n;
  V f;
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE LogParts<V> log_parts(D d, V x) {
  const IntTag<D> di;
  const auto bits = hn::BitCast(di, x);
  const auto exponent = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3f3504f3)));  // of sqrt(1/2)
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<23>(exponent)));
  return {hn::ConvertTo(d, exponent), hn::Sub(m, hn::Set(d, 1.0f))};
}

// n * high + (log(1 + f) * factor + n * low), the logarithm to the base exp(1 / factor), where high
// + low is that logarithm of 2, with its limits at 0, infinity and below 0.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_to_base(D d, V x, float factor, float high, float low) {
  // Subnormal numbers are scaled to normal ones.
  const auto small = hn::Lt(x, hn::Set(d, std::numeric_limits<float>::min()));
  auto parts = log_parts(d, hn::IfThenElse(small, hn::Mul(x, hn::Set(d, 0x1p23f)), x));
  parts.n = hn::Sub(parts.n, hn::IfThenElseZero(small, hn::Set(d, 23.0f)));
  V y = log_near_one(d, parts.f);
  y = hn::MulAdd(y, hn::Set(d, factor), hn::Mul(parts.n, hn::Set(d, low)));
  y = hn::MulAdd(parts.n, hn::Set(d, high), y);
  const V zero = hn::Zero(d);
  y = hn::IfThenElse(hn::Eq(x, infinity(d)), x, y);
  y = hn::IfThenElse(hn::Eq(x, zero), hn::Neg(infinity(d)), y);
  return hn::IfThenElse(hn::Ge(x, zero), y, not_a_number(d));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
  return log_to_base(d, x, 1.0f, 0.693359375f, -2.12194440e-4f);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log2(D d, V x) {
  return log_to_base(d, x, 1.44269504f, 1.0f, 0.0f);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log10(D d, V x) {
  return log_to_base(d, x, 0.43429448f, 0.301025390625f, 4.6050390e-6f);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log1p(D d, V x) {
  const IntTag<D> di;
  const V one = hn::Set(d, 1.0f);
  const V u = hn::Add(one, x);
  const auto parts = log_parts(d, u);
  // f = (1 + x) 2^-n - 1 from x itself, whose low bits u lacks, unless 1 is lost in x.
  const V shrink = power_of_two(d, hn::Neg(hn::ConvertTo(di, parts.n)));
  const V exact = hn::MulAdd(x, shrink, hn::Sub(shrink, one));
  const V f = hn::IfThenElse(hn::Gt(x, hn::Set(d, 0x1p60f)), parts.f, exact);
  V y = hn::MulAdd(parts.n, hn::Set(d, -2.12194440e-4f), log_near_one(d, f));
  y = hn::MulAdd(parts.n, hn::Set(d, 0.693359375f), y);
  const V zero = hn::Zero(d);
  y = hn::IfThenElse(hn::Eq(x, infinity(d)), x, y);
  y = hn::IfThenElse(hn::Eq(u, zero), hn::Neg(infinity(d)), y);
  y = hn::IfThenElse(hn::Ge(u, zero), y, not_a_number(d));
  return hn::CopySign(y, x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  const V limited = clamp(d, x, -9.02, 9.02);
  const V z = hn::Mul(limited, limited);
  // tanh(x) / x, 1.5e-9
  const V p = polynomial(d, z, 0.99999999856979171, 0.13676112258943729, 0.0038635620707238114,
                         2.791130202182043e-05, 3.0353976936126897e-08, -1.203248266949036e-11);
  const V q = polynomial(d, z, 1.0, 0.47009444202814649, 0.027228398516202346,
                         0.00039302283446385189, 1.2806499637840153e-06);
  return clamp(d, hn::Div(hn::Mul(limited, p), q), -1.0, 1.0);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  // From 30 on 1 + e is e. NaN stays, as the second operand.
  const V e = exp(d, hn::Min(hn::Set(d, 30.0f), x));
  return hn::Div(e, hn::Add(e, hn::Set(d, 1.0f)));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V erf(D d, V x) {
  const V limited = clamp(d, x, -3.925, 3.925);
  const V z = hn::Mul(limited, limited);
  // erf(x) / x, 1.9e-9
  const V p = polynomial(d, z, 1.1283791691641767, 0.1851495325377446, 0.054254828269064664,
                         0.0038403499056065436, 0.00037716223087936462, 4.6198683550674129e-06,
                         -1.2857110045745694e-08);
  const V q = polynomial(d, z, 1.0, 0.49741790805351771, 0.11388757400817642, 0.015434933327199273,
                         0.0013024140963070773, 6.24990881469378e-05);
  return clamp(d, hn::Div(hn::Mul(limited, p), q), -1.0, 1.0);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V erfinv(D d, V a) {
  // t = -log(1 - a^2), in [0, 17]
  const V t = hn::Neg(log(d, hn::NegMulAdd(a, a, hn::Set(d, 1.0f))));
  // erfinv(a) / a: in t, 5.2e-9, and near a = 1 in sqrt(t) - 3, 4.4e-8
  const V central =
      polynomial(d, t, 0.88622693003575315, 0.2320134348349833, 0.011551244826345975,
                 -0.0023411236656618742, -0.00011834828092397673, 3.7563733300265337e-05,
                 7.2408996598157174e-06, -2.9116502422822336e-06, 3.8278721552713159e-07,
                 -2.4239226358649402e-08, 6.2552119098891929e-10);
  const V tail =
      polynomial(d, hn::Sub(hn::Sqrt(t), hn::Set(d, 3.0f)), 2.8329768202019419, 1.001676592096941,
                 0.0094443665099493632, -0.0076679370872935124, 0.0057095455051181503,
                 -0.0034524244375532249, 0.0013230076056808188, -0.00022628408738846318);
  const V y = hn::Mul(a, hn::IfThenElse(hn::Lt(t, hn::Set(d, 6.0f)), central, tail));
  const auto end = hn::Eq(hn::Abs(a), hn::Set(d, 1.0f));
  return hn::IfThenElse(end, hn::CopySign(infinity(d), a), y);
}

// Where an argument is too large for reduce_angle, or infinite.
template <class D, class V = hn::Vec<D>>
HWY_INLINE bool any_large_angle(D d, V x) {
  return !hn::AllFalse(d, hn::Gt(hn::Abs(x), hn::Set(d, 39000.0f)));
}

// x = n pi/2 + r, and the sine and the cosine of r.
template <class V, class VI>
struct Angle {
  VI n;
  V sin;
  V cos;
};

template <class D, class V = hn::Vec<D>>
HWY_INLINE auto reduce_angle(D d, V x) {
  const IntTag<D> di;
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 0.636619772f)));
  // pi/2 in three floats; the first product cancels exactly.
  V r = hn::NegMulAdd(n, hn::Set(d, 0x1.921fb6p+0f), x);
  r = hn::NegMulAdd(n, hn::Set(d, -0x1.777a5cp-25f), r);
  r = hn::NegMulAdd(n, hn::Set(d, -0x1.ee59dap-50f), r);
  const V z = hn::Mul(r, r);
  // (sin(r) - r) / r^3, 3.8e-9
  const V s = polynomial(d, z, -0.16666654573250658, 0.0083321584154393991, -0.000195149582876405);
  // (cos(r) - 1 + r^2 / 2) / r^4, 1.2e-10
  const V c =
      polynomial(d, z, 0.041666645618596551, -0.0013887313054616475, 2.4432784305671728e-05);
  const V cosine =
      hn::MulAdd(hn::Mul(z, z), c, hn::NegMulAdd(z, hn::Set(d, 0.5f), hn::Set(d, 1.0f)));
  const V sine = hn::MulAdd(hn::Mul(r, z), s, r);
  using VI = hn::Vec<IntTag<D>>;
  // Of zeros r has lost the sign.
  return Angle<V, VI>{hn::ConvertTo(di, n), hn::IfThenElse(hn::Eq(x, hn::Zero(d)), x, sine),
                      cosine};
}

// The sine of an angle plus `quarters` quarter turns.
template <class D, class A>
HWY_INLINE auto sine_of(D d, const A& angle, int quarters) {
  const IntTag<D> di;
  const auto n = hn::Add(angle.n, hn::Set(di, quarters));
  const auto odd = hn::RebindMask(d, hn::TestBit(n, hn::Set(di, 1)));
  const auto sign = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(n, hn::Set(di, 2))));
  return hn::Xor(hn::IfThenElse(odd, angle.cos, angle.sin), sign);
}

// f lane by lane.
template <class D, class V = hn::Vec<D>>
HWY_NOINLINE V by_lane(D d, V x, float (*f)(float)) {
  HWY_ALIGN float lanes[HWY_MAX_BYTES / sizeof(float)];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = f(lanes[i]);
  return hn::Load(d, lanes);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V select_large(D d, V x, V y, float (*f)(float)) {
  if (HWY_LIKELY(!any_large_angle(d, x))) return y;
  return hn::IfThenElse(hn::Gt(hn::Abs(x), hn::Set(d, 39000.0f)), by_lane(d, x, f), y);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sin(D d, V x) {
  return select_large(d, x, sine_of(d, reduce_angle(d, x), 0), std::sin);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V cos(D d, V x) {
  return select_large(d, x, sine_of(d, reduce_angle(d, x), 1), std::cos);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V tan(D d, V x) {
  const auto angle = reduce_angle(d, x);
  return select_large(d, x, hn::Div(sine_of(d, angle, 0), sine_of(d, angle, 1)), std::tan);
}

// asin(x) for x in [0, 1/2], given z = x^2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V asin_small(D d, V x, V z) {
  // (asin(x) - x) / x^3, 4.9e-9
  const V p = polynomial(d, z, 0.16666753478883437, 0.074952527882590991, 0.045476530351152622,
                         0.024146720916426383, 0.042225847867768444);
  return hn::MulAdd(hn::Mul(x, z), p, x);
}

// pi/2 as a float and what that lacks.
inline constexpr float half_pi = 1.57079637f;
inline constexpr float half_pi_rest = -4.37113883e-8f;

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arcsin(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  const V a = hn::Abs(x);
  const auto large = hn::Gt(a, half);
  // asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2))
  const V z = hn::IfThenElse(large, hn::NegMulAdd(a, half, half), hn::Mul(a, a));
  const V root = hn::IfThenElse(large, hn::Sqrt(z), a);
  const V y = asin_small(d, root, z);
  const V far =
      hn::Add(hn::NegMulAdd(hn::Set(d, 2.0f), y, hn::Set(d, half_pi)), hn::Set(d, half_pi_rest));
  return hn::CopySign(hn::IfThenElse(large, far, y), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arccos(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  const V a = hn::Abs(x);
  const auto large = hn::Gt(a, half);
  const V z = hn::IfThenElse(large, hn::NegMulAdd(a, half, half), hn::Mul(a, a));
  const V root = hn::IfThenElse(large, hn::Sqrt(z), a);
  const V y = asin_small(d, root, z);
  // acos(x) = pi/2 - asin(x) near 0, 2 asin(sqrt((1 - x) / 2)) near 1, pi minus that near -1
  const V twice = hn::Add(y, y);
  const V near_minus_one =
      hn::Add(hn::Sub(hn::Set(d, 2 * half_pi), twice), hn::Set(d, 2 * half_pi_rest));
  const V far = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), near_minus_one, twice);
  const V near =
      hn::Sub(hn::Set(d, half_pi), hn::Sub(hn::CopySign(y, x), hn::Set(d, half_pi_rest)));
  return hn::IfThenElse(large, far, near);
}

// atan(x) for x in [0, 1].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V atan_small(D d, V x) {
  const V z = hn::Mul(x, x);
  // (atan(x) - x) / x^3, 1.7e-8
  const V p = polynomial(d, z, -0.33333151735522515, 0.19993744262787205, -0.14210782577780179,
                         0.10664782064347511, -0.075493060972018702, 0.04317409280299505,
                         -0.016342650862916353, 0.0029138734982713721);
  return hn::MulAdd(hn::Mul(x, z), p, x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arctan(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Abs(x);
  const auto large = hn::Gt(a, one);
  const V y = atan_small(d, hn::IfThenElse(large, hn::Div(one, a), a));
  const V far = hn::Add(hn::Sub(hn::Set(d, half_pi), y), hn::Set(d, half_pi_rest));
  return hn::CopySign(hn::IfThenElse(large, far, y), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arctan2(D d, V y, V x) {
  const V ay = hn::Abs(y);
  const V ax = hn::Abs(x);
  const auto steep = hn::Gt(ay, ax);
  const V high = hn::IfThenElse(steep, ay, ax);
  const V low = hn::IfThenElse(steep, ax, ay);
  // 0 / 0 counts as 0, infinity / infinity as 1.
  V ratio = hn::Div(low, high);
  ratio = hn::IfThenElse(hn::Eq(high, hn::Zero(d)), hn::Zero(d), ratio);
  ratio = hn::IfThenElse(hn::Eq(low, infinity(d)), hn::Set(d, 1.0f), ratio);
  V angle = atan_small(d, ratio);
  angle = hn::IfThenElse(
      steep, hn::Add(hn::Sub(hn::Set(d, half_pi), angle), hn::Set(d, half_pi_rest)), angle);
  const IntTag<D> di;
  const auto left = hn::RebindMask(d, hn::Lt(hn::BitCast(di, x), hn::Zero(di)));
  angle = hn::IfThenElse(
      left, hn::Add(hn::Sub(hn::Set(d, 2 * half_pi), angle), hn::Set(d, 2 * half_pi_rest)), angle);
  angle = hn::IfThenElse(hn::Or(hn::IsNaN(x), hn::IsNaN(y)), not_a_number(d), angle);
  return hn::CopySign(angle, y);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sinh(D d, V x) {
  // With h = (exp(|x|) - 1) / 2: h + h / (2 h + 1).
  const V h = half_expm1(d, hn::Abs(x));
  const V twice = hn::Add(h, h);
  const V y = hn::Add(h, hn::Div(h, hn::Add(twice, hn::Set(d, 1.0f))));
  return hn::CopySign(hn::IfThenElse(hn::Eq(h, infinity(d)), h, y), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V cosh(D d, V x) {
  // With e = exp(|x|) / 2: e + 1 / (4 e).
  const V e = hn::Add(half_expm1(d, hn::Abs(x)), hn::Set(d, 0.5f));
  return hn::Add(e, hn::Div(hn::Set(d, 0.25f), e));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arcsinh(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V a = hn::Abs(x);
  // log(a + sqrt(a^2 + 1)) = log1p(a + a^2 / (1 + sqrt(a^2 + 1))), log(2 a) where a is large
  const auto large = hn::Gt(a, hn::Set(d, 1e9f));
  const V a2 = hn::Mul(a, a);
  const V u = hn::Add(a, hn::Div(a2, hn::Add(one, hn::Sqrt(hn::Add(a2, one)))));
  const V y = log1p(d, hn::IfThenElse(large, a, u));
  const V log_two = hn::IfThenElseZero(large, hn::Set(d, 0.693147181f));
  return hn::CopySign(hn::Add(y, log_two), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arccosh(D d, V x) {
  // With t = x - 1: log1p(t + sqrt(2 t + t^2)), log(2 x) where x is large; NaN below 1.
  const auto large = hn::Gt(x, hn::Set(d, 1e9f));
  const V t = hn::Sub(x, hn::Set(d, 1.0f));
  const V u = hn::Add(t, hn::Sqrt(hn::MulAdd(t, t, hn::Add(t, t))));
  const V y = log1p(d, hn::IfThenElse(large, x, u));
  const V log_two = hn::IfThenElseZero(large, hn::Set(d, 0.693147181f));
  return hn::IfThenElse(hn::Lt(t, hn::Zero(d)), not_a_number(d), hn::Add(y, log_two));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V arctanh(D d, V x) {
  // log((1 + a) / (1 - a)) / 2
  const V a = hn::Abs(x);
  const V u = hn::Div(hn::Add(a, a), hn::Sub(hn::Set(d, 1.0f), a));
  return hn::CopySign(hn::Mul(log1p(d, u), hn::Set(d, 0.5f)), x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V logaddexp(D d, V a, V b) {
  const auto first = hn::Gt(a, b);
  const V high = hn::IfThenElse(first, a, b);
  const V low = hn::IfThenElse(first, b, a);
  const V y = hn::Add(high, log1p(d, exp(d, hn::Sub(low, high))));
  // Where the difference of infinities is NaN.
  const auto alone = hn::Or(hn::Eq(low, hn::Neg(infinity(d))), hn::Eq(high, infinity(d)));
  const V nan = hn::Add(a, b);
  return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::IsNaN(b)), nan, hn::IfThenElse(alone, high, y));
}

// log2 of positive doubles, infinities too, to 2e-12; -infinity of 0. NaN's is unspecified.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log2_double(D d, V x) {
  const IntTag<D> di;
  const V one = hn::Set(d, 1.0);
  const auto bits = hn::BitCast(di, x);
  // The exponent e of x = 2^e m with m in [sqrt(1/2), sqrt(2)), plus 2^11 to stay positive.
  const auto offset = hn::Sub(bits, hn::Set(di, 0x3fe6a09e667f3bcd));  // of sqrt(1/2)
  const auto shifted = hn::BitCast(
      di, hn::ShiftRight<52>(hn::BitCast(hn::RebindToUnsigned<decltype(di)>(),
                                         hn::Add(offset, hn::Set(di, int64_t{1} << 62)))));
  const V biased = hn::BitCast(d, hn::Or(shifted, hn::Set(di, 0x4330000000000000)));
  const V e = hn::Sub(biased, hn::Set(d, 0x1p52 + 1024));
  const V m = hn::BitCast(d, hn::Sub(bits, hn::ShiftLeft<52>(hn::Sub(shifted, hn::Set(di, 1024)))));
  const V s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const V z = hn::Mul(s, s);
  // (log2(m) / s - 2 / ln(2)) / s^2, m = (1 + s) / (1 - s), 1.5e-12
  const V p = polynomial(d, z, 0.96179667092515009, 0.57708431427643525, 0.41162837350033044,
                         0.34151201641736506);
  const V y = hn::MulAdd(s, hn::MulAdd(z, p, hn::Set(d, 2.8853900817779268)), e);
  const V at_ends = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity(d)), y);
  return hn::IfThenElse(hn::Eq(x, infinity(d)), x, at_ends);
}

// 2^x as a double that rounds to the float: infinite or 0 far outside float's range.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_double(D d, V x) {
  const IntTag<D> di;
  x = clamp(d, x, -300.0, 300.0);
  const V magic = hn::Set(d, 0x1.8p52);  // rounds to integers, which appear in its low bits
  const V rounded = hn::Add(x, magic);
  const V r = hn::Sub(x, hn::Sub(rounded, magic));
  // 2^r, 1.9e-9
  const V p = polynomial(d, r, 1.0000000005586147, 0.69314720588686018, 0.24022646867657671,
                         0.055503284508786305, 0.0096184904125168197, 0.0013400063279135604,
                         0.0001534569217579098);
  const auto n = hn::ShiftLeft<52>(hn::BitCast(di, rounded));
  return hn::BitCast(d, hn::Add(hn::BitCast(di, p), n));
}

// a^b in double, for a and b that are floats, by C's rules.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V pow_double(D d, V a, V b) {
  const V zero = hn::Zero(d);
  const V one = hn::Set(d, 1.0);
  const V half = hn::Set(d, 0.5);
  const V size = hn::Abs(a);
  V y = exp2_double(d, hn::Mul(b, log2_double(d, size)));
  const auto whole = hn::Eq(hn::Round(b), b);
  const V half_b = hn::Mul(b, half);
  const auto odd = hn::AndNot(hn::Eq(hn::Round(half_b), half_b), whole);
  // An odd power keeps the sign; another power of a negative number is NaN unless b is whole.
  y = hn::IfThenElse(odd, hn::CopySign(y, a), y);
  const auto finite_negative = hn::And(hn::Lt(a, zero), hn::Gt(a, hn::Neg(infinity(d))));
  y = hn::IfThenElse(hn::AndNot(whole, finite_negative), not_a_number(d), y);
  y = hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::IsNaN(b)), not_a_number(d), y);
  const auto unit =
      hn::Or(hn::Eq(a, one), hn::And(hn::Eq(size, one), hn::Eq(hn::Abs(b), infinity(d))));
  return hn::IfThenElse(hn::Or(hn::Eq(b, zero), unit), one, y);
}

}  // namespace math
}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#endif
