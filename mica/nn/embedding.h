// Vectors for the members of a vocabulary.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

struct Embedding : Module {
  array weight;  // (num_embeddings, dims)
  MICA_MODULE(Embedding, weight)

  // Normal with standard deviation 1 / sqrt(dims).
  Embedding(int num_embeddings, int dims);
  // indices: integers below num_embeddings, of any shape; returns (..., dims).
  virtual array operator()(const array& indices) const;
  // x @ weight.T: a score for each of the vocabulary. x: (..., dims).
  virtual array as_linear(const array& x) const;
  std::string extra_repr() const override;
};

enum class BagMode { sum, mean, max };

struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  std::optional<int> padding_index = {};  // of indices that belong to no bag
};

// The sum, mean or largest of the vectors of bags of indices; of an empty bag 0.
struct EmbeddingBag : Module {
  using Options = EmbeddingBagOptions;
  array weight;  // (num_embeddings, dims)
  Options options;
  MICA_MODULE(EmbeddingBag, weight)

  // Normal with standard deviation 1 / sqrt(dims).
  EmbeddingBag(int num_embeddings, int dims, const Options& options = {});
  // indices: (bags, size) integers; or (count,), of which bag i begins at offsets[i] (ascending,
  // from 0). weights, of the shape of the indices, scale the vectors in a sum. Returns (bags,
  // dims).
  virtual array operator()(const array& indices, const std::optional<array>& offsets = {},
                           const std::optional<array>& weights = {}) const;
  std::string extra_repr() const override;
};

}  // namespace mica::nn
