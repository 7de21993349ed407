// Schedules give mlx.optimizers' learning rates at each step, also inside an optimizer; clipped
// gradients are its too.
#include "mica/optimizers/schedules.h"

#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using namespace optimizers;

class Schedules : public ::testing::Test {
 protected:
  void expect_rates(const std::string& name, const Schedule& schedule) const {
    SCOPED_TRACE(name);
    const array steps = file_.at("steps");
    std::vector<array> rates;
    for (int i = 0; i < steps.shape(0); ++i) rates.push_back(schedule(steps[i]));
    expect_close(stack(rates), file_.at(name), {1e-6, 1e-8});
  }

  const Goldens file_ = golden::load("optimizers/schedules");
  const Schedule warmup_ = linear_schedule(0, 0.1, 5), decay_ = cosine_decay(0.1, 10, 0.01);
};

TEST_F(Schedules, RatesAtSteps) {
  expect_rates("exponential", exponential_decay(0.1, 0.9));
  expect_rates("step", step_decay(0.1, 0.5, 10));
  expect_rates("cosine", cosine_decay(0.1, 20));
  expect_rates("cosine_end", cosine_decay(0.1, 20, 0.02));
  expect_rates("linear", linear_schedule(0.3, 0.1, 20));
  expect_rates("join", join_schedules({warmup_, decay_}, {5}));
  expect_rates("join_three",
               join_schedules({warmup_, decay_, exponential_decay(0.02, 0.9)}, {5, 20}));
}

void expect_first_rates(const Schedule& schedule, const std::vector<double>& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(i);
    expect_close(schedule(array(i, uint64)), array(expected[i]), {1e-5, 1e-7});
  }
}

// The rates are those of torch.optim.lr_scheduler.OneCycleLR; the last one stays.
TEST_F(Schedules, OneCycle) {
  expect_first_rates(one_cycle(0.5, 10), {0.02, 0.26, 0.5, 0.475242316, 0.405872827, 0.305631011,
                                          0.194370989, 0.094129173, 0.024759684, 2e-6, 2e-6});
  expect_first_rates(
      one_cycle(
          0.5, 10,
          {.warmup = 0.4, .anneal = Anneal::linear, .div_factor = 10, .final_div_factor = 100}),
      {0.05, 0.2, 0.35, 0.5, 0.41675, 0.3335, 0.25025, 0.167, 0.08375, 0.0005, 0.0005});
  expect_first_rates(one_cycle(0.5, 12, {.three_phase = true}),
                     {0.02, 0.174894827, 0.43964258, 0.472509446, 0.231071197, 0.026973964,
                      0.019075847, 0.015612309, 0.010542335, 0.005317384, 0.001433285, 2e-6});
}

// The rates are those of torch.optim.lr_scheduler.CyclicLR.
TEST_F(Schedules, Cyclic) {
  expect_first_rates(cyclic(0.1, 0.5, 2), {0.1, 0.3, 0.5, 0.3, 0.1, 0.3});
  expect_first_rates(cyclic(0.1, 0.5, 3, {.step_size_down = 2}),
                     {0.1, 0.233333333, 0.366666667, 0.5, 0.3, 0.1, 0.233333333});
  expect_first_rates(cyclic(0.1, 0.5, 3, {.step_size_down = 2, .scale = CycleScale::halving}),
                     {0.1, 0.233333333, 0.366666667, 0.5, 0.3, 0.1, 0.166666667, 0.233333333, 0.3,
                      0.2, 0.1, 0.133333333});
  expect_first_rates(
      cyclic(0.1, 0.5, 3, {.step_size_down = 2, .scale = CycleScale::exponential, .gamma = 0.9}),
      {0.1, 0.22, 0.316, 0.3916, 0.23122, 0.1, 0.1708588, 0.22754584, 0.272186884, 0.177484098});
}

TEST_F(Schedules, MoveAnOptimizersRate) {
  SGD optimizer(join_schedules({warmup_, decay_}, {5}));
  Tree parameters = Tree::dict({{"w", array({1.0f, -2.0f})}});
  const Tree gradients = Tree::dict({{"w", array({0.5f, 1.5f})}});
  std::vector<array> used, values;
  for (int i = 0; i < 12; ++i) {
    parameters = optimizer.apply_gradients(gradients, parameters);
    used.push_back(optimizer.learning_rate());
    values.push_back(parameters["w"]);
  }
  expect_close(stack(used), file_.at("optimizer.used"), {1e-6, 1e-9});
  expect_close(stack(values), file_.at("optimizer.values"), {});
}

TEST_F(Schedules, ErrorsNameTheScheduleTheExpectedAndTheGot) {
  EXPECT_EQ(error_of([] { step_decay(0.1, 0.5, 0); }),
            "step_decay: expected step_size of at least 1, got 0");
  EXPECT_EQ(error_of([] { cosine_decay(0.1, 0); }),
            "cosine_decay: expected decay_steps of at least 1, got 0");
  EXPECT_EQ(error_of([] { linear_schedule(0, 1, -1); }),
            "linear_schedule: expected steps of at least 1, got -1");
  EXPECT_EQ(error_of([] { join_schedules({}, {}); }),
            "join_schedules: expected at least 1 schedule, got none");
  EXPECT_EQ(error_of([&] {
              join_schedules({warmup_, decay_, decay_}, {5});
            }),
            "join_schedules: expected 2 boundaries, got 1");
  EXPECT_EQ(error_of([] { one_cycle(0.1, 0); }),
            "one_cycle: expected total_steps of at least 1, got 0");
  EXPECT_EQ(error_of([] { one_cycle(0.1, 9, {.warmup = 0.5, .three_phase = true}); }),
            "one_cycle: expected warmup in (0, 0.5), got 0.5");
  EXPECT_EQ(error_of([] { one_cycle(0.1, 9, {.div_factor = 0}); }),
            "one_cycle: expected div_factor and final_div_factor above 0, got 0.0");
  EXPECT_EQ(error_of([] { cyclic(0.1, 0.2, 0); }),
            "cyclic: expected step_size_up of at least 1, got 0");
  EXPECT_EQ(error_of([] { cyclic(0.1, 0.2, 2, {.step_size_down = -1}); }),
            "cyclic: expected step_size_down of at least 1, got -1");
}

TEST_F(Schedules, ClippedGradients) {
  const auto expect_clipped = [&](const std::string& name, double max_norm, Tolerance tolerance) {
    const Tree gradients = tree_unflatten(part_of(file_, name + ".gradients."));
    const auto [clipped, norm] = clip_grad_norm(gradients, max_norm);
    expect_tree(file_, name + ".clipped.", clipped, tolerance);
    expect_close(norm, file_.at(name + ".norm"), {});
  };
  expect_clipped("clipped", 1.5, {});
  expect_clipped("kept", 100, {});
  expect_clipped("half", 2, half_tolerance(float16));
  EXPECT_EQ(error_of([] {
              clip_grad_norm(Tree::dict({{"w", ones({2})}}), -1);
            }),
            "clip_grad_norm: expected max_norm of at least 0, got -1.0");
}

}  // namespace
}  // namespace mica
