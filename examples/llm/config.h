// What the config.json of a Hugging Face checkpoint says of its model.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fields.h"
#include "mica/nn/quantizable.h"
#include "models/decoder.h"
#include "models/gpt2.h"

namespace llm {

// The entry "quantization", as mlx-lm writes it: which layers have scales is told by the
// checkpoint.
struct QuantizationConfig {
  nn::QuantizationOptions common;
  std::map<std::string, nn::QuantizationOptions> layers{};  // paths of those that differ
};

struct ModelConfig {
  std::string model_type;
  std::variant<DecoderConfig, Gpt2Config> model;
  int positions = 0;  // that the model was trained for
  std::optional<QuantizationConfig> quantization{};
  std::vector<int> end_tokens{};
};

// Throws std::invalid_argument naming the field where it is missing or wrong, or asks for what is
// not known here; fields that don't change what is computed are ignored. Sizes are bounded, so that
// a model of them can be made, lazily, and compared with its tensors.
ModelConfig parse_config(const Fields& fields);
inline ModelConfig parse_config(std::string_view json, const std::string& label) {
  return parse_config(Fields::parse(json, label));
}

// Random weights, which nothing computes unless they are used.
std::unique_ptr<LanguageModel> make_model(const ModelConfig& config);

// Modes by name: "affine", "mxfp4", "mxfp8", "nvfp4"; nullopt for others.
std::optional<nn::QuantizationMode> quantization_mode(std::string_view name);

}  // namespace llm
