#include "index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <unordered_map>

#include "mica/text/fields.h"

namespace semantic_search {

using namespace mica;

namespace {

constexpr const char* probe_text = "The quick brown fox jumps over the lazy dog.";
constexpr const char* format_name = "mica semantic_search 1";

// FNV-1a of 64 bits.
std::string digest_of(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return fmt::format("{:016x}", hash);
}

std::vector<float> values_of(array a) {
  a = contiguous(a);
  a.eval();
  return {a.data<float>(), a.data<float>() + a.size()};
}

array matrix_of(const std::vector<float>& values, size_t dims) {
  return array(values.begin(), {static_cast<int>(values.size() / dims), static_cast<int>(dims)});
}

}  // namespace

Index::Index(const Embedder& embedder)
    : dims_(static_cast<size_t>(embedder.dims())),
      probe_(values_of(embedder.embed({probe_text}))) {}

Index Index::load(const std::filesystem::path& file, const Embedder& embedder) {
  const auto [arrays, metadata] = load_safetensors(file.string());
  const auto found = metadata.find("index");
  if (found == metadata.end() || !metadata.contains("format") ||
      metadata.at("format") != format_name) {
    throw std::invalid_argument(file.string() + ": expected an index of semantic_search");
  }
  const nlohmann::json json = text::parse_json(found->second, file.string());
  const text::Field entries(json, file.string());
  auto tensor = [&, &arrays = arrays](const char* name) {
    const auto tensor = arrays.find(name);
    if (tensor == arrays.end() || tensor->second.dtype() != float32) {
      throw std::invalid_argument(file.string() + ": " + name + ": expected a float32 array");
    }
    return values_of(tensor->second);
  };
  Index index(embedder);
  const std::vector<float> probe = tensor("probe");
  bool same = probe.size() == index.probe_.size();
  for (size_t i = 0; same && i < probe.size(); ++i) {
    same = std::abs(probe[i] - index.probe_[i]) < 1e-3f;
  }
  if (!same) {
    throw std::invalid_argument(file.string() +
                                ": expected an index of this model, got one of another; remove it "
                                "or name the model that made it");
  }
  const std::vector<float> vectors = tensor("vectors");
  size_t at = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    const text::Field entry = entries.at(i), passages = entry.at("passages");
    IndexedFile& indexed = index.files_[entry.at("path").string()];
    indexed.digest = entry.at("digest").string();
    for (size_t j = 0; j < passages.size(); ++j) {
      const text::Field passage = passages.at(j);
      indexed.passages.push_back(
          {static_cast<int>(passage.at("line").integer(1, 1 << 30)), passage.at("text").string()});
    }
    const size_t size = passages.size() * index.dims_;
    if (size > vectors.size() - at) passages.fail("as many passages as vectors");
    const auto begin = vectors.begin() + static_cast<ptrdiff_t>(at);
    indexed.vectors.assign(begin, begin + static_cast<ptrdiff_t>(size));
    at += size;
  }
  return index;
}

void Index::save(const std::filesystem::path& file) const {
  nlohmann::json entries = nlohmann::json::array();
  std::vector<float> vectors;
  for (const auto& [path, indexed] : files_) {
    nlohmann::json passages = nlohmann::json::array();
    for (const Passage& passage : indexed.passages) {
      passages.push_back({{"line", passage.line}, {"text", passage.text}});
    }
    entries.push_back(
        {{"path", path}, {"digest", indexed.digest}, {"passages", std::move(passages)}});
    vectors.insert(vectors.end(), indexed.vectors.begin(), indexed.vectors.end());
  }
  // What is not UTF-8 in a text becomes U+FFFD.
  const std::string text = entries.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  save_safetensors(file.string(),
                   {{"probe", matrix_of(probe_, dims_)}, {"vectors", matrix_of(vectors, dims_)}},
                   {{"format", format_name}, {"index", text}});
}

Index::Changes Index::update(const std::vector<TextFile>& files, const Embedder& embedder,
                             const Report& report) {
  Changes changes;
  std::map<std::string, IndexedFile> next;
  std::vector<std::string> texts;        // to embed
  std::vector<IndexedFile*> recipients;  // of their vectors, one for each text
  for (const TextFile& file : files) {
    const std::string digest = digest_of(file.text);
    const auto known = files_.find(file.path);
    IndexedFile& indexed = next[file.path];
    if (known != files_.end() && known->second.digest == digest) {
      indexed = known->second;
    } else {
      indexed = {digest, split_passages(file.text), {}};
      ++changes.embedded_files;
      for (const Passage& passage : indexed.passages) {
        texts.push_back(passage.text);
        recipients.push_back(&indexed);
      }
    }
    changes.passages += indexed.passages.size();
  }
  changes.files = files.size();
  changes.embedded_passages = texts.size();
  constexpr size_t step = 8 * Embedder::batch_size;
  for (size_t begin = 0; begin < texts.size(); begin += step) {
    const size_t end = std::min(texts.size(), begin + step);
    const auto first = texts.begin() + static_cast<ptrdiff_t>(begin);
    const std::vector<float> vectors =
        values_of(embedder.embed({first, first + static_cast<ptrdiff_t>(end - begin)}));
    for (size_t i = begin; i < end; ++i) {
      const auto vector = vectors.begin() + static_cast<ptrdiff_t>((i - begin) * dims_);
      auto& own = recipients[i]->vectors;
      own.insert(own.end(), vector, vector + static_cast<ptrdiff_t>(dims_));
    }
    report(end, texts.size());
  }
  files_ = std::move(next);
  return changes;
}

std::vector<Hit> Index::query(const std::string& question, size_t count,
                              const Embedder& embedder) const {
  std::vector<float> vectors;
  std::vector<std::pair<const std::string*, const Passage*>> places;
  for (const auto& [path, indexed] : files_) {
    vectors.insert(vectors.end(), indexed.vectors.begin(), indexed.vectors.end());
    for (const Passage& passage : indexed.passages) places.emplace_back(&path, &passage);
  }
  if (places.empty()) return {};
  const array scores = matmul(matrix_of(vectors, dims_), transpose(embedder.embed({question})));
  const std::vector<float> score = values_of(scores);
  std::vector<size_t> order(score.size());
  std::iota(order.begin(), order.end(), size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return score[a] > score[b]; });
  std::vector<Hit> hits;
  for (size_t i = 0; i < count; ++i) {
    const auto& [path, passage] = places[order[i]];
    hits.push_back({score[order[i]], *path, *passage});
  }
  return hits;
}

size_t Index::passages() const {
  size_t count = 0;
  for (const auto& [path, indexed] : files_) count += indexed.passages.size();
  return count;
}

}  // namespace semantic_search
