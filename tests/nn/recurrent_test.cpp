// Recurrent layers give the values, gradients and first weights of mlx.nn's.
#include "mica/nn/recurrent.h"

#include "tests/nn/sequence.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_error;
using Arrays = std::vector<array>;

std::optional<array> optional_input(const Arrays& x, size_t i) {
  return i < x.size() ? std::optional(x[i]) : std::nullopt;
}

// All states, for LSTM the hidden and the cell states side by side.
array all_states(const nn::RNN& layer, const Arrays& x) {
  return layer.steps(x[0], optional_input(x, 1));
}
array all_states(const nn::GRU& layer, const Arrays& x) {
  return layer.steps(x[0], optional_input(x, 1));
}
array all_states(const nn::LSTM& layer, const Arrays& x) {
  const auto [hidden, cells] = layer.steps(x[0], optional_input(x, 1), optional_input(x, 2));
  return concatenate({hidden, cells}, -1);
}

class Recurrent : public ::testing::Test {
 protected:
  template <class L>
  void expect_cell(const std::string& name) const {
    const auto call = [](const L& layer, const Arrays& x) { return all_states(layer, x); };
    expect_layer(file_, name, L(3, 4), call, {x_});
    expect_layer(file_, name + "_no_bias", L(3, 4, {.bias = false}), call, {x_, hidden_});
    expect_layer(file_, name + "_from_state", L(3, 4), call, {x_, hidden_});
    expect_layer(file_, name + "_unbatched", L(3, 4), call, {take(x_, 0, 0), take(hidden_, 0, 0)});
    L half(3, 4);
    half.set_dtype(bfloat16);
    // Its gradients sum over steps that mlx rounds one by one.
    expect_layer(file_, name + "_bfloat16", half, call, {astype(x_, bfloat16)}, {8e-2, 8e-2});
    random::seed(5);
    const L made(3, 4);
    expect_tree(file_, name + "_made.", made.parameters());
    std::string expected = printed_text(file_, name + "_printed");
    if (const size_t at = expected.find(" at 0x"); at != std::string::npos) {
      expected.erase(at, expected.find('>') - at);
    }
    EXPECT_EQ(print(made), expected);
  }

  const Goldens file_ = golden::load("nn/recurrent");
  const array x_ = file_.at("x"), hidden_ = file_.at("hidden"), cell_ = file_.at("cell");
};

TEST_F(Recurrent, RNN) {
  expect_cell<nn::RNN>("rnn");
  expect_layer(file_, "rnn_relu", nn::RNN(3, 4, {.nonlinearity = nn::relu}),
               [](const nn::RNN& layer, const Arrays& x) { return all_states(layer, x); },
               {x_, hidden_});
}

TEST_F(Recurrent, GRU) { expect_cell<nn::GRU>("gru"); }

TEST_F(Recurrent, LSTM) {
  expect_cell<nn::LSTM>("lstm");
  expect_layer(file_, "lstm_from_both", nn::LSTM(3, 4),
               [](const nn::LSTM& layer, const Arrays& x) { return all_states(layer, x); },
               {x_, hidden_, cell_});
  expect_layer(file_, "lstm_from_cell", nn::LSTM(3, 4),
               [](const nn::LSTM& layer, const Arrays& x) {
                 const auto [hidden, cells] = layer.steps(x[0], std::nullopt, x[1]);
                 return concatenate({hidden, cells}, -1);
               },
               {x_, cell_});
}

// Two halves of a sequence, the second from the state behind the first, are the whole.
template <class L>
void expect_continues(const array& x) {
  const L layer(3, 4);
  const auto halves = split(x, Shape{2}, 1);
  const auto [whole, last] = layer(x);
  const auto [first, middle] = layer(halves[0]);
  const auto [second, end] = layer(halves[1], middle);
  golden::expect_close(concatenate({first, second}, 1), whole);
  if constexpr (std::is_same_v<L, nn::LSTM>) {
    golden::expect_close(end.hidden, last.hidden);
    golden::expect_close(end.cell, last.cell);
    golden::expect_close(last.hidden, take(whole, 4, 1));
  } else {
    golden::expect_close(end, last);
    golden::expect_close(last, take(whole, 4, 1));
  }
}

TEST_F(Recurrent, ContinuesFromAState) {
  expect_continues<nn::RNN>(x_);
  expect_continues<nn::GRU>(x_);
  expect_continues<nn::LSTM>(x_);
}

// Sizes at which the weight is packed, and which do not fill its panels.
template <class L>
void expect_steps_of_many(const L& layer, const array& x) {
  const auto gradients = [&](const array& x, bool whole) {
    return grad([&](const array& x) {
      if (whole) return sum(square(layer(x).output));
      std::optional<typename L::State> state;
      array total(0.0f);
      for (const array& part : split(x, x.shape(1), 1)) {
        const auto [output, next] = layer(part, state);
        total = total + sum(square(output));
        state = next;
      }
      return total;
    })(x);
  };
  golden::expect_close(gradients(x, true), gradients(x, false), 1e-4, 1e-5);
}

