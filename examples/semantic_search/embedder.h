// Texts to vectors: texts that mean about the same have a scalar product near 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bert.h"
#include "mica/text/tokenizer.h"

namespace semantic_search {

class Embedder {
 public:
  // A folder with config.json, the weights and a tokenizer, as Hugging Face lays them out. Throws
  // std::invalid_argument naming what is wrong, std::system_error where a file can't be read.
  explicit Embedder(const std::filesystem::path& folder);

  static constexpr int batch_size = 8;

  // (texts, dims), not yet computed. Longer texts count up to the last token that the model takes.
  // Texts of similar length share a batch; batches are small, for padding costs more than large
  // products save.
  array embed(const std::vector<std::string>& texts) const;
  int dims() const { return config_.hidden_size; }

 private:
  using Ids = std::vector<int32_t>;
  Ids ids_of(const std::string& text) const;
  array embed_batch(const std::vector<const Ids*>& batch) const;

  BertConfig config_;
  mica::text::Tokenizer tokenizer_;
  Bert model_;
  size_t longest_;  // tokens
};

}  // namespace semantic_search
