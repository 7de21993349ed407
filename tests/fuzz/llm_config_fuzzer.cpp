// A libFuzzer program: the bytes are the config.json of a language model. A model is made of it, or
// it ends in std::invalid_argument.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    llm::parse_config(std::string_view(reinterpret_cast<const char*>(data), size), "config.json");
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
