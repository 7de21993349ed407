// Each method against the function it stands for, with arguments that are not the defaults.
#include <gtest/gtest.h>

#include "mica/array/array.h"
#include "mica/memory.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using golden::expect_same;
using test::expect_error;

const array& x() {
  static const array value({{{0.5f, 2.f}, {3.f, 0.25f}}, {{1.f, 4.f}, {0.125f, 2.5f}}});
  return value;
}
const std::vector<int> first_and_last{0, 2};

void expect_all_same(const std::vector<array>& actual, const std::vector<array>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) expect_same(actual[i], expected[i]);
}

TEST(Methods, Elementwise) {
  expect_same((-x()).abs(), abs(-x()));
  expect_same(x().astype(int32), astype(x(), int32));
  const array z({complex64_t{1.f, 2.f}});
  expect_same(z.conj(), conjugate(z));
  expect_same(x().cos(), cos(x()));
  expect_same(x().exp(), exp(x()));
  expect_same(x().log(), log(x()));
  expect_same(x().log10(), log10(x()));
  expect_same(x().log1p(), log1p(x()));
  expect_same(x().log2(), log2(x()));
  expect_same(x().reciprocal(), reciprocal(x()));
  expect_same(x().round(), round(x()));
  expect_same(x().round(1), round(x(), 1));
  expect_same(x().rsqrt(), rsqrt(x()));
  expect_same(x().sin(), sin(x()));
  expect_same(x().sqrt(), sqrt(x()));
  expect_same(x().square(), square(x()));
}

TEST(Methods, Shapes) {
  expect_same(x().T(), transpose(x()));
  expect_same(x().flatten(), flatten(x()));
  expect_same(x().flatten(1), flatten(x(), 1));
  expect_same(x().flatten(0, 1), flatten(x(), 0, 1));
  expect_same(x().moveaxis(0, 2), moveaxis(x(), 0, 2));
  expect_same(x().reshape({4, -1}), reshape(x(), {4, -1}));
  const array ones_around = reshape(x(), {1, 8, 1});
  expect_same(ones_around.squeeze(), squeeze(ones_around));
  expect_same(ones_around.squeeze(0), squeeze(ones_around, 0));
  expect_same(ones_around.squeeze(first_and_last), squeeze(ones_around, first_and_last));
  expect_same(x().swapaxes(0, 2), swapaxes(x(), 0, 2));
  expect_same(x().transpose(), transpose(x()));
  expect_same(x().transpose({1, 2, 0}), transpose(x(), {1, 2, 0}));
  expect_same(x().unflatten(2, {2, 1}), unflatten(x(), 2, {2, 1}));
  expect_all_same(x().split(2), split(x(), 2));
  expect_all_same(x().split(2, 1), split(x(), 2, 1));
  expect_all_same(flatten(x()).split(Shape{1, 3}), split(flatten(x()), Shape{1, 3}));
  expect_all_same(x().split(Shape{1}, 2), split(x(), Shape{1}, 2));
}

TEST(Methods, AxesOfShapesAndStrides) {
  const array x = zeros({2, 3});
  EXPECT_EQ(x.shape(-1), 3);
  EXPECT_EQ(x.strides(-2), 3);
  expect_error<std::out_of_range>([&] { x.shape(2); },
                                  "shape: expected an axis in [-2, 2) of an array (2, 3), got 2");
  expect_error<std::out_of_range>(
      [&] { x.strides(-3); }, "strides: expected an axis in [-2, 2) of an array (2, 3), got -3");
  expect_error<std::out_of_range>([] { array(1.0f).shape(0); },
                                  "shape: expected no axis of an array (), got 0");
}

TEST(Methods, Reductions) {
  const array mask = x() > 1;
  expect_same(mask.all(), all(mask));
  expect_same(mask.all(true), all(mask, true));
  expect_same(mask.all(1, true), all(mask, 1, true));
  expect_same(mask.all(first_and_last), all(mask, first_and_last));
  expect_same(mask.any(), any(mask));
  expect_same(mask.any(true), any(mask, true));
  expect_same(mask.any(1, true), any(mask, 1, true));
  expect_same(mask.any(first_and_last), any(mask, first_and_last));
  expect_same(x().sum(), sum(x()));
  expect_same(x().sum(true), sum(x(), true));
  expect_same(x().sum(1, true), sum(x(), 1, true));
  expect_same(x().sum(first_and_last), sum(x(), first_and_last));
  expect_same(x().mean(), mean(x()));
  expect_same(x().mean(true), mean(x(), true));
  expect_same(x().mean(1, true), mean(x(), 1, true));
  expect_same(x().mean(first_and_last), mean(x(), first_and_last));
  expect_same(x().prod(), prod(x()));
  expect_same(x().prod(true), prod(x(), true));
  expect_same(x().prod(1, true), prod(x(), 1, true));
  expect_same(x().prod(first_and_last), prod(x(), first_and_last));
  expect_same(x().max(), max(x()));
  expect_same(x().max(true), max(x(), true));
  expect_same(x().max(1, true), max(x(), 1, true));
  expect_same(x().max(first_and_last), max(x(), first_and_last));
  expect_same(x().min(), min(x()));
  expect_same(x().min(true), min(x(), true));
  expect_same(x().min(1, true), min(x(), 1, true));
  expect_same(x().min(first_and_last), min(x(), first_and_last));
  expect_same(x().logsumexp(), logsumexp(x()));
  expect_same(x().logsumexp(true), logsumexp(x(), true));
  expect_same(x().logsumexp(1, true), logsumexp(x(), 1, true));
  expect_same(x().logsumexp(first_and_last), logsumexp(x(), first_and_last));
  expect_same(x().var(), var(x()));
  expect_same(x().var(true, 1), var(x(), true, 1));
  expect_same(x().var(1, true, 1), var(x(), 1, true, 1));
  expect_same(x().var(first_and_last, false, 1), var(x(), first_and_last, false, 1));
  expect_same(x().std(), mica::std(x()));
  expect_same(x().std(true, 1), mica::std(x(), true, 1));
  expect_same(x().std(1, true, 1), mica::std(x(), 1, true, 1));
  expect_same(x().std(first_and_last, false, 1), mica::std(x(), first_and_last, false, 1));
  expect_same(x().argmax(), argmax(x()));
  expect_same(x().argmax(true), argmax(x(), true));
  expect_same(x().argmax(1, true), argmax(x(), 1, true));
  expect_same(x().argmin(), argmin(x()));
  expect_same(x().argmin(true), argmin(x(), true));
  expect_same(x().argmin(1, true), argmin(x(), 1, true));
}

}  // namespace
TEST(Methods, BufferSizesCountSharedBuffersOnce) {
  array a = zeros({1000}), b = ones({10});
  EXPECT_THROW(get_array_buffer_size({a}), std::invalid_argument);
  array half = slice(a, {0}, {500});
  for (array* x : {&a, &b, &half}) x->eval();
  const size_t of_a = get_array_buffer_size({a});
  EXPECT_GE(of_a, 4000u);
  EXPECT_EQ(get_array_buffer_size({a, half, a}), of_a);
  EXPECT_EQ(get_array_buffer_size({a, b}), of_a + get_array_buffer_size({b}));
  EXPECT_EQ(get_array_buffer_size({}), 0u);
}

}  // namespace mica
