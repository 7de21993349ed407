// Attention with several heads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mica/nn/dropout.h"
#include "mica/nn/linear.h"
#include "mica/nn/slot.h"

namespace mica::nn {

enum class MaskMode { causal };

// Which keys each query sees: all if empty; those up to its own place, `MaskMode::causal`; or an
// array that broadcasts to (batch, heads, queries, keys), false where a key is hidden, or numbers
// added to the scores.
struct AttentionMask {
  bool causal = false;
  std::optional<array> values = {};

  AttentionMask() = default;
  AttentionMask(std::nullopt_t) {}
  AttentionMask(MaskMode) : causal(true) {}
  AttentionMask(const array& mask) : values(mask) {}
  AttentionMask(const std::optional<array>& mask) : values(mask) {}
};

// For the transforms, which take masks as trees of arrays.
void collect_arrays(std::vector<array>& out, const AttentionMask& mask);
AttentionMask rebuild_arrays(const AttentionMask& like, const array*& next);
void describe_structure(std::string& key, const AttentionMask& mask);

struct MultiHeadAttentionOptions {
  std::optional<int> query_input_dims = {};   // dims if empty
  std::optional<int> key_input_dims = {};     // dims if empty
  std::optional<int> value_input_dims = {};   // key_input_dims if empty
  std::optional<int> value_dims = {};         // of all heads together; dims if empty
  std::optional<int> value_output_dims = {};  // dims if empty
  bool bias = false;                          // in the projections
  std::optional<int> num_kv_heads = {};       // heads of keys and values, which divide num_heads;
                                              // num_heads if empty
  double dropout = 0.0;                       // of the attention weights, while training
};

// softmax(Q K^T / sqrt(head size)) V for each head, with Q, K, V and the result projected.
struct MultiHeadAttention : Module {
  using Options = MultiHeadAttentionOptions;
  int num_heads, num_kv_heads;
  Slot<Linear> query_proj, key_proj, value_proj, out_proj;
  std::optional<Dropout> dropout;  // where its probability is not 0
  MICA_MODULE(MultiHeadAttention, query_proj, key_proj, value_proj, out_proj, dropout)

  // num_heads divides dims.
  MultiHeadAttention(int dims, int num_heads, const Options& options = {});
  // queries (N, Lq, query_input_dims), keys (N, Lk, key_input_dims), values (N, Lk,
  // value_input_dims); returns (N, Lq, value_output_dims).
  virtual array operator()(const array& queries, const array& keys, const array& values,
                           const AttentionMask& mask = {}) const;

  // (N, N): 0 where a query sees a key, else the lowest number of dtype.
  static array create_additive_causal_mask(int N, Dtype dtype = float32);

 private:
  static int checked_heads(int dims, int num_heads, const Options& options);
};

}  // namespace mica::nn
