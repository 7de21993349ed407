// Tokens and their ids, and the model that makes tokens of words.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mica/text/fields.h"

namespace mica::text {

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

class Vocabulary {
 public:
  Vocabulary() = default;
  // {"token": id, ...}. Throws where two tokens have one id.
  explicit Vocabulary(const Field& field);
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;

  // False where the token or the id is there already.
  bool add(const std::string& token, int32_t id);
  std::optional<int32_t> find(std::string_view token) const;
  // Null where there is none.
  const std::string* token(int32_t id) const;
  size_t size() const { return ids_.size(); }
  int32_t end() const { return end_; }  // one more than the largest id
  // By id.
  std::vector<std::pair<int32_t, std::string_view>> sorted() const;

 private:
  StringMap<int32_t> ids_;
  std::unordered_map<int32_t, const std::string*> tokens_;  // the keys of ids_
  int32_t end_ = 0;
};

inline constexpr int64_t largest_id = (int64_t{1} << 30) - 1;

class Model {
 public:
  virtual ~Model() = default;
  // Appends the tokens of a word that is not empty.
  virtual void encode(std::string_view word, std::vector<int32_t>& ids) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
  // Adds to the model's object in a tokenizer.json what keep_small() leaves out.
  virtual void save(nlohmann::ordered_json& model) const;
};

// Of the field "model".
std::unique_ptr<const Model> make_model(const Field& field);

// Of models in files of their own.
std::unique_ptr<const Model> make_bpe(const Field& field);
std::unique_ptr<const Model> make_unigram(const Field& field);

}  // namespace mica::text
