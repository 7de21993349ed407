// The first stage of a tokenizer: tokens that were added to the vocabulary are found in the text as
// they are written.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "mica/text/normalizer.h"
#include "mica/text/vocabulary.h"

namespace mica::text {

// The longest of several strings that begins at a place.
class Trie {
 public:
  void add(std::string_view text, int32_t value);  // not empty
  struct Found {
    size_t size;  // 0 where there is none
    int32_t value;
  };
  Found longest(std::string_view text, size_t at) const;
  bool empty() const { return nodes_.size() == 1; }

 private:
  struct Node {
    std::vector<std::pair<char, int32_t>> children;
    int32_t value = -1;
  };
  std::vector<Node> nodes_ = std::vector<Node>(1);
  std::vector<bool> begins_ = std::vector<bool>(256);
};

class AddedTokens {
 public:
  // Of the field "added_tokens"; normalizer may be null.
  AddedTokens(const std::optional<Field>& field, const Vocabulary& model,
              const Normalizer* normalizer);

  // A part of a text: a token, or text between tokens.
  struct Part {
    std::string_view text;
    std::optional<int32_t> id;
  };
  // Of tokens that are found in text as it is, or in normalized text. With special_as_text, special
  // ones are not found.
  std::vector<Part> split(std::string_view text, bool normalized, bool special_as_text) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  // What the decoder gets for a token: where it is found in normalized text, that. Null where id is
  // none that was added.
  const std::string* decoded(int32_t id) const;
  bool is_special(int32_t id) const { return special_.contains(id); }

 private:
  struct Token {
    int32_t id;
    bool single_word, lstrip, rstrip, special;
  };
  static bool is_word_apart(std::string_view text, size_t begin, size_t end);

  Vocabulary vocabulary_;
  std::unordered_set<int32_t> special_;
  std::vector<Token> tokens_;
  Trie as_written_, normalized_;                              // to indices of tokens_
  std::unordered_map<int32_t, std::string> normalized_text_;  // where it differs
};

}  // namespace mica::text
