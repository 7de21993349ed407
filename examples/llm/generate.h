// Running a model over tokens, and on from them.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cache.h"
#include "models/language_model.h"

namespace llm {

// A model in the midst of a text.
class Session {
 public:
  // The model must outlive the session. Throws std::invalid_argument where chunk is below 1.
  explicit Session(const LanguageModel& model, const CacheOptions& options = {}, int chunk = 512);

  // Runs the model over the tokens, `chunk` at a time, so that few shapes arise. Returns the scores
  // (vocabulary) for the token that follows the last one, float32, computed. Throws
  // std::invalid_argument where there are no tokens or one is not in the vocabulary.
  array feed(std::span<const int> tokens);

  // Tokens that the session holds or has held.
  int position() const { return cache_.position(); }

 private:
  array step(std::span<const int> tokens);

  const LanguageModel& model_;
  int chunk_;
  Cache cache_;
};

}  // namespace llm
