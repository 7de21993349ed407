// Vectors for the members of a vocabulary.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"
#include "mica/nn/quantizable.h"

namespace mica::nn {

struct QuantizedEmbedding;

// Where the weight is quantized, it is packed (uint32) beside its scales and biases, and the layer
// prints as QuantizedEmbedding.
struct Embedding : Module, Quantizable {
  array weight;                         // (num_embeddings, dims)
  std::optional<array> scales, biases;  // of a quantized weight (num_embeddings, groups)
  MICA_MODULE(Embedding, weight, scales, biases)

  // Normal with standard deviation 1 / sqrt(dims).
  Embedding(int num_embeddings, int dims);
  // indices: integers below num_embeddings, of any shape; returns (..., dims), from a quantized
  // weight in its scales' dtype or, in other modes than affine, bfloat16.
  virtual array operator()(const array& indices) const;
  // x @ weight.T: a score for each of the vocabulary. x: (..., dims).
  virtual array as_linear(const array& x) const;
  int dims() const;
  std::string extra_repr() const override;
  std::string type_name() const override;

  const std::optional<Quantization>& quantization() const { return quantization_; }
  bool is_quantized() const override { return quantization_.has_value(); }
  void check_quantize(const QuantizationOptions& options) const override;
  // Freezes the layer, of which unfreeze() then frees all but the weight.
  void quantize(const QuantizationOptions& options) override;
  QuantizedEmbedding to_quantized(const QuantizationOptions& options = {}) const;

 private:
  detail::Packed packed() const { return {weight, scales, biases, *quantization_}; }

  std::optional<Quantization> quantization_;
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
