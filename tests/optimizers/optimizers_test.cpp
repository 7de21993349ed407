// Optimizers and schedules against mlx.optimizers.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "mica/mica.h"
#include "tests/golden.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using Arrays = std::unordered_map<std::string, array>;

Tree tree_of(const Arrays& arrays, const std::string& prefix) {
  std::vector<std::pair<std::string, array>> leaves;
  for (const char* path : {"layers.0.w", "b"}) leaves.emplace_back(path, arrays.at(prefix + path));
  return tree_unflatten(leaves);
}

TEST(Optimizers, StepAsMlx) {
  using namespace optimizers;
  const auto expected = golden::load("optimizers/steps");
  std::map<std::string, std::shared_ptr<Optimizer>> cases;
  auto add = [&](const std::string& name, auto optimizer) {
    cases[name] = std::make_shared<decltype(optimizer)>(std::move(optimizer));
  };
  const Schedule cosine = cosine_decay(0.1, 3);
  add("sgd", SGD(0.1));
  add("sgd_weight_decay", SGD({.learning_rate = 0.1, .weight_decay = 0.1}));
  add("sgd_momentum", SGD({.learning_rate = 0.1, .momentum = 0.9}));
  add("sgd_dampening", SGD({.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.5}));
  add("sgd_nesterov", SGD({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true}));
  add("sgd_schedule", SGD(cosine));
  add("adam", Adam(0.1));
  add("adam_options", Adam({.learning_rate = 0.1, .betas = {0.8, 0.9}, .eps = 0.01}));
  add("adam_bias_correction", Adam({.learning_rate = cosine, .bias_correction = true}));
  add("adamw", AdamW(0.1));
  add("adamw_options",
      AdamW({.learning_rate = 0.1, .betas = {0.8, 0.9}, .eps = 0.01, .weight_decay = 0.2}));
  add("adamw_bias_correction", AdamW({.learning_rate = 0.1, .bias_correction = true}));
  for (const auto& [name, optimizer] : cases) {
    SCOPED_TRACE(name);
    Tree parameters = tree_of(expected, "start.");
    for (int i = 0; i < 4; ++i) {
      const Tree gradients = tree_of(expected, "gradients." + std::to_string(i) + ".");
      parameters = optimizer->apply_gradients(gradients, parameters);
    }
    for (const auto& [path, value] : tree_flatten(parameters))
      golden::expect_close(value, expected.at(name + ".parameters." + path), 1e-6, 1e-7);
    const auto state = tree_flatten(optimizer->state());
    for (const auto& [path, value] : state)
      golden::expect_close(value, expected.at(name + ".state." + path), 1e-6, 1e-7);
  }
}

TEST(Optimizers, ClipGradNorm) {
  const auto expected = golden::load("optimizers/steps");
  const Tree gradients = tree_of(expected, "gradients.0.");
  for (const auto& [name, limit] : {std::pair("clipped_0.5.", 0.5f), {"clipped_100.", 100.0f}}) {
    const auto [clipped, norm] = optimizers::clip_grad_norm(gradients, limit);
    golden::expect_close(norm, expected.at(name + std::string("norm")), 1e-6);
    for (const auto& [path, value] : tree_flatten(clipped))
      golden::expect_close(value, expected.at(name + path), 1e-6);
  }
}

TEST(Optimizers, Schedules) {
  using namespace optimizers;
  const auto expected = golden::load("optimizers/schedules");
  const Schedule linear = linear_schedule(0.0, 0.1, 4), cosine = cosine_decay(0.1, 5);
  const std::map<std::string, Schedule> schedules{
      {"exponential_decay", exponential_decay(0.1, 0.9)},
      {"step_decay", step_decay(0.1, 0.9, 3)},
      {"cosine_decay", cosine},
      {"cosine_decay_end", cosine_decay(0.1, 5, 0.01)},
      {"linear_schedule", linear},
      {"join_schedules", join_schedules({linear, cosine}, {4})}};
  for (const auto& [name, schedule] : schedules) {
    SCOPED_TRACE(name);
    std::vector<array> rates;
    for (int i = 0; i < 13; ++i) rates.push_back(schedule(array(i, uint64)));
    golden::expect_close(stack(rates), expected.at(name), 1e-6, 1e-8);
  }
  EXPECT_EQ(error_of([&] { join_schedules({linear}, {4}); }),
            "join_schedules: expected 0 boundaries, got 1");
  EXPECT_EQ(error_of([] { step_decay(1, 1, 0); }),
            "step_decay: expected step_size of at least 1, got 0");
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

TEST(Optimizers, RefuseAndChangeNothing) {
  using namespace optimizers;
  EXPECT_EQ(error_of([] { AdamW(AdamW::Options{}); }), "AdamW: expected a learning_rate, got none");
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

TEST(Optimizers, KeepTheDtypeOfParameters) {
  MLP model(2, 3);
  model.set_dtype(bfloat16);
  const Tree gradients = model.trainable_parameters();
  optimizers::AdamW adam({.learning_rate = 1e-2, .bias_correction = true});
  optimizers::SGD sgd({.learning_rate = 1e-2, .momentum = 0.9, .weight_decay = 0.1});
  adam.update(model, gradients);
  sgd.update(model, gradients);
  EXPECT_EQ(model.layers[0].weight.dtype(), bfloat16);
  EXPECT_EQ(adam.state()["layers"][0]["weight"]["m"].dtype(), bfloat16);
}

}  // namespace
}  // namespace mica
