// GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019): a decoder of
// pre-norm Transformer blocks. Members have the names that Hugging Face's transformers gives them,
// so that weights go from one to the other.
#pragma once

#include <vector>

#include "mica/mica.h"

namespace gpt {

using mica::array;
namespace nn = mica::nn;

struct Config {
  int vocab_size = 256;
  int context = 128;  // positions: the longest sequence
  int dims = 128;
  int layers = 4;
  int heads = 4;
  double dropout = 0.0;  // behind the embeddings and each part of a block
};

struct Attention : nn::Module {
  int heads;
  nn::Slot<nn::Linear> c_attn, c_proj;  // queries, keys and values as one; the output
  nn::Dropout dropout;
  MICA_MODULE(Attention, c_attn, c_proj, dropout)

  explicit Attention(const Config& config);
  array operator()(const array& x) const;
};

struct FeedForward : nn::Module {
  nn::Slot<nn::Linear> c_fc, c_proj;
  nn::Dropout dropout;
  MICA_MODULE(FeedForward, c_fc, c_proj, dropout)

  explicit FeedForward(const Config& config);
  array operator()(const array& x) const;
};

struct Block : nn::Module {
  nn::LayerNorm ln_1;
  Attention attn;
  nn::LayerNorm ln_2;
  FeedForward mlp;
  MICA_MODULE(Block, ln_1, attn, ln_2, mlp)

  explicit Block(const Config& config);
  array operator()(const array& x) const;
};

struct Transformer : nn::Module {
  nn::Embedding wte, wpe;  // of tokens and of positions
  nn::Dropout dropout;
  std::vector<Block> h;
  nn::LayerNorm ln_f;
  MICA_MODULE(Transformer, wte, wpe, dropout, h, ln_f)

  explicit Transformer(const Config& config);
  array operator()(const array& tokens) const;
};

struct Gpt : nn::Module {
  Config config;
  Transformer transformer;
  MICA_MODULE(Gpt, transformer)

  // Weights are drawn as in the paper: normal with a deviation of 0.02, those that end a part of a
  // block smaller the more blocks there are.
  explicit Gpt(const Config& config);
  // tokens: (batch, length) integers, at most `context` long; returns the logits of the tokens that
  // follow each, (batch, length, vocab_size).
  array operator()(const array& tokens) const;
};

// The mean of -log p(target) over all tokens.
array loss(const Gpt& model, const array& tokens, const array& targets);

// Numbers in all arrays of the tree.
size_t count(const mica::Tree& parameters);

}  // namespace gpt
