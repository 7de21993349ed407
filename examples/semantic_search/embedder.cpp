#include "embedder.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace semantic_search {

using namespace mica;

namespace {

constexpr size_t longest_text = 256;  // tokens: what all-MiniLM-L6-v2 was trained for

}  // namespace

Embedder::Embedder(const std::filesystem::path& folder)
    : config_(BertConfig::load(folder / "config.json")),
      tokenizer_(text::Tokenizer::load(folder)),
      model_(config_),
      longest_(std::min(longest_text, static_cast<size_t>(config_.max_position_embeddings))) {
  if (tokenizer_.vocab_size() > config_.vocab_size) {
    throw std::invalid_argument(
        (folder / "config.json").string() + ": vocab_size: expected at least the tokenizer's " +
        std::to_string(tokenizer_.vocab_size()) + ", got " + std::to_string(config_.vocab_size));
  }
  model_.load(folder);
}

Embedder::Ids Embedder::ids_of(const std::string& text) const {
  Ids ids = tokenizer_.encode(text);
  if (ids.size() > longest_) {
    ids[longest_ - 1] = ids.back();  // [SEP]
    ids.resize(longest_);
  }
  return ids;
}

array Embedder::embed(const std::vector<std::string>& texts) const {
  if (texts.empty()) return zeros({0, dims()});
  std::vector<Ids> ids;
  for (const std::string& text : texts) ids.push_back(ids_of(text));
  std::vector<int32_t> order(texts.size()), place(texts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return ids[static_cast<size_t>(a)].size() < ids[static_cast<size_t>(b)].size();
  });
  std::vector<array> parts;
  for (size_t begin = 0; begin < order.size(); begin += batch_size) {
    const size_t end = std::min(order.size(), begin + batch_size);
    std::vector<const Ids*> batch;
    for (size_t i = begin; i < end; ++i) batch.push_back(&ids[static_cast<size_t>(order[i])]);
    parts.push_back(embed_batch(batch));
  }
  if (texts.size() == 1) return parts[0];
  for (size_t i = 0; i < order.size(); ++i) {
    place[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
  }
  return take(concatenate(parts, 0), array(place.begin(), {static_cast<int>(place.size())}), 0);
}

// Lengths are rounded up, so that batches have few shapes and plans are used again.
array Embedder::embed_batch(const std::vector<const Ids*>& batch) const {
  constexpr size_t multiple = 8;
  const size_t rows = batch.size();
  size_t longest = 0;
  for (const Ids* ids : batch) longest = std::max(longest, ids->size());
  const size_t length =
      rows == 1 ? longest : std::min((longest + multiple - 1) / multiple * multiple, longest_);
  std::vector<int32_t> padded(rows * length, 0), lengths;
  for (size_t i = 0; i < rows; ++i) {
    std::copy(batch[i]->begin(), batch[i]->end(),
              padded.begin() + static_cast<ptrdiff_t>(i * length));
    lengths.push_back(static_cast<int32_t>(batch[i]->size()));
  }
  const array ids(padded.begin(), {static_cast<int>(rows), static_cast<int>(length)});
  const array counts(lengths.begin(), {static_cast<int>(rows)});
  return sentence_embeddings(model_(ids, counts), counts);
}

}  // namespace semantic_search
