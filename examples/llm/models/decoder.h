// The decoder that came with Llama (Touvron et al., 2023): RMSNorm before each part, rotary
// positions, heads that share keys and values, and a gated feed-forward layer. Mistral, Qwen and
// Gemma are this decoder with the differences that DecoderConfig names.
#pragma once

#include <optional>
#include <vector>

#include "mica/nn/embedding.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "models/activation.h"
#include "models/language_model.h"

namespace llm {

// Rotary positions: pair i of a head turns by position * theta^(-2 i / head_dim), slowed down so
// that positions beyond those of the training stay within its angles.
struct RopeConfig {
  enum class Scaling { none, linear, llama3 };

  double theta = 10000;
  Scaling scaling = Scaling::none;
  double factor = 1;
  // llama3: waves longer than original_context / low are slowed by the factor, those shorter than
  // original_context / high not at all, and those between by a mix of both.
  double low_frequency_factor = 1, high_frequency_factor = 4, original_context = 8192;
};

struct DecoderConfig {
  int vocab_size = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int heads = 0;
  int key_value_heads = 0;
  int head_dim = 0;
  double norm_eps = 1e-6;
  RopeConfig rope{};

  struct Layer {
    std::optional<int> window{};           // sees so many tokens, with itself
    std::optional<RopeConfig> own_rope{};  // in place of the model's
  };
  std::vector<Layer> layers{};

  bool tied_embeddings = false;  // no lm_head: the embedding's vectors score as well
  bool qkv_bias = false;         // Qwen2
  bool output_bias = false;      // of o_proj
  bool mlp_bias = false;
  bool head_norms = false;  // RMSNorm of each query and key: Qwen3, Gemma 3
  Activation activation = Activation::silu;
  float attention_scale = 0;  // head_dim^-0.5, but for some sizes of Gemma

  bool gemma_norms = false;                  // RMSNorm times 1 + weight
  bool post_norms = false;                   // a norm behind each part too: Gemma 2 and 3
  float embedding_scale = 1;                 // Gemma: hidden_size^0.5
  std::optional<float> attention_softcap{};  // Gemma 2
  std::optional<float> logit_softcap{};      // Gemma 2
};

// RMSNorm, whose weight is stored less 1 in Gemma.
struct DecoderNorm : nn::RMSNorm {
  bool from_one;
  MICA_MODULE(DecoderNorm)

  DecoderNorm(int dims, const DecoderConfig& config);
  array operator()(const array& x) const override;
};

struct DecoderRope {
  int dims;
  std::optional<float> base;
  float scale;
  std::optional<array> wavelengths;  // over 2 pi, where there is no base

  DecoderRope(int dims, const RopeConfig& config);
  array operator()(const array& x, const array& position) const;
};

struct DecoderAttention : nn::Module {
  nn::Linear q_proj, k_proj, v_proj, o_proj;
  std::optional<DecoderNorm> q_norm, k_norm;
  int head_dim;
  float scale;
  std::optional<float> softcap;
  DecoderRope rope;
  MICA_MODULE(DecoderAttention, q_proj, k_proj, v_proj, o_proj, q_norm, k_norm)

  DecoderAttention(const DecoderConfig& config, const RopeConfig& rope);
  array operator()(const array& x, Cache& cache, size_t layer) const;
};

struct DecoderMLP : nn::Module {
  nn::Linear gate_proj, up_proj, down_proj;
  Activation activation;
  MICA_MODULE(DecoderMLP, gate_proj, up_proj, down_proj)

  explicit DecoderMLP(const DecoderConfig& config);
  array operator()(const array& x) const;
};

struct DecoderLayer : nn::Module {
  DecoderAttention self_attn;
  DecoderMLP mlp;
  DecoderNorm input_layernorm;
  DecoderNorm post_attention_layernorm;  // before the mlp, but with post_norms behind attention
  std::optional<DecoderNorm> pre_feedforward_layernorm, post_feedforward_layernorm;  // post_norms
  MICA_MODULE(DecoderLayer, self_attn, mlp, input_layernorm, post_attention_layernorm,
              pre_feedforward_layernorm, post_feedforward_layernorm)

  DecoderLayer(const DecoderConfig& config, const RopeConfig& rope);
  array operator()(const array& x, Cache& cache, size_t layer) const;
};

struct DecoderStack : nn::Module {
  nn::Embedding embed_tokens;
  std::vector<DecoderLayer> layers;
  DecoderNorm norm;
  MICA_MODULE(DecoderStack, embed_tokens, layers, norm)

  explicit DecoderStack(const DecoderConfig& config);
};

struct Decoder : LanguageModel {
  DecoderConfig config;
  DecoderStack model;
  std::optional<nn::Linear> lm_head;
  MICA_MODULE(Decoder, model, lm_head)

  explicit Decoder(const DecoderConfig& config);
  array hidden(const array& tokens, Cache& cache) const override;
  array scores(const array& hidden) const override;
  int vocabulary_size() const override { return config.vocab_size; }
  std::vector<std::optional<int>> windows() const override;
};

// The configuration of a Llama with `layers` layers; the others are to be set as well.
DecoderConfig llama_config(int vocab_size, int hidden_size, int intermediate_size, int layers,
                           int heads, int key_value_heads);

}  // namespace llm
