#include "mica/nn/summary.h"

#include <gtest/gtest.h>

#include "mica/memory.h"
#include "mica/nn/activations.h"
#include "mica/nn/attention.h"
#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/dropout.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "mica/nn/recurrent.h"
#include "mica/nn/value_and_grad.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "tests/golden.h"

namespace mica {
namespace {

struct Net : nn::Module {
  nn::Sequential body{nn::Conv2d(3, 16, 3, {.padding = 1}), nn::BatchNorm(16), nn::ReLU()};
  nn::Linear head{64, 10};
  nn::Dropout drop;
  MICA_MODULE(Net, body, head, drop)
  array operator()(const array& x) const {
    return head(drop(reshape(mean(body(x), 1), {x.shape(0), -1})));
  }
};

TEST(Summary, CountsParametersOutputsAndOperations) {
  Net net;
  const nn::Summary summary = nn::summary(net, zeros({8, 4, 4, 3}));
  ASSERT_EQ(summary.rows.size(), 7u);
  const auto& model = summary.rows[0];
  EXPECT_EQ(model.type, "Net");
  EXPECT_EQ(model.parameters, 16u * 27 + 16 + 4 * 16 + 650);
  EXPECT_EQ(model.trainable_parameters, model.parameters - 2 * 16);
  EXPECT_EQ(model.outputs, std::vector<Shape>({{8, 10}}));
  EXPECT_EQ(summary.parameter_bytes, 4 * model.parameters);

  const auto& convolution = summary.rows[2];
  EXPECT_EQ(convolution.path, "body.layers.0");
  EXPECT_EQ(convolution.depth, 2);
  EXPECT_EQ(convolution.outputs, std::vector<Shape>({{8, 4, 4, 16}}));
  EXPECT_EQ(convolution.flops, 8 * 4 * 4 * 16 * (2 * 27 + 1));
  const auto& head = summary.rows[5];
  EXPECT_EQ(head.flops, 8 * 10 * (2 * 64 + 1));
  EXPECT_EQ(head.calls, 1);
}

TEST(Summary, CountsOperationsOfAttentionAndRecurrence) {
  nn::MultiHeadAttention attention(8, 2);
  const array x = zeros({3, 5, 8});
  const double projections = 4 * 3 * 5 * 8 * (2 * 8);
  const double scores = 3 * 2 * 5 * 5 * (2 * 4 + 2 * 4 + 1);
  EXPECT_GE(nn::summary(attention, x, x, x).rows[0].flops, projections + scores);
  EXPECT_LE(nn::summary(attention, x, x, x).rows[0].flops, 1.2 * (projections + scores));

  nn::LSTM lstm(8, 6);
  const double inputs = 3 * 5 * 24 * (2 * 8 + 1), states = 3 * 5 * 24 * (2 * 6 + 1);
  const nn::Summary summary = nn::summary(lstm, x);
  EXPECT_GE(summary.rows[0].flops, inputs + states);
  EXPECT_LE(summary.rows[0].flops, 1.2 * (inputs + states));
  EXPECT_EQ(summary.rows[0].outputs, std::vector<Shape>({{3, 5, 6}}));
}

TEST(Summary, LeavesTheModelAndTheGeneratorAsTheyWere) {
  Net net;
  eval(net.parameters());
  const auto before = tree_flatten(net.state());
  random::seed(3);
  const array expected = random::uniform(0.0, 1.0, {4});
  random::seed(3);
  const nn::Summary summary = nn::summary(net, zeros({8, 4, 4, 3}));
  golden::expect_same(random::uniform(0.0, 1.0, {4}), expected);
  const auto after = tree_flatten(net.state());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].second.id(), after[i].second.id());
}

TEST(Summary, AllocatesNothing) {
  nn::Sequential big{nn::Linear(1 << 15, 1 << 15), nn::Linear(1 << 15, 1 << 15)};
  const size_t before = get_active_memory();
  const nn::Summary summary = nn::summary(big, zeros({1 << 10, 1 << 15}));
  EXPECT_EQ(summary.parameter_bytes, 2 * (size_t{4} << 30) + (size_t{2} << 17));
  EXPECT_LT(get_active_memory(), before + (size_t{1} << 16));
}

TEST(Summary, PredictsTheMemoryOfATrainingStep) {
  nn::Sequential net{nn::Linear(256, 512), nn::GELU(), nn::LayerNorm(512), nn::Linear(512, 256)};
  const array x = random::normal({512, 256});
  const nn::Summary summary = nn::summary(net, x);
  eval(net.parameters());
  x.eval();
  auto step = nn::value_and_grad(net, [&](const array& input) { return sum(net(input)); });
  reset_peak_memory();
  const size_t others = get_active_memory() - summary.parameter_bytes - x.nbytes();
  auto [loss, gradients] = step(x);
  eval(loss, gradients);
  const double measured = static_cast<double>(get_peak_memory() - others);
  EXPECT_NEAR(static_cast<double>(summary.training_bytes) / measured, 1, 0.2);
}

TEST(Summary, OfAFrozenModelHasNoTrainingStep) {
  nn::Linear layer(2, 3);
  layer.freeze();
  const nn::Summary summary = nn::summary(layer, zeros({4, 2}));
  EXPECT_EQ(summary.rows[0].trainable_parameters, 0u);
  EXPECT_EQ(summary.training_bytes, 0u);
}

}  // namespace
}  // namespace mica
