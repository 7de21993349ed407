#include "mica/logging/readable.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <iterator>

namespace mica::logging {

namespace {

bool starts_character(char c) { return (c & 0xC0) != 0x80; }

// The bytes of the UTF-8 character at the text's start, 0 where there is none.
size_t character_size(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t size = byte(0) < 0x80   ? 1
                      : byte(0) < 0xC2 ? 0
                      : byte(0) < 0xE0 ? 2
                      : byte(0) < 0xF0 ? 3
                      : byte(0) < 0xF5 ? 4
                                       : 0;
  if (size == 0 || size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i)
    if (starts_character(text[i])) return 0;
  // Longer forms than needed, surrogates, and what is beyond the last character.
  if ((byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) > 0x9F)) return 0;
  if ((byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) > 0x8F)) return 0;
  return size;
}

}  // namespace

size_t columns_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string shortened(const std::string& text, size_t columns) {
  const size_t all = columns_of(text);
  if (all <= columns || columns < 3) return text;
  const size_t end = (columns - 1) / 2, begin = columns - 1 - end;
  std::string head, tail;
  size_t column = 0;  // counts from 1
  for (const char c : text) {
    column += starts_character(c);
    if (column <= begin) head += c;
    if (column > all - end) tail += c;
  }
  return head + "…" + tail;
}

std::string readable_count(double value) {
  constexpr const char* units[] = {"", " K", " M", " G", " T", " P"};
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}{}", value, units[unit]);
}

std::optional<int> terminal_columns(int descriptor) {
  winsize size{};
  if (!isatty(descriptor) || ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return std::nullopt;
  return size.ws_col;
}

int columns_for(const std::ostream& os) {
  constexpr int otherwise = 80;
  const bool errors = &os == &std::cerr || &os == &std::clog;
  if (!errors && &os != &std::cout) return otherwise;
  const int descriptor = errors ? STDERR_FILENO : STDOUT_FILENO;
  if (const auto columns = terminal_columns(descriptor)) return *columns;
  const char* told = std::getenv("COLUMNS");
  const int columns = isatty(descriptor) && told ? std::atoi(told) : 0;
  return columns > 0 ? columns : otherwise;
}

std::string xml_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = character_size(text);
    const char c = text[0];
    const bool control = static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\t';
    if (size == 0 || control || c == 0x7F) {
      out += "\xEF\xBF\xBD";
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return out;
}

}  // namespace mica::logging
