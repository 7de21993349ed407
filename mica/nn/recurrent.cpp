#include "mica/nn/recurrent.h"

#include <cmath>

#include "mica/fast/recurrence.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

namespace {

using ops::RecurrentCell;

// Uniform in ±1 / sqrt(hidden_size).
array draw(int hidden_size, const Shape& shape) {
  const double scale = 1.0 / std::sqrt(hidden_size);
  return random::uniform(-scale, scale, shape);
}

// The problem with an input or a first state, as what was expected and what was got.
struct Mistake {
  std::string expected, got;
};

std::optional<Mistake> find_mistake(const array& x, int input_size, int hidden_size,
                                    std::initializer_list<const std::optional<array>*> states) {
  const size_t rank = x.ndim();
  const std::string size = std::to_string(input_size);
  if ((rank != 2 && rank != 3) || x.shape(-1) != input_size || x.shape(-2) == 0) {
    return Mistake{"input (N, L, " + size + ") or (L, " + size + ") with L of at least 1",
                   to_string(x.shape())};
  }
  const Shape shape = rank == 3 ? Shape{x.shape(0), hidden_size} : Shape{hidden_size};
  for (const std::optional<array>* state : states) {
    if (*state && (*state)->shape() != shape) {
      return Mistake{"state " + to_string(shape), to_string((*state)->shape())};
    }
  }
  return std::nullopt;
}

// The products of the input at all steps, (N, L, rows) with N = 1 where x has none.
array input_products(const array& x, const array& weight, const std::optional<array>& bias) {
  const array batched = x.ndim() == 3 ? x : expand_dims(x, 0);
  return bias ? addmm(*bias, batched, transpose(weight)) : matmul(batched, transpose(weight));
}

// A first state (N, H), zero if empty.
array first_state(const std::optional<array>& state, const array& products, int hidden_size) {
  if (!state) return zeros({products.shape(0), hidden_size}, products.dtype());
  return state->ndim() == 2 ? *state : expand_dims(*state, 0);
}

// (N, L, H) as x has its axes.
array like_input(const array& states, const array& x) {
  return x.ndim() == 3 ? states : squeeze(states, 0);
}

array last_step(const array& states) { return take(states, states.shape(-2) - 1, -2); }

std::string repr_of(const array& input_weight, const array& hidden_weight) {
  return "input_dims=" + std::to_string(input_weight.shape(1)) +
         ", hidden_size=" + std::to_string(hidden_weight.shape(1)) + ", ";
}

}  // namespace

RNN::RNN(int input_size, int hidden_size, const Options& options)
    : Wxh(0.0f), Whh(0.0f), nonlinearity(options.nonlinearity) {
  if (input_size < 1 || hidden_size < 1)
    fail("sizes of at least 1", repr(input_size) + " and " + repr(hidden_size));
  Wxh = draw(hidden_size, {hidden_size, input_size});
  Whh = draw(hidden_size, {hidden_size, hidden_size});
  if (options.bias) bias = draw(hidden_size, {hidden_size});
}

array RNN::steps(const array& x, const std::optional<array>& hidden) const {
  const int size = Whh.shape(0);
  if (const auto mistake = find_mistake(x, Wxh.shape(1), size, {&hidden}))
    fail(mistake->expected, mistake->got);
  const array products = input_products(x, Wxh, bias);
  array state = first_state(hidden, products, size);
  if (!nonlinearity)
    return like_input(ops::recurrence(RecurrentCell::rnn, products, Whh, state)[0], x);
  std::vector<array> states;
  for (const array& at : unstack(products, 1)) {
    state = (*nonlinearity)(addmm(at, state, transpose(Whh)));
    states.push_back(state);
  }
  return like_input(stack(states, 1), x);
}

