// Transforms of functions of Trees, of functions that draw random numbers, and of functions with
// state.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "mica/nn/tree.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/compile.h"
#include "mica/transforms/transforms.h"
#include "tests/transforms/values.h"

namespace mica::testing {
namespace {

using Vec = std::vector<array>;

Tree parameters() {
  return Tree::dict(
      {{"layers", Tree::list({Tree::dict({{"weight", array(2.0f)}, {"bias", array(1.0f)}})})},
       {"scale", array({3.0f, 4.0f})}});
}

array loss(const Tree& p, const array& x) {
  const Tree& layer = p["layers"][0];
  return sum((x * layer["weight"] + layer["bias"]) * p["scale"]);
}

TEST(TreeTransforms, GradIsATree) {
  const array x({1.0f, 2.0f});
  auto [value, gradients] = value_and_grad(loss)(parameters(), x);
  EXPECT_EQ(value.item<float>(), 29);
  EXPECT_TRUE(equal_values(gradients["layers"][0]["weight"], array(11.0f)));
  EXPECT_TRUE(equal_values(gradients["layers"][0]["bias"], array(7.0f)));
  EXPECT_TRUE(equal_values(gradients["scale"], array({3.0f, 5.0f})));
  auto [of_tree, of_array] = grad<0, 1>(loss)(parameters(), x);
  EXPECT_TRUE(equal_values(of_tree["scale"], array({3.0f, 5.0f})));
  EXPECT_TRUE(equal_values(of_array, array({6.0f, 8.0f})));
  EXPECT_TRUE(equal_values(grad(checkpoint(loss))(parameters(), x)["scale"], array({3.0f, 5.0f})));
}

TEST(TreeTransforms, ScalarsAreNotTrees) {
  auto scaled = [](const Tree& p, const array& x, int n) { return loss(p, x) * array(n); };
  EXPECT_EQ(
      grad(scaled)(parameters(), array({1.0f, 2.0f}), 2)["layers"][0]["bias"].leaf().item<float>(),
      14);
  auto f = compile([](const array& x, int n) { return x * array(n); });
  EXPECT_EQ(f(3.0f, 2).item<float>(), 6);
  EXPECT_EQ(f(3.0f, 5).item<float>(), 15);
}

TEST(TreeTransforms, MapsAndCompiles) {
  const array rows = reshape(arange(6.0), {3, 2});
  const array losses = vmap(loss, {-1, 0})(parameters(), rows);
  EXPECT_TRUE(equal_values(losses, array({15.0f, 43.0f, 71.0f})));
  int calls = 0;
  auto f = compile([&](const Tree& p, const array& x) {
    ++calls;
    return grad(loss)(p, x);
  });
  for (int i = 1; i <= 3; ++i) {
    EXPECT_TRUE(equal_values(f(parameters(), array({1.0f, 2.0f}) * i)["layers"][0]["weight"],
                             array(11.0f * i)));
  }
  EXPECT_EQ(calls, 1);
  auto by_name =
      compile([](const Tree& p) { return p.find("a") ? p["a"].leaf() : -p["b"].leaf(); });
  EXPECT_EQ(by_name(Tree::dict({{"a", array(1.0f)}})).item<float>(), 1);
  EXPECT_EQ(by_name(Tree::dict({{"b", array(1.0f)}})).item<float>(), -1);
}

array dropout(const array& x) { return x * random::bernoulli(array(0.5f), x.shape()); }

TEST(Checkpoint, DrawsTheSameNumbersAgain) {
  const array x = ones({64});
  auto f = [](const array& a) { return sum(dropout(a * a) * dropout(a)); };
  random::seed(7);
  const array plain = grad(f)(x);
  random::seed(7);
  auto [value, gradient] = value_and_grad(checkpoint(f))(x);
  EXPECT_TRUE(equal_values(gradient, plain));
  EXPECT_EQ(sum(gradient).item<float>(), 3 * value.item<float>());
  // And leaves the sequence where one pass would.
  const array next = random::KeySequence::default_().state();
  random::seed(7);
  f(x);
  EXPECT_TRUE(equal_values(next, random::KeySequence::default_().state()));
}

using State = std::map<std::string, array>;

TEST(CompileStateful, UpdatesTheState) {
  State state{{"w", array(1.0f)}};
  int calls = 0;
  auto step = detail::compile_stateful(
      [&](const array& x) {
        ++calls;
        if (!state.contains("m")) state.emplace("m", array(0.0f));
        const array gradient = grad([&](const array& w) { return w * w * x; })(state.at("w"));
        state.at("m") = state.at("m") * 0.5f + gradient;
        state.at("w") = state.at("w") - 0.1f * state.at("m");
        return gradient;
      },
      [&] { return state; }, [&](const State& s) { state = s; });
  float w = 1, m = 0;
  for (int i = 1; i <= 5; ++i) {
    const float x = static_cast<float>(i), g = 2 * w * x;
    m = 0.5f * m + g;
    EXPECT_FLOAT_EQ(step(x).item<float>(), g);
    w -= 0.1f * m;
    EXPECT_FLOAT_EQ(state.at("w").item<float>(), w);
    EXPECT_FLOAT_EQ(state.at("m").item<float>(), m);
  }
  EXPECT_EQ(calls, 2);  // without and with "m"
}

TEST(CompileStateful, DrawsNewNumbersInEachCall) {
  State state;
  auto body = [](const array& x) { return dropout(dropout(x)); };
  auto step = detail::compile_stateful(
      body, [&] { return state; }, [&](const State& s) { state = s; });
  const array x = ones({64});
  Vec eager, compiled;
  random::seed(3);
  for (int i = 0; i < 3; ++i) eager.push_back(body(x));
  const array end = random::KeySequence::default_().state();
  random::seed(3);
  for (int i = 0; i < 3; ++i) compiled.push_back(step(x));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(equal_values(compiled[i], eager[i]));
  EXPECT_FALSE(array_equal(compiled[0], compiled[1]).item<bool>());
  EXPECT_TRUE(equal_values(random::KeySequence::default_().state(), end));
}

TEST(CompileStateful, PutsTheStateBackWhenTracingThrows) {
  State state{{"w", array(1.0f)}};
  auto step = detail::compile_stateful(
      [&](const array& x) -> array {
        state.at("w") = x;
        throw std::runtime_error("no");
      },
      [&] { return state; }, [&](const State& s) { state = s; });
  random::seed(3);
  const array key = random::KeySequence::default_().state();
  EXPECT_THROW(step(5.0f), std::runtime_error);
  EXPECT_EQ(state.at("w").item<float>(), 1);
  EXPECT_TRUE(equal_values(random::KeySequence::default_().state(), key));
}

}  // namespace
}  // namespace mica::testing
