// Vectors for the members of a vocabulary.
#pragma once

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

}  // namespace mica::nn
