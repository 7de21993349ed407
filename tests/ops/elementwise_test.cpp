// What the rows of elementwise ops don't reach: promotion, ties, complex gradients, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace mica {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

template <class T>
std::vector<T> values(const array& a) {
  const array whole = contiguous(a);
  eval(whole);
  const T* data = whole.data<T>();
  return std::vector<T>(data, data + whole.size());
}

std::vector<bool> flags(const array& a) {
  std::vector<bool> result;
  for (uint8_t x : values<uint8_t>(astype(a, uint8))) result.push_back(x != 0);
  return result;
}

using Floats = std::vector<float>;
using Ints = std::vector<int>;
using Bools = std::vector<bool>;
using Complexes = std::vector<complex64_t>;

array of(Floats data) { return array(data.begin(), {static_cast<int>(data.size())}); }
array of(Ints data) { return array(data.begin(), {static_cast<int>(data.size())}); }
array of(Complexes data) { return array(data.begin(), {static_cast<int>(data.size())}); }

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "no error";
}

// The dtypes of results, as MLX 0.32's.
TEST(Elementwise, PromotesAsMlx) {
  const array i = of(Ints{1, 2}), h = astype(i, float16), b = astype(i, bfloat16);
  const array flag = astype(i, bool_), c = astype(i, complex64), byte = astype(i, uint8);
  EXPECT_EQ(exp(i).dtype(), float32);
  EXPECT_EQ(exp(flag).dtype(), float32);
  EXPECT_EQ(exp(h).dtype(), float16);
  EXPECT_EQ(exp(c).dtype(), complex64);
  EXPECT_EQ(divide(i, i).dtype(), float32);
  EXPECT_EQ(divide(i, h).dtype(), float16);
  EXPECT_EQ(add(h, b).dtype(), float32);
  EXPECT_EQ(add(byte, i).dtype(), int32);
  EXPECT_EQ(add(flag, flag).dtype(), bool_);
  EXPECT_EQ(floor(i).dtype(), int32);
  EXPECT_EQ(round(flag).dtype(), bool_);
  EXPECT_EQ(abs(c).dtype(), float32);
  EXPECT_EQ(real(c).dtype(), float32);
  EXPECT_EQ(imag(i).dtype(), int32);
  EXPECT_EQ(greater(i, h).dtype(), bool_);
  EXPECT_EQ(logical_and(i, c).dtype(), bool_);
  EXPECT_EQ(left_shift(flag, flag).dtype(), uint8);
  EXPECT_EQ(power(i, i).dtype(), int32);
  EXPECT_EQ(arctan2(i, i).dtype(), float32);
  EXPECT_EQ(where(flag, i, h).dtype(), float16);
  EXPECT_EQ(degrees(h).dtype(), float16);
  EXPECT_EQ(reciprocal(i).dtype(), float32);
  EXPECT_EQ(clip(i, array(1.5f)).dtype(), float32);
}

TEST(Elementwise, WorksOnBools) {
  const array x = astype(of(Ints{1, 0, 1}), bool_), y = astype(of(Ints{1, 1, 0}), bool_);
  EXPECT_EQ(flags(x + y), (Bools{1, 1, 1}));
  EXPECT_EQ(flags(x - y), (Bools{0, 1, 1}));
  EXPECT_EQ(flags(x * y), (Bools{1, 0, 0}));
  EXPECT_EQ(flags(power(x, y)), (Bools{1, 0, 1}));
  EXPECT_EQ(flags(maximum(x, y)), (Bools{1, 1, 1}));
  EXPECT_EQ(flags(bitwise_invert(x)), (Bools{0, 1, 0}));
  EXPECT_EQ(flags(sign(x)), (Bools{1, 0, 1}));
  EXPECT_EQ(flags(x ^ y), (Bools{0, 1, 1}));
}

