#include <gtest/gtest.h>

#include <vector>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/transforms/values.h"

namespace mica::testing {
namespace {

using Vec = std::vector<array>;

// x * y with ten times its gradient.
auto loud_product() {
  return custom_vjp([](const Vec& v) { return Vec{v[0] * v[1]}; },
                    [](const Vec& primals, const Vec& cotangents, const Vec&) {
                      return Vec{10 * primals[1] * cotangents[0], 10 * primals[0] * cotangents[0]};
                    });
}

TEST(CustomVjp, Rules) {
  auto f = [](const Vec& v) { return sum(loud_product()(v)[0] * 3); };
  auto [value, gradients] = value_and_grad(f, {0, 1})({array(2.0f), array(5.0f)});
  EXPECT_EQ(value.item<float>(), 30);
  EXPECT_EQ(gradients[0].item<float>(), 150);
  EXPECT_EQ(gradients[1].item<float>(), 60);
  EXPECT_EQ(loud_product()({array(2.0f), array(5.0f)})[0].item<float>(), 10);
}

TEST(CustomVjp, SecondDerivativeIsThatOfTheRule) {
  auto f = [](const array& x) { return loud_product()({x, x})[0]; };
  EXPECT_EQ(grad(f)(2.0f).item<float>(), 40);  // 20 x
  EXPECT_EQ(grad(grad(f))(2.0f).item<float>(), 20);
}

TEST(CustomVjp, JvpAndVmapAreDerived) {
  auto tangents = jvp(loud_product(), {2.0f, 5.0f}, {1.0f, 1.0f}).second;
  EXPECT_EQ(tangents[0].item<float>(), 7);
  const array x = arange(3.0);
  EXPECT_TRUE(equal_values(vmap(loud_product(), {0, -1})({x, array(2.0f)})[0], 2 * x));
}

TEST(CustomVjp, HoldsUnderVmapInBothOrders) {
  const array x = array({1.0f, 2.0f, 3.0f}), y(2.0f);
  auto of_map = [](const Vec& v) { return sum(vmap(loud_product(), {0, -1})(v)[0]); };
  const Vec gradients = grad(of_map, {0, 1})({x, y});
  EXPECT_TRUE(equal_values(gradients[0], array({20.0f, 20.0f, 20.0f})));
  EXPECT_TRUE(equal_values(gradients[1], array(60.0f)));
  auto of_one = [](const array& a, const array& b) { return loud_product()({a, b})[0]; };
  EXPECT_TRUE(equal_values(vmap(grad(of_one), 0, -1)(x, y), array({20.0f, 20.0f, 20.0f})));
}

TEST(CustomVjp, WhatTheFunctionCapturesIsNotDifferentiated) {
  auto f = [](const array& w) {
    auto g = custom_vjp(
        [&](const Vec& v) { return Vec{v[0] * w}; },
        [](const Vec&, const Vec& cotangents, const Vec&) { return Vec{cotangents[0]}; });
    return g({w})[0];
  };
  EXPECT_EQ(grad(f)(3.0f).item<float>(), 1);
}

TEST(CustomFunction, JvpAndVmapRules) {
  auto f = custom_function(
      [](const Vec& v) { return Vec{v[0] * v[1]}; }, std::nullopt,
      [](const Vec& primals, const Vec& tangents, const std::vector<int>& argnums) {
        return Vec{primals[0] * 0 + 100 * tangents[0] + static_cast<float>(argnums[0])};
      },
      [](const Vec& inputs, const std::vector<int>& axes) {
        return std::pair(Vec{inputs[0] + static_cast<float>(axes[1])}, std::vector<int>{axes[0]});
      });
  EXPECT_EQ(jvp(
                [&](const array& y) {
                  return f({array(3.0f), y})[0];
                },
                2.0f, 1.0f)
                .second.item<float>(),
            101);
  EXPECT_EQ(grad([&](const array& y) { return f({array(3.0f), y})[0]; })(2.0f).item<float>(), 3);
  EXPECT_TRUE(equal_values(vmap(f, {0, -1})({arange(3.0), array(7.0f)})[0], arange(3.0) - 1));
}

TEST(CustomFunction, JvpRuleHoldsUnderVmap) {
  auto f = custom_function([](const Vec& v) { return Vec{v[0] * v[0]}; }, std::nullopt,
                           [](const Vec& primals, const Vec& tangents, const std::vector<int>&) {
                             return Vec{100 * primals[0] * tangents[0]};
                           });
  auto mapped = [&](const array& x) { return vmap(f)({x})[0]; };
  const array x = arange(3.0);
  EXPECT_TRUE(equal_values(jvp(mapped, x, ones({3})).second, 100 * x));
}

TEST(CustomFunction, Errors) {
  auto f = custom_vjp([](const Vec& v) { return Vec{v[0] * v[1]}; },
                      [](const Vec&, const Vec& cotangents, const Vec&) { return cotangents; });
  EXPECT_EQ(error_of([&] {
              vjp(f, {1.0f, 2.0f}, {1.0f});
            }),
            "custom_function: expected vjp to return 2 gradients, one for each argument, got 1");
}

TEST(Checkpoint, GradientsAreTheFunctionsOwn) {
  auto f = [](const array& x) { return sum(exp(sin(x)) * x); };
  const array x = array({0.5f, -1.0f, 2.0f});
  EXPECT_TRUE(equal_values(grad(checkpoint(f))(x), grad(f)(x)));
  EXPECT_TRUE(equal_values(checkpoint(f)(x), f(x)));
  EXPECT_EQ(grad(grad(checkpoint([](const array& y) { return y * y * y; })))(2.0f).item<float>(),
            12);
  const array rows = stack({x, 2 * x});
  EXPECT_TRUE(close_values(vmap(grad(checkpoint(f)))(rows), vmap(grad(f))(rows)));
  EXPECT_TRUE(close_values(grad([&](const array& r) { return sum(vmap(checkpoint(f))(r)); })(rows),
                           vmap(grad(f))(rows)));
}

TEST(Checkpoint, RunsTheFunctionAgain) {
  int calls = 0;
  auto f = checkpoint([&](const Vec& v) {
    ++calls;
    return Vec{exp(v[0]) * v[1]};
  });
  auto [outputs, gradients] = vjp(f, {array(0.0f), array(3.0f)}, {array(1.0f)});
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(gradients[0].item<float>(), 3);
  EXPECT_EQ(gradients[1].item<float>(), 1);
  f({array(0.0f), array(3.0f)});
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace mica::testing
