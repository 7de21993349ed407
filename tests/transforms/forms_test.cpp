// Every form in which the transforms take functions.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace {

using namespace mica;
using Vec = std::vector<array>;
using Ints = std::vector<int>;

// A type that takes part from outside.
struct Weights {
  array w, b;
};
void collect_arrays(std::vector<array>& out, const Weights& weights) {
  out.push_back(weights.w);
  out.push_back(weights.b);
}
Weights rebuild_arrays(const Weights&, const array*& next) {
  array w = *next++, b = *next++;
  return {w, b};
}

array cube(const array& x) { return x * x * x; }

TEST(GradForms, Unary) {
  std::function<array(const array&)> derivative = grad([](const array& x) { return x * x; });
  EXPECT_EQ(derivative(array(3.0f)).item<float>(), 6);
  EXPECT_EQ(grad(cube)(2.0f).item<float>(), 12);
  std::function<array(const array&)> fun = cube;
  EXPECT_EQ(grad(fun)(2.0f).item<float>(), 12);
  EXPECT_EQ(grad([](array x) { return x * x; })(array(3.0f)).item<float>(), 6);
  EXPECT_EQ(grad([](const auto& x) { return x * x; })(array(3.0f)).template item<float>(), 6);
  auto [value, gradient] = value_and_grad(cube)(array(2.0f));
  EXPECT_EQ(value.item<float>(), 8);
  EXPECT_EQ(gradient.item<float>(), 12);
}

TEST(GradForms, MutableAndMoveOnly) {
  auto count = std::make_unique<int>(0);
  int* calls = count.get();
  auto derivative = grad([count = std::move(count), n = 0](const array& x) mutable {
    *count = ++n;
    return x * x;
  });
  derivative(array(1.0f));
  derivative(array(1.0f));
  EXPECT_EQ(*calls, 2);
}

TEST(GradForms, OneVector) {
  auto product = [](const Vec& x) { return x[0] * x[1]; };
  auto both = grad(product, {0, 1})({array(2.0f), array(3.0f)});
  EXPECT_EQ(both[0].item<float>(), 3);
  EXPECT_EQ(both[1].item<float>(), 2);
  EXPECT_EQ(grad(product)({array(2.0f), array(3.0f)}).size(), 1u);
  EXPECT_EQ(grad(product, -1)({array(2.0f), array(3.0f)})[0].item<float>(), 2);

  SimpleValueAndGradFn simple = value_and_grad(product, Ints{1});
  EXPECT_EQ(simple({array(2.0f), array(3.0f)}).second[0].item<float>(), 2);
  ValueAndGradFn full = value_and_grad([](const Vec& x) { return Vec{x[0] * x[1], x[0]}; }, {1, 0});
  auto [values, gradients] = full({array(2.0f), array(3.0f)});
  EXPECT_EQ(values[1].item<float>(), 2);
  EXPECT_EQ(gradients[0].item<float>(), 2);
  EXPECT_EQ(gradients[1].item<float>(), 3);
}

TEST(GradForms, SeveralArguments) {
  auto fun = [](const array& x, const array& y) { return x * x * y; };
  EXPECT_EQ(grad(fun)(3.0f, 5.0f).item<float>(), 30);
  EXPECT_EQ(grad(fun, 1)(3.0f, 5.0f).item<float>(), 9);
  auto both = grad(fun, {0, 1})(3.0f, 5.0f);
  EXPECT_EQ(both[0].item<float>(), 30);
  EXPECT_EQ(both[1].item<float>(), 9);
  auto [dy, dx] = grad<1, 0>(fun)(3.0f, 5.0f);
  EXPECT_EQ(dy.item<float>(), 9);
  EXPECT_EQ(dx.item<float>(), 30);
  auto scaled = [](const array& x, int n) { return x * static_cast<float>(n); };
  EXPECT_EQ(grad(scaled)(3.0f, 7).item<float>(), 7);
}

TEST(GradForms, TreesAndAuxiliaryResults) {
  auto fun = [](const Weights& p, const array& x) {
    const array y = p.w * x + p.b;
    return std::tuple(sum(y * y), y, std::string("kept"));
  };
  auto [result, gradient] = value_and_grad(fun)(Weights{2.0f, 1.0f}, array({1.0f, 2.0f}));
  auto [loss, y, note] = result;
  EXPECT_EQ(loss.item<float>(), 34);
  EXPECT_TRUE(array_equal(y, array({3.0f, 5.0f})).item<bool>());
  EXPECT_EQ(note, "kept");
  EXPECT_EQ(gradient.w.item<float>(), 26);  // 2 (3 + 10)
  EXPECT_EQ(gradient.b.item<float>(), 16);

  using Map = std::map<std::string, Vec>;
  auto of_map = [](const Map& p, const array& x) { return p.at("a")[0] * x + p.at("b")[1]; };
  const Map parameters{{"a", {array(2.0f)}}, {"b", {array(3.0f), array(4.0f)}}};
  const Map found = grad(of_map)(parameters, 5.0f);
  EXPECT_EQ(found.at("a")[0].item<float>(), 5);
  EXPECT_EQ(found.at("b")[0].item<float>(), 0);
  EXPECT_EQ(found.at("b")[1].item<float>(), 1);
}

