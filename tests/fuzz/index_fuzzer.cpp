// A libFuzzer program: load_checkpoint reads the bytes as an index, beside two files of arrays. It
// must load them or throw std::invalid_argument or, where an index names an odd file,
// std::system_error.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

#include "mica/io/checkpoint.h"
#include "mica/io/io.h"
#include "mica/ops/ops.h"

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "mica-fuzz-XXXXXX").string();
    if (!::mkdtemp(name.data())) std::abort();
    path_ = name;
    mica::save_safetensors(file("one.safetensors"), {{"a", mica::ones({2})}});
    mica::save_safetensors(file("two.safetensors"), {{"b", mica::ones({3})}});
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Folder folder;
  const std::string index = folder.file("model.safetensors.index.json");
  std::ofstream(index, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    mica::load_checkpoint(index);
  } catch (const std::invalid_argument&) {
  } catch (const std::system_error&) {
  }
  return 0;
}
