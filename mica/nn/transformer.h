// Transformers ("Attention Is All You Need", Vaswani et al., 2017).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mica/nn/activations.h"
#include "mica/nn/attention.h"
#include "mica/nn/dropout.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "mica/nn/slot.h"

namespace mica::nn {

struct TransformerLayerOptions {
  std::optional<int> mlp_dims = {};  // 4 * dims if empty
  double dropout = 0.0;              // behind attention, and inside the MLP
  Layer activation = relu;           // of the MLP: a function or a module
  bool norm_first = true;            // normalize what goes into a part; else the sum with it
};

// Attention to itself, then an MLP, each added to its input. x: (N, L, dims).
struct TransformerEncoderLayer : Module {
  using Options = TransformerLayerOptions;
  Slot<MultiHeadAttention> attention;
  Slot<LayerNorm> ln1, ln2;
  Slot<Linear> linear1, linear2;
  Slot<Dropout> dropout1, dropout2;
  Layer activation;
  bool norm_first;
  MICA_MODULE(TransformerEncoderLayer, attention, ln1, ln2, linear1, linear2, dropout1, dropout2,
              activation)

  TransformerEncoderLayer(int dims, int num_heads, const Options& options = {});
  virtual array operator()(const array& x, const AttentionMask& mask = {}) const;
};

// Attention to itself, attention to memory, then an MLP. x: (N, L, dims), memory: (N, Lm, dims).
struct TransformerDecoderLayer : Module {
  using Options = TransformerLayerOptions;
  Slot<MultiHeadAttention> self_attention, cross_attention;
  Slot<LayerNorm> ln1, ln2, ln3;
  Slot<Linear> linear1, linear2;
  Slot<Dropout> dropout1, dropout2, dropout3;
  Layer activation;
  bool norm_first;
  MICA_MODULE(TransformerDecoderLayer, self_attention, cross_attention, ln1, ln2, ln3, linear1,
              linear2, dropout1, dropout2, dropout3, activation)

  TransformerDecoderLayer(int dims, int num_heads, const Options& options = {});
  virtual array operator()(const array& x, const array& memory, const AttentionMask& x_mask = {},
                           const AttentionMask& memory_mask = {}) const;
};

// What Transformer takes as its encoder and decoder.
struct Encoder : Module {
  MICA_MODULE(Encoder)
  virtual array operator()(const array& x, const AttentionMask& mask = {}) const = 0;
};
struct Decoder : Module {
  MICA_MODULE(Decoder)
  virtual array operator()(const array& x, const array& memory, const AttentionMask& x_mask = {},
                           const AttentionMask& memory_mask = {}) const = 0;
};

struct TransformerStackOptions {
  std::optional<int> mlp_dims = {};  // 4 * dims if empty
  double dropout = 0.0;
  Layer activation = relu;
  bool norm_first = true;
  bool checkpoint = false;  // gradients compute each layer's values again
};

// Layers one after the other, and a norm.
struct TransformerEncoder : Encoder {
  using Options = TransformerStackOptions;
  std::vector<Slot<TransformerEncoderLayer>> layers;
  Slot<LayerNorm> ln;
  bool checkpoint;
  MICA_MODULE(TransformerEncoder, layers, ln)

  TransformerEncoder(int num_layers, int dims, int num_heads, const Options& options = {});
  array operator()(const array& x, const AttentionMask& mask = {}) const override;
};

struct TransformerDecoder : Decoder {
  using Options = TransformerStackOptions;
  std::vector<Slot<TransformerDecoderLayer>> layers;
  Slot<LayerNorm> ln;
  bool checkpoint;
  MICA_MODULE(TransformerDecoder, layers, ln)

  TransformerDecoder(int num_layers, int dims, int num_heads, const Options& options = {});
  array operator()(const array& x, const array& memory, const AttentionMask& x_mask = {},
                   const AttentionMask& memory_mask = {}) const override;
};

struct TransformerOptions {
  int dims = 512;
  int num_heads = 8;
  int num_encoder_layers = 6;
  int num_decoder_layers = 6;
  std::optional<int> mlp_dims = {};  // 4 * dims if empty
  double dropout = 0.0;
  Layer activation = relu;
  std::optional<Slot<Encoder>> custom_encoder = {};  // a TransformerEncoder if empty
  std::optional<Slot<Decoder>> custom_decoder = {};  // a TransformerDecoder if empty
  bool norm_first = true;
  bool checkpoint = false;
};

// An encoder of src (N, Ls, dims), and a decoder of tgt (N, Lt, dims) that attends to its result.
struct Transformer : Module {
  using Options = TransformerOptions;
  Slot<Encoder> encoder;
  Slot<Decoder> decoder;
  MICA_MODULE(Transformer, encoder, decoder)

  explicit Transformer(const Options& options = {});
  // Returns (N, Lt, dims).
  virtual array operator()(const array& src, const array& tgt, const AttentionMask& src_mask = {},
                           const AttentionMask& tgt_mask = {},
                           const AttentionMask& memory_mask = {}) const;
};

}  // namespace mica::nn
