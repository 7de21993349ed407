// Layers that are quantized from the start, and quantizing those of a model where they are.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "mica/nn/embedding.h"
#include "mica/nn/linear.h"

namespace mica::nn {

struct QuantizedLinearOptions {
  bool bias = true;
  std::optional<int> group_size = std::nullopt;
  std::optional<int> bits = std::nullopt;
  QuantizationMode mode = QuantizationMode::affine;
};

// A Linear with a quantized weight, frozen.
struct QuantizedLinear : Linear {
  using Options = QuantizedLinearOptions;
  MICA_MODULE(QuantizedLinear)

  // The weight is drawn as Linear's; bias zeros.
  QuantizedLinear(int input_dims, int output_dims, const Options& options = {});
  static QuantizedLinear from_linear(const Linear& linear, const QuantizationOptions& options = {});
  std::string type_name() const override;

 private:
  QuantizedLinear(const Linear& linear, const QuantizationOptions& options);
};

// An Embedding with a quantized weight, frozen.
struct QuantizedEmbedding : Embedding {
  using Options = QuantizationOptions;
  MICA_MODULE(QuantizedEmbedding)

  QuantizedEmbedding(int num_embeddings, int dims, const Options& options = {});
  static QuantizedEmbedding from_embedding(const Embedding& embedding, const Options& options = {});
  std::string type_name() const override { return Module::type_name(); }

 private:
  QuantizedEmbedding(const Embedding& embedding, const Options& options);
};

struct QQLinearOptions {
  std::optional<int> group_size = std::nullopt;
  std::optional<int> bits = std::nullopt;
  QuantizationMode mode = QuantizationMode::nvfp4;  // not affine
};

// A Linear without bias that quantizes its inputs as well. While it is training, its weight is kept
// as it is and quantized for each product, whose gradients pass through the rounding; eval() packs
// it and train() unpacks it.
struct QQLinear : Linear {
  using Options = QQLinearOptions;
  MICA_MODULE(QQLinear)

  QQLinear(int input_dims, int output_dims, const Options& options = {});
  // Throws std::invalid_argument where the layer has a bias.
  static QQLinear from_linear(const Linear& linear, const Options& options = {});
  using Linear::quantize;
  void quantize() { pack_weight(); }
  void dequantize() { unpack_weight(); }
  std::string type_name() const override { return Module::type_name(); }

 private:
  QQLinear(const Linear& linear, const Options& options);
};

// What QuantizeOptions::class_predicate says of a layer: whether to quantize it, and how, if not as
// the rest.
struct QuantizeChoice {
  QuantizeChoice(bool is_wanted) : wanted(is_wanted) {}
  QuantizeChoice(const QuantizationOptions& own) : wanted(true), options(own) {}
  bool wanted;
  std::optional<QuantizationOptions> options;
};

struct QuantizeOptions {
  std::optional<int> group_size = std::nullopt;
  std::optional<int> bits = std::nullopt;
  QuantizationMode mode = QuantizationMode::affine;
  bool quantize_input = false;
  // Asked for each layer that can be quantized, and for others without children: they can't, and
  // throw where it says so. Default: what can be quantized and is not yet.
  std::function<QuantizeChoice(const std::string& path, Module& layer)> class_predicate = {};
};

// Quantizes the model's layers in place, plain members and slots alike; rows that end within a
// group are padded with zeros, where mlx.nn refuses them. All layers are checked before one is
// changed. Throws std::invalid_argument, naming the layer.
void quantize(Module& model, const QuantizeOptions& options = {});

}  // namespace mica::nn
