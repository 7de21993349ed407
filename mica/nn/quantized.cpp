#include "mica/nn/quantized.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "mica/ops/ops.h"

namespace mica::nn {

QuantizedLinear::QuantizedLinear(int input_dims, int output_dims, const Options& options)
    : QuantizedLinear(Linear(input_dims, output_dims, {.bias = false}),
                      {options.group_size, options.bits, options.mode}) {
  if (options.bias) {
    bias = zeros({output_dims});
    freeze({.keys = {"bias"}});
  }
}

QuantizedLinear::QuantizedLinear(const Linear& linear, const QuantizationOptions& options)
    : Linear(linear) {
  Linear::quantize(options);
}

QuantizedLinear QuantizedLinear::from_linear(const Linear& linear,
                                             const QuantizationOptions& options) {
  return QuantizedLinear(linear, options);
}

std::string QuantizedLinear::type_name() const {
  return quantization() && quantization()->inputs ? "QQLinear" : Module::type_name();
}

QuantizedEmbedding::QuantizedEmbedding(int num_embeddings, int dims, const Options& options)
    : QuantizedEmbedding(Embedding(num_embeddings, dims), options) {}

QuantizedEmbedding::QuantizedEmbedding(const Embedding& embedding, const Options& options)
    : Embedding(embedding) {
  quantize(options);
}

QuantizedEmbedding QuantizedEmbedding::from_embedding(const Embedding& embedding,
                                                      const Options& options) {
  return QuantizedEmbedding(embedding, options);
}

QQLinear::QQLinear(int input_dims, int output_dims, const Options& options)
    : QQLinear(Linear(input_dims, output_dims, {.bias = false}), options) {}

QQLinear::QQLinear(const Linear& linear, const Options& options) : Linear(linear) {
  Linear::quantize({options.group_size, options.bits, options.mode, true});
}

QQLinear QQLinear::from_linear(const Linear& linear, const Options& options) {
  return QQLinear(linear, options);
}

void quantize(Module& model, const QuantizeOptions& options) {
  const QuantizationOptions common{options.group_size, options.bits, options.mode,
                                   options.quantize_input};
  std::vector<std::pair<Quantizable*, QuantizationOptions>> chosen;
  for (const auto& [path, module] : model.named_modules()) {
    auto* layer = dynamic_cast<Quantizable*>(module.get());
    if (!layer && module->modules().size() > 1) continue;
    const QuantizeChoice choice = options.class_predicate
                                      ? options.class_predicate(path, *module)
                                      : QuantizeChoice(layer && !layer->is_quantized());
    if (!choice.wanted) continue;
    if (!layer) {
      throw std::invalid_argument("quantize: expected layers that can be quantized, got " +
                                  module->where());
    }
    chosen.emplace_back(layer, choice.options.value_or(common));
    layer->check_quantize(chosen.back().second);
  }
  for (const auto& [layer, format] : chosen) layer->quantize(format);
}

}  // namespace mica::nn
