// Optimizers move parameters and state as mlx.optimizers do, over five steps.
#include <gtest/gtest.h>

#include "tests/nn/models.h"
#include "tests/optimizers/steps.h"

namespace mica {
namespace {

using optimizers::Adam;
using optimizers::AdamW;
using optimizers::SGD;

class Steps : public StepsTest {
 protected:
  Steps() : StepsTest("optimizers/steps") {}
};

TEST_F(Steps, Sgd) {
  expect_steps("sgd", SGD(0.1));
  expect_steps("sgd_weight_decay", SGD({.learning_rate = 0.1, .weight_decay = 0.2}));
  expect_steps("sgd_momentum", SGD({.learning_rate = 0.1, .momentum = 0.8}));
  expect_steps("sgd_dampening", SGD({.learning_rate = 0.1, .momentum = 0.8, .dampening = 0.3}));
  expect_steps("sgd_nesterov", SGD({.learning_rate = 0.1, .momentum = 0.8, .nesterov = true}));
  expect_steps("sgd_all",
               SGD({.learning_rate = 0.1, .momentum = 0.8, .weight_decay = 0.2, .nesterov = true}));
  expect_steps("sgd_schedule", SGD({.learning_rate = falling_, .momentum = 0.8}));
}

TEST_F(Steps, Adam) {
  expect_steps("adam", Adam(0.1));
  expect_steps("adam_betas", Adam({.learning_rate = 0.1, .betas = {0.7, 0.8}}));
  expect_steps("adam_eps", Adam({.learning_rate = 0.1, .eps = 0.1}));
  expect_steps("adam_bias_correction", Adam({.learning_rate = 0.1, .bias_correction = true}));
}

TEST_F(Steps, AdamW) {
  expect_steps("adamw", AdamW(0.1));
  expect_steps("adamw_betas", AdamW({.learning_rate = 0.1, .betas = {0.7, 0.8}}));
  expect_steps("adamw_eps", AdamW({.learning_rate = 0.1, .eps = 0.1}));
  expect_steps("adamw_bias_correction", AdamW({.learning_rate = 0.1, .bias_correction = true}));
  expect_steps("adamw_weight_decay", AdamW({.learning_rate = 0.1, .weight_decay = 0.3}));
  expect_steps("adamw_schedule", AdamW({.learning_rate = falling_, .bias_correction = true}));
}

TEST_F(Steps, HalfPrecisionIsKept) {
  expect_steps("half.sgd", SGD({.learning_rate = 0.1, .momentum = 0.8, .nesterov = true}), "half.",
               half_tolerance(bfloat16));
  expect_steps("half.adamw", AdamW({.learning_rate = 0.1, .bias_correction = true}), "half.",
               half_tolerance(bfloat16));
}

TEST_F(Steps, ParametersWithoutAGradientStayOut) {
  SGD optimizer(0.1);
  const Tree parameters = tree("start");
  const Tree moved =
      optimizer.apply_gradients(Tree::dict({{"scale", file_.at("gradients.0.scale")}}), parameters);
  EXPECT_EQ(moved.keys(), std::vector<std::string>{"scale"});
  expect_close(moved["scale"],
               file_.at("start.scale") - array(0.1f) * file_.at("gradients.0.scale"), {});
}

TEST(Optimizers, StateIsSavedAndSet) {
  MLP model(2, 3);
  MLP copy = model;
  const Tree gradients = model.trainable_parameters();
  optimizers::Adam optimizer({.learning_rate = 0.1});
  optimizer.update(model, gradients);
  copy.update(model.parameters());
  optimizers::Adam resumed({.learning_rate = 0.5});
  resumed.set_state(tree_unflatten(tree_flatten(optimizer.state())));
  optimizers::Adam forked = optimizer;
  optimizer.update(model, gradients);
  resumed.update(copy, gradients);
  golden::expect_same(copy.layers[1].weight, model.layers[1].weight);
  EXPECT_EQ(resumed.step().item<uint64_t>(), 2u);
  EXPECT_EQ(forked.step().item<uint64_t>(), 1u);
  optimizer.set_learning_rate(0.0f);
  const array before = model.layers[1].weight;
  optimizer.update(model, gradients);
  golden::expect_same(model.layers[1].weight, before);
}

TEST(Optimizers, RefuseOptionsAndGradientsAndChangeNothing) {
  EXPECT_EQ(error_of([] { AdamW(AdamW::Options{}); }), "AdamW: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { SGD({.learning_rate = ones({2})}); }),
            "SGD: expected a learning_rate of shape (), got (2,)");
  EXPECT_EQ(error_of([] { AdamW({.learning_rate = 0.1, .eps = -1}); }),
            "AdamW: expected eps of at least 0, got -1.0");
  EXPECT_EQ(error_of([] {
              Adam({.learning_rate = 0.1, .betas = {1.0, 0.9}});
            }),
            "Adam: expected betas in [0, 1), got 1.0");
  EXPECT_EQ(error_of([] { SGD({.learning_rate = 0.1, .nesterov = true}); }),
            "SGD: expected momentum above 0 and dampening 0 with nesterov, got 0.0 and 0.0");
  MLP model(2, 3);
  SGD optimizer(0.1);
  const auto before = model.layers[0].weight.id();
  Tree gradients = model.trainable_parameters();
  gradients["layers"][1]["bias"] = ones({3});
  EXPECT_EQ(error_of([&] { optimizer.update(model, gradients); }),
            "SGD: expected a gradient (8,) for layers.1.bias, got (3,)");
  gradients["layers"][1]["scale"] = ones({3});
  gradients["layers"][1]["bias"] = ones({8});
  EXPECT_EQ(error_of([&] { optimizer.update(model, gradients); }),
            "SGD: expected gradients of parameters for layers.1, got 'scale'");
  EXPECT_EQ(model.layers[0].weight.id(), before);
  EXPECT_EQ(optimizer.step().item<uint64_t>(), 0u);
}

}  // namespace
}  // namespace mica
