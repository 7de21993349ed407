#include "mica/transforms/compile.h"

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

TEST(Compile, CallsTheFunctionOnceForEachShapeAndDtype) {
  int calls = 0;
  auto f = compile([&](const Vec& v) {
    ++calls;
    return Vec{exp(v[0]) + v[1], v[0] * v[1]};
  });
  for (int i = 0; i < 3; ++i) {
    const array x = f32({1, 2, static_cast<float>(i)}), y = f32({3, 4, 5});
    const Vec outputs = f({x, y});
    EXPECT_TRUE(equal_values(outputs[0], exp(x) + y));
    EXPECT_TRUE(equal_values(outputs[1], x * y));
  }
  EXPECT_EQ(calls, 1);
  f({f32({1}), f32({2})});
  EXPECT_EQ(calls, 2);
  f({array({1, 2, 3}, int32), f32({3, 4, 5})});
  EXPECT_EQ(calls, 3);
  f({f32({1, 2, 3}), f32({3, 4, 5})});
  EXPECT_EQ(calls, 3);
}

TEST(Compile, ArgumentsOfEveryForm) {
  int calls = 0;
  auto f = compile([&](const std::map<std::string, array>& p, const array& x, int power,
                       const std::string& name) {
    ++calls;
    array y = p.at("w") * x;
    for (int i = 1; i < power; ++i) y = y * x;
    return std::tuple(y, std::map<std::string, array>{{name, x + 1}});
  });
  const std::map<std::string, array> p{{"w", array(2.0f)}};
  EXPECT_EQ(std::get<0>(f(p, 3.0f, 1, "a")).item<float>(), 6);
  EXPECT_EQ(std::get<0>(f(p, 3.0f, 2, "a")).item<float>(), 18);
  EXPECT_EQ(std::get<0>(f(p, 4.0f, 2, "a")).item<float>(), 32);
  EXPECT_EQ(calls, 2);
  auto [y, named] = f(p, 4.0f, 2, "b");
  EXPECT_EQ(named.at("b").item<float>(), 5);
  EXPECT_EQ(calls, 3);
}

TEST(Compile, TellsStructuresApart) {
  auto f = compile([](const std::vector<Vec>& v) { return v[0][0] - v.back().back(); });
  EXPECT_EQ(f({{1.0f, 2.0f}, {4.0f}}).item<float>(), -3);
  EXPECT_EQ(f({{1.0f}, {2.0f, 5.0f}}).item<float>(), -4);
  auto named = compile([](const std::map<std::string, array>& m) {
    return m.contains("a") ? m.at("a") : -m.at("b");
  });
  EXPECT_EQ(named({{"a", array(1.0f)}}).item<float>(), 1);
  EXPECT_EQ(named({{"b", array(1.0f)}}).item<float>(), -1);
  auto generic = compile([](const auto& x) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(x)>, array>) {
      return x + 1;
    } else {
      return Vec{x[0] * 2};
    }
  });
  EXPECT_EQ(generic(array(3.0f)).item<float>(), 4);
  EXPECT_EQ(generic(Vec{array(3.0f)})[0].item<float>(), 6);
}

TEST(Compile, ComposesWithTheOtherTransforms) {
  auto cube = [](const array& x) { return x * x * x; };
  const array x = f32({1, 2, 3});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(compile(grad(cube))(2.0f).item<float>(), 12);
    EXPECT_EQ(grad(compile(cube))(2.0f).item<float>(), 12);
    EXPECT_EQ(grad(grad(compile(cube)))(2.0f).item<float>(), 12);
    EXPECT_TRUE(equal_values(compile(vmap(grad(cube)))(x), f32({3, 12, 27})));
    EXPECT_TRUE(equal_values(vmap(compile(grad(cube)))(x), f32({3, 12, 27})));
    EXPECT_TRUE(equal_values(vmap(grad(compile(cube)))(x), f32({3, 12, 27})));
    EXPECT_EQ(compile(compile(cube))(2.0f).item<float>(), 8);
    EXPECT_EQ(jvp(compile(cube), 2.0f, 1.0f).second.item<float>(), 12);
    EXPECT_EQ(grad(compile(checkpoint(cube)))(2.0f).item<float>(), 12);
  }
}

TEST(Compile, CapturesArrays) {
  array w = f32({1, 2}) + 1;
  auto f = compile([&](const array& x) { return x * w + ones({2}); });
  EXPECT_TRUE(equal_values(f(f32({1, 1})), f32({3, 4})));
  EXPECT_TRUE(equal_values(f(f32({2, 2})), f32({5, 7})));
}

TEST(Compile, ForgetsTracesThatCaptureTracers) {
  // The inner function is traced while w is an argument of the outer one.
  array w(0.0f);
  auto inner = compile([&](const array& x) { return x * w; });
  auto outer = [&](const array& a) {
    w = a * 1;
    return inner(array(3.0f));
  };
  EXPECT_EQ(grad(outer)(2.0f).item<float>(), 3);
  auto [value, gradient] = value_and_grad(outer)(5.0f);
  EXPECT_EQ(value.item<float>(), 15);
  EXPECT_EQ(gradient.item<float>(), 3);
}

TEST(Compile, ShapelessKeepsTheLastShape) {
  int calls = 0;
  auto f = compile(
      [&](const Vec& v) {
        ++calls;
        return Vec{reshape(v[0], {-1}) * static_cast<float>(v[0].size())};
      },
      true);
  EXPECT_TRUE(equal_values(f({ones({2, 2})})[0], 4 * ones({4})));
  EXPECT_TRUE(equal_values(f({ones({3, 2})})[0], 6 * ones({6})));
  EXPECT_EQ(calls, 2);
  f({ones({3, 2})});
  EXPECT_EQ(calls, 2);
}

TEST(Compile, CanBeDisabled) {
  int calls = 0;
  auto f = compile([&](const array& x) {
    ++calls;
    return x + 1;
  });
  disable_compile();
  f(1.0f);
  EXPECT_EQ(f(1.0f).item<float>(), 2);
  EXPECT_EQ(calls, 2);
  set_compile_mode(CompileMode::no_simplify);
  f(1.0f);
  EXPECT_EQ(f(1.0f).item<float>(), 2);
  EXPECT_EQ(calls, 3);
  enable_compile();
}

TEST(Compile, ArgumentsHaveNoValues) {
  auto f = compile([](const array& x) { return x.item<float>() > 0 ? x : -x; });
  const std::string expected =
      "eval: expected an array with data, got an argument of a function being traced by compile "
      "or vmap";
  EXPECT_EQ(error_of([&] { f(1.0f); }), expected);
  EXPECT_EQ(error_of([&] { f(1.0f); }), expected);
}

TEST(Compile, RemembersABoundedNumberOfTraces) {
  int calls = 0;
  auto f = compile([&](const array& x) {
    ++calls;
    return sum(x);
  });
  for (int n = 1; n <= 40; ++n) EXPECT_EQ(f(ones({n})).item<float>(), n);
  EXPECT_EQ(calls, 40);
  f(ones({40}));
  EXPECT_EQ(calls, 40);
  f(ones({1}));
  EXPECT_EQ(calls, 41);
}

TEST(Compile, FromManyThreads) {
  auto f = compile(grad([](const array& x) { return sum(x * x); }));
  std::vector<int> right(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 1; i <= 30; ++i) {
        const array x = full({1 + i % 3}, static_cast<float>(i));
        right[t] += array_equal(f(x), 2 * x).item<bool>();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, std::vector<int>(4, 30));
}

}  // namespace
}  // namespace mica::testing