TEST_F(Recurrent, LargeSizes) {
  const array x = random::normal({9, 16, 5});
  expect_steps_of_many(nn::RNN(5, 70), x);
  expect_steps_of_many(nn::GRU(5, 70), x);
  expect_steps_of_many(nn::LSTM(5, 70), x);
}

TEST_F(Recurrent, NonlinearityMayHaveParameters) {
  const nn::RNN layer(3, 4, {.nonlinearity = nn::PReLU()});
  EXPECT_TRUE(layer.parameters()["nonlinearity"].contains("weight"));
}

TEST_F(Recurrent, StackedLayersFeedOneAnother) {
  const nn::Stacked<nn::GRU> stacked(3, 4, {.num_layers = 2, .cell = {.bias = false}});
  EXPECT_TRUE(stacked.backward.empty());
  const auto [output, states] = stacked(x_);
  const auto [first, first_state] = stacked.forward[0](x_);
  const auto [second, second_state] = stacked.forward[1](first);
  golden::expect_close(output, second);
  ASSERT_EQ(states.size(), 2);
  golden::expect_close(states[0], first_state);
  golden::expect_close(states[1], second_state);
  golden::expect_close(
      stacked(x_, states).output,
      stacked.forward[1](stacked.forward[0](x_, states[0]).output, states[1]).output);
}

TEST_F(Recurrent, BidirectionalLayersReadBackwardsToo) {
  const nn::Stacked<nn::LSTM> stacked(3, 4, {.num_layers = 2, .bidirectional = true});
  const auto both = [&](size_t layer, const array& x) {
    const array forward = stacked.forward[layer](x).output;
    const array backward = flip(stacked.backward[layer](flip(x, 1)).output, 1);
    return concatenate({forward, backward}, -1);
  };
  const auto [output, states] = stacked(x_);
  golden::expect_close(output, both(1, both(0, x_)));
  ASSERT_EQ(states.size(), 4);
  golden::expect_close(states[1].hidden, stacked.backward[0](flip(x_, 1)).state.hidden);
  EXPECT_EQ(tree_flatten(stacked.parameters()).size(), 12);
}

TEST_F(Recurrent, DropsBetweenLayersWhileTraining) {
  nn::Stacked<nn::RNN> stacked(3, 4, {.num_layers = 2, .dropout = 0.5});
  const auto [first, state] = stacked.forward[0](x_);
  EXPECT_FALSE(array_equal(stacked(x_).output, stacked(x_).output).item<bool>());
  EXPECT_TRUE(allclose(stacked(x_).states[0], state).item<bool>());
  stacked.eval();
  golden::expect_close(stacked(x_).output, stacked.forward[1](first).output);
}

// From the third step on no step is planned anew.
TEST_F(Recurrent, TrainingHitsThePlanCache) {
  nn::LSTM model(3, 4);
  optimizers::Adam optimizer(1e-2);
  const auto step =
      nn::value_and_grad(model, [&](const array& x) { return sum(square(model(x).output)); });
  const auto run = [&] {
    auto [loss, gradients] = step(x_);
    optimizer.update(model, gradients);
    eval(loss, model.parameters(), optimizer.state());
  };
  run();
  run();
  const auto before = counters();
  for (int i = 0; i < 3; ++i) run();
  EXPECT_EQ(counters().plan_misses, before.plan_misses);
}

TEST_F(Recurrent, RefusesBadArguments) {
  expect_error([] { nn::LSTM(0, 4); }, "LSTM: expected sizes of at least 1, got 0 and 4");
  const std::string input = ": expected input (N, L, 3) or (L, 3) with L of at least 1, got ";
  expect_error([] { nn::LSTM(3, 4)(zeros({2, 5, 4})); }, "LSTM" + input + "(2, 5, 4)");
  expect_error([] { nn::GRU(3, 4)(zeros({3})); }, "GRU" + input + "(3,)");
  expect_error([] { nn::RNN(3, 4)(zeros({2, 0, 3})); }, "RNN" + input + "(2, 0, 3)");
  expect_error([&] { nn::RNN(3, 4)(x_, zeros({4})); }, "RNN: expected state (2, 4), got (4,)");
  expect_error(
      [&] {
        nn::LSTM(3, 4).steps(x_, hidden_, zeros({3, 4}));
      },
      "LSTM: expected state (2, 4), got (3, 4)");
  expect_error([] { nn::Stacked<nn::LSTM>(3, 4, {.num_layers = 0}); },
               "StackedLSTM: expected num_layers of at least 1, got 0");
  expect_error(
      [&] {
        nn::Stacked<nn::GRU>(3, 4)(x_, Arrays{hidden_, hidden_});
      },
      "StackedGRU: expected 1 states, got 2");
}

}  // namespace
}  // namespace mica
