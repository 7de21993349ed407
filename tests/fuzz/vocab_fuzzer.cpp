// A libFuzzer program: the bytes are a vocab.txt, which must be read or end in
// std::invalid_argument.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "mica/text/tokenizer.h"
#include "tests/fuzz/folder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const mica::FuzzFolder folder;
  folder.write("vocab.txt", data, size);
  try {
    const auto tokenizer = mica::text::Tokenizer::load(folder.file("vocab.txt"));
    tokenizer.decode(tokenizer.encode("The cat's unaffable 12 \xff"));
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
