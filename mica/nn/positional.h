// Encodings of positions.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

struct RoPEOptions {
  bool traditional = false;  // rotate neighbours; else elements dims / 2 apart
  double base = 10000;
  double scale = 1.0;  // of positions
};

// Rotates pairs of the first `dims` elements of each row, the faster the further in front they are
// ("RoFormer", Su et al., 2021).
struct RoPE : Module {
  using Options = RoPEOptions;
  int dims;
  Options options;
  MICA_MODULE(RoPE)

  explicit RoPE(int dims, const Options& options = {});  // dims: even
  // x: (N, ..., L, size) with size >= dims. offset: the position of the first row, one or (N,).
  virtual array operator()(const array& x, const array& offset = array(0)) const;
  std::string extra_repr() const override;
};

struct SinusoidalPositionalEncodingOptions {
  double min_freq = 0.0001;
  double max_freq = 1;
  std::optional<double> scale = {};  // sqrt(2 / dims) if empty
  bool cos_first = false;            // the cosines before the sines
  bool full_turns = false;           // frequencies count turns, not radians
};

// Sines and cosines of x times dims / 2 frequencies from max_freq down to min_freq.
struct SinusoidalPositionalEncoding : Module {
  using Options = SinusoidalPositionalEncodingOptions;
  array sigmas;  // (dims / 2,), no parameter
  double scale;
  bool cos_first;
  MICA_MODULE(SinusoidalPositionalEncoding, MICA_KEY(sigmas, "_sigmas"))

  explicit SinusoidalPositionalEncoding(int dims, const Options& options = {});  // dims: even
  // Positions x of any shape; returns (..., dims), in x's dtype if that is floating.
  virtual array operator()(const array& x) const;
};

// Adds to attention scores the distance of query and key times a slope for each head ("Train
// Short, Test Long", Press et al., 2022).
struct ALiBi : Module {
  MICA_MODULE(ALiBi)

  // (1, num_heads, q_sequence_length - offset, k_sequence_length).
  static array create_alibi_matrix(int q_sequence_length, int k_sequence_length, int num_heads,
                                   int offset = 0, Dtype dtype = float32);
  // (num_heads, 1, 1).
  static array create_alibi_slope(int num_heads, Dtype dtype = float32);

  // attention_scores: (N, heads, queries, keys), the first query at position `offset`.
  virtual array operator()(const array& attention_scores, int offset = 0,
                           const std::optional<array>& mask = std::nullopt) const;
};

}  // namespace mica::nn
