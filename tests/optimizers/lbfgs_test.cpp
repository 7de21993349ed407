// L-BFGS walks as torch's does, and finds minima.
#include "mica/optimizers/lbfgs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "mica/optimizers/line_search.h"
#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using namespace optimizers;

struct Valley : nn::Module {
  array x = array({-1.2, 1.0}, float64);
  MICA_MODULE(Valley, x)
  // Rosenbrock's function, whose minimum is 0 at (1, 1).
  array operator()() const {
    const array a = x[0], b = x[1];
    return square(1 - a) + 100 * square(b - square(a));
  }
};

// Losses and positions of torch.optim.LBFGS.
TEST(LBFGS, TorchsIterations) {
  struct Call {
    double loss;
    std::vector<double> x;
  };
  const auto expect_calls = [](LBFGS optimizer, const std::vector<Call>& calls) {
    Valley valley;
    for (const Call& call : calls) {
      const array loss = optimizer.minimize(valley, [&] { return valley(); });
      EXPECT_NEAR(loss.item<double>(), call.loss, 1e-6);
      golden::expect_close(valley.x, array(call.x.begin(), {2}, float64), 1e-6);
    }
  };
  expect_calls(LBFGS({.learning_rate = 0.5, .max_iter = 6}),
               {{24.2, {-1.0218687681139358, 1.0617705001375881}},
                {4.118770138030288, {-1.0098449267249883, 1.01064284557605}},
                {4.0478377759008595, {-0.7696478963612504, 0.5447219187710395}}});
  expect_calls(LBFGS({.max_iter = 6, .line_search = LineSearch::strong_wolfe}),
               {{24.2, {-1.0203084803940978, 1.0352769866467468}},
                {4.084955376327375, {-0.5160277728852024, 0.2265458257902353}},
                {2.456257721580502, {-0.04619019171258308, -0.01801156636469505}}});
}

TEST(LBFGS, FindsTheMinimumOfAValley) {
  Valley valley;
  LBFGS optimizer({.max_iter = 100, .line_search = LineSearch::strong_wolfe});
  optimizer.minimize(valley, [&] { return valley(); });
  golden::expect_close(valley.x, ones({2}, float64), 1e-4);
  EXPECT_LT(optimizer.step().item<uint64_t>(), 60u);
}

// Logistic-like fit of a model with several parameters, in a few iterations.
TEST(LBFGS, FitsAModel) {
  random::seed(0);
  MLP model(2, 1);
  const array x = random::normal({64, 2}, random::key(1));
  const array y = sum(x * array({0.5f, -2.0f}), -1, true) + array(0.3f);
  const auto loss = [&] { return mean(square(model(x) - y)); };
  LBFGS optimizer({.max_iter = 200, .line_search = LineSearch::strong_wolfe});
  const float before = optimizer.minimize(model, loss).item<float>();
  EXPECT_GT(before, 1.0f);
  EXPECT_LT(loss().item<float>(), 1e-3f);
}

// Steps of one iteration each are minimize()'s with a fixed length, also compiled.
TEST(LBFGS, LazyIterations) {
  Valley valley, other, compiled;
  LBFGS whole({.learning_rate = 0.5, .max_iter = 6}), each({.learning_rate = 0.5});
  LBFGS inner({.learning_rate = 0.5});
  whole.minimize(valley, [&] { return valley(); });
  auto value_and_grad = nn::value_and_grad(other, [&] { return other(); });
  auto step = nn::compile(
      [&] {
        auto [loss, gradients] = nn::value_and_grad(compiled, [&] { return compiled(); })();
        inner.update(compiled, gradients);
        return loss;
      },
      compiled, inner);
  for (int i = 0; i < 6; ++i) {
    auto [loss, gradients] = value_and_grad();
    each.update(other, gradients);
    eval(step());
  }
  golden::expect_close(other.x, valley.x, 1e-9);
  golden::expect_close(compiled.x, valley.x, 1e-9);
}

TEST(LBFGS, StateIsSavedAndSet) {
  Valley valley;
  LBFGS optimizer({.max_iter = 4, .history_size = 3}), resumed({.max_iter = 4, .history_size = 3});
  resumed.set_state(tree_unflatten(tree_flatten(optimizer.state())));  // one that has not begun
  optimizer.minimize(valley, [&] { return valley(); });
  Valley copy = valley;
  resumed.set_state(tree_unflatten(tree_flatten(optimizer.state())));
  optimizer.minimize(valley, [&] { return valley(); });
  resumed.minimize(copy, [&] { return copy(); });
  golden::expect_same(copy.x, valley.x);
  EXPECT_EQ(optimizer.state()["history"]["pairs"].size(), 3u);
}

TEST(LBFGS, ParametersStayWhereTheLossThrows) {
  Valley valley;
  const array before = valley.x;
  int calls = 0;
  LBFGS optimizer({.learning_rate = 0.5});
  const auto loss = [&] {
    if (++calls == 3) throw std::runtime_error("no data");
    return valley();
  };
  EXPECT_THROW(optimizer.minimize(valley, loss), std::runtime_error);
  golden::expect_same(valley.x, before);
}

TEST(LBFGS, Errors) {
  EXPECT_EQ(error_of([] { LBFGS({.max_iter = 0}); }),
            "LBFGS: expected max_iter of at least 1, got 0");
  EXPECT_EQ(error_of([] { LBFGS({.history_size = 0}); }),
            "LBFGS: expected history_size of at least 1, got 0");
  EXPECT_EQ(error_of([] { LBFGS({.learning_rate = {}}); }),
            "LBFGS: expected a learning_rate, got none");
  EXPECT_EQ(error_of([] { LBFGS().set_state(Tree()); }),
            "LBFGS: expected a state with history, got none");
  LBFGS optimizer;
  const Tree small = Tree::dict({{"a", ones({2})}}), large = Tree::dict({{"a", ones({3})}});
  optimizer.apply_gradients(small, small);
  EXPECT_EQ(error_of([&] { optimizer.apply_gradients(large, large); }),
            "LBFGS: expected gradients of 2 elements as before, got 3");
}

TEST(StrongWolfe, MeetsItsConditions) {
  const auto at = [](double t) { return LinePoint{t, std::cos(t) + 0.1 * t, 0.1 - std::sin(t)}; };
  const LinePoint start{0.5, at(0.5).value, at(0.5).slope};
  for (const double first : {0.01, 0.5, 2.0, 6.0}) {
    const auto shifted = [&](double t) {
      LinePoint point = at(0.5 + t);
      point.step = t;
      return point;
    };
    const LinePoint origin{0, start.value, start.slope};
    const LinePoint found = strong_wolfe(shifted, origin, first, 1.0);
    EXPECT_GT(found.step, 0);
    EXPECT_LE(found.value, origin.value + 1e-4 * found.step * origin.slope);
    EXPECT_LE(std::abs(found.slope), -0.9 * origin.slope);
  }
}

}  // namespace
}  // namespace mica
