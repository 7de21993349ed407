// What a tokenizer is made of.
#pragma once

#include <memory>
#include <string>

#include "mica/text/added_tokens.h"
#include "mica/text/decoder.h"
#include "mica/text/normalizer.h"
#include "mica/text/post_processor.h"
#include "mica/text/pre_tokenizer.h"
#include "mica/text/tokenizer.h"
#include "mica/text/vocabulary.h"
#include "mica/text/word_cache.h"

namespace mica::text {

struct Tokenizer::Stages {
  // Of a tokenizer.json, from whose model the vocabulary is taken away when it has been read.
  Stages(nlohmann::json document, const std::string& file);

  // Null where id stands for none.
  const std::string* find_token(int32_t id) const;

  // Null where the file has none.
  std::unique_ptr<const Normalizer> normalizer;
  std::unique_ptr<const PreTokenizer> pre_tokenizer;
  std::unique_ptr<const Model> model;
  std::unique_ptr<const PostProcessor> post_processor;
  std::unique_ptr<const Decoder> decoder;
  std::unique_ptr<const AddedTokens> added;
  nlohmann::json config;  // the document but for the model's vocabulary and merges
  mutable WordCaches caches;
};

// The documents that stand for a vocab.txt, whose tokenizer_config.json may be null, and for a
// vocab.json with its merges.txt. `special` are tokens; those that the vocabulary lacks are left
// out.
nlohmann::json wordpiece_document(std::string_view vocabulary, const std::string& file,
                                  const Field* config);
nlohmann::json byte_level_document(nlohmann::json vocabulary, nlohmann::json merges,
                                   const std::vector<std::string>& special);

}  // namespace mica::text
