#include "weights.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "mica/io/checkpoint.h"
#include "mica/io/io.h"

namespace tools {
namespace {

using mica::array;
namespace fs = std::filesystem;

enum class Format { npy, npz, gguf, safetensors, other };

Format format_of(const fs::path& path) {
  if (!fs::is_regular_file(path)) return Format::other;
  std::array<char, 9> start{};
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), start.size());
  const std::string_view text(start.data(), static_cast<size_t>(file.gcount()));
  if (text.starts_with("\x93NUMPY")) return Format::npy;
  if (text.starts_with("GGUF")) return Format::gguf;
  if (text.starts_with("PK") && path.extension() == ".npz") return Format::npz;
  // The size of the header, then the header.
  if (text.size() == 9 && text[8] == '{') return Format::safetensors;
  return Format::other;
}

std::string as_text(const mica::GGUFMetaData& value) {
  std::ostringstream os;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* numbers = std::get_if<array>(&value)) {
    constexpr size_t most = 16;
    if (numbers->ndim() == 0) {
      std::ostringstream with_type;
      with_type << *numbers;
      const std::string text = with_type.str();  // array(7, dtype=uint32)
      const size_t begin = text.find('(') + 1;
      os << text.substr(begin, text.rfind(", dtype") - begin);
    } else if (numbers->size() > most) {
      os << numbers->size() << " numbers of " << mica::dtype_name(numbers->dtype());
    } else {
      os << *numbers;
    }
  }
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value))
    os << texts->size() << " texts";
  return os.str();
}

template <class Arrays>
Weights weights_of(std::string format, Arrays&& arrays) {
  Weights weights{std::move(format), {}, {}};
  for (auto& [name, a] : arrays) weights.arrays.emplace(name, a);
  return weights;
}

std::unordered_map<std::string, array> unordered(const Weights& weights) {
  return {weights.arrays.begin(), weights.arrays.end()};
}

}  // namespace

size_t Weights::bytes() const {
  size_t total = 0;
  for (const auto& [name, a] : arrays) total += a.nbytes();
  return total;
}

Weights read_weights(const fs::path& path) {
  switch (format_of(path)) {
    case Format::npy:
      return {"npy", {{"array", mica::load(path.string())}}, {}};
    case Format::npz:
      return weights_of("npz", mica::load_npz(path.string()));
    case Format::safetensors: {
      auto [arrays, metadata] = mica::load_safetensors(path.string());
      Weights weights = weights_of("safetensors", arrays);
      weights.metadata.insert(metadata.begin(), metadata.end());
      return weights;
    }
    case Format::gguf: {
      auto [arrays, metadata] = mica::load_gguf(path.string());
      Weights weights = weights_of("gguf", arrays);
      for (const auto& [name, value] : metadata) weights.metadata.emplace(name, as_text(value));
      return weights;
    }
    case Format::other:
      break;
  }
  const char* const kind = fs::is_directory(path)        ? "folder"
                           : path.extension() == ".json" ? "index"
                                                         : "PyTorch";
  return weights_of(kind, mica::load_checkpoint(path));
}

void write_weights(const fs::path& path, const Weights& weights) {
  const std::string extension = path.extension().string();
  if (extension == ".safetensors") {
    mica::save_safetensors(path.string(), unordered(weights),
                           {weights.metadata.begin(), weights.metadata.end()});
  } else if (extension == ".npz") {
    mica::save_npz(path.string(), unordered(weights));
  } else if (extension == ".npy") {
    if (weights.arrays.size() != 1)
      throw std::invalid_argument(
          fmt::format("{}: expected one array for an .npy file, got {}; use .npz", path.string(),
                      weights.arrays.size()));
    mica::save(path.string(), weights.arrays.begin()->second);
  } else if (extension == ".gguf") {
    std::unordered_map<std::string, mica::GGUFMetaData> metadata;
    for (const auto& [name, value] : weights.metadata) metadata.emplace(name, value);
    mica::save_gguf(path.string(), unordered(weights), metadata);
  } else if (extension.empty()) {
    mica::SaveCheckpointOptions options;
    for (const auto& [name, value] : weights.metadata) options.metadata[name] = value;
    mica::save_checkpoint(path, unordered(weights), options);
  } else {
    throw std::invalid_argument(
        fmt::format("{}: expected a name ending in .safetensors, .npz, .npy or .gguf, or a folder, "
                    "got '{}'",
                    path.string(), extension));
  }
}

std::string readable_bytes(size_t bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 999.95 && unit < 4; ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace tools
