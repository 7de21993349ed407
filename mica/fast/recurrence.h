// Recurrent cells over time: one op runs all steps.
//
// Shapes: N sequences of L steps, H hidden units. A step's products of the input are computed
// beforehand, for all steps at once, as x (N, L, G); `weight` (G, H) gives those p = weight h of
// the hidden state h. sigma is the logistic function; i, f, g, o and r, z, n are parts of x + p in
// that order:
//   rnn   G = H    h' = tanh(x + p)
//   gru   G = 3 H  r, z = sigma(x + p); q = p_n + bias; n = tanh(x_n + r q); h' = (1 - z) n + z h
//   lstm  G = 4 H  i, f, o = sigma(x + p); g = tanh(x_g + p_g); c' = f c + i g; h' = o tanh(c')
// All operands are float32, or all float64.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

enum class RecurrentCell : uint8_t { rnn, gru, lstm };

// Inputs: x, weight, the first hidden state (N, H), and for gru the bias (H), for lstm the first
// cell state (N, H). Outputs: the hidden states (N, L, H), for lstm the cell states (N, L, H), and
// except for rnn what the backward pass reads: r, z, n, q or i, f, g, o (N, L, 4 H), which is not
// differentiated itself. Where these fill whole pages, those of the next step lie behind some
// zeros.
struct Recurrence {
  RecurrentCell cell;

  static constexpr const char* name = "recurrence";
  static constexpr bool strided_inputs = true;
  bool operator==(const Recurrence&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: those of Recurrence, its outputs, the last one first, and the cotangents of the hidden
// states and, for lstm, of the cell states. Outputs: the cotangents of x + p at every step (for
// gru: of its r, z and n parts, then of q), of the first hidden state and, for lstm, of the first
// cell state. Where the parts of a step fill whole pages, those of the next lie behind some zeros.
struct RecurrenceBackward {
  RecurrentCell cell;

  static constexpr const char* name = "recurrence_backward";
  static constexpr bool strided_inputs = true;
  static constexpr int reuse_input = 4;  // what Recurrence saved, or for rnn the only cotangent
  bool operator==(const RecurrenceBackward&) const = default;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The hidden states, and for lstm the cell states, of x's dtype; computed in at least float32.
// `extra` is the bias or the first cell state.
std::vector<array> recurrence(RecurrentCell cell, const array& x, const array& weight,
                              const array& hidden, const std::optional<array>& extra = {});

}  // namespace mica::ops
