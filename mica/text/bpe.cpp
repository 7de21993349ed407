// Byte pair encoding: a word's characters, or bytes, are merged pair by pair, the pair of the
// lowest rank first and the leftmost of these.
#include <algorithm>
#include <array>
#include <queue>
#include <tuple>

#include "mica/text/unicode.h"
#include "mica/text/vocabulary.h"

namespace mica::text {

namespace {

struct Merge {
  int32_t rank, result;
};

// A hash table from pairs of ids to merges, with open addressing: this is what encoding waits for.
class Merges {
 public:
  explicit Merges(size_t count) {
    size_t size = 16;
    while (size < 2 * count) size *= 2;
    slots_.resize(size, {empty, {}});
  }
  void set(int32_t left, int32_t right, Merge merge) {
    Slot& slot = slots_[place(key(left, right))];
    slot = {key(left, right), merge};
  }
  const Merge* find(int32_t left, int32_t right) const {
    const Slot& slot = slots_[place(key(left, right))];
    return slot.key == empty ? nullptr : &slot.merge;
  }
  template <class F>
  void each(F f) const {
    for (const Slot& slot : slots_) {
      if (slot.key != empty)
        f(static_cast<int32_t>(slot.key >> 32), static_cast<int32_t>(slot.key & 0xFFFFFFFF),
          slot.merge);
    }
  }

 private:
  struct Slot {
    uint64_t key;
    Merge merge;
  };
  static constexpr uint64_t empty = ~uint64_t{0};  // ids are less than 2^31

  static uint64_t key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  }
  // Where the key is or would be.
  size_t place(uint64_t key) const {
    uint64_t hash = key * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at].key != empty && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
    return at;
  }

  std::vector<Slot> slots_;
};

struct Symbol {
  int32_t id;
  int32_t previous, next;  // -1 at the ends
  bool merged = false;     // into the one before
};

struct Candidate {
  int32_t rank, position, result;
  bool operator>(const Candidate& other) const {
    return std::tie(rank, position) > std::tie(other.rank, other.position);
  }
};

class Bpe : public Model {
 public:
  explicit Bpe(const Field& field)
      : vocabulary_(field.at("vocab")), merges_(field.at("merges").size()) {
    field.only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
    if (const auto dropout = field.find("dropout")) {
      if (dropout->value() != 0.0) dropout->fail("null or 0: dropping merges is for training");
    }
    prefix_ = field.get_string("continuing_subword_prefix", "");
    suffix_ = field.get_string("end_of_word_suffix", "");
    fuse_unknown_ = field.get_bool("fuse_unk", false);
    byte_fallback_ = field.get_bool("byte_fallback", false);
    ignore_merges_ = field.get_bool("ignore_merges", false);
    if (const std::string unknown = field.get_string("unk_token", ""); !unknown.empty()) {
      unknown_ = vocabulary_.find(unknown);
      if (!unknown_) field.at("unk_token").fail("a token of the vocabulary");
    }
    read_merges(field.at("merges"));
    for (size_t c = 0; c < simple_.size(); ++c) {
      std::string text;
      append_character(text, static_cast<char32_t>(c));
      simple_[c] = vocabulary_.find(text).value_or(-1);
    }
    for (size_t b = 0; b < bytes_.size(); ++b) {
      constexpr std::string_view digits = "0123456789ABCDEF";
      const std::string token{'<', '0', 'x', digits[b >> 4], digits[b & 15], '>'};
      bytes_[b] = vocabulary_.find(token).value_or(-1);
    }
  }

  void encode(std::string_view word, std::vector<int32_t>& ids) const override {
    if (ignore_merges_) {
      if (const auto id = vocabulary_.find(word)) return ids.push_back(*id);
    }
    std::vector<Symbol> symbols = symbols_of(word);
    merge(symbols);
    for (const Symbol& symbol : symbols) {
      if (!symbol.merged) ids.push_back(symbol.id);
    }
  }

  const Vocabulary& vocabulary() const override { return vocabulary_; }

  void save(nlohmann::ordered_json& model) const override {
    Model::save(model);
    std::vector<std::tuple<int32_t, int32_t, int32_t>> pairs;
    merges_.each([&](int32_t left, int32_t right, Merge merge) {
      pairs.emplace_back(merge.rank, left, right);
    });
    std::sort(pairs.begin(), pairs.end());
    auto& merges = model["merges"] = nlohmann::ordered_json::array();
    for (const auto& [rank, left, right] : pairs) {
      merges.push_back({*vocabulary_.token(left), *vocabulary_.token(right)});
    }
  }

