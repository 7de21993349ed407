// Training as a whole: the same numbers as mlx.nn, and one plan for all steps.
#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "mica/counters.h"
#include "mica/mica.h"
#include "tests/golden.h"

namespace mica {
namespace {

struct MLP : nn::Module {
  std::vector<nn::Linear> layers;
  MICA_MODULE(MLP, layers)

  MLP(int in_dims, int out_dims) : layers{{in_dims, 128}, {128, 128}, {128, out_dims}} {}

  array operator()(array x) const {
    for (size_t i = 0; i < layers.size(); ++i) {
      if (i > 0) x = maximum(x, 0);
      x = layers[i](x);
    }
    return x;
  }
};

// The network of the golden file nn/digits.
struct DigitsNet : nn::Module {
  nn::Conv2d conv1{1, 16, 3, {.padding = 1}};
  nn::BatchNorm norm1{16};
  nn::Conv2d conv2{16, 32, 3, {.padding = 1}};
  nn::BatchNorm norm2{32};
  nn::MaxPool2d pool{2};
  nn::Dropout dropout;
  nn::Linear head{128, 10};
  MICA_MODULE(DigitsNet, conv1, norm1, conv2, norm2, pool, dropout, head)

  explicit DigitsNet(double p) : dropout(p) {}

  array operator()(array x) const {
    x = pool(nn::relu(norm1(conv1(x))));
    x = pool(nn::relu(norm2(conv2(x))));
    return head(dropout(flatten(x, 1)));
  }
};

array mean_cross_entropy(const array& logits, const array& targets) {
  return nn::losses::cross_entropy(logits, targets, {.reduction = nn::Reduction::mean});
}

TEST(Training, SameSeedGivesTheWeightsOfMlx) {
  random::seed(0);
  const MLP mlp(2, 10);
  const auto expected = golden::load("nn/mlp_weights");
  size_t compared = 0;
  for (const auto& [path, parameter] : tree_flatten(mlp.parameters())) {
    golden::expect_same(parameter, expected.at(path));
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
}

TEST(Training, DigitsNetworkFollowsMlx) {
  random::seed(0);
  DigitsNet model(0);
  eval(model.parameters());
  const auto expected = golden::load("nn/digits");
  const array pixels = astype(expected.at("pixels"), float32) / 16, labels = expected.at("labels");
  optimizers::AdamW optimizer(1e-3);
  auto step = nn::value_and_grad(
      model, [&](const array& x, const array& y) { return mean_cross_entropy(model(x), y); });
  std::vector<float> losses;
  for (int i = 0; i < 640; i += 64) {
    auto [loss, gradients] =
        step(slice(pixels, {i, 0, 0, 0}, {i + 64, 8, 8, 1}), slice(labels, {i}, {i + 64}));
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
    losses.push_back(loss.item<float>());
  }
  golden::expect_close(array(losses.begin(), {10}), expected.at("losses"), 1e-5, 0);
  // Biases in front of a batch norm have no gradient but rounding, which Adam scales up to steps of
  // the learning rate; what does not depend on them is compared.
  golden::expect_close(model.norm2.running_var.value(), expected.at("trained.layers.5.running_var"),
                       1e-3, 1e-4);
  golden::expect_close(model.head.weight, expected.at("trained.layers.10.weight"), 1e-3, 1e-4);
}

// Plan hits and misses of each step of a training loop.
template <class Optimizer>
std::vector<Counters> steps_of(DigitsNet& model, Optimizer& optimizer, bool initialised) {
  const array x = random::normal({32, 8, 8, 1}), y = random::randint(0, 10, {32});
  eval(x, y);
  if (initialised) {
    optimizer.init(model.trainable_parameters());
    eval(model.parameters(), optimizer.state());
  }
  auto step = nn::value_and_grad(
      model, [&](const array& a, const array& b) { return mean_cross_entropy(model(a), b); });
  std::vector<Counters> steps;
  for (int i = 0; i < 6; ++i) {
    const Counters before = counters();
    auto [loss, gradients] = step(x, y);
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
    const Counters after = counters();
    steps.push_back({.plan_hits = after.plan_hits - before.plan_hits,
                     .plan_misses = after.plan_misses - before.plan_misses});
  }
  return steps;
}

// The networks of tests/golden/trajectory_goldens.py: the weights come from the seed, the batch and
// the losses of ten steps from the file. draws: how often numbers were drawn for the batch there.
template <class M, class Optimizer>
void expect_trajectory(const char* name, int draws, M& model, Optimizer optimizer) {
  const auto expected = golden::load(name);
  for (int i = 0; i < draws; ++i) random::normal({1});
  auto loss_fn = [&](const array& x, const array& y) { return mean_cross_entropy(model(x), y); };
  auto loss_and_grad = nn::value_and_grad(model, loss_fn);
  const auto losses = std::span(expected.at("losses").template data<float>(), 10);
  for (size_t i = 0; i < losses.size(); ++i) {
    auto [loss, gradients] = loss_and_grad(expected.at("x"), expected.at("y"));
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
    EXPECT_NEAR(loss.template item<float>() / losses[i], 1, 1e-5) << name << ", step " << i;
  }
}

TEST(Training, MlpFollowsMlx) {
  random::seed(0);
  nn::Sequential model{nn::Linear(8, 32), nn::GELU(), nn::LayerNorm(32), nn::Dropout(0.2),
                       nn::Linear(32, 4)};
  expect_trajectory("nn/trajectory_mlp", 2, model,
                    optimizers::SGD({.learning_rate = 0.1, .momentum = 0.9}));
}

struct Recurrent : nn::Module {
  nn::Embedding embedding{20, 8};
  nn::LSTM lstm{8, 16};
  nn::GRU gru{16, 12};
  nn::Linear head{12, 4};
  MICA_MODULE(Recurrent, embedding, lstm, gru, head)
  array operator()(const array& x) const { return head(gru(lstm(embedding(x)).output).hidden); }
};

TEST(Training, LstmFollowsMlx) {
  random::seed(0);
  Recurrent model;
  expect_trajectory("nn/trajectory_lstm", 2, model,
                    optimizers::Adam({.learning_rate = 1e-2, .bias_correction = true}));
}

struct Language : nn::Module {
  nn::Embedding embedding{20, 16};
  nn::TransformerEncoder encoder{2, 16, 4, {.dropout = 0.1}};
  nn::Linear head{16, 20};
  MICA_MODULE(Language, embedding, encoder, head)
  array operator()(const array& x) const {
    const array mask = nn::MultiHeadAttention::create_additive_causal_mask(x.shape(1));
    return head(encoder(embedding(x), mask));
  }
};

TEST(Training, TransformerFollowsMlx) {
  random::seed(0);
  Language model;
  expect_trajectory("nn/trajectory_transformer", 1, model, optimizers::AdamW(1e-3));
}

TEST(Training, LoopHitsThePlanCacheFromItsThirdStep) {
  DigitsNet model(0.5);
  optimizers::AdamW optimizer(
      {.learning_rate = optimizers::cosine_decay(1e-2, 100), .bias_correction = true});
  const auto steps = steps_of(model, optimizer, false);
  for (size_t i = 2; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].plan_hits, 1u) << "step " << i;
    EXPECT_EQ(steps[i].plan_misses, 0u) << "step " << i;
  }
}

TEST(Training, LoopHitsThePlanCacheFromItsSecondStepOnceInitialised) {
  DigitsNet model(0.5);
  optimizers::Adam optimizer(
      {.learning_rate = optimizers::step_decay(1e-2, 0.5, 2), .bias_correction = true});
  const auto steps = steps_of(model, optimizer, true);
  for (size_t i = 1; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i].plan_hits, 1u) << "step " << i;
    EXPECT_EQ(steps[i].plan_misses, 0u) << "step " << i;
  }
}

