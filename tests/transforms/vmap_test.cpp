#include <gtest/gtest.h>

#include <vector>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/transforms/values.h"

namespace mica::testing {
namespace {

using Vec = std::vector<array>;

TEST(Vmap, Nests) {
  const array x = reshape(arange(24.0), {2, 3, 4});
  auto total = [](const array& row) { return sum(row * row); };
  EXPECT_TRUE(equal_values(vmap(vmap(total))(x), sum(x * x, 2)));
  EXPECT_TRUE(equal_values(vmap(vmap(total, 1), 1)(x), sum(x * x, 0)));
}

TEST(Vmap, OuterProductByTwoMaps) {
  const array x = arange(3.0), y = arange(4.0);
  auto product = [](const array& a, const array& b) { return a * b; };
  EXPECT_TRUE(equal_values(vmap(vmap(product, -1, 0), 0, -1)(x, y),
                           reshape(x, {3, 1}) * reshape(y, {1, 4})));
}

TEST(Vmap, InnerFunctionUsesTheOuterArgument) {
  const array x = reshape(arange(6.0), {2, 3});
  auto f = [](const array& row) {
    return vmap([&](const array& element) { return element * sum(row); })(row);
  };
  EXPECT_TRUE(equal_values(vmap(f)(x), x * sum(x, 1, true)));
}

TEST(Vmap, ConstantsAreRepeated) {
  const array x = arange(3.0);
  EXPECT_TRUE(equal_values(vmap([](const array&) { return array(3.0f); })(x), 3 * ones({3})));
  const array constant = arange(2.0);
  auto f = [&](const Vec& v) { return Vec{constant, v[1]}; };
  const Vec outputs = vmap(f, {0, -1}, {1, -1})({x, array(5.0f)});
  EXPECT_TRUE(equal_values(outputs[0], broadcast_to(reshape(constant, {2, 1}), {2, 3})));
  EXPECT_TRUE(equal_values(outputs[1], array(5.0f)));
}

TEST(Vmap, OfAnEmptyBatch) {
  EXPECT_TRUE(equal_values(vmap([](const array& x) { return sum(x); })(zeros({0, 3})), zeros({0})));
}

TEST(Vmap, Errors) {
  auto add_both = [](const array& x, const array& y) { return x + y; };
  auto twice = [](const array& x) { return x * 2; };
  EXPECT_EQ(error_of([&] { vmap(add_both)(ones({3}), ones({2})); }),
            "vmap: expected mapped axes of one size, got 3 and 2 (input 1 of shape (2,))");
  EXPECT_EQ(error_of([&] { vmap(twice)(array(1.0f)); }),
            "vmap: expected in axis -1 (not mapped) or in [0, 0) for input 0 of shape (), got 0");
  EXPECT_EQ(error_of([&] {
              vmap(twice, 3)(ones({2, 2}));
            }),
            "vmap: expected in axis -1 (not mapped) or in [0, 2) for input 0 of shape (2, 2), got "
            "3");
  EXPECT_EQ(error_of([&] {
              vmap(twice, 0, 3)(ones({2, 2}));
            }),
            "vmap: expected out axis in [0, 2) for output 0, got 3");
  EXPECT_EQ(error_of([&] {
              vmap(twice, 0, -1)(ones({2, 2}));
            }),
            "vmap: expected out axis in [0, 2) for output 0, got -1");
  EXPECT_EQ(error_of([&] {
              vmap(twice, -1)(ones({2, 2}));
            }),
            "vmap: expected an input with a mapped axis, got none");
  auto one = [](const Vec& v) { return Vec{v[0]}; };
  EXPECT_EQ(error_of([&] {
              vmap(one, {0, 1})({ones({2, 3})});
            }),
            "vmap: expected an axis for each of 1 inputs, got 2");
  EXPECT_EQ(error_of([&] {
              vmap(one, {0}, {0, 1})({ones({2, 3})});
            }),
            "vmap: expected an axis for each of 1 outputs, got 2");
}

TEST(Vmap, ValuesOfArgumentsCannotBeRead) {
  auto reads = [](const array& x) { return x.item<float>() > 0 ? x : -x; };
  const std::string expected =
      "eval: expected an array with data, got an argument of a function being traced by compile "
      "or vmap";
  EXPECT_EQ(error_of([&] { vmap(reads)(ones({2})); }), expected);
  auto evaluates = [](const array& x) {
    array y = x + 1;
    eval(y);
    return y;
  };
  EXPECT_EQ(error_of([&] { vmap(evaluates)(ones({2})); }), expected);
}

}  // namespace
}  // namespace mica::testing
