// BERT (Devlin et al., 2018): the encoder, with its layers named as checkpoints name them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mica/mica.h"

namespace semantic_search {

using mica::array;
namespace nn = mica::nn;

struct BertConfig {
  int vocab_size = 30522;
  int hidden_size = 384;
  int num_hidden_layers = 6;
  int num_attention_heads = 12;
  int intermediate_size = 1536;
  int max_position_embeddings = 512;
  int type_vocab_size = 2;
  double layer_norm_eps = 1e-12;

  // Of a config.json. Throws std::invalid_argument, naming file and field, for models that are no
  // BERT with the exact GELU.
  static BertConfig load(const std::filesystem::path& file);
};

// Words, positions and segments, of which there is one here.
struct Embeddings : nn::Module {
  nn::Embedding word_embeddings, position_embeddings, token_type_embeddings;
  nn::LayerNorm norm;
  MICA_MODULE(Embeddings, word_embeddings, position_embeddings, token_type_embeddings,
              MICA_KEY(norm, "LayerNorm"))

  explicit Embeddings(const BertConfig& config);
  array operator()(const array& ids) const;
};

struct SelfAttention : nn::Module {
  nn::Linear query, key, value;
  int heads;
  MICA_MODULE(SelfAttention, query, key, value)

  explicit SelfAttention(const BertConfig& config);
  array operator()(const array& x, const array& lengths) const;
};

// What ends both halves of a layer: a projection, the residual and a norm.
struct Output : nn::Module {
  nn::Linear dense;
  nn::LayerNorm norm;
  MICA_MODULE(Output, dense, MICA_KEY(norm, "LayerNorm"))

  Output(int input_dims, const BertConfig& config);
  array operator()(const array& x, const array& residual) const;
};

struct Attention : nn::Module {
  SelfAttention self;
  Output output;
  MICA_MODULE(Attention, self, output)

  explicit Attention(const BertConfig& config);
  array operator()(const array& x, const array& lengths) const;
};

struct Intermediate : nn::Module {
  nn::Linear dense;
  MICA_MODULE(Intermediate, dense)

  explicit Intermediate(const BertConfig& config);
  array operator()(const array& x) const;
};

struct Layer : nn::Module {
  Attention attention;
  Intermediate intermediate;
  Output output;
  MICA_MODULE(Layer, attention, intermediate, output)

  explicit Layer(const BertConfig& config);
  array operator()(const array& x, const array& lengths) const;
};

struct Encoder : nn::Module {
  std::vector<Layer> layer;
  MICA_MODULE(Encoder, layer)

  explicit Encoder(const BertConfig& config);
  array operator()(array x, const array& lengths) const;
};

struct Bert : nn::Module {
  Embeddings embeddings;
  Encoder encoder;
  MICA_MODULE(Bert, embeddings, encoder)

  explicit Bert(const BertConfig& config);
  // ids (batch, length), of whose rows the first `lengths` (batch) count, both integers; returns
  // (batch, length, hidden_size).
  array operator()(const array& ids, const array& lengths) const;
  // Takes a checkpoint's weights, those of its pooler left out. Throws std::invalid_argument where
  // others are missing, left over or of another shape.
  void load(const std::filesystem::path& checkpoint);
};

// A vector of length 1 for each text: the mean over the states (batch, length, dims) of the tokens
// that count.
array sentence_embeddings(const array& states, const array& lengths);

}  // namespace semantic_search
