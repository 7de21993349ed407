// The optimizers beside SGD and Adam move parameters and state as mlx.optimizers do, over four
// steps.
#include <gtest/gtest.h>

#include "tests/nn/models.h"
#include "tests/optimizers/steps.h"

namespace mica {
namespace {

using namespace optimizers;

class MoreSteps : public StepsTest {
 protected:
  MoreSteps() : StepsTest("optimizers/more_steps") {}
};

TEST_F(MoreSteps, RMSprop) {
  expect_steps("rmsprop", RMSprop(0.1));
  expect_steps("rmsprop_alpha", RMSprop({.learning_rate = 0.1, .alpha = 0.7}));
  expect_steps("rmsprop_eps", RMSprop({.learning_rate = 0.1, .eps = 0.1}));
}

TEST_F(MoreSteps, Adagrad) {
  expect_steps("adagrad", Adagrad(0.1));
  expect_steps("adagrad_eps", Adagrad({.learning_rate = falling_, .eps = 0.1}));
}

TEST_F(MoreSteps, AdaDelta) {
  expect_steps("adadelta", AdaDelta(0.1));
  expect_steps("adadelta_rho", AdaDelta({.learning_rate = 0.1, .rho = 0.6}));
  expect_steps("adadelta_eps", AdaDelta({.learning_rate = 0.1, .eps = 0.1}));
}

TEST_F(MoreSteps, Adamax) {
  expect_steps("adamax", Adamax(0.1));
  expect_steps("adamax_betas", Adamax({.learning_rate = 0.1, .betas = {0.7, 0.8}}));
  expect_steps("adamax_eps", Adamax({.learning_rate = 0.1, .eps = 0.1}));
}

TEST_F(MoreSteps, Lion) {
  expect_steps("lion", Lion(0.1));
  expect_steps("lion_betas", Lion({.learning_rate = 0.1, .betas = {0.2, 0.5}}));
  expect_steps("lion_weight_decay", Lion({.learning_rate = 0.1, .weight_decay = 0.3}));
}

TEST_F(MoreSteps, Adafactor) {
  expect_steps("adafactor", Adafactor());
  expect_steps("adafactor_eps", Adafactor({.eps = {0.1, 2.0}}));
  expect_steps("adafactor_clip", Adafactor({.clip_threshold = 0.3}));
  expect_steps("adafactor_decay", Adafactor({.decay_rate = -0.5}));
  expect_steps("adafactor_beta", Adafactor({.beta_1 = 0.8}));
  expect_steps("adafactor_weight_decay", Adafactor({.weight_decay = 0.3}));
  expect_steps("adafactor_unscaled", Adafactor({.scale_parameter = false}));
  expect_steps("adafactor_warmup", Adafactor({.warmup_init = true}));
  expect_steps("adafactor_given", Adafactor({.learning_rate = 0.1, .relative_step = false}));
  expect_steps("adafactor_unused", Adafactor(0.1));
}

TEST_F(MoreSteps, Muon) {
  const Tolerance tolerance{1e-4, 1e-5};
  expect_steps("muon", Muon(0.1), "", tolerance);
  expect_steps("muon_momentum", Muon({.learning_rate = 0.1, .momentum = 0.5}), "", tolerance);
  expect_steps("muon_weight_decay", Muon({.learning_rate = 0.1, .weight_decay = 0.3}), "",
               tolerance);
  expect_steps("muon_plain", Muon({.learning_rate = 0.1, .nesterov = false}), "", tolerance);
  expect_steps("muon_steps", Muon({.learning_rate = 0.1, .ns_steps = 2}), "", tolerance);
}

TEST_F(MoreSteps, HalfPrecisionIsKept) {
  const Tolerance tolerance = half_tolerance(bfloat16);
  expect_steps("half.rmsprop", RMSprop(0.1), "half.", tolerance);
  expect_steps("half.adadelta", AdaDelta(0.1), "half.", tolerance);
  expect_steps("half.adamax", Adamax(0.1), "half.", tolerance);
  expect_steps("half.lion", Lion(0.1), "half.", tolerance);
  expect_steps("half.adafactor", Adafactor(), "half.", tolerance);
  expect_steps("half.muon", Muon(0.1), "half.", tolerance);
}

template <class O>
class SavedOptimizers : public MoreSteps {};
using Saved =
    ::testing::Types<RMSprop, Adagrad, AdaDelta, Adam, AdamW, Adamax, Lion, Adafactor, Muon, SGD>;
TYPED_TEST_SUITE(SavedOptimizers, Saved);

TYPED_TEST(SavedOptimizers, GoOnFromTheirState) {
  const Tree gradients = this->tree("gradients.0");
  TypeParam optimizer(0.1), resumed(0.5);
  const Tree parameters = optimizer.apply_gradients(gradients, this->tree("start"));
  resumed.set_state(tree_unflatten(tree_flatten(optimizer.state())));
  const Tree expected = optimizer.apply_gradients(gradients, parameters);
  const Tree moved = resumed.apply_gradients(gradients, parameters);
  tree_map([](const array& a, const array& b) { golden::expect_same(a, b); }, moved, expected);
}

MultiOptimizer three_optimizers() {
  const auto is_matrix = [](const std::string&, const array& g) { return g.ndim() == 2; };
  const auto is_filter = [](const std::string& path, const array&) {
    return path.starts_with("filter");
  };
  return MultiOptimizer({Muon(0.1), SGD(0.2), Adam(0.3)}, {is_matrix, is_filter});
}

TEST_F(MoreSteps, MultiOptimizer) { expect_steps("multi", three_optimizers(), "", {1e-4, 1e-5}); }

TEST_F(MoreSteps, MultiOptimizersAreSavedAndCopied) {
  const Tree gradients = tree("gradients.0");
  MultiOptimizer optimizer = three_optimizers();
  const Tree parameters = optimizer.apply_gradients(gradients, tree("start"));
  MultiOptimizer copy = optimizer, resumed = three_optimizers();
  resumed.set_state(tree_unflatten(tree_flatten(optimizer.state())));
  const Tree expected = optimizer.apply_gradients(gradients, parameters);
  for (MultiOptimizer* each : {&copy, &resumed}) {
    const Tree moved = each->apply_gradients(gradients, parameters);
    tree_map([](const array& a, const array& b) { golden::expect_same(a, b); }, moved, expected);
  }
  EXPECT_EQ(optimizer.step().item<uint64_t>(), 2u);
  EXPECT_EQ(optimizer.learning_rate().item<float>(), 0.1f);
  optimizer.set_learning_rate(array(0.0f));
  const Tree kept = optimizer.apply_gradients(gradients, expected);
  golden::expect_same(kept["scale"], expected["scale"]);
  EXPECT_EQ(optimizer.optimizers()[2]->learning_rate().item<float>(), 0.0f);
}

TEST_F(MoreSteps, MultiOptimizersTrainCompiledModels) {
  MLP model(2, 3), plain = model;
  const auto make = [] {
    return MultiOptimizer({Lion(0.01), AdamW(0.01)},
                          {[](const std::string&, const array& g) { return g.ndim() == 2; }});
  };
  MultiOptimizer optimizer = make(), other = make();
  const auto step_of = [](MLP& mlp, MultiOptimizer& opt) {
    return [&](const array& x) {
      auto [loss, gradients] =
          nn::value_and_grad(mlp, [&](const array& v) { return mean(square(mlp(v))); })(x);
      opt.update(mlp, gradients);
      return loss;
    };
  };
  auto compiled = nn::compile(step_of(model, optimizer), model, optimizer);
  auto eager = step_of(plain, other);
  for (int i = 0; i < 4; ++i) {
    const array x = random::normal({5, 2}, random::key(static_cast<uint64_t>(i)));
    golden::expect_close(compiled(x), eager(x));
  }
  golden::expect_close(model.layers[1].weight, plain.layers[1].weight);
  EXPECT_EQ(optimizer.step().item<uint64_t>(), 4u);
}

TEST(MoreOptimizers, RefuseTheirOptions) {
  EXPECT_EQ(error_of([] { RMSprop(RMSprop::Options{}); }),
            "RMSprop: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { Adagrad(Adagrad::Options{}); }),
            "Adagrad: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { AdaDelta(AdaDelta::Options{}); }),
            "AdaDelta: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { Adamax(Adamax::Options{}); }),
            "Adamax: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { Lion(Lion::Options{}); }), "Lion: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { Muon(Muon::Options{}); }), "Muon: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { Adafactor({.relative_step = false}); }),
            "Adafactor: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { RMSprop({.learning_rate = 0.1, .alpha = -1}); }),
            "RMSprop: expected alpha of at least 0, got -1.0");
  EXPECT_EQ(error_of([] { RMSprop({.learning_rate = 0.1, .eps = 0}); }),
            "RMSprop: expected eps above 0, got 0.0");
  EXPECT_EQ(error_of([] { Adagrad({.learning_rate = 0.1, .eps = -1}); }),
            "Adagrad: expected eps above 0, got -1.0");
  EXPECT_EQ(error_of([] { AdaDelta({.learning_rate = 0.1, .rho = -1}); }),
            "AdaDelta: expected rho of at least 0, got -1.0");
  EXPECT_EQ(error_of([] {
              Lion({.learning_rate = 0.1, .betas = {0.9, 1.0}});
            }),
            "Lion: expected betas in [0, 1), got 1.0");
  EXPECT_EQ(error_of([] { Adamax({.learning_rate = 0.1, .eps = -1}); }),
            "Adamax: expected eps of at least 0, got -1.0");
  EXPECT_EQ(error_of([] { Muon({.learning_rate = 0.1, .ns_steps = -1}); }),
            "Muon: expected ns_steps of at least 0, got -1");
  EXPECT_EQ(error_of([] {
              MultiOptimizer({SGD(0.1), SGD(0.2)});
            }),
            "MultiOptimizer: expected 1 filters, got 0");
  EXPECT_EQ(error_of([] { MultiOptimizer({}); }),
            "MultiOptimizer: expected at least 1 optimizer, got none");
  EXPECT_EQ(error_of([] { three_optimizers().set_state(Tree()); }),
            "MultiOptimizer: expected a state with 'states' of 3 optimizers, got none");
  EXPECT_EQ(error_of([] {
              three_optimizers().apply_gradients(Tree::dict({{"w", ones({2})}}),
                                                 Tree::dict({{"w", ones({3})}}));
            }),
            "MultiOptimizer: expected a gradient (3,) for w, got (2,)");
}

}  // namespace
}  // namespace mica