TEST(Elementwise, DividesIntegersTowardsMinusInfinity) {
  const array a = of(Ints{-5, 5, 5, -5, 7}), b = of(Ints{3, -3, 3, -3, 0});
  const auto both = divmod(a, b);
  EXPECT_EQ(values<int>(both[0]), (Ints{-2, -2, 1, 1, 0}));
  EXPECT_EQ(values<int>(both[1]), (Ints{1, -1, 2, -2, 7}));
  const int smallest = std::numeric_limits<int>::min();
  EXPECT_EQ(values<int>(floor_divide(array({smallest}), array(-1))), (Ints{smallest}));
  EXPECT_EQ(values<int>(remainder(array({smallest}), array(-1))), (Ints{0}));
}

TEST(Elementwise, TakesRemaindersOfFloatsWithTheDivisorsSign) {
  const Floats r =
      values<float>(remainder(of(Floats{-5, 5, 1, -1, 0}), of(Floats{3, -3, inf, inf, -3})));
  EXPECT_EQ(r, (Floats{1, -1, 1, inf, 0}));
}

TEST(Elementwise, ShiftsAllBitsOut) {
  EXPECT_EQ(values<int>(left_shift(of(Ints{1, 1, 1}), of(Ints{31, 32, -1}))),
            (Ints{std::numeric_limits<int>::min(), 0, 0}));
  EXPECT_EQ(values<int>(right_shift(of(Ints{-8, -8, 8}), of(Ints{1, 33, 40}))), (Ints{-4, -1, 0}));
}

TEST(Elementwise, KnowsInfinitiesAndNan) {
  const array x = of(Floats{1, inf, -inf, nan});
  EXPECT_EQ(flags(isnan(x)), (Bools{0, 0, 0, 1}));
  EXPECT_EQ(flags(isinf(x)), (Bools{0, 1, 1, 0}));
  EXPECT_EQ(flags(isposinf(x)), (Bools{0, 1, 0, 0}));
  EXPECT_EQ(flags(isneginf(x)), (Bools{0, 0, 1, 0}));
  EXPECT_EQ(flags(isfinite(x)), (Bools{1, 0, 0, 0}));
  const array c = of(Complexes{{inf, 1}, {1, -inf}, {1, 1}, {0, nan}});
  EXPECT_EQ(flags(isinf(c)), (Bools{1, 1, 0, 0}));
  EXPECT_EQ(flags(isnan(c)), (Bools{0, 0, 0, 1}));
  EXPECT_EQ(flags(isfinite(c)), (Bools{0, 0, 1, 0}));
  EXPECT_EQ(flags(isnan(of(Ints{1}))), (Bools{0}));
  EXPECT_EQ(flags(isfinite(of(Ints{1}))), (Bools{1}));
}

TEST(Elementwise, ReplacesNanAndInfinities) {
  const array x = of(Floats{nan, inf, -inf, 1});
  const float most = std::numeric_limits<float>::max();
  EXPECT_EQ(values<float>(nan_to_num(x)), (Floats{0, most, -most, 1}));
  EXPECT_EQ(values<float>(astype(nan_to_num(astype(x, float16), 1, 2), float32)),
            (Floats{1, 2, -65504, 1}));
  EXPECT_EQ(values<int>(nan_to_num(of(Ints{3}))), (Ints{3}));
}

TEST(Elementwise, ComparesCloseness) {
  const array a = of(Floats{1, inf, -inf, nan}), b = of(Floats{1 + 1e-6f, inf, inf, nan});
  EXPECT_EQ(flags(isclose(a, b)), (Bools{1, 1, 0, 0}));
  EXPECT_EQ(flags(isclose(a, b, 1e-5, 1e-8, true)), (Bools{1, 1, 0, 1}));
  EXPECT_FALSE(allclose(a, b).item<bool>());
  EXPECT_TRUE(allclose(of(Ints{1, 2}), of(Ints{1, 2})).item<bool>());
  EXPECT_TRUE(array_equal(of(Ints{1, 2}), of(Floats{1, 2})).item<bool>());
  EXPECT_FALSE(array_equal(of(Ints{1, 2}), of(Ints{1})).item<bool>());
  EXPECT_FALSE(array_equal(a, a).item<bool>());
  EXPECT_TRUE(array_equal(a, a, true).item<bool>());
}

