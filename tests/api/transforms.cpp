// transforms.h and compile.h of MLX, called as MLX's programs call them: mica's take more kinds of
// functions.
#include "tests/api/surface.h"

#include "mlx/compile.h"
#include "mlx/ops.h"
#include "mlx/transforms.h"

namespace {

using Arrays = std::vector<array>;
using ArraysFunction = std::function<Arrays(const Arrays&)>;
using ScalarFunction = std::function<array(const Arrays&)>;
using Unary = std::function<array(const array&)>;
using Binary = std::function<array(const array&, const array&)>;

Arrays squares(const Arrays& x) { return {mx::square(x[0])}; }

class TransformsSurface : public testing::Test {
 protected:
  Unary unary_ = [](const array& x) { return mx::square(x); };
  Binary binary_ = [](const array& x, const array& y) { return x * y; };
  ArraysFunction arrays_ = squares;
  ScalarFunction scalar_ = [](const Arrays& x) { return x[0] * x[1]; };
  array three_ = array(3.0f), two_ = array(2.0f);
};

TEST_F(TransformsSurface, Evaluation) {
  mx::eval(three_ + 1, two_ + 1);
  mx::eval(Arrays{three_ + 1});
  mx::async_eval(three_ + 1, two_ + 1);
  mx::async_eval(Arrays{three_ + 1});
}

TEST_F(TransformsSurface, Derivatives) {
  const std::pair<Arrays, Arrays> vjps = mx::vjp(arrays_, {three_}, {array(1.0f)});
  EXPECT_EQ(vjps.second[0].item<float>(), 6);
  const std::pair<array, array> vjp = mx::vjp(unary_, three_, array(1.0f));
  EXPECT_EQ(vjp.second.item<float>(), 6);
  const std::pair<Arrays, Arrays> jvps = mx::jvp(arrays_, {three_}, {array(1.0f)});
  EXPECT_EQ(jvps.second[0].item<float>(), 6);
  const std::pair<array, array> jvp = mx::jvp(unary_, three_, array(1.0f));
  EXPECT_EQ(jvp.second.item<float>(), 6);

  const mx::ValueAndGradFn all = mx::value_and_grad(arrays_, std::vector<int>{0});
  const mx::ValueAndGradFn one = mx::value_and_grad(arrays_, 0);
  const mx::ValueAndGradFn first = mx::value_and_grad(arrays_);
  EXPECT_EQ(all({three_}).second[0].item<float>(), 6);
  EXPECT_EQ(one({three_}).first[0].item<float>(), 9);
  EXPECT_EQ(first({three_}).first[0].item<float>(), 9);
  const mx::SimpleValueAndGradFn simple = mx::value_and_grad(scalar_, std::vector<int>{0, 1});
  EXPECT_EQ(simple({three_, two_}).second[1].item<float>(), 3);
  const mx::SimpleValueAndGradFn simple_one = mx::value_and_grad(scalar_, 1);
  EXPECT_EQ(simple_one({three_, two_}).first.item<float>(), 6);
  const std::function<std::pair<array, array>(const array&)> unary = mx::value_and_grad(unary_);
  EXPECT_EQ(unary(three_).second.item<float>(), 6);
  const ArraysFunction gradients = mx::grad(scalar_, std::vector<int>{0, 1});
  EXPECT_EQ(gradients({three_, two_})[0].item<float>(), 2);
  const ArraysFunction gradient = mx::grad(scalar_, 1);
  EXPECT_EQ(gradient({three_, two_})[0].item<float>(), 3);
  const Unary slope = mx::grad(mx::grad(unary_));
  EXPECT_EQ(slope(three_).item<float>(), 2);
}

TEST_F(TransformsSurface, Batches) {
  const array row({1.0f, 2.0f});
  const Unary unary = mx::vmap(unary_, 0, 0);
  EXPECT_EQ(unary(row).shape(), Shape{2});
  const Binary binary = mx::vmap(binary_, 0, -1, 0);
  EXPECT_EQ(binary(row, row).shape(), (Shape{2, 2}));
  const ArraysFunction arrays = mx::vmap(arrays_, {0}, {0});
  EXPECT_EQ(arrays({row})[0].shape(), Shape{2});
}

TEST_F(TransformsSurface, CustomRules) {
  const auto twice = [](const Arrays&, const Arrays& cotangents, const Arrays&) {
    return Arrays{cotangents[0] * 2};
  };
  const ArraysFunction custom = mx::custom_vjp(arrays_, twice);
  EXPECT_EQ(mx::vjp(custom, {three_}, {array(1.0f)}).second[0].item<float>(), 2);
  const ArraysFunction function = mx::custom_function(
      arrays_, twice, std::nullopt, [](const Arrays& inputs, const std::vector<int>& axes) {
        return std::pair<Arrays, std::vector<int>>(inputs, axes);
      });
  EXPECT_EQ(function({three_})[0].item<float>(), 9);
  EXPECT_EQ(mx::checkpoint(arrays_)({three_})[0].item<float>(), 9);
}

TEST_F(TransformsSurface, Compilation) {
  const ArraysFunction function = mx::compile(arrays_);
  const ArraysFunction shapeless = mx::compile(arrays_, true);
  const ArraysFunction pointer = mx::compile(squares);
  const ArraysFunction lambda = mx::compile([](const Arrays& x) { return squares(x); });
  for (const ArraysFunction& f : {function, shapeless, pointer, lambda}) {
    EXPECT_EQ(f({three_})[0].item<float>(), 9);
  }
}

}  // namespace
