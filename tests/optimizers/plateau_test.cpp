// Learning rates that fall when a metric does not.
#include "mica/optimizers/plateau.h"

#include <gtest/gtest.h>

#include "mica/optimizers/multi_optimizer.h"
#include "mica/optimizers/sgd.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using namespace optimizers;

std::vector<double> rates(ReduceLROnPlateau plateau, double rate,
                          const std::vector<double>& metrics) {
  SGD optimizer(rate);
  std::vector<double> out;
  for (const double metric : metrics) {
    plateau.step(optimizer, metric);
    out.push_back(optimizer.learning_rate().item<float>());
  }
  return out;
}

// The rates are those of torch.optim.lr_scheduler.ReduceLROnPlateau.
TEST(ReduceLROnPlateau, TorchsRates) {
  const std::vector<double> metrics = {10, 9.5, 8, 7.9, 7.8, 7.7, 7.6, 7.5, 7.4, 3, 3, 3, 3, 3, 3};
  const ReduceLROnPlateau plateau(
      {.factor = 0.5, .patience = 1, .threshold = 0.1, .cooldown = 1, .min_lr = 0.2});
  const std::vector<double> expected = {1,    1,    1,    1,    0.5,  0.5,  0.5, 0.25,
                                        0.25, 0.25, 0.25, 0.2f, 0.2f, 0.2f, 0.2f};
  EXPECT_EQ(rates(plateau, 1.0, metrics), expected);
}

TEST(ReduceLROnPlateau, MetricsThatRise) {
  const ReduceLROnPlateau plateau(
      {.mode = PlateauMode::max, .factor = 0.5, .patience = 0, .threshold = 1, .relative = false});
  EXPECT_EQ(rates(plateau, 1.0, {1, 3, 3.5, 5, 6}), (std::vector<double>{1, 1, 0.5, 0.5, 0.25}));
}

TEST(ReduceLROnPlateau, SmallReductionsAreLeftOut) {
  const ReduceLROnPlateau plateau({.factor = 0.5, .patience = 0, .eps = 0.3});
  EXPECT_EQ(rates(plateau, 1.0, {1, 1, 1, 1}), (std::vector<double>{1, 0.5, 0.5, 0.5}));
}

TEST(ReduceLROnPlateau, StateIsSavedAndSet) {
  SGD optimizer(1.0);
  ReduceLROnPlateau plateau({.factor = 0.5, .patience = 1}),
      resumed({.factor = 0.5, .patience = 1});
  for (const double metric : {1.0, 1.0}) EXPECT_FALSE(plateau.step(optimizer, metric));
  resumed.set_state(tree_unflatten(tree_flatten(plateau.state())));
  EXPECT_TRUE(resumed.step(optimizer, 1.0));
  EXPECT_EQ(optimizer.learning_rate().item<float>(), 0.5f);
}

TEST(ReduceLROnPlateau, Errors) {
  SGD scheduled(exponential_decay(0.1, 0.9));
  ReduceLROnPlateau plateau;
  const std::string expected =
      "ReduceLROnPlateau: expected an optimizer whose learning rate is a number, got one with a "
      "schedule";
  EXPECT_EQ(error_of([&] { plateau.step(scheduled, 1.0); }), expected);
  MultiOptimizer several({SGD(0.1), scheduled},
                         {[](const std::string&, const array&) { return true; }});
  EXPECT_EQ(error_of([&] { plateau.step(several, 1.0); }), expected);
  EXPECT_EQ(error_of([] { ReduceLROnPlateau({.factor = 1}); }),
            "ReduceLROnPlateau: expected factor in (0, 1), got 1.0");
  EXPECT_EQ(error_of([] { ReduceLROnPlateau({.patience = -1}); }),
            "ReduceLROnPlateau: expected patience of at least 0, got -1");
  EXPECT_EQ(error_of([] { ReduceLROnPlateau({.cooldown = -1}); }),
            "ReduceLROnPlateau: expected cooldown of at least 0, got -1");
  EXPECT_EQ(error_of([&] { plateau.set_state(Tree()); }),
            "ReduceLROnPlateau: expected a state with best, got none");
}

}  // namespace
}  // namespace mica
