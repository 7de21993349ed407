#include "generate.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"

namespace llm {

using namespace mica;

Session::Session(const LanguageModel& model, const CacheOptions& options, int chunk)
    : model_(model), chunk_(chunk), cache_(model.windows(), options) {
  if (chunk < 1)
    throw std::invalid_argument("session: expected chunks of at least 1 token, got " +
                                std::to_string(chunk));
}

array Session::feed(std::span<const int> tokens) {
  if (tokens.empty()) throw std::invalid_argument("feed: expected at least one token, got none");
  for (const int token : tokens) {
    if (token < 0 || token >= model_.vocabulary_size()) {
      throw std::invalid_argument("feed: expected tokens below " +
                                  std::to_string(model_.vocabulary_size()) + ", got " +
                                  std::to_string(token));
    }
  }
  const auto chunk = static_cast<size_t>(chunk_);
  while (tokens.size() > chunk) {
    step(tokens.first(chunk));
    tokens = tokens.subspan(chunk);
  }
  return step(tokens);
}

// Only the last token's scores are computed: those of a large vocabulary would cost more than the
// layers.
array Session::step(std::span<const int> tokens) {
  const int count = static_cast<int>(tokens.size());
  const array x = model_.hidden(array(tokens.data(), Shape{1, count}), cache_);
  const array last = slice(x, {0, count - 1, 0}, x.shape());
  const array scores = astype(flatten(model_.scores(last)), float32);
  eval(scores, cache_.arrays());
  return scores;
}

}  // namespace llm
