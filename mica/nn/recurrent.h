// Recurrent layers. x: (N, L, input_size), or (L, input_size) without the N; states then have no N
// either. A call returns the hidden states of all steps and the state after the last one, which
// the next call can start from; steps() returns what mlx.nn's layers return.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mica/nn/dropout.h"
#include "mica/nn/module.h"
#include "mica/nn/slot.h"
#include "mica/transforms/tree.h"

namespace mica::nn {

// Of all steps, and after the last one.
struct HiddenResult {
  array output, hidden;  // (N, L, hidden_size), (N, hidden_size)
};

struct RNNOptions {
  bool bias = true;
  std::optional<Layer> nonlinearity = {};  // a function or a module; tanh if empty
};

// h' = nonlinearity(Wxh x + Whh h + bias).
struct RNN : Module {
  using Options = RNNOptions;
  using State = array;  // (N, hidden_size)
  using Result = HiddenResult;
  array Wxh, Whh;             // (hidden_size, input_size), (hidden_size, hidden_size)
  std::optional<array> bias;  // (hidden_size,)
  std::optional<Layer> nonlinearity;
  MICA_MODULE(RNN, Wxh, Whh, bias, nonlinearity)

  RNN(int input_size, int hidden_size, const Options& options = {});
  virtual array steps(const array& x, const std::optional<array>& hidden = std::nullopt) const;
  virtual Result operator()(const array& x, const std::optional<State>& state = std::nullopt) const;
  std::string extra_repr() const override;
};

struct GRUOptions {
  bool bias = true;
};

// r, z = sigmoid(Wx x + Wh h + b); n = tanh(Wx x + b + r (Wh h + bhn)); h' = (1 - z) n + z h, with
// the rows of Wx, Wh and b in the order r, z, n.
struct GRU : Module {
  using Options = GRUOptions;
  using State = array;  // (N, hidden_size)
  using Result = HiddenResult;
  array Wx, Wh;                 // (3 * hidden_size, input_size), (3 * hidden_size, hidden_size)
  std::optional<array> b, bhn;  // (3 * hidden_size,), (hidden_size,)
  MICA_MODULE(GRU, Wx, Wh, b, bhn)

  GRU(int input_size, int hidden_size, const Options& options = {});
  virtual array steps(const array& x, const std::optional<array>& hidden = std::nullopt) const;
  virtual Result operator()(const array& x, const std::optional<State>& state = std::nullopt) const;
  std::string extra_repr() const override;
};

struct LSTMOptions {
  bool bias = true;
};

// (N, hidden_size) each.
struct LSTMState {
  array hidden, cell;
};

struct LSTMResult {
  array output;  // (N, L, hidden_size)
  LSTMState state;
};

// i, f, o = sigmoid(Wx x + Wh h + bias); g = tanh(Wx x + Wh h + bias); c' = f c + i g;
// h' = o tanh(c'), with the rows in the order i, f, g, o.
struct LSTM : Module {
  using Options = LSTMOptions;
  using State = LSTMState;
  using Result = LSTMResult;
  array Wx, Wh;               // (4 * hidden_size, input_size), (4 * hidden_size, hidden_size)
  std::optional<array> bias;  // (4 * hidden_size,)
  MICA_MODULE(LSTM, Wx, Wh, bias)

  LSTM(int input_size, int hidden_size, const Options& options = {});
  // The hidden and the cell states of all steps, (N, L, hidden_size) each.
  virtual std::pair<array, array> steps(const array& x,
                                        const std::optional<array>& hidden = std::nullopt,
                                        const std::optional<array>& cell = std::nullopt) const;
  virtual Result operator()(const array& x, const std::optional<State>& state = std::nullopt) const;
  std::string extra_repr() const override;
};

template <class Cell>
struct StackedOptions {
  int num_layers = 1;
  bool bidirectional = false;  // each layer also runs backwards, and its outputs are joined
  double dropout = 0.0;        // of what goes from layer to layer, while training
  typename Cell::Options cell = {};
};

template <class Cell>
struct StackedResult {
  // Of each layer; where bidirectional, that of the forward direction, then of the backward one.
  using States = std::vector<typename Cell::State>;
  array output;  // (N, L, directions * hidden_size)
  States states;
};

// RNN, GRU or LSTM layers one on top of the other: Stacked<LSTM>(128, 256, {.num_layers = 2}).
template <class Cell>
struct Stacked : Module {
  using Options = StackedOptions<Cell>;
  using Result = StackedResult<Cell>;
  using States = typename Result::States;
  std::vector<Slot<Cell>> forward, backward;  // backward: as many where bidirectional, else none
  Slot<Dropout> dropout;
  MICA_MODULE(Stacked, forward, backward, dropout)

  Stacked(int input_size, int hidden_size, const Options& options = {});
  virtual Result operator()(const array& x,
                            const std::optional<States>& states = std::nullopt) const;
  std::string type_name() const override;
};

// For eval and the transforms, which take results and states as trees of arrays.
void collect_arrays(std::vector<array>& out, const HiddenResult& result);
HiddenResult rebuild_arrays(const HiddenResult& like, const array*& next);
void collect_arrays(std::vector<array>& out, const LSTMState& state);
LSTMState rebuild_arrays(const LSTMState& like, const array*& next);
void collect_arrays(std::vector<array>& out, const LSTMResult& result);
LSTMResult rebuild_arrays(const LSTMResult& like, const array*& next);
template <class Cell>
void collect_arrays(std::vector<array>& out, const StackedResult<Cell>& result) {
  out.push_back(result.output);
  mica::detail::TreeTraits<typename StackedResult<Cell>::States>::collect(out, result.states);
}
template <class Cell>
StackedResult<Cell> rebuild_arrays(const StackedResult<Cell>& like, const array*& next) {
  const array& output = *next++;
  return {output, mica::detail::rebuild(like.states, next)};
}

extern template struct Stacked<RNN>;
extern template struct Stacked<GRU>;
extern template struct Stacked<LSTM>;

}  // namespace mica::nn
