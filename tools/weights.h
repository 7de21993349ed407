// Files of weights of every format that mica reads and writes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "mica/array/array.h"

namespace tools {

struct Weights {
  std::string format;                         // "safetensors", "folder", ...
  std::map<std::string, mica::array> arrays;  // an .npy file's is called "array"
  std::map<std::string, std::string> metadata;

  size_t bytes() const;
};

// A file, told by what is in it, or a folder or index, as load_checkpoint() takes them. Throws as
// the readers do.
Weights read_weights(const std::filesystem::path& path);

// In the format that the name ends in: .safetensors, .npz, .npy (one array), .gguf, or none for a
// folder. Metadata is kept where the format has it. Throws std::invalid_argument.
void write_weights(const std::filesystem::path& path, const Weights& weights);

// "1.5 MB"
std::string readable_bytes(size_t bytes);

}  // namespace tools