TEST(VjpForms, All) {
  auto vectors = [](const Vec& x) { return Vec{x[0] * x[1], x[0]}; };
  auto [outputs, gradients] = vjp(vectors, {2.0f, 3.0f}, {10.0f, 1.0f});
  EXPECT_EQ(outputs[0].item<float>(), 6);
  EXPECT_EQ(gradients[0].item<float>(), 31);
  EXPECT_EQ(gradients[1].item<float>(), 20);
  EXPECT_EQ(vjp(cube, 2.0f, 2.0f).second.item<float>(), 24);

  auto two = [](const array& x, const Weights& p) { return std::pair(x * p.w, x + p.b); };
  auto [result, found] =
      vjp(two, std::tuple(array(2.0f), Weights{3.0f, 4.0f}), std::pair(array(10.0f), array(1.0f)));
  EXPECT_EQ(result.second.item<float>(), 6);
  EXPECT_EQ(std::get<0>(found).item<float>(), 31);
  EXPECT_EQ(std::get<1>(found).w.item<float>(), 20);
}

TEST(JvpForms, All) {
  auto vectors = [](const Vec& x) { return Vec{x[0] * x[1], x[0]}; };
  auto [outputs, tangents] = jvp(vectors, {2.0f, 3.0f}, {10.0f, 1.0f});
  EXPECT_EQ(outputs[0].item<float>(), 6);
  EXPECT_EQ(tangents[0].item<float>(), 32);
  EXPECT_EQ(tangents[1].item<float>(), 10);
  EXPECT_EQ(jvp(cube, 2.0f, 2.0f).second.item<float>(), 24);

  auto two = [](const array& x, const Weights& p) { return std::pair(x * p.w, x + p.b); };
  auto [result, found] = jvp(two, std::tuple(array(2.0f), Weights{3.0f, 4.0f}),
                             std::tuple(array(1.0f), Weights{10.0f, 100.0f}));
  EXPECT_EQ(result.first.item<float>(), 6);
  EXPECT_EQ(found.first.item<float>(), 23);
  EXPECT_EQ(found.second.item<float>(), 101);
}

TEST(VmapForms, All) {
  const array x = reshape(arange(6.0), {2, 3});
  auto total = [](const array& row) { return sum(row); };
  EXPECT_TRUE(array_equal(vmap(total)(x), array({3.0f, 12.0f})).item<bool>());
  EXPECT_TRUE(array_equal(vmap(total, 1)(x), array({3.0f, 5.0f, 7.0f})).item<bool>());
  EXPECT_TRUE(array_equal(vmap([](const array& row) { return row * 2; }, 0, 1)(x), transpose(2 * x))
                  .item<bool>());
  std::function<array(const array&, const array&)> scaled =
      vmap([](const array& row, const array& s) { return sum(row * s); }, 0, -1);
  EXPECT_TRUE(array_equal(scaled(x, 2.0f), array({6.0f, 24.0f})).item<bool>());
  auto vectors = [](const Vec& v) { return Vec{v[0] + v[1], sum(v[0])}; };
  auto outputs = vmap(vectors, {0, -1}, {1, 0})({x, array({1.0f, 2.0f, 3.0f})});
  EXPECT_TRUE(array_equal(outputs[0], transpose(x + array({1.0f, 2.0f, 3.0f}))).item<bool>());
  EXPECT_TRUE(array_equal(outputs[1], array({3.0f, 12.0f})).item<bool>());
  EXPECT_EQ(vmap(vectors)({x, x})[1].size(), 2u);
  auto trees = [](const Weights& p, const array& row, float scale) {
    return std::tuple(Weights{sum(p.w * row), p.b * scale}, row);
  };
  auto [weights, rows] = vmap(trees, {-1, 0, -1})(Weights{2.0f, 3.0f}, x, 10.0f);
  EXPECT_TRUE(array_equal(weights.w, array({6.0f, 24.0f})).item<bool>());
  EXPECT_TRUE(array_equal(weights.b, array({30.0f, 30.0f})).item<bool>());
  EXPECT_TRUE(array_equal(rows, x).item<bool>());
}

TEST(EvalForms, ArraysTreesAndRanges) {
  const array a = array(1.0f) + 1, b = array(2.0f) + 1;
  const std::map<std::string, array> named{{"a", a}};
  eval(a);
  eval(a, b);
  eval({a, b});
  eval(Vec{a, b});
  eval(named, std::pair(a, b), Weights{a, b}, std::optional<array>());
  async_eval(a, named);
  EXPECT_EQ(b.item<float>(), 3);
}

TEST(CustomForms, All) {
  auto vectors = custom_vjp(
      [](const Vec& x) { return Vec{x[0] * 2}; },
      [](const Vec&, const Vec& cotangents, const Vec&) { return Vec{cotangents[0] * 10}; });
  EXPECT_EQ(vjp(vectors, {3.0f}, {1.0f}).second[0].item<float>(), 10);
  auto one = custom_vjp([](const array& x) { return x * x; },
                        [](const array& x, const array& cotangent, const array& output) {
                          return cotangent * (x + output);
                        });
  EXPECT_EQ(grad(one)(3.0f).item<float>(), 12);
  auto two = custom_vjp(
      [](const array& x, const Weights& p) { return x * p.w; },
      [](const std::tuple<array, Weights>& primals, const array& cotangent, const array&) {
        return std::tuple(cotangent * std::get<1>(primals).w * 100, Weights{1.0f, 2.0f});
      });
  auto [dx, dp] = grad<0, 1>(two)(2.0f, Weights{3.0f, 4.0f});
  EXPECT_EQ(dx.item<float>(), 300);
  EXPECT_EQ(dp.b.item<float>(), 2);
  EXPECT_EQ(grad(checkpoint(cube))(2.0f).item<float>(), 12);
  auto tree = checkpoint([](const Weights& p, const array& x) { return std::pair(p.w * x, x); });
  EXPECT_EQ(
      vjp([&](const Weights& p) { return tree(p, 3.0f).first; }, Weights{1.0f, 2.0f}, array(1.0f))
          .second.w.item<float>(),
      3);
}

}  // namespace
