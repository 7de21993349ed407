// Regular expressions over UTF-8, in the syntax of Oniguruma's Ruby mode as far as tokenizers use
// it, run by PCRE2.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mica::text {

struct Match {
  size_t begin, end;  // in bytes
};

class Pattern {
 public:
  // Throws std::invalid_argument, saying what is wrong, for a pattern that is none or uses what the
  // two syntaxes understand differently.
  explicit Pattern(std::string_view regex);
  // Finds the text itself.
  static Pattern literal(std::string text);

  // The matches in UTF-8 text from left to right; they don't overlap. Throws std::runtime_error
  // where searching takes more steps or memory than any sensible pattern needs.
  std::vector<Match> matches(std::string_view text) const;

 private:
  Pattern() = default;

  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
  std::string literal_;
};

// text with each match replaced.
std::string replace_matches(const Pattern& pattern, std::string_view text,
                            std::string_view replacement);

// Alphabetic, M, Nd, Pc or Join_Control: what \w is in Rust.
bool is_word_character(char32_t c);

}  // namespace mica::text
