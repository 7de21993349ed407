#include "mica/text/vocabulary.h"

#include <algorithm>

#include "mica/text/unicode.h"

namespace mica::text {

Vocabulary::Vocabulary(const Field& field) {
  if (!field.value().is_object()) field.fail("an object of tokens and ids");
  ids_.reserve(field.value().size());
  tokens_.reserve(field.value().size());
  for (const auto& [token, id] : field.value().items()) {
    const int64_t value = id.is_number_integer() ? id.get<int64_t>() : -1;
    if (value < 0 || value > largest_id) {
      field.at(token).fail("an id from 0 to " + std::to_string(largest_id));
    }
    if (!add(token, static_cast<int32_t>(value))) {
      const std::string* other = this->token(static_cast<int32_t>(value));
      field.fail("an id of its own for each token",
                 std::to_string(value) + " for " + in_quotes(*other) + " and " + in_quotes(token));
    }
  }
}

bool Vocabulary::add(const std::string& token, int32_t id) {
  if (tokens_.contains(id)) return false;
  const auto [place, added] = ids_.emplace(token, id);
  if (!added) return false;
  tokens_.emplace(id, &place->first);
  end_ = std::max(end_, id + 1);
  return true;
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* Vocabulary::token(int32_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : found->second;
}

std::vector<std::pair<int32_t, std::string_view>> Vocabulary::sorted() const {
  std::vector<std::pair<int32_t, std::string_view>> result;
  result.reserve(ids_.size());
  for (const auto& [token, id] : ids_) result.emplace_back(id, token);
  std::sort(result.begin(), result.end());
  return result;
}

void Model::save(nlohmann::ordered_json& model) const {
  auto& object = (model["vocab"] = nlohmann::ordered_json::object())
                     .get_ref<nlohmann::ordered_json::object_t&>();
  // The tokens differ, so that there is nothing to search for; operator[] would.
  for (const auto& [id, token] : vocabulary().sorted()) object.emplace_back(std::string(token), id);
}

namespace {

int32_t unknown_id(const Field& field, const Vocabulary& vocabulary, const std::string& otherwise) {
  const std::string token = field.get_string("unk_token", otherwise);
  const auto id = vocabulary.find(token);
  if (!id) field.fail("an unk_token of the vocabulary", in_quotes(token));
  return *id;
}

// The longest token that a word begins with, then the longest of the rest, which carries a prefix.
class WordPiece : public Model {
 public:
  explicit WordPiece(const Field& field)
      : vocabulary_(field.at("vocab")), unknown_(unknown_id(field, vocabulary_, "[UNK]")) {
    field.only(
        {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"});
    prefix_ = field.get_string("continuing_subword_prefix", "##");
    if (const auto longest = field.find("max_input_chars_per_word")) {
      longest_word_ = static_cast<size_t>(longest->integer(0, 1 << 20));
    }
    for (const auto& [id, token] : vocabulary_.sorted()) {
      longest_token_ = std::max(longest_token_, token.size());
    }
  }

  void encode(std::string_view word, std::vector<int32_t>& ids) const override {
    if (count_characters(word) > longest_word_) return ids.push_back(unknown_);
    const size_t before = ids.size();
    std::string part;
    for (size_t begin = 0; begin < word.size();) {
      part.assign(begin == 0 ? "" : prefix_);
      const size_t prefix = part.size();
      size_t size = std::min(word.size() - begin, longest_token_);
      part.append(word.substr(begin, size));
      std::optional<int32_t> id;
      // A token of the vocabulary is UTF-8, so that one cut inside a character is not found.
      for (; size > 0 && !(id = vocabulary_.find(part)); --size) part.pop_back();
      if (!id) {
        ids.resize(before);
        return ids.push_back(unknown_);
      }
      ids.push_back(*id);
      begin += part.size() - prefix;
    }
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  int32_t unknown_;
  std::string prefix_;
  size_t longest_word_ = 100;  // characters; longer words are unknown
  size_t longest_token_ = 0;   // bytes
};

// A word is a token or unknown.
class WordLevel : public Model {
 public:
  explicit WordLevel(const Field& field)
      : vocabulary_(field.at("vocab")), unknown_(unknown_id(field, vocabulary_, "<unk>")) {
    field.only({"type", "unk_token", "vocab"});
  }
  void encode(std::string_view word, std::vector<int32_t>& ids) const override {
    ids.push_back(vocabulary_.find(word).value_or(unknown_));
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }

 private:
  Vocabulary vocabulary_;
  int32_t unknown_;
};

// Of files written before models had a type.
std::string inferred_type(const Field& field) {
  if (field.find("merges")) return "BPE";
  if (field.find("max_input_chars_per_word")) return "WordPiece";
  return "WordLevel";
}

}  // namespace

std::unique_ptr<const Model> make_model(const Field& field) {
  const std::string type = field.get_string("type", inferred_type(field));
  if (type == "BPE") return make_bpe(field);
  if (type == "WordPiece") return std::make_unique<WordPiece>(field);
  if (type == "WordLevel") return std::make_unique<WordLevel>(field);
  field.at("type").fail("BPE, WordPiece or WordLevel");
}

}  // namespace mica::text
