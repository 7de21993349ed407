// Files that lie beside weights: exported functions, tokenizers, configurations, idx pictures.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace tools {

struct OtherFile {
  std::string kind;  // "configuration", "tokenizer", ...
  std::map<std::string, std::string> facts;
};

// Empty for a file that is none of these. Throws std::invalid_argument for one that is damaged.
std::optional<OtherFile> read_other_file(const std::filesystem::path& path);

}  // namespace tools