 private:
  // "a b" or ["a", "b"], by rank.
  void read_merges(const Field& field) {
    int32_t rank = 0;
    std::string joined;
    for (const auto& value : field.value()) {
      std::string_view left, right;
      if (value.is_string()) {
        const std::string_view both = value.get_ref<const std::string&>();
        const size_t space = both.find(' ');
        if (space != std::string_view::npos &&
            both.find(' ', space + 1) == std::string_view::npos) {
          left = both.substr(0, space);
          right = both.substr(space + 1);
        }
      } else if (value.is_array() && value.size() == 2 && value[0].is_string() &&
                 value[1].is_string()) {
        left = value[0].get_ref<const std::string&>();
        right = value[1].get_ref<const std::string&>();
      }
      if (left.empty() || right.empty()) {
        field.at(static_cast<size_t>(rank)).fail("two tokens, as \"a b\" or [\"a\", \"b\"]");
      }
      auto id_of = [&](std::string_view token) {
        const auto id = vocabulary_.find(token);
        if (!id)
          field.at(static_cast<size_t>(rank)).fail("tokens of the vocabulary", in_quotes(token));
        return *id;
      };
      if (right.size() < prefix_.size()) {
        field.at(static_cast<size_t>(rank))
            .fail("a second token that begins with the prefix " + in_quotes(prefix_));
      }
      joined.assign(left).append(right.substr(prefix_.size()));
      const int32_t left_id = id_of(left), right_id = id_of(right);
      merges_.set(left_id, right_id, {rank, id_of(joined)});
      ++rank;
    }
  }

  std::vector<Symbol> symbols_of(std::string_view word) const {
    std::vector<Symbol> symbols;
    symbols.reserve(word.size());
    auto add = [&](int32_t id) {
      const auto place = static_cast<int32_t>(symbols.size());
      symbols.push_back({id, place - 1, place + 1});
    };
    // An unknown character waits for the next token, to be one with unknown characters behind it.
    bool unknown_waits = false;
    std::string spelled;
    for (size_t at = 0; at < word.size();) {
      const Character c = character_at(word, at);
      const size_t end = at + c.size;
      const std::optional<int32_t> id = id_of_character(word, at, end, c.code, spelled);
      at = end;
      if (id) {
        if (std::exchange(unknown_waits, false)) add(*unknown_);
        add(*id);
        continue;
      }
      if (byte_fallback_ && add_bytes(spelled, add)) continue;
      if (!unknown_) continue;
      if (unknown_waits && !fuse_unknown_) add(*unknown_);
      unknown_waits = true;
    }
    if (unknown_waits) add(*unknown_);
    if (!symbols.empty()) symbols.back().next = -1;
    return symbols;
  }

  // Where it has none, `spelled` is what it would be called.
  std::optional<int32_t> id_of_character(std::string_view word, size_t begin, size_t end,
                                         char32_t code, std::string& spelled) const {
    const bool plain = (begin == 0 || prefix_.empty()) && (end < word.size() || suffix_.empty());
    if (plain && code < simple_.size() && simple_[code] >= 0) return simple_[code];
    spelled.assign(begin == 0 ? "" : prefix_).append(word.substr(begin, end - begin));
    if (end == word.size()) spelled += suffix_;
    return vocabulary_.find(spelled);
  }

  template <class Add>
  bool add_bytes(std::string_view spelled, Add add) const {
    auto id = [this](char byte) { return bytes_[static_cast<uint8_t>(byte)]; };
    if (std::any_of(spelled.begin(), spelled.end(), [&](char byte) { return id(byte) < 0; }))
      return false;
    for (const char byte : spelled) add(id(byte));
    return true;
  }

  void merge(std::vector<Symbol>& symbols) const {
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    auto consider = [&](int32_t left) {
      if (left < 0 || symbols[left].next < 0) return;
      const Merge* merge = merges_.find(symbols[left].id, symbols[symbols[left].next].id);
      if (merge) queue.push({merge->rank, left, merge->result});
    };
    for (size_t i = 0; i + 1 < symbols.size(); ++i) consider(static_cast<int32_t>(i));
    while (!queue.empty()) {
      const Candidate candidate = queue.top();
      queue.pop();
      Symbol& left = symbols[candidate.position];
      if (left.merged || left.next < 0) continue;
      Symbol& right = symbols[left.next];
      // The pair may have become another since.
      const Merge* merge = merges_.find(left.id, right.id);
      if (!merge || merge->result != candidate.result) continue;
      left.id = candidate.result;
      left.next = right.next;
      right.merged = true;
      if (left.next >= 0) symbols[left.next].previous = candidate.position;
      consider(left.previous);
      consider(candidate.position);
    }
  }

  Vocabulary vocabulary_;
  Merges merges_;
  std::optional<int32_t> unknown_;
  std::string prefix_, suffix_;
  bool fuse_unknown_, byte_fallback_, ignore_merges_;
  std::array<int32_t, 0x400> simple_{};  // ids of the first characters, -1 where there is none
  std::array<int32_t, 256> bytes_{};     // of the tokens "<0x00>" to "<0xFF>"
};

}  // namespace

std::unique_ptr<const Model> make_bpe(const Field& field) { return std::make_unique<Bpe>(field); }

}  // namespace mica::text
