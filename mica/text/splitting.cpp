#include "mica/text/splitting.h"

#include <utility>

#include "mica/text/unicode.h"

namespace mica::text {

namespace {

struct Part {
  size_t begin, end;
  bool match;
};

// Matches and what is between them; they cover the text.
std::vector<Part> parts_of(size_t size, const std::vector<Match>& matches, bool inverted) {
  std::vector<Part> parts;
  parts.reserve(2 * matches.size() + 1);
  size_t last = 0;
  for (const Match& match : matches) {
    if (last != match.begin) parts.push_back({last, match.begin, inverted});
    parts.push_back({match.begin, match.end, !inverted});
    last = match.end;
  }
  if (last != size) parts.push_back({last, size, inverted});
  return parts;
}

// Joins each part with its neighbour in this order where joins(part, before) says so.
template <class Iterator, class Joins>
std::vector<Part> joined(Iterator begin, Iterator end, Joins joins) {
  std::vector<Part> result;
  bool before = false;
  for (; begin != end; ++begin) {
    if (!result.empty() && joins(begin->match, before)) {
      result.back().begin = std::min(result.back().begin, begin->begin);
      result.back().end = std::max(result.back().end, begin->end);
    } else {
      result.push_back(*begin);
    }
    before = begin->match;
  }
  return result;
}

std::vector<Part> arranged(std::vector<Part> parts, Behavior behavior) {
  auto equal = [](bool match, bool before) { return match == before; };
  auto first_match = [](bool match, bool before) { return match && !before; };
  switch (behavior) {
    case Behavior::isolated:
      return parts;
    case Behavior::removed:
      std::erase_if(parts, [](const Part& part) { return part.match; });
      return parts;
    case Behavior::contiguous:
      return joined(parts.begin(), parts.end(), equal);
    case Behavior::merged_with_previous:
      return joined(parts.begin(), parts.end(), first_match);
    case Behavior::merged_with_next: {
      parts = joined(parts.rbegin(), parts.rend(), first_match);
      std::reverse(parts.begin(), parts.end());
      return parts;
    }
  }
  return parts;
}

}  // namespace

Behavior read_behavior(const Field& field) {
  const std::string name = field.string();
  if (name == "Removed") return Behavior::removed;
  if (name == "Isolated") return Behavior::isolated;
  if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
  if (name == "MergedWithNext") return Behavior::merged_with_next;
  if (name == "Contiguous") return Behavior::contiguous;
  field.fail("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

void split_words(Words& words, Behavior behavior, bool inverted,
                 const std::function<std::vector<Match>(std::string_view)>& find) {
  std::vector<Word> result;
  result.reserve(words.words.size());
  for (const Word& word : words.words) {
    for (const Part& part :
         arranged(parts_of(word.text.size(), find(word.text), inverted), behavior)) {
      if (part.begin == part.end) continue;
      result.push_back(
          {word.text.substr(part.begin, part.end - part.begin), word.at_start && part.begin == 0});
    }
  }
  words.words = std::move(result);
}

void split_words(Words& words, Behavior behavior, bool (*is)(char32_t)) {
  split_words(words, behavior, false, [is](std::string_view text) {
    std::vector<Match> matches;
    for (size_t at = 0; at < text.size();) {
      const Character c = character_at(text, at);
      if (is(c.code)) matches.push_back({at, at + c.size});
      at += c.size;
    }
    return matches;
  });
}

}  // namespace mica::text
