// Checkpoints in folders, as Hugging Face and mlx-lm write them: config.json, safetensors,
// tokenizer files.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config.h"
#include "mica/nn/quantizable.h"

namespace llm {

struct LoadOptions {
  std::optional<mica::Dtype> dtype = mica::float32;  // of floating parameters; as stored if none
  std::optional<nn::QuantizationOptions> quantize = {};  // what is not quantized in the folder
};

struct LoadedModel {
  ModelConfig config;
  std::unique_ptr<LanguageModel> model;
};

// Throws std::invalid_argument naming file and field where the folder is wrong or its tensors are
// not exactly those that config.json asks for, std::system_error where a file can't be read. The
// end tokens are those of generation_config.json where it names some.
LoadedModel load_model(const std::filesystem::path& folder, const LoadOptions& options = {});

// The parameters of a model by the names of a checkpoint, which may lack the prefix "model." or
// have "transformer." there; those that only other programs need are left out.
using Tensors = std::unordered_map<std::string, array>;
Tensors named_as_model(const ModelConfig& config, Tensors tensors);

// Gives the model its tensors, all or none. `label` names the checkpoint in errors.
void assign(LoadedModel& loaded, Tensors tensors, const std::string& label);

// Writes the model, with config.json saying how it is quantized and everything else that lies in
// `source`, into another folder, which load_model and mlx-lm read.
void save_model(const std::filesystem::path& folder, const LoadedModel& loaded,
                const std::filesystem::path& source);

}  // namespace llm
