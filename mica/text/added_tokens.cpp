#include "mica/text/added_tokens.h"

#include <algorithm>

#include "mica/text/pattern.h"
#include "mica/text/unicode.h"

namespace mica::text {

void Trie::add(std::string_view text, int32_t value) {
  begins_[static_cast<uint8_t>(text.front())] = true;
  size_t at = 0;
  for (const char c : text) {
    auto& children = nodes_[at].children;
    auto child = std::lower_bound(children.begin(), children.end(), std::pair(c, int32_t{0}));
    if (child == children.end() || child->first != c) {
      child = children.insert(child, {c, static_cast<int32_t>(nodes_.size())});
      at = static_cast<size_t>(child->second);
      nodes_.emplace_back();
    } else {
      at = static_cast<size_t>(child->second);
    }
  }
  nodes_[at].value = value;
}

Trie::Found Trie::longest(std::string_view text, size_t at) const {
  Found found{0, -1};
  if (!begins_[static_cast<uint8_t>(text[at])]) return found;
  size_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto& children = nodes_[node].children;
    const auto child =
        std::lower_bound(children.begin(), children.end(), std::pair(text[i], int32_t{0}));
    if (child == children.end() || child->first != text[i]) break;
    node = static_cast<size_t>(child->second);
    if (nodes_[node].value >= 0) found = {i + 1 - at, nodes_[node].value};
  }
  return found;
}

AddedTokens::AddedTokens(const std::optional<Field>& field, const Vocabulary& model,
                         const Normalizer* normalizer) {
  for (size_t i = 0; field && i < field->size(); ++i) {
    const Field entry = field->at(i);
    entry.only({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    const auto id = static_cast<int32_t>(entry.at("id").integer(0, largest_id));
    const std::string content = entry.at("content").string();
    const bool special = entry.get_bool("special", false);
    if (content.empty()) continue;  // it can't be found in a text
    if (const auto known = model.find(content); known && *known != id) {
      entry.at("id").fail(std::to_string(*known) + ", which the model's vocabulary gives to " +
                          in_quotes(content));
    }
    if (const std::string* other = model.token(id); other && *other != content) {
      entry.at("id").fail("an id of its own for " + in_quotes(content),
                          std::to_string(id) + ", which is " + in_quotes(*other));
    }
    if (!vocabulary_.add(content, id)) {
      entry.fail("tokens and ids that differ",
                 in_quotes(content) + " with id " + std::to_string(id));
    }
    if (special) special_.insert(id);
    const auto index = static_cast<int32_t>(tokens_.size());
    tokens_.push_back({id, entry.get_bool("single_word", false), entry.get_bool("lstrip", false),
                       entry.get_bool("rstrip", false), special});
    if (!entry.get_bool("normalized", !special)) {
      as_written_.add(content, index);
    } else {
      const std::string text = normalizer ? normalizer->normalize(content) : content;
      if (text.empty()) continue;
      normalized_.add(text, index);
      if (text != content) normalized_text_.emplace(id, text);
    }
  }
}

const std::string* AddedTokens::decoded(int32_t id) const {
  const auto normalized = normalized_text_.find(id);
  return normalized == normalized_text_.end() ? vocabulary_.token(id) : &normalized->second;
}

bool AddedTokens::is_word_apart(std::string_view text, size_t begin, size_t end) {
  const bool joins_left =
      begin > 0 && is_word_character(character_at(text, previous_character(text, begin)).code);
  const bool joins_right = end < text.size() && is_word_character(character_at(text, end).code);
  return !joins_left && !joins_right;
}

std::vector<AddedTokens::Part> AddedTokens::split(std::string_view text, bool normalized,
                                                  bool special_as_text) const {
  const Trie& trie = normalized ? normalized_ : as_written_;
  if (trie.empty()) return {{text, std::nullopt}};
  std::vector<Part> parts;
  size_t last = 0;
  for (size_t at = 0; at < text.size();) {
    const Trie::Found found = trie.longest(text, at);
    if (found.size == 0) {
      ++at;
      continue;
    }
    size_t begin = at, end = at + found.size;
    at = end;  // a token in what rstrip takes counts as well
    const Token& token = tokens_[static_cast<size_t>(found.value)];
    if (special_as_text && token.special) continue;
    if (token.single_word && !is_word_apart(text, begin, end)) continue;
    while (token.lstrip && begin > last) {
      const size_t before = previous_character(text, begin);
      if (!is_white_space(character_at(text, before).code)) break;
      begin = before;
    }
    while (token.rstrip && end < text.size()) {
      const Character c = character_at(text, end);
      if (!is_white_space(c.code)) break;
      end += c.size;
    }
    if (last < begin) parts.push_back({text.substr(last, begin - last), std::nullopt});
    parts.push_back({text.substr(begin, end - begin), token.id});
    last = end;
  }
  if (last < text.size()) parts.push_back({text.substr(last), std::nullopt});
  return parts;
}

}  // namespace mica::text
