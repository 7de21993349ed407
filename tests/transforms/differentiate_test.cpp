#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/transforms/values.h"

namespace mica::testing {
namespace {

using Vec = std::vector<array>;

array f32(std::initializer_list<float> values) { return array(values); }
array cube(const array& x) { return x * x * x; }

TEST(Grad, OfCompositions) {
  auto f = [](const array& x) { return sum(exp(sin(x)) * x); };
  const array x = f32({0.5f, -1.0f, 2.0f});
  EXPECT_TRUE(close_values(grad(f)(x), exp(sin(x)) * (1 + x * cos(x))));
}

TEST(Grad, SumsOverTheWaysToAnInput) {
  auto f = [](const array& x) {
    const array a = x * x;
    const array b = a + x;
    return a * b + b;  // x^4 + x^3 + x^2 + x
  };
  EXPECT_EQ(grad(f)(2.0f).item<float>(), 4 * 8 + 3 * 4 + 2 * 2 + 1);
}

TEST(Grad, SumsOverBroadcastAxes) {
  const array x = f32({1, 2, 3}), y = reshape(arange(6.0), {2, 3});
  auto f = [](const Vec& v) { return sum(v[0] * v[1]); };
  const Vec found = grad(f, {0, 1})({x, y});
  EXPECT_TRUE(equal_values(found[0], f32({3, 5, 7})));
  EXPECT_TRUE(equal_values(found[1], broadcast_to(x, {2, 3})));
  const array column = reshape(f32({1, 2}), {2, 1});
  EXPECT_TRUE(equal_values(grad(f)({column, y})[0], reshape(f32({3, 12}), {2, 1})));
  EXPECT_TRUE(equal_values(grad(f)({array(2.0f), y})[0], array(15.0f)));
}

TEST(Grad, OfWhatItDoesNotDependOnIsZero) {
  EXPECT_TRUE(
      equal_values(grad([](const array&) { return array(3.0f); })(f32({1, 2})), zeros({2})));
  auto truth = [](const array& x) { return sum(astype(x > 1.0f, float32)); };
  EXPECT_TRUE(equal_values(grad(truth)(f32({1, 2})), zeros({2})));
}

TEST(Grad, StopsAtStopGradient) {
  auto f = [](const array& x) { return sum(x * stop_gradient(x)); };
  EXPECT_TRUE(equal_values(grad(f)(f32({2, 3})), f32({2, 3})));
  auto [value, tangent] = jvp([](const array& x) { return x * stop_gradient(x); }, 2.0f, 1.0f);
  EXPECT_EQ(value.item<float>(), 4);
  EXPECT_EQ(tangent.item<float>(), 2);
}

TEST(Grad, HasThePrimalsDtype) {
  const array half(3.0f, float16);
  EXPECT_TRUE(equal_values(grad([](const array& x) { return x * x; })(half), array(6.0f, float16)));
  auto widened = [](const array& x) { return sum(astype(x, float32) * 2.5f); };
  EXPECT_TRUE(equal_values(grad(widened)(half), array(2.5f, float16)));
  // As MLX, which lets integers through.
  EXPECT_TRUE(equal_values(
      grad([](const array& x) { return sum(astype(x, float32) * 2.0f); })(array({1, 2, 3}, int32)),
      array({2, 2, 2}, int32)));
}

TEST(Grad, EvaluatesInside) {
  auto f = [](const array& x) {
    array y = x * x;
    y.eval();
    return y.item<float>() > 5 ? y * x : y;
  };
  EXPECT_EQ(grad(f)(2.0f).item<float>(), 4);
  EXPECT_EQ(grad(f)(3.0f).item<float>(), 27);
}

TEST(Grad, OfGrad) {
  auto second =
      grad([](const array& x) { return grad([](const array& y) { return sum(y * y * y); })(x); });
  EXPECT_EQ(second(2.0f).item<float>(), 12);
  EXPECT_EQ(grad(grad(grad(cube)))(2.0f).item<float>(), 6);
  // The inner function uses the outer argument.
  auto nested = grad([](const array& x) {
    return grad([&](const array& y) { return x * x * y * y; })(x);  // 2 x^3
  });
  EXPECT_EQ(nested(3.0f).item<float>(), 54);
}

TEST(Grad, ComposesWithJvpAndVjp) {
  auto tangent_of_grad = jvp(grad(cube), 2.0f, 1.0f);
  EXPECT_EQ(tangent_of_grad.first.item<float>(), 12);
  EXPECT_EQ(tangent_of_grad.second.item<float>(), 12);
  auto grad_of_tangent = grad([](const array& x) { return jvp(cube, x, array(1.0f)).second; });
  EXPECT_EQ(grad_of_tangent(2.0f).item<float>(), 12);
  auto jvp_of_jvp =
      jvp([](const array& x) { return jvp(cube, x, array(1.0f)).second; }, 2.0f, 1.0f);
  EXPECT_EQ(jvp_of_jvp.second.item<float>(), 12);
}

TEST(Grad, ComposesWithVmap) {
  const array x = f32({1, 2, 3});
  EXPECT_TRUE(equal_values(vmap(grad(cube))(x), f32({3, 12, 27})));
  EXPECT_TRUE(
      equal_values(grad([](const array& v) { return sum(vmap(cube)(v)); })(x), f32({3, 12, 27})));
  EXPECT_TRUE(equal_values(vmap(grad(grad(cube)))(x), f32({6, 12, 18})));
  EXPECT_TRUE(equal_values(vmap([](const array& v) { return jvp(cube, v, array(1.0f)).second; })(x),
                           f32({3, 12, 27})));
  // A Hessian: 6 x on the diagonal.
  auto hessian = vmap([&](const array& direction) {
    return jvp(grad([](const array& v) { return sum(cube(v)); }), x, direction).second;
  });
  EXPECT_TRUE(equal_values(hessian(eye(3)), eye(3) * (6 * x)));
  // An outer argument inside a mapped function.
  auto scaled =
      grad([&](const array& w) { return sum(vmap([&](const array& v) { return v * w * w; })(x)); });
  EXPECT_EQ(scaled(2.0f).item<float>(), 24);
}

TEST(Grad, OfSeveralOutputs) {
  auto f = [](const Vec& v) {
    const Vec parts = split(v[0], 3);
    return Vec{parts[0] * parts[2], parts[1]};
  };
  auto [outputs, gradients] = vjp(f, {f32({2, 3, 5})}, {f32({1}), f32({10})});
  EXPECT_TRUE(equal_values(outputs[0], f32({10})));
  EXPECT_TRUE(equal_values(gradients[0], f32({5, 10, 2})));
}

TEST(Vjp, OutputsMayBeArgumentsOrConstants) {
  auto f = [](const Vec& v) { return Vec{v[0], array(7.0f), v[0]}; };
  auto [outputs, gradients] = vjp(f, {array(2.0f)}, {array(1.0f), array(1.0f), array(10.0f)});
  EXPECT_EQ(outputs[0].item<float>(), 2);
  EXPECT_EQ(gradients[0].item<float>(), 11);
  auto [values, tangents] = jvp(f, {array(2.0f)}, {array(3.0f)});
  EXPECT_EQ(tangents[0].item<float>(), 3);
  EXPECT_EQ(tangents[1].item<float>(), 0);
}

TEST(Jvp, BroadcastsTheTangent) {
  auto f = [](const array& x) { return x + f32({1, 2, 3}); };
  EXPECT_TRUE(equal_values(jvp(f, array(1.0f), array(2.0f)).second, f32({2, 2, 2})));
}

TEST(Differentiate, Errors) {
  auto twice = [](const array& x) { return x * 2; };
  EXPECT_EQ(error_of([&] {
              grad(twice)(f32({1, 2, 3}));
            }),
            "grad: expected a function whose value has shape (), got (3,); reduce it with sum or "
            "mean");
  auto f = [](const Vec& v) { return sum(v[0]); };
  EXPECT_EQ(error_of([&] { grad(f, 2)({array(1.0f)}); }),
            "grad: expected argnums in [-1, 1) for a function of 1 arguments, got 2");
  EXPECT_EQ(error_of([&] {
              grad(f, {0, -1})({array(1.0f)});
            }),
            "grad: expected each argnum once, got -1 twice");
  EXPECT_EQ(error_of([&] { grad(f, std::vector<int>())({array(1.0f)}); }),
            "grad: expected at least one argnum, got none");
  EXPECT_EQ(error_of([&] { value_and_grad([](const Vec&) { return Vec(); })({array(1.0f)}); }),
            "grad: expected a function that returns its loss first, got an empty vector");
  auto one = [](const Vec& v) { return Vec{v[0]}; };
  EXPECT_EQ(error_of([&] { vjp(one, {array(1.0f)}, {}); }),
            "vjp: expected 1 cotangents, one for each output, got 0");
  EXPECT_EQ(error_of([&] {
              vjp(one, {array(1.0f)}, {f32({1, 2})});
            }),
            "vjp: expected cotangent 0 of its output's shape (), got (2,)");
  EXPECT_EQ(error_of([&] { jvp(one, {array(1.0f)}, {}); }),
            "jvp: expected 1 tangents, one for each primal, got 0");
  EXPECT_EQ(error_of([&] {
              jvp(one, {array(1.0f)}, {f32({1, 2})});
            }),
            "jvp: expected tangent 0 of its primal's shape (), got (2,)");
}

TEST(Differentiate, AThrowingFunctionLeavesNothingBehind) {
  EXPECT_THROW(grad([](const array&) -> array { throw std::runtime_error("no"); })(1.0f),
               std::runtime_error);
  EXPECT_EQ(grad(cube)(2.0f).item<float>(), 12);
}

TEST(Differentiate, WhatIsEvaluatedInsideHoldsNoGraph) {
  array mean = zeros({3});
  auto f = [&](const array& w) {
    mean = 0.5f * mean + w;
    eval(mean);
    return sum(w * mean);
  };
  const array w = f32({1, 2, 3});
  EXPECT_TRUE(equal_values(grad(f)(w), 2 * w));
  EXPECT_FALSE(mean.has_primitive());
  EXPECT_FALSE(mean.is_tracer());
  EXPECT_TRUE(equal_values(grad(f)(w), 1.5f * w + w));
}

// Values of MLX 0.32.4 in Python.
TEST(Differentiate, AgreesWithMlx) {
  const array W = (reshape(arange(6.0), {2, 3}) - 2.0f) * 0.3f;
  const array b = (arange(3.0) - 1.0f) * 0.1f;
  const array V = (reshape(arange(3.0), {3, 1}) + 1.0f) * 0.5f;
  const array x = (reshape(arange(8.0), {4, 2}) - 3.0f) * 0.25f;
  auto f = [](const Vec& v) {
    const array product = matmul(v[3], v[0]);
    return mean(square(matmul(tanh(product + v[1]), v[2])) + logsumexp(product, 1, true));
  };
  auto [value, gradients] = value_and_grad(f, {0, 1, 2, 3})({W, b, V, x});
  EXPECT_TRUE(close_values(value, array(2.0481915f)));
  EXPECT_TRUE(close_values(gradients[0], reshape(f32({0.31199583f, 0.705541f, 0.7106567f,
                                                      0.51568484f, 1.0167873f, 1.0059452f}),
                                                 {2, 3})));
  EXPECT_TRUE(close_values(gradients[1], f32({0.49884683f, 0.92413026f, 0.8179185f})));
  EXPECT_TRUE(
      close_values(gradients[2], reshape(f32({-0.25595683f, 0.37632096f, 0.84892404f}), {3, 1})));
  EXPECT_TRUE(
      close_values(gradients[3], reshape(f32({0.047683775f, -0.33416653f, -0.1532458f, 0.4059237f,
                                              -0.33236378f, 0.9593089f, -0.42442334f, 1.0233909f}),
                                         {4, 2})));
  auto slope = [&](const array& w) { return grad(f)({w, b, V, x})[0]; };
  EXPECT_TRUE(close_values(
      jvp(slope, W, ones({2, 3})).second,
      reshape(f32({1.6647973f, 2.1208382f, 1.8042136f, 1.793834f, 1.985106f, 1.3084292f}),
              {2, 3})));
  auto one = [](const array& row, const array& w) { return sum(tanh(matmul(row, w))); };
  EXPECT_TRUE(close_values(
      vmap(grad(one, 1), 0, -1)(x, W),
      reshape(f32({-0.6863527f, -0.74579704f, -0.616501f,  -0.4575685f, -0.49719805f, -0.41100064f,
                   -0.2444583f, -0.24859902f, -0.25f,      0.0f,        0.0f,         0.0f,
                   0.25f,       0.23775896f,  0.20550032f, 0.5f,        0.47551793f,  0.41100064f,
                   0.7333749f,  0.65368503f,  0.36518797f, 0.9778332f,  0.87158006f,  0.4869173f}),
              {4, 2, 3})));
}

TEST(Differentiate, AMillionNodesDeep) {
  constexpr int depth = 1'000'000;
  auto f = [](const array& x) {
    array y = x;
    for (int i = 0; i < depth; ++i) y = y + x;
    return y;
  };
  EXPECT_EQ(grad(f)(1.0f).item<float>(), depth + 1);
}

TEST(Differentiate, FromManyThreads) {
  const array shared = f32({1, 2, 3});
  std::vector<std::thread> threads;
  std::vector<int> right(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const float scale = static_cast<float>(t + i);
        auto f = [&](const array& x) { return sum(x * x * shared) * scale; };
        right[t] += array_equal(grad(f)(shared), 2 * shared * shared * scale).item<bool>();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(4, 50));
}

}  // namespace
}  // namespace mica::testing
