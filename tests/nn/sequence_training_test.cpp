// Models of sequences start and train as mlx.nn's.
#include "tests/nn/sequence.h"

namespace mica {
namespace {

// Classes of sequences by the last state of an LSTM.
struct Reader : nn::Module {
  nn::LSTM lstm{5, 8};
  nn::Linear head{8, 3};
  MICA_MODULE(Reader, lstm, head)
  array operator()(const array& x) const { return head(lstm(x).state.hidden); }
};

// Classes of sequences by the mean of what a causal Transformer makes of them.
struct Tagger : nn::Module {
  nn::Linear inputs{5, 8};
  nn::TransformerEncoder encoder{2, 8, 2, {.mlp_dims = 16}};
  nn::Linear head{8, 3};
  MICA_MODULE(Tagger, inputs, encoder, head)
  array operator()(const array& x) const {
    return head(mean(encoder(inputs(x), nn::MaskMode::causal), 1));
  }
};

template <class Model, class Optimizer>
void expect_losses(const Goldens& file, const std::string& name, Optimizer optimizer) {
  random::seed(11);
  Model model;
  const auto step = nn::value_and_grad(model, [&](const array& x, const array& y) {
    return nn::losses::cross_entropy(model(x), y, {.reduction = nn::Reduction::mean});
  });
  std::vector<array> losses;
  for (int i = 0; i < 10; ++i) {
    auto [loss, gradients] = step(file.at("x"), file.at("y"));
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
    losses.push_back(loss);
  }
  golden::expect_close(stack(losses), file.at(name), 1e-5, 0);
}

TEST(SequenceTraining, TenStepsAsMlxs) {
  const Goldens file = golden::load("nn/sequence_training");
  expect_losses<Reader>(file, "reader", optimizers::Adam(1e-2));
  expect_losses<Tagger>(file, "tagger", optimizers::AdamW(1e-3));
}

// From the third step on no step is planned anew.
TEST(SequenceTraining, HitsThePlanCache) {
  random::seed(0);
  Reader model;
  optimizers::Adam optimizer(1e-2);
  const array x = random::normal({4, 6, 5}), y = array({0, 1, 2, 0});
  const auto step = nn::value_and_grad(model, [&](const array& x, const array& y) {
    return nn::losses::cross_entropy(model(x), y, {.reduction = nn::Reduction::mean});
  });
  const auto run = [&] {
    auto [loss, gradients] = step(x, y);
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
  };
  run();
  run();
  const auto before = counters();
  for (int i = 0; i < 3; ++i) run();
  EXPECT_EQ(counters().plan_misses, before.plan_misses);
}

}  // namespace
}  // namespace mica
