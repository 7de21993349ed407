// Activations, losses and initialisers against mlx.nn.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "mica/mica.h"
#include "models.h"
#include "tests/golden.h"

namespace mica {
namespace {

using Function = std::function<array(const array&)>;

TEST(Activations, EqualMlx) {
  const auto expected = golden::load("nn/activations");
  const std::map<std::string, Function> functions{
      {"sigmoid", nn::sigmoid},
      {"relu", nn::relu},
      {"relu2", nn::relu2},
      {"relu6", nn::relu6},
      {"leaky_relu", [](const array& x) { return nn::leaky_relu(x); }},
      {"leaky_relu_options", [](const array& x) { return nn::leaky_relu(x, 0.2); }},
      {"log_softmax", [](const array& x) { return nn::log_softmax(x); }},
      {"elu", [](const array& x) { return nn::elu(x); }},
      {"elu_options", [](const array& x) { return nn::elu(x, 0.5); }},
      {"softmax", [](const array& x) { return nn::softmax(x); }},
      {"softmin", [](const array& x) { return nn::softmin(x); }},
      {"softplus", nn::softplus},
      {"softsign", nn::softsign},
      {"softshrink", [](const array& x) { return nn::softshrink(x); }},
      {"softshrink_options", [](const array& x) { return nn::softshrink(x, 2.0); }},
      {"celu", [](const array& x) { return nn::celu(x); }},
      {"celu_options", [](const array& x) { return nn::celu(x, 2.0); }},
      {"silu", nn::silu},
      {"log_sigmoid", nn::log_sigmoid},
      {"gelu", nn::gelu},
      {"gelu_approx", nn::gelu_approx},
      {"gelu_fast_approx", nn::gelu_fast_approx},
      {"step", [](const array& x) { return nn::step(x); }},
      {"step_options", [](const array& x) { return nn::step(x, 2.0); }},
      {"selu", nn::selu},
      {"mish", nn::mish},
      {"hardswish", nn::hardswish},
      {"hard_tanh", [](const array& x) { return nn::hard_tanh(x); }},
      {"hard_tanh_options", [](const array& x) { return nn::hard_tanh(x, -2.0, 3.0); }},
      {"hard_shrink", [](const array& x) { return nn::hard_shrink(x); }},
      {"hard_shrink_options", [](const array& x) { return nn::hard_shrink(x, 2.0); }},
      {"tanh", nn::tanh}};
  const array x = expected.at("x");
  size_t compared = 1;
  for (const auto& [name, f] : functions) {
    SCOPED_TRACE(name);
    golden::expect_close(f(x), expected.at(name + ".y"), 1e-5, 1e-6);
    golden::expect_close(f(astype(x, float16)), expected.at(name + ".half"), 4e-3, 1e-3);
    compared += 2;
    if (!expected.contains(name + ".dx")) continue;
    const array dx = grad([&](const array& a) { return sum(f(a)); })(x);
    golden::expect_close(dx, expected.at(name + ".dx"), 1e-4, 2e-6);
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
}

TEST(Losses, EqualMlx) {
  const auto g = golden::load("nn/losses");
  using namespace nn::losses;
  using nn::Reduction;
  const array logits = g.at("logits"), labels = g.at("labels"), bits = g.at("bits");
  const array targets = g.at("targets"), p = g.at("p"), probabilities = g.at("probabilities");
  auto ce = [&](CrossEntropyOptions options) {
    return [&, options](const array& x) { return cross_entropy(x, labels, options); };
  };
  auto bce = [&](BinaryCrossEntropyOptions options) {
    return [&, options](const array& x) { return binary_cross_entropy(x, bits, options); };
  };
  const std::map<std::string, Function> cases{
      {"cross_entropy", ce({})},
      {"cross_entropy_probabilities",
       [&](const array& x) { return cross_entropy(x, probabilities); }},
      {"cross_entropy_smoothed", ce({.label_smoothing = 0.1})},
      {"cross_entropy_smoothed_probabilities",
       [&](const array& x) { return cross_entropy(x, probabilities, {.label_smoothing = 0.1}); }},
      {"cross_entropy_weights", ce({.weights = g.at("weights")})},
      {"cross_entropy_mean", ce({.reduction = Reduction::mean})},
      {"cross_entropy_sum", ce({.reduction = Reduction::sum})},
      {"cross_entropy_axis", ce({.axis = 0})},
      {"binary_cross_entropy", bce({})},
      {"binary_cross_entropy_none", bce({.reduction = Reduction::none})},
      {"binary_cross_entropy_weights", bce({.weights = p})},
      {"binary_cross_entropy_probabilities", bce({.with_logits = false})},
      {"l1_loss", [&](const array& x) { return l1_loss(x, targets); }},
      {"l1_loss_none",
       [&](const array& x) { return l1_loss(x, targets, {.reduction = Reduction::none}); }},
      {"mse_loss", [&](const array& x) { return mse_loss(x, targets); }},
      {"mse_loss_sum",
       [&](const array& x) { return mse_loss(x, targets, {.reduction = Reduction::sum}); }}};
  for (const auto& [name, loss] : cases) {
    SCOPED_TRACE(name);
    const array x = name == "cross_entropy_axis"                   ? transpose(logits)
                    : name == "binary_cross_entropy_probabilities" ? p
                                                                   : logits;
    golden::expect_close(loss(x), g.at(name + ".y"), 1e-5, 1e-6);
    golden::expect_close(grad([&](const array& a) { return sum(loss(a)); })(x), g.at(name + ".dx"),
                         1e-4, 1e-6);
  }
  EXPECT_EQ(g.size(), 7 + 2 * cases.size());
}

TEST(Losses, ClassWeightsScaleEachTarget) {
  const auto g = golden::load("nn/losses");
  const array logits = g.at("logits"), labels = g.at("labels");
  const array class_weights({0.5f, 2.0f, 1.0f, 3.0f, 0.1f});
  golden::expect_close(nn::losses::cross_entropy(logits, labels, {.class_weights = class_weights}),
                       g.at("cross_entropy.y") * take(class_weights, labels, 0));
  const array one_hot = astype(expand_dims(labels, 1) == arange(5), float32);
  for (const double smoothing : {0.0, 0.1}) {
    const nn::losses::CrossEntropyOptions options{.class_weights = class_weights,
                                                  .label_smoothing = smoothing};
    golden::expect_close(nn::losses::cross_entropy(logits, one_hot, options),
                         nn::losses::cross_entropy(logits, labels, options));
  }
  golden::expect_close(nn::losses::cross_entropy(
                           logits, labels, {.class_weights = ones({5}), .label_smoothing = 0.1}),
                       g.at("cross_entropy_smoothed.y"), 1e-5, 1e-6);
}

TEST(Losses, RefuseWrongArguments) {
  using namespace nn::losses;
  const array logits = ones({4, 5}), labels = zeros({4}, int32);
  EXPECT_EQ(error_of([&] { cross_entropy(logits, zeros({3}, int32)); }),
            "cross_entropy: expected targets (4,), got (3,)");
  EXPECT_EQ(error_of([&] { cross_entropy(logits, zeros({4})); }),
            "cross_entropy: expected targets of integers, got float32");
  EXPECT_EQ(error_of([&] { cross_entropy(logits, labels, {.label_smoothing = 1}); }),
            "cross_entropy: expected label_smoothing in [0, 1), got 1.0");
  EXPECT_EQ(error_of([&] { cross_entropy(logits, labels, {.weights = ones({5})}); }),
            "cross_entropy: expected weights (4,), got (5,)");
  EXPECT_EQ(error_of([&] { cross_entropy(logits, labels, {.class_weights = ones({4})}); }),
            "cross_entropy: expected class_weights (5,), got (4,)");
  EXPECT_EQ(error_of([&] { cross_entropy(logits, labels, {.axis = 2}); }),
            "cross_entropy: expected axis in [-2, 2), got 2");
  EXPECT_EQ(error_of([&] { mse_loss(logits, ones({4})); }),
            "mse_loss: expected targets (4, 5), got (4,)");
}

TEST(Init, EqualsMlx) {
  using namespace nn::init;
  const auto expected = golden::load("nn/init");
  const array square = zeros({4, 4}), kernel = zeros({6, 3, 2, 4});
  const std::map<std::string, std::function<array()>> cases{
      {"constant", [&] { return constant(2.5)(square); }},
      {"normal", [&] { return normal()(square); }},
      {"normal_options", [&] { return normal(1.0, 0.5)(square); }},
      {"uniform", [&] { return uniform()(square); }},
      {"uniform_options", [&] { return uniform(-2.0, 3.0)(square); }},
      {"uniform_half", [&] { return uniform(-2.0, 3.0, float16)(square); }},
      {"identity", [&] { return nn::init::identity()(square); }},
      {"glorot_normal", [&] { return glorot_normal()(kernel); }},
      {"glorot_normal_options", [&] { return glorot_normal()(kernel, 2.0); }},
      {"glorot_uniform", [&] { return glorot_uniform()(kernel); }},
      {"glorot_uniform_options", [&] { return glorot_uniform()(kernel, 2.0); }},
      {"he_normal", [&] { return he_normal()(kernel); }},
      {"he_normal_options", [&] { return he_normal()(kernel, Fan::fan_out, 2.0); }},
      {"he_uniform", [&] { return he_uniform()(kernel); }},
      {"he_uniform_options", [&] { return he_uniform()(kernel, Fan::fan_out, 2.0); }}};
  for (const auto& [name, make] : cases) {
    SCOPED_TRACE(name);
    random::seed(0);
    golden::expect_close(make(), expected.at(name), 1e-6, 1e-6);
  }
  EXPECT_EQ(cases.size(), expected.size());
  EXPECT_EQ(error_of([] { he_normal()(ones({3})); }),
            "he_normal: expected at least 2 axes, got (3,)");
  EXPECT_EQ(error_of([] {
              nn::init::identity()(ones({3, 2}));
            }),
            "init::identity: expected a square matrix, got (3, 2)");
  nn::Linear layer(4, 4);
  layer.apply(constant(3));
  EXPECT_EQ(total(layer.weight), 48.0f);
}

}  // namespace
}  // namespace mica