TEST(Elementwise, RoundsToDecimals) {
  EXPECT_EQ(values<int>(round(of(Ints{1234, 1250, -150}), -2)), (Ints{1200, 1200, -200}));
  EXPECT_EQ(values<float>(round(of(Floats{0.5, 1.5, -2.5, 2.25}))), (Floats{0, 2, -2, 2}));
  EXPECT_EQ(values<float>(round(of(Floats{1.26f, -1.5f}), 1)), (Floats{13 * 0.1f, -15 * 0.1f}));
}

TEST(Elementwise, OrdersComplexNumbersByRealThenImaginaryPart) {
  const array a = of(Complexes{{1, 2}, {1, 2}, {0, 9}}), b = of(Complexes{{1, 3}, {1, 2}, {1, 0}});
  EXPECT_EQ(flags(less(a, b)), (Bools{1, 0, 1}));
  EXPECT_EQ(flags(less_equal(a, b)), (Bools{1, 1, 1}));
  EXPECT_EQ(flags(greater(a, b)), (Bools{0, 0, 0}));
  EXPECT_EQ(values<complex64_t>(maximum(a, b)), (Complexes{{1, 3}, {1, 2}, {1, 0}}));
}

using Fun = std::function<std::vector<array>(const std::vector<array>&)>;

std::vector<array> gradients(const Fun& f, const std::vector<array>& x) {
  return vjp(f, x, {ones_like(f(x)[0])}).second;
}

// As MLX: where the operands tie, or are at a bound, the second, or the bound, gets the gradient.
TEST(Elementwise, GivesTiesToTheSecondOperand) {
  const array a = of(Floats{1, 1, 2}), b = of(Floats{1, 2, 1});
  auto g = gradients([](const auto& x) { return std::vector{maximum(x[0], x[1])}; }, {a, b});
  EXPECT_EQ(values<float>(g[0]), (Floats{0, 0, 1}));
  EXPECT_EQ(values<float>(g[1]), (Floats{1, 1, 0}));
  g = gradients([](const auto& x) { return std::vector{minimum(x[0], x[1])}; }, {a, b});
  EXPECT_EQ(values<float>(g[0]), (Floats{0, 1, 0}));
  EXPECT_EQ(values<float>(g[1]), (Floats{1, 0, 1}));
  const auto clipped = [](const auto& x) { return std::vector{clip(x[0], array(1), array(2))}; };
  EXPECT_EQ(values<float>(gradients(clipped, {of(Floats{0.5, 1, 1.5, 2, 2.5})})[0]),
            (Floats{0, 0, 1, 0, 0}));
}

TEST(Elementwise, HasNoSlopeOfAbsAtZero) {
  const auto f = [](const auto& x) { return std::vector{abs(x[0])}; };
  EXPECT_EQ(values<float>(gradients(f, {of(Floats{-1, 0, 1})})[0]), (Floats{-1, 0, 1}));
}

TEST(Elementwise, DifferentiatesPowersOfZero) {
  const auto f = [](const auto& x) { return std::vector{power(x[0], x[1])}; };
  const auto g = gradients(f, {of(Floats{0, 0, 0, -2}), of(Floats{0, 1, 2, 3})});
  EXPECT_EQ(values<float>(g[0]), (Floats{0, 1, 0, 12}));
  EXPECT_EQ(values<float>(g[1])[1], 0);
  EXPECT_EQ(values<float>(g[1])[2], 0);
}

TEST(Elementwise, MaskedGradientsStayFinite) {
  const auto f = [](const auto& x) {
    return std::vector{where(greater(x[0], array(0)), x[0], x[1])};
  };
  const auto g = gradients(f, {of(Floats{1, -1}), of(Floats{5, 6})});
  EXPECT_EQ(values<float>(g[0]), (Floats{1, 0}));
  EXPECT_EQ(values<float>(g[1]), (Floats{0, 1}));
}

void expect_near(const array& got, const Complexes& want) {
  const Complexes found = values<complex64_t>(got);
  ASSERT_EQ(found.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) EXPECT_LT(std::abs(found[i] - want[i]), 2e-5) << i;
}

