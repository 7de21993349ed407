#include "mica/io/content.h"

#include <algorithm>
#include <string_view>

namespace mica::io {

std::string kind_of_content(std::span<const std::byte> file) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min<size_t>(file.size(), 9));
  if (start.empty()) return "an empty file";
  if (start.starts_with("PK\3\4") || start.starts_with("PK\5\6")) {
    return "a zip archive (.npz or PyTorch's)";
  }
  if (start.starts_with("GGUF")) return "a gguf file";
  if (start.starts_with("\x93NUMPY")) return "an npy file";
  if (start.starts_with("mica fun")) return "an exported function (mica::import_function reads it)";
  if (start.starts_with("version ")) {
    return "a pointer of Git LFS (git lfs pull fetches the file)";
  }
  if (start.starts_with("\x80\2")) return "a pickle (PyTorch's older form)";
  // The size of the header comes first, in 8 bytes of which the last are 0.
  if (start.size() >= 8 && start.substr(4, 4) == std::string_view("\0\0\0\0", 4) &&
      (start.size() == 8 || start[8] == '{')) {
    return "a safetensors file";
  }
  const bool text = std::all_of(start.begin(), start.end(), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
  return text ? "text" : "a file of another kind";
}

}  // namespace mica::io
