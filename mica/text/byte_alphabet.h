// The alphabet in which byte-level vocabularies spell bytes: each has a character that can be seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mica::text {

// "Ġ" (U+0120) for a space: '!' to '~', U+00A1 to U+00AC and U+00AE to U+00FF stand for themselves,
// the other 68 bytes, in order, are U+0100 and up.
char32_t character_of_byte(uint8_t byte);
void append_spelled(std::string& result, std::string_view bytes);
// The bytes that `spelled` stands for; none where it has a character that stands for no byte.
std::optional<std::string> bytes_of_spelled(std::string_view spelled);

}  // namespace mica::text
