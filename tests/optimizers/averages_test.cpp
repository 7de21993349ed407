// Averages of parameters over training.
#include "mica/optimizers/averages.h"

#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using optimizers::EMA;
using optimizers::SWA;

Tree tree_of(float a, float b) {
  return Tree::dict({{"w", array({a, b})}, {"n", array(static_cast<int>(a))}});
}

TEST(Averages, ExponentialMovingAverage) {
  EMA ema(0.75);
  ema.update(tree_of(1, 2));
  golden::expect_same(ema.parameters()["w"], array({1.0f, 2.0f}));
  ema.update(tree_of(3, -2));
  golden::expect_close(ema.parameters()["w"], array({1.5f, 1.0f}));
  golden::expect_same(ema.parameters()["n"], array(3));
  ema.update(tree_of(0, 0));
  golden::expect_close(ema.parameters()["w"], array({1.125f, 0.75f}));
}

TEST(Averages, StochasticWeightAverage) {
  SWA swa;
  for (const float x : {1.0f, 3.0f, 8.0f}) swa.update(tree_of(x, -x));
  golden::expect_close(swa.parameters()["w"], array({4.0f, -4.0f}));
  EXPECT_EQ(array(swa.state()["step"]).item<uint64_t>(), 3u);
}

TEST(Averages, OfModelsLeaveTheModelAlone) {
  MLP model(2, 3);
  EMA ema({.decay = 0.5});
  ema.update(model);
  const MLP before = model;
  model.update(tree_map([](const array& p) { return p + array(2.0f); }, model.parameters()));
  ema.update(model);
  golden::expect_close(model.layers[0].weight, before.layers[0].weight + array(2.0f));
  MLP averaged = model;
  ema.copy_to(averaged);
  golden::expect_close(averaged.layers[0].weight, before.layers[0].weight + array(1.0f));
  const auto kept = astype(averaged.layers[0].weight, float32);
  ema.update(model);
  golden::expect_same(averaged.layers[0].weight, kept);
}

TEST(Averages, HalfPrecisionIsKept) {
  SWA swa;
  for (const float x : {1.0f, 2.0f}) swa.update(Tree::dict({{"w", full({2}, array(x), bfloat16)}}));
  golden::expect_same(swa.parameters()["w"], full({2}, array(1.5f), bfloat16));
}

TEST(Averages, StateIsSavedAndSet) {
  SWA swa;
  swa.update(tree_of(1, 2));
  swa.update(tree_of(2, 4));
  SWA resumed;
  resumed.set_state(tree_unflatten(tree_flatten(swa.state())));
  swa.update(tree_of(9, 0));
  resumed.update(tree_of(9, 0));
  golden::expect_same(resumed.parameters()["w"], swa.parameters()["w"]);
}

TEST(Averages, Errors) {
  EXPECT_EQ(error_of([] { EMA(1.0); }), "EMA: expected decay in [0, 1), got 1.0");
  EXPECT_EQ(error_of([] { SWA().parameters(); }), "SWA: expected an update before parameters()");
  EXPECT_EQ(error_of([] { SWA().set_state(Tree()); }), "SWA: expected a state with step, got none");
}

}  // namespace
}  // namespace mica
