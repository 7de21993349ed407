#include "mica/text/byte_alphabet.h"

#include <array>

#include "mica/text/unicode.h"

namespace mica::text {

namespace {

constexpr char32_t characters = 0x144;  // one more than the last of the alphabet

struct Alphabet {
  std::array<char32_t, 256> character{};
  std::array<std::array<char, 2>, 256> spelled{};  // UTF-8; 0 behind one of one byte
  std::array<int16_t, characters> byte{};          // -1 where there is none

  constexpr Alphabet() {
    for (auto& value : byte) value = -1;
    char32_t next = 0x100;
    for (size_t b = 0; b < 256; ++b) {
      const bool seen = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      const char32_t c = seen ? static_cast<char32_t>(b) : next++;
      character[b] = c;
      byte[c] = static_cast<int16_t>(b);
      if (c < 0x80) {
        spelled[b] = {static_cast<char>(c), 0};
      } else {
        spelled[b] = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
      }
    }
  }
};
constexpr Alphabet alphabet;

}  // namespace

char32_t character_of_byte(uint8_t byte) { return alphabet.character[byte]; }

void append_spelled(std::string& result, std::string_view bytes) {
  const size_t begin = result.size();
  result.resize(begin + 2 * bytes.size());
  char* end = result.data() + begin;
  for (const char byte : bytes) {
    const auto& spelled = alphabet.spelled[static_cast<uint8_t>(byte)];
    end[0] = spelled[0];
    end[1] = spelled[1];
    end += spelled[1] == 0 ? 1 : 2;
  }
  result.resize(static_cast<size_t>(end - result.data()));
}

std::optional<std::string> bytes_of_spelled(std::string_view spelled) {
  std::string result;
  for (size_t at = 0; at < spelled.size();) {
    const Character c = character_at(spelled, at);
    if (c.code >= characters || alphabet.byte[c.code] < 0) return std::nullopt;
    result.push_back(static_cast<char>(alphabet.byte[c.code]));
    at += c.size;
  }
  return result;
}

}  // namespace mica::text
