// What all families of language models have in common. Each lies in a file of its own: decoder.h
// (Llama, Mistral, Qwen and Gemma, which differ little) and gpt2.h. Members are named as the
// tensors of a checkpoint are, so that a model's parameters are its checkpoint.
#pragma once

#include <optional>
#include <vector>

#include "cache.h"
#include "mica/nn/module.h"

namespace llm {

namespace nn = mica::nn;

struct LanguageModel : nn::Module {
  // tokens: integers (batch, length), which follow those of the cache and are added to it. Returns
  // what the last layer makes of them, (batch, length, size).
  virtual array hidden(const array& tokens, Cache& cache) const = 0;
  // The score of each entry of the vocabulary for the token that follows: (..., size) ->
  // (..., vocabulary).
  virtual array scores(const array& hidden) const = 0;

  array operator()(const array& tokens, Cache& cache) const {
    return scores(hidden(tokens, cache));
  }

  virtual int vocabulary_size() const = 0;
  // Where the model can't go beyond so many tokens.
  virtual std::optional<int> most_positions() const { return std::nullopt; }
  // The most tokens that a layer looks back, for each layer; nullopt: all.
  virtual std::vector<std::optional<int>> windows() const = 0;
};

}  // namespace llm
