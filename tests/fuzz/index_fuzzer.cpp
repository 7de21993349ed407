// A libFuzzer program: load_checkpoint reads the bytes as an index, beside two files of arrays. It
// must load them or throw std::invalid_argument or, where an index names an odd file,
// std::system_error.
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include "mica/io/checkpoint.h"
#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/fuzz/folder.h"

namespace {

struct Shards : mica::FuzzFolder {
  Shards() {
    mica::save_safetensors(file("one.safetensors"), {{"a", mica::ones({2})}});
    mica::save_safetensors(file("two.safetensors"), {{"b", mica::ones({3})}});
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Shards folder;
  folder.write("model.safetensors.index.json", data, size);
  try {
    mica::load_checkpoint(folder.file("model.safetensors.index.json"));
  } catch (const std::invalid_argument&) {
  } catch (const std::system_error&) {
  }
  return 0;
}
