// What a file is by its first bytes, for the errors of readers that were given another kind.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace mica::io {

// "a safetensors file", "a zip archive (.npz or PyTorch's)", "an empty file". The first 9 bytes
// tell them all.
std::string kind_of_content(std::span<const std::byte> file);

}  // namespace mica::io