RNN::Result RNN::operator()(const array& x, const std::optional<State>& state) const try {
  const array output = hooked(steps(x, state), x);
  return {output, last_step(output)};
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string RNN::extra_repr() const {
  return repr_of(Wxh, Whh) + "nonlinearity=" + (nonlinearity ? "<function>" : "<function tanh>") +
         ", bias=" + repr(bias.has_value());
}

GRU::GRU(int input_size, int hidden_size, const Options& options) : Wx(0.0f), Wh(0.0f) {
  if (input_size < 1 || hidden_size < 1)
    fail("sizes of at least 1", repr(input_size) + " and " + repr(hidden_size));
  Wx = draw(hidden_size, {3 * hidden_size, input_size});
  Wh = draw(hidden_size, {3 * hidden_size, hidden_size});
  if (!options.bias) return;
  b = draw(hidden_size, {3 * hidden_size});
  bhn = draw(hidden_size, {hidden_size});
}

array GRU::steps(const array& x, const std::optional<array>& hidden) const {
  const int size = Wh.shape(1);
  if (const auto mistake = find_mistake(x, Wx.shape(1), size, {&hidden}))
    fail(mistake->expected, mistake->got);
  const array products = input_products(x, Wx, b);
  const array state = first_state(hidden, products, size);
  const array bias = bhn ? *bhn : zeros({size}, products.dtype());
  return like_input(ops::recurrence(RecurrentCell::gru, products, Wh, state, bias)[0], x);
}

GRU::Result GRU::operator()(const array& x, const std::optional<State>& state) const try {
  const array output = hooked(steps(x, state), x);
  return {output, last_step(output)};
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string GRU::extra_repr() const { return repr_of(Wx, Wh) + "bias=" + repr(b.has_value()); }

LSTM::LSTM(int input_size, int hidden_size, const Options& options) : Wx(0.0f), Wh(0.0f) {
  if (input_size < 1 || hidden_size < 1)
    fail("sizes of at least 1", repr(input_size) + " and " + repr(hidden_size));
  Wx = draw(hidden_size, {4 * hidden_size, input_size});
  Wh = draw(hidden_size, {4 * hidden_size, hidden_size});
  if (options.bias) bias = draw(hidden_size, {4 * hidden_size});
}

std::pair<array, array> LSTM::steps(const array& x, const std::optional<array>& hidden,
                                    const std::optional<array>& cell) const {
  const int size = Wh.shape(1);
  if (const auto mistake = find_mistake(x, Wx.shape(1), size, {&hidden, &cell}))
    fail(mistake->expected, mistake->got);
  const array products = input_products(x, Wx, bias);
  const auto states =
      ops::recurrence(RecurrentCell::lstm, products, Wh, first_state(hidden, products, size),
                      first_state(cell, products, size));
  return {like_input(states[0], x), like_input(states[1], x)};
}

LSTM::Result LSTM::operator()(const array& x, const std::optional<State>& state) const try {
  const auto [hidden, cells] = state ? steps(x, state->hidden, state->cell) : steps(x);
  const array output = hooked(hidden, x);
  return {output, {last_step(output), last_step(cells)}};
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string LSTM::extra_repr() const { return repr_of(Wx, Wh) + "bias=" + repr(bias.has_value()); }

template <class Cell>
Stacked<Cell>::Stacked(int input_size, int hidden_size, const Options& options)
    : dropout(options.dropout) {
  if (options.num_layers < 1) fail("num_layers of at least 1", repr(options.num_layers));
  for (int i = 0; i < options.num_layers; ++i) {
    const int size = i == 0 ? input_size : hidden_size * (options.bidirectional ? 2 : 1);
    forward.emplace_back(size, hidden_size, options.cell);
    if (options.bidirectional) backward.emplace_back(size, hidden_size, options.cell);
  }
}

template <class Cell>
typename Stacked<Cell>::Result Stacked<Cell>::operator()(const array& x,
                                                         const std::optional<States>& states) const
    try {
  const size_t directions = backward.empty() ? 1 : 2, count = forward.size() * directions;
  if (states && states->size() != count)
    fail(std::to_string(count) + " states", std::to_string(states->size()));
  Result result{x, {}};
  const auto run = [&](const Slot<Cell>& layer, const array& input) {
    const size_t i = result.states.size();
    auto [output, state] = layer(input, states ? std::optional((*states)[i]) : std::nullopt);
    result.states.push_back(state);
    return output;
  };
  for (size_t i = 0; i < forward.size(); ++i) {
    const array input = i == 0 ? x : dropout(result.output);
    result.output = run(forward[i], input);
    if (backward.empty()) continue;
    const array reversed = flip(run(backward[i], flip(input, -2)), -2);
    result.output = concatenate({result.output, reversed}, -1);
  }
  result.output = hooked(result.output, x);
  return result;
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

template <class Cell>
std::string Stacked<Cell>::type_name() const {
  return std::string("Stacked") + (std::is_same_v<Cell, RNN>   ? "RNN"
                                   : std::is_same_v<Cell, GRU> ? "GRU"
                                                               : "LSTM");
}

template struct Stacked<RNN>;
template struct Stacked<GRU>;
template struct Stacked<LSTM>;

void collect_arrays(std::vector<array>& out, const HiddenResult& result) {
  out.insert(out.end(), {result.output, result.hidden});
}

HiddenResult rebuild_arrays(const HiddenResult&, const array*& next) {
  next += 2;
  return {next[-2], next[-1]};
}

void collect_arrays(std::vector<array>& out, const LSTMState& state) {
  out.insert(out.end(), {state.hidden, state.cell});
}

LSTMState rebuild_arrays(const LSTMState&, const array*& next) {
  next += 2;
  return {next[-2], next[-1]};
}

void collect_arrays(std::vector<array>& out, const LSTMResult& result) {
  out.push_back(result.output);
  collect_arrays(out, result.state);
}

LSTMResult rebuild_arrays(const LSTMResult&, const array*& next) {
  next += 3;
  return {next[-3], {next[-2], next[-1]}};
}

}  // namespace mica::nn
