// Learning the merges of a byte-level vocabulary. The counts of pairs are kept up to date while
// words are merged; a queue gives the most frequent pair and checks, when it comes up, that its
// count still holds.
#include <algorithm>
#include <queue>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "mica/text/byte_alphabet.h"
#include "mica/text/pattern.h"
#include "mica/text/stages.h"
#include "mica/text/unicode.h"

namespace mica::text {

namespace {

using nlohmann::json;
using Pair = std::pair<int32_t, int32_t>;

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const auto key = static_cast<uint64_t>(pair.first) << 32 | static_cast<uint32_t>(pair.second);
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 17);
  }
};

struct CountedWord {
  std::vector<int32_t> symbols;
  int64_t count;
};

struct Candidate {
  int64_t count;
  Pair pair;
  // The most frequent first, of these the one of the lowest ids.
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
 public:
  explicit Trainer(const BpeOptions& options) : options_(options) {
    for (const std::string& token : options.special_tokens) {
      if (token.empty() || !is_utf8(token))
        refuse("special_tokens: expected text in UTF-8, got " + in_quotes(token));
      if (!ids_.contains(token)) add(token);
    }
    std::vector<char32_t> alphabet;
    for (int byte = 0; byte < 256; ++byte) {
      alphabet.push_back(character_of_byte(static_cast<uint8_t>(byte)));
    }
    std::sort(alphabet.begin(), alphabet.end());
    for (const char32_t c : alphabet) {
      std::string token;
      append_character(token, c);
      if (!ids_.contains(token)) add(token);
      byte_ids_[*bytes_of_spelled(token)] = ids_.at(token);
    }
    if (options.vocab_size < static_cast<int64_t>(tokens_.size()) ||
        options.vocab_size > largest_id) {
      refuse("vocab_size: expected " + std::to_string(tokens_.size()) + " to " +
             std::to_string(largest_id) + ", got " + std::to_string(options.vocab_size));
    }
  }

  void count(std::string_view text) {
    const Pattern pattern = compiled_pattern();
    StringMap<int64_t> counts;
    for (const auto& [begin, end] : pieces(pattern, text))
      ++counts[std::string(text.substr(begin, end - begin))];
    for (const auto& [word, count] : counts) {
      CountedWord& counted = words_.emplace_back(CountedWord{{}, count});
      for (const char byte : word) counted.symbols.push_back(byte_ids_.at(std::string(1, byte)));
    }
  }

  void learn() {
    for (size_t i = 0; i < words_.size(); ++i) {
      const auto& symbols = words_[i].symbols;
      for (size_t j = 0; j + 1 < symbols.size(); ++j) {
        change({symbols[j], symbols[j + 1]}, words_[i].count, i);
      }
    }
    for (const auto& [pair, found] : pairs_) queue_.push({found.count, pair});
    while (static_cast<int64_t>(tokens_.size()) < options_.vocab_size && !queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const int64_t count = pairs_.at(best.pair).count;
      if (count != best.count) {
        if (count > 0) queue_.push({count, best.pair});
        continue;
      }
      if (count < std::max<int64_t>(options_.min_frequency, 1)) break;
      merge(best.pair);
    }
  }

  json document() const {
    json vocabulary = json::object(), merges = json::array();
    for (size_t id = 0; id < tokens_.size(); ++id) vocabulary[tokens_[id]] = id;
    for (const auto& [left, right] : merges_) {
      merges.push_back({tokens_[static_cast<size_t>(left)], tokens_[static_cast<size_t>(right)]});
    }
    json result =
        byte_level_document(std::move(vocabulary), std::move(merges), options_.special_tokens);
    if (options_.pattern != gpt2_pattern) {
      json& stage = result["pre_tokenizer"];
      stage["use_regex"] = false;
      stage = {{"type", "Sequence"},
               {"pretokenizers",
                {{{"type", "Split"},
                  {"pattern", {{"Regex", options_.pattern}}},
                  {"behavior", "Isolated"},
                  {"invert", false}},
                 stage}}};
    }
    return result;
  }

 private:
  struct Found {
    int64_t count = 0;
    std::unordered_set<size_t> words;  // indices; a word may have lost the pair since
  };

  [[noreturn]] static void refuse(const std::string& what) {
    throw std::invalid_argument("train_bpe: " + what);
  }

  Pattern compiled_pattern() const {
    try {
      return Pattern(options_.pattern);
    } catch (const std::invalid_argument& error) {
      refuse(std::string("pattern: expected ") + error.what());
    }
  }

  // Matches and what is between them.
  static std::vector<Match> pieces(const Pattern& pattern, std::string_view text) {
    std::vector<Match> result;
    size_t last = 0;
    for (const Match& match : pattern.matches(text)) {
      if (last < match.begin) result.push_back({last, match.begin});
      if (match.begin < match.end) result.push_back(match);
      last = match.end;
    }
    if (last < text.size()) result.push_back({last, text.size()});
    return result;
  }

  int32_t add(const std::string& token) {
    const auto id = static_cast<int32_t>(tokens_.size());
    tokens_.push_back(token);
    ids_.emplace(token, id);
    return id;
  }

  void change(const Pair& pair, int64_t by, size_t word) {
    Found& found = pairs_[pair];
    found.count += by;
    if (by > 0) found.words.insert(word);
  }

  void merge(const Pair& pair) {
    const std::string token =
        tokens_[static_cast<size_t>(pair.first)] + tokens_[static_cast<size_t>(pair.second)];
    const auto known = ids_.find(token);
    const int32_t id = known == ids_.end() ? add(token) : known->second;
    merges_.push_back(pair);
    std::unordered_set<Pair, PairHash> risen;
    const std::unordered_set<size_t> where = std::move(pairs_.at(pair).words);
    for (const size_t word : where) merge_in(word, pair, id, risen);
    pairs_.at(pair).count = 0;
    for (const Pair& each : risen) queue_.push({pairs_.at(each).count, each});
  }

  void merge_in(size_t word, const Pair& pair, int32_t id,
                std::unordered_set<Pair, PairHash>& risen) {
    auto& [symbols, count] = words_[word];
    size_t end = 0;  // of what is merged already, at the front of the same vector
    for (size_t i = 0; i < symbols.size(); ++i) {
      const bool here =
          i + 1 < symbols.size() && symbols[i] == pair.first && symbols[i + 1] == pair.second;
      if (here) {
        auto rise = [&, times = count](const Pair& changed) {
          change(changed, times, word);
          risen.insert(changed);
        };
        if (end > 0) {
          change({symbols[end - 1], pair.first}, -count, word);
          rise({symbols[end - 1], id});
        }
        if (i + 2 < symbols.size()) {
          change({pair.second, symbols[i + 2]}, -count, word);
          rise({id, symbols[i + 2]});
        }
        symbols[end++] = id;
        ++i;
      } else {
        symbols[end++] = symbols[i];
      }
    }
    symbols.resize(end);
  }

  const BpeOptions& options_;
  std::vector<std::string> tokens_;
  StringMap<int32_t> ids_;
  std::unordered_map<std::string, int32_t> byte_ids_;
  std::vector<CountedWord> words_;
  std::unordered_map<Pair, Found, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<Pair> merges_;
};

}  // namespace

Tokenizer train_bpe(std::string_view text, const BpeOptions& options) {
  Trainer trainer(options);
  trainer.count(is_utf8(text) ? std::string(text) : replace_invalid(text));
  trainer.learn();
  return Tokenizer::parse(trainer.document().dump(), "train_bpe");
}

}  // namespace mica::text
