#include "other_files.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "mica/transforms/export.h"
#include "weights.h"

namespace tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void refuse(const fs::path& path, const std::string& expected,
                         const std::string& got) {
  throw std::invalid_argument(
      fmt::format("info ({}): expected {}, got {}", path.string(), expected, got));
}

std::string counted(size_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string text_of(const json& value) {
  constexpr size_t most = 8;
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object()) return counted(value.size(), "setting");
  if (value.is_array() && (value.size() > most || value.dump().size() > 8 * most)) {
    return counted(value.size(), "value");
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// The type that a part of a tokenizer has: {"type": "ByteLevel"}, or a sequence of such.
std::string type_of(const json& part) {
  if (!part.is_object()) return "none";
  std::string types;
  for (const char* list : {"normalizers", "pretokenizers", "decoders", "processors"}) {
    for (const json& step : part.value(list, json::array())) {
      types += (types.empty() ? "" : ", ") + type_of(step);
    }
  }
  return types.empty() ? part.value("type", "unknown") : types;
}

OtherFile tokenizer_of(const json& file) {
  OtherFile tokenizer{"tokenizer", {}};
  const json& model = file["model"];
  tokenizer.facts["model"] = model.value("type", "unknown");
  if (model.contains("vocab")) {
    tokenizer.facts["vocabulary"] = counted(model["vocab"].size(), "token");
  }
  if (model.contains("merges")) tokenizer.facts["merges"] = std::to_string(model["merges"].size());
  tokenizer.facts["added tokens"] =
      std::to_string(file.value("added_tokens", json::array()).size());
  for (const char* part : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    tokenizer.facts[part] = type_of(file.value(part, json()));
  }
  return tokenizer;
}

OtherFile json_file(const fs::path& path) {
  std::ifstream input(path);
  const json file = json::parse(input, nullptr, /*allow_exceptions=*/false);
  if (file.is_discarded()) refuse(path, "JSON", "something else: is the file cut short?");
  if (!file.is_object()) return {"JSON", {{"content", text_of(file)}}};
  try {
    if (file.contains("model") && file["model"].is_object()) return tokenizer_of(file);
  } catch (const json::exception& error) {
    refuse(path, "a tokenizer", error.what());
  }
  OtherFile configuration{"configuration", {}};
  for (const auto& [name, value] : file.items()) configuration.facts[name] = text_of(value);
  return configuration;
}

// Two zero bytes, the type of the values, the number of axes, and the size of each, big-endian.
std::optional<OtherFile> idx_file(const fs::path& path) {
  struct Type {
    unsigned char code;
    const char* name;
    size_t size;
  };
  constexpr std::array<Type, 6> types{{{0x08, "uint8", 1},
                                       {0x09, "int8", 1},
                                       {0x0B, "int16", 2},
                                       {0x0C, "int32", 4},
                                       {0x0D, "float32", 4},
                                       {0x0E, "float64", 8}}};
  constexpr int most_axes = 8;
  std::ifstream input(path, std::ios::binary);
  std::array<char, 4> start{};
  if (!input.read(start.data(), start.size()) || start[0] != 0 || start[1] != 0) return {};
  const Type* found = nullptr;
  for (const Type& type : types) {
    if (static_cast<unsigned char>(start[2]) == type.code) found = &type;
  }
  if (!found || start[3] < 1 || start[3] > most_axes) return {};
  std::vector<std::string> sizes;
  const uintmax_t whole = fs::file_size(path);
  uintmax_t bytes = found->size;
  for (int axis = 0; axis < start[3]; ++axis) {
    std::array<unsigned char, 4> number{};
    if (!input.read(reinterpret_cast<char*>(number.data()), number.size())) return {};
    uint32_t size = 0;
    for (const unsigned char byte : number) size = size << 8 | byte;
    if (size != 0 && bytes > whole / size) return {};
    bytes *= size;
    sizes.push_back(std::to_string(size));
  }
  const uintmax_t header = start.size() * (1 + sizes.size());
  if (bytes != whole - header) {
    refuse(path, fmt::format("{} bytes of values", bytes), std::to_string(whole - header));
  }
  return OtherFile{
      "idx",
      {{"shape", fmt::format("({}{})", fmt::join(sizes, ", "), sizes.size() == 1 ? "," : "")},
       {"dtype", found->name},
       {"size", readable_bytes(bytes)}}};
}

OtherFile function_file(const fs::path& path) {
  const mica::ImportedFunction function = mica::import_function(path.string());
  OtherFile file{"exported function", {}};
  size_t i = 0;
  for (const std::string& signature : function.signatures()) {
    file.facts[fmt::format("arguments {}", ++i)] = signature;
  }
  if (!function.metadata().empty()) file.facts["metadata"] = function.metadata();
  return file;
}

}  // namespace

std::optional<OtherFile> read_other_file(const fs::path& path) {
  if (!fs::is_regular_file(path)) return {};
  std::ifstream input(path, std::ios::binary);
  std::array<char, 8> start{};
  input.read(start.data(), start.size());
  const std::string_view text(start.data(), static_cast<size_t>(input.gcount()));
  if (text == "mica fun") return function_file(path);
  if (path.extension() == ".json" && !path.string().ends_with(".index.json")) {
    return json_file(path);
  }
  return idx_file(path);
}

}  // namespace tools
