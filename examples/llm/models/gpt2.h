// GPT-2 (Radford et al., 2019): LayerNorm before each part, learned positions, biases everywhere.
#pragma once

#include <optional>
#include <vector>

#include "mica/nn/embedding.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "models/activation.h"
#include "models/language_model.h"

namespace llm {

struct Gpt2Config {
  int vocab_size = 0;
  int positions = 0;
  int hidden_size = 0;
  int intermediate_size = 0;
  int layers = 0;
  int heads = 0;
  double norm_eps = 1e-5;
  Activation activation = Activation::gelu_tanh;
  bool scale_attention = true;  // by head_dim^-0.5
  bool scale_by_layer = false;  // and by 1 / (1 + the layer's index)
  bool tied_embeddings = true;
};

struct Gpt2Attention : nn::Module {
  nn::Linear c_attn, c_proj;  // queries, keys and values side by side; the output
  int heads;
  float scale;
  MICA_MODULE(Gpt2Attention, c_attn, c_proj)

  Gpt2Attention(const Gpt2Config& config, size_t layer);
  array operator()(const array& x, Cache& cache, size_t layer) const;
};

struct Gpt2MLP : nn::Module {
  nn::Linear c_fc, c_proj;
  Activation activation;
  MICA_MODULE(Gpt2MLP, c_fc, c_proj)

  explicit Gpt2MLP(const Gpt2Config& config);
  array operator()(const array& x) const;
};

struct Gpt2Layer : nn::Module {
  nn::LayerNorm ln_1, ln_2;
  Gpt2Attention attn;
  Gpt2MLP mlp;
  MICA_MODULE(Gpt2Layer, ln_1, attn, ln_2, mlp)

  Gpt2Layer(const Gpt2Config& config, size_t layer);
  array operator()(const array& x, Cache& cache, size_t layer) const;
};

struct Gpt2Stack : nn::Module {
  nn::Embedding wte, wpe;  // of tokens, of positions
  std::vector<Gpt2Layer> h;
  nn::LayerNorm ln_f;
  MICA_MODULE(Gpt2Stack, wte, wpe, h, ln_f)

  explicit Gpt2Stack(const Gpt2Config& config);
};

struct Gpt2 : LanguageModel {
  Gpt2Config config;
  Gpt2Stack model;
  std::optional<nn::Linear> lm_head;
  MICA_MODULE(Gpt2, model, lm_head)

  explicit Gpt2(const Gpt2Config& config);
  // Throws std::invalid_argument for tokens beyond the learned positions.
  array hidden(const array& tokens, Cache& cache) const override;
  array scores(const array& hidden) const override;
  int vocabulary_size() const override { return config.vocab_size; }
  std::optional<int> most_positions() const override { return config.positions; }
  std::vector<std::optional<int>> windows() const override {
    return std::vector<std::optional<int>>(model.h.size());
  }
};

}  // namespace llm
