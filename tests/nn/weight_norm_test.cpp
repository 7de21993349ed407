#include "mica/nn/weight_norm.h"

#include <gtest/gtest.h>

#include "mica/linalg/linalg.h"
#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/linear.h"
#include "mica/nn/slot.h"
#include "mica/nn/value_and_grad.h"
#include "mica/nn/verify.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "models.h"
#include "tests/golden.h"

namespace mica {
namespace {

using golden::expect_close;

nn::Linear linear() {
  nn::Linear layer(3, 2);
  layer.weight = array({{0.5f, -1.0f, 0.25f}, {2.0f, 0.75f, -0.5f}});
  layer.bias = array({0.1f, -0.2f});
  return layer;
}
const array& input() {
  static const array x({{1.0f, 2.0f, 3.0f}, {-1.0f, 0.5f, 0.25f}});
  return x;
}
const array& cotangent() {
  static const array c({{1.0f, 2.0f}, {3.0f, -1.0f}});
  return c;
}

array column(float first, float second) { return reshape(array({first, second}), {2, 1}); }

// Expected values are torch's, of torch.nn.utils.parametrizations.
TEST(WeightNorm, ComputesAndDifferentiates) {
  auto layer = nn::weight_norm(linear());
  expect_close(layer(input()), linear()(input()));
  expect_close(layer.weight_g, column(1.1456439f, 2.1937411f));
  layer.weight_g = column(2.0f, 0.5f);
  expect_close(layer(input()), array({{-1.2093073f, 0.25584233f}, {-1.5366341f, -0.59886205f}}));
  auto loss = [&](const array& x) { return sum(layer(x) * cotangent()); };
  const auto [value, gradients] = nn::value_and_grad(layer, loss)(input());
  expect_close(gradients["weight_g"], column(-3.1096048f, 2.6210933f));
  expect_close(gradients["weight_v"], array({{-1.1222634f, 1.3716555f, 7.731148f},
                                             {0.1391207f, 0.59348303f, 1.4467074f}}));
}

TEST(WeightNorm, HasItsOwnParameters) {
  nn::WeightNorm<nn::Conv2d> layer(2, 4, 3);
  std::string paths;
  for (const auto& [path, value] : tree_flatten(layer.parameters())) paths += path + " ";
  EXPECT_EQ(paths, "bias weight_g weight_v ");
  EXPECT_EQ(layer.weight_g.shape(), (Shape{4, 1, 1, 1}));
  auto whole = nn::weight_norm(nn::Conv2d(2, 4, 3), {.dim = std::nullopt});
  EXPECT_EQ(whole.weight_g.shape(), (Shape{1, 1, 1, 1}));
  EXPECT_EQ(nn::weight_norm(nn::Conv2d(2, 4, 3), {.dim = -1}).weight_g.shape(),
            (Shape{1, 1, 1, 2}));
  EXPECT_THROW(nn::weight_norm(nn::Conv2d(2, 4, 3), {.dim = 4}), std::invalid_argument);
  EXPECT_EQ(text(nn::weight_norm(linear())), "WeightNorm(input_dims=3, output_dims=2, bias=True)");
}

TEST(WeightNorm, FitsIntoASlotAndPassesVerification) {
  nn::Slot<nn::Linear> slot(3, 2);
  slot = nn::weight_norm(linear());
  expect_close(slot(input()), linear()(input()));
  nn::Sequential model{nn::weight_norm(linear()), nn::spectral_norm(nn::Linear(2, 3))};
  const nn::Verification found = nn::verify(model, input());
  EXPECT_TRUE(found.ok()) << found;
}

TEST(SpectralNorm, ComputesAndDifferentiates) {
  nn::Linear plain = linear();
  plain.bias.reset();
  auto layer = nn::spectral_norm(plain);
  layer.weight_u = array({0.6f, 0.8f});
  layer.weight_v = array({2 / 3.0f, 1 / 3.0f, 2 / 3.0f});
  auto loss = [&](const array& x) { return sum(layer(x) * cotangent()); };
  const auto [value, gradients] = nn::value_and_grad(layer, loss)(input());
  expect_close(gradients["weight"],
               array({{-0.97098327f, 1.5832859f, 1.7272524f}, {0.9470921f, 1.473513f, 2.724709f}}));
  EXPECT_FALSE(gradients.contains("weight_u"));
  expect_close(layer.weight_u, array({0.13216373f, 0.9912279f}));
  expect_close(layer.weight_v, array({0.9365762f, 0.27946222f, -0.21148494f}));
  layer.eval();
  expect_close(layer(input()), array({{-0.34289443f, 0.9143852f}, {-0.42861807f, -0.80008703f}}));
  expect_close(layer.weight_u, array({0.13216373f, 0.9912279f}));
}

TEST(SpectralNorm, StartsCloseToTheSingularValue) {
  random::seed(1);
  nn::SpectralNorm<nn::Conv2d> layer(4, 8, 3);
  layer.eval();
  const array normalized =
      layer.weight / (sum(layer.weight_u * matmul(flatten(layer.weight, 1), layer.weight_v)));
  const array largest = max(linalg::svd(flatten(normalized, 1), false, {})[0]);
  EXPECT_NEAR(largest.item<float>(), 1, 0.05);
  EXPECT_THROW(nn::spectral_norm(linear(), {.n_power_iterations = 0}), std::invalid_argument);
}

}  // namespace
}  // namespace mica
