// A libFuzzer program: the bytes are a tokenizer.json, which must be read or end in
// std::invalid_argument; what it then makes of text must not break it either.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "mica/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  try {
    const auto tokenizer = mica::text::Tokenizer::parse(json);
    for (const char* text : {"The  cat's 12 caf\u00e9s \U0001f600\n", "\xff\xc3 [CLS] <s>"}) {
      tokenizer.decode(tokenizer.encode(text));
    }
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
