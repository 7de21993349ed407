// A trained model as a folder in the form of Hugging Face's transformers: config.json,
// model.safetensors and tokenizer.json.
#pragma once

#include <string>

#include "mica/text/tokenizer.h"
#include "model.h"

namespace gpt {

struct Pretrained {
  Gpt model;
  mica::text::Tokenizer tokenizer;
};

// Each file is replaced at once.
void save(const std::string& folder, const Gpt& model, const mica::text::Tokenizer& tokenizer);

// Throws std::system_error where a file can't be read, std::invalid_argument naming file and field
// where one is not of such a model, or the tokenizer's vocabulary is larger than the model's.
Pretrained load(const std::string& folder);

void write_file(const std::string& path, const std::string& text);
std::string read_file(const std::string& path);

}  // namespace gpt