TEST(Training, ANewBatchShapeMissesOnce) {
  MLP model(4, 3);
  optimizers::SGD optimizer(0.1);
  eval(model.parameters());
  auto step = nn::value_and_grad(model, [&](const array& x) { return mean(square(model(x))); });
  const auto misses = [&](int batch) {
    const array x = ones({batch, 4});
    eval(x);
    const Counters before = counters();
    auto [loss, gradients] = step(x);
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
    return counters().plan_misses - before.plan_misses;
  };
  misses(8);
  misses(8);
  misses(8);
  EXPECT_EQ(misses(5), 1u);
  EXPECT_EQ(misses(5), 0u);
  EXPECT_EQ(misses(8), 0u);
}

TEST(Training, ASnapshotStaysAsItWas) {
  random::seed(3);
  MLP model(2, 10);
  eval(model.parameters());
  const MLP ema = model;
  const array x = random::normal({32, 2});
  const array before = ema(x);
  eval(before);
  optimizers::AdamW optimizer({.learning_rate = 1e-2});
  auto step =
      nn::value_and_grad(model, [&](const array& in) { return mean(square(model(in) - 1)); });
  for (int i = 0; i < 10; ++i) {
    auto [loss, gradients] = step(x);
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
  }
  golden::expect_same(ema(x), before);
  EXPECT_FALSE(allclose(model(x), before).item<bool>());
}

TEST(Training, ALayerAllocatesNothingUntilItIsUsed) {
  const size_t before = get_active_memory();
  nn::Linear layer(100000, 100000);
  EXPECT_LT(get_active_memory(), before + (size_t{1} << 16));
  EXPECT_FALSE(layer.weight.is_available());
}

TEST(Training, PrintingOneParameterEvaluatesOnlyThatOne) {
  MLP model(2, 10);
  const Tree parameters = model.parameters();
  std::ostringstream text;
  text << parameters["layers"][0]["weight"];
  EXPECT_TRUE(model.layers[0].weight.is_available());
  EXPECT_FALSE(model.layers[1].weight.is_available());
  EXPECT_FALSE(model.layers[0].bias->is_available());
}

}  // namespace
}  // namespace mica