// Values of mlx.core.vjp with cotangents of one.
TEST(Elementwise, DifferentiatesComplexFunctionsAsMlx) {
  const array z = of(Complexes{{1, 2}, {4, 0}});
  const auto grad_of = [&](array (*f)(const array&, StreamOrDevice)) {
    return gradients([f](const auto& x) { return std::vector{f(x[0], {})}; }, {z})[0];
  };
  expect_near(grad_of(exp), {{-1.1312f, -2.47173f}, {54.59815f, 0}});
  expect_near(grad_of(sqrt), {{0.284432f, 0.175789f}, {0.25f, 0}});
  expect_near(grad_of(square), {{2, -4}, {8, 0}});
  expect_near(grad_of(abs), {{0.447214f, 0.894427f}, {1, 0}});
  expect_near(grad_of(real), {{1, 0}, {1, 0}});
  expect_near(grad_of(imag), {{0, 1}, {0, 1}});
  expect_near(grad_of(conjugate), {{1, 0}, {1, 0}});
}

TEST(Elementwise, PushesComplexTangents) {
  const auto push = [](array (*f)(const array&, StreamOrDevice)) {
    const Fun g = [f](const std::vector<array>& x) { return std::vector{f(x[0], {})}; };
    return jvp(g, {of(Complexes{{1, 2}})}, {of(Complexes{{1, 1}})}).second[0];
  };
  EXPECT_NEAR(push(abs).item<float>(), 1.3416408f, 1e-6);
  EXPECT_EQ(push(real).item<float>(), 1);
  EXPECT_EQ(push(imag).item<float>(), 1);
  EXPECT_EQ(push(conjugate).item<complex64_t>(), complex64_t(1, -1));
}

TEST(Elementwise, AssignsResults) {
  array x({7, 8});
  const array before = x;
  x += 2;
  x -= array({1, 2});
  x *= x;
  EXPECT_TRUE(array_equal(x, array({64, 64})).item<bool>());
  x %= 60;
  x <<= array({1, 2});
  x |= 1;
  x ^= 8;
  x &= 15;
  x >>= 1;
  EXPECT_TRUE(array_equal(x, array({0, 4})).item<bool>());
  x /= 8;
  EXPECT_EQ(x.dtype(), float32);
  EXPECT_TRUE(array_equal(x, array({0.0f, 0.5f})).item<bool>());
  x /= array({2, 4});
  EXPECT_TRUE(array_equal(x, array({0.0f, 0.125f})).item<bool>());
  EXPECT_TRUE(array_equal(before, array({7, 8})).item<bool>());
  const array slope = grad([](const array& v) {
    array y = v;
    y *= v;
    y += v;
    return sum(y);
  })(of(Floats{1, 2}));
  EXPECT_TRUE(array_equal(slope, of(Floats{3, 5})).item<bool>());
}

TEST(Elementwise, ExplainsErrors) {
  const array c = of(Complexes{{1, 2}}), x = of(Floats{1, 2, 3});
  EXPECT_EQ(error_of([&] {
              add(x, of(Floats{1, 2}));
            }),
            "add: expected shapes that broadcast together, got (3,) and (2,)");
  EXPECT_EQ(error_of([&] { floor(c); }), "floor: expected real numbers, got complex64");
  EXPECT_EQ(error_of([&] { expm1(c); }), "expm1: expected real numbers, got complex64");
  EXPECT_EQ(error_of([&] { remainder(c, x); }), "remainder: expected real numbers, got complex64");
  EXPECT_EQ(error_of([&] { bitwise_and(x, x); }),
            "bitwise_and: expected integers or bools, got float32");
  EXPECT_EQ(error_of([&] { negative(array(true)); }), "negative: expected numbers, got bool");
  EXPECT_EQ(error_of([&] { clip(x); }), "clip: expected a_min, a_max or both, got neither");
  EXPECT_EQ(error_of([&] { nan_to_num(c); }), "nan_to_num: expected real numbers, got complex64");
}

}  // namespace
}  // namespace mica
