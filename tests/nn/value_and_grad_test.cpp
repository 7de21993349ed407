#include "mica/nn/value_and_grad.h"

#include <gtest/gtest.h>

#include "mica/mica.h"
#include "models.h"
#include "tests/golden.h"

namespace mica {
namespace {

template <class M, class F>
concept Differentiable = requires(M&& model, F f) {
  nn::value_and_grad(std::forward<M>(model), f);
};
static_assert(Differentiable<MLP&, array (*)(const array&)>);
static_assert(!Differentiable<MLP, array (*)(const array&)>, "a temporary would dangle");

TEST(ValueAndGrad, TakesAnythingAndReturnsWhatTheFunctionReturns) {
  nn::Linear layer(2, 1);
  auto f = [&](const array& x, int power, const std::string& name) {
    const array y = layer(x);
    return std::tuple(sum(y * y), y, name + std::to_string(power));
  };
  const array x = ones({3, 2});
  const auto [result, gradients] = nn::value_and_grad(layer, f)(x, 2, "n");
  const auto& [loss, y, name] = result;
  golden::expect_close(y, layer(x));
  golden::expect_close(loss, sum(square(y)));
  EXPECT_EQ(name, "n2");
  golden::expect_close(gradients["bias"], sum(2 * y, 0));
  golden::expect_close(gradients["weight"], broadcast_to(sum(2 * y), {1, 2}));
}

TEST(ValueAndGrad, LeavesOutWhatIsFrozen) {
  MLP model(2, 3);
  model.freeze({.keys = {"bias"}});
  model.layers[1].freeze();
  auto f = [&](const array& x) { return sum(model(x)); };
  const auto [loss, gradients] = nn::value_and_grad(model, f)(ones({4, 2}));
  EXPECT_FALSE(gradients["layers"][0].contains("bias"));
  EXPECT_TRUE(gradients["layers"][1].empty());
  EXPECT_EQ(gradients["layers"][2]["weight"].shape(), (Shape{3, 8}));
}

TEST(ValueAndGrad, StateSurvivesAndParametersAreRestored) {
  struct Net : nn::Module {
    nn::Linear linear{2, 3};
    nn::BatchNorm norm{3};
    MICA_MODULE(Net, linear, norm)
    array operator()(const array& x) const { return norm(linear(x)); }
  };
  Net model;
  const auto weight = model.linear.weight.id();
  const array x = random::normal({5, 2});
  nn::BatchNorm alone = model.norm;
  alone(model.linear(x));
  auto f = [&](const array& a) { return sum(square(model(a))); };
  const auto [loss, gradients] = nn::value_and_grad(model, f)(x);
  EXPECT_EQ(model.linear.weight.id(), weight);
  golden::expect_close(*model.norm.running_mean, *alone.running_mean);
  golden::expect_close(*model.norm.running_var, *alone.running_var);

  const auto statistics = model.norm.running_mean->id();
  auto failing = [&](const array& a) {
    model(a);
    throw std::runtime_error("no");
    return a;
  };
  EXPECT_THROW(nn::value_and_grad(model, failing)(x), std::runtime_error);
  EXPECT_EQ(model.linear.weight.id(), weight);
  EXPECT_EQ(model.norm.running_mean->id(), statistics);
}

TEST(ValueAndGrad, GradientsOfSharedModulesAddUp) {
  struct Tied : nn::Module {
    nn::Shared<nn::Linear> in{2, 2, {.bias = false}};
    nn::Shared<nn::Linear> out = in;
    MICA_MODULE(Tied, in, out)
    array operator()(const array& x) const { return out(in(x)); }
  };
  Tied model;
  const array x = random::normal({3, 2});
  auto f = [&](const array& a) { return sum(model(a)); };
  const auto [loss, gradients] = nn::value_and_grad(model, f)(x);
  const array expected = grad([&](const array& w) {
    return sum(matmul(matmul(x, transpose(w)), transpose(w)));
  })(model.in->weight);
  EXPECT_EQ(tree_flatten(gradients).size(), 1u);
  golden::expect_close(gradients["in"]["weight"], expected);
}

struct DropNet : nn::Module {
  nn::Linear first{4, 16};
  nn::Dropout dropout{0.5};
  nn::BatchNorm norm{16};
  nn::Linear last{16, 2};
  MICA_MODULE(DropNet, first, dropout, norm, last)
  array operator()(const array& x) const { return last(norm(dropout(first(x)))); }
};

TEST(Compile, AStepEqualsTheEagerOneAndDrawsNewMasks) {
  random::seed(1);
  const DropNet start;
  const array x = random::normal({8, 4}), y = random::normal({8, 2});
  auto train = [&](bool compiled) {
    DropNet model = start;
    optimizers::AdamW optimizer(
        {.learning_rate = optimizers::cosine_decay(0.1, 10), .bias_correction = true});
    auto loss_and_grad = nn::value_and_grad(
        model, [&](const array& a, const array& b) { return nn::losses::mse_loss(model(a), b); });
    int calls = 0;
    auto step = [&](const array& a, const array& b) {
      ++calls;
      auto [loss, gradients] = loss_and_grad(a, b);
      optimizer.update(model, gradients);
      return loss;
    };
    auto fast = nn::compile(step, model, optimizer);
    random::seed(2);
    std::vector<array> losses;
    for (int i = 0; i < 5; ++i) {
      losses.push_back(compiled ? fast(x, y) : step(x, y));
      eval(losses.back(), model.parameters(), optimizer.state());
    }
    EXPECT_EQ(calls, compiled ? 2 : 5);  // the first step makes the optimizer's state
    model.eval();
    const array evaluated = compiled ? fast(x, y) : step(x, y);
    EXPECT_EQ(calls, compiled ? 3 : 6);
    losses.push_back(evaluated);
    losses.push_back(sum(*model.norm.running_var));
    return stack(losses);
  };
  golden::expect_close(train(true), train(false), 1e-6, 1e-7);
}

}  // namespace
}  // namespace mica
