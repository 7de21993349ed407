// Characters: UTF-8, the properties that stages of a tokenizer ask for, normal forms. Properties
// are those of the Unicode version of utf8proc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mica::text {

inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
  char32_t code;
  size_t size;  // in bytes
};

// The character that begins at text[at]; text is UTF-8.
inline Character character_at(std::string_view text, size_t at) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  auto rest = [&](size_t i) { return static_cast<char32_t>(byte(i) & 0x3F); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | rest(1), 2};
  if (first < 0xF0) return {(first & 0xF) << 12 | rest(1) << 6 | rest(2), 3};
  return {(first & 7) << 18 | rest(1) << 12 | rest(2) << 6 | rest(3), 4};
}
// Where the character that ends before text[end] begins; end > 0.
inline size_t previous_character(std::string_view text, size_t end) {
  do --end;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
  return end;
}
void append_character(std::string& text, char32_t code);
size_t count_characters(std::string_view text);

bool is_ascii(std::string_view text);
bool is_utf8(std::string_view text);
// With U+FFFD for each longest part that could begin a character, or else each byte, that is none.
std::string replace_invalid(std::string_view text);

bool is_white_space(char32_t c);      // the property White_Space
bool is_punctuation(char32_t c);      // category P, and all of ASCII's symbols
bool is_number(char32_t c);           // category N
bool is_mark(char32_t c);             // category M
bool is_nonspacing_mark(char32_t c);  // category Mn
bool is_control(char32_t c);          // categories Cc, Cf and Co
bool is_ideograph(char32_t c);        // of the blocks that BERT takes for Chinese

// Character by character, without regard to neighbours.
void append_lower(std::string& text, char32_t c);

enum class Form { nfc, nfd, nfkc, nfkd };
std::string normal_form(std::string_view text, Form form);

}  // namespace mica::text
