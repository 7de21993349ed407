// Which files make up a checkpoint, after the conventions of Hugging Face's folders.

#include "mica/io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "mica/io/content.h"
#include "mica/io/input.h"
#include "mica/io/io.h"
#include "mica/io/json.h"
#include "mica/io/pytorch.h"
#include "mica/io/zip.h"

namespace mica {

namespace {

namespace fs = std::filesystem;
using io::Input;
using nlohmann::json;
using Arrays = std::unordered_map<std::string, array>;

constexpr const char* load_op = "load_checkpoint";
constexpr const char* save_op = "save_checkpoint";
constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";
constexpr const char* index_ending = ".index.json";

// What a folder's checkpoint is called, in the order of preference.
constexpr const char* known_names[] = {
    single_name,
    index_name,
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.safetensors.index.json",
    "adapter_model.safetensors",
    "adapters.safetensors",
    "weights.npz",
};
constexpr const char* known_endings[] = {".safetensors", index_ending, ".npz", ".gguf",
                                         ".pt",          ".pth",       ".bin"};

enum class Format { safetensors, npz, gguf, pytorch, index };

bool is_pytorch(const io::ZipArchive& archive) {
  return std::any_of(archive.entries().begin(), archive.entries().end(),
                     [](const io::ZipEntry& entry) { return entry.name.ends_with("/data.pkl"); });
}

// Throws for files of other kinds, saying which kind where it is known.
Format format_of(const fs::path& file) {
  const auto input = io::open_input(load_op, file.string());
  const io::Bytes bytes = input->take("file", input->remaining());
  const std::string_view text = bytes.text();
  if (text.starts_with("GGUF")) return Format::gguf;
  if (text.starts_with("PK\3\4") || text.starts_with("PK\5\6")) {
    io::BytesInput file_bytes(load_op, input->label(), bytes);
    return is_pytorch(io::ZipArchive(file_bytes)) ? Format::pytorch : Format::npz;
  }
  // A pickle of protocol 2 or later, or the number that PyTorch's begin with.
  if (text.starts_with("\x80") || text.starts_with("L119547037146038801333356L")) {
    return Format::pytorch;
  }
  // The size of the header comes first, in 8 bytes of which the last is 0.
  if (text.size() > 8 && text[7] == '\0' && text[8] == '{') return Format::safetensors;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return Format::index;
  const char* const expected = "safetensors, npz, gguf, PyTorch or an index";
  if (text.starts_with("\x93NUMPY")) {
    input->fail("content", expected, "one array without a name (mica::load reads it)");
  }
  input->fail("content", expected, io::kind_of_content(bytes.data));
}

Arrays load_state_dict(const fs::path& file) {
  const PickledValue value = load_pytorch_file(file);
  try {
    return pytorch_state_dict(value);
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(fmt::format("{} ({}): {}", load_op, file.string(), e.what()));
  }
}

Arrays load_file(const fs::path& file, Format format) {
  const std::string name = file.string();
  if (format == Format::safetensors) return load_safetensors(name).first;
  if (format == Format::gguf) return load_gguf(name).first;
  if (format == Format::pytorch) return load_state_dict(file);
  return load_npz(name);
}

// Where the files of an index lie, by the names of the arrays that they are to hold.
class Index {
 public:
  explicit Index(const fs::path& file)
      : folder_(file.parent_path()), input_(io::open_input(load_op, file.string())) {
    const io::Bytes bytes = input_->take("file", input_->remaining());
    constexpr int deepest = 8;
    const json index = io::parse_json_object(*input_, "index", bytes.text(), deepest);
    const auto map = index.find("weight_map");
    if (map == index.end() || !map->is_object()) {
      input_->fail("weight_map", "an object of names and files",
                   map == index.end() ? "none" : map->type_name());
    }
    for (const auto& [name, shard] : map->items()) {
      if (!shard.is_string()) fail(name, "the name of a file", shard.type_name());
      shards_[check(name, shard.get<std::string>())].push_back(name);
    }
  }

  // File names beside the index.
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& [shard, arrays] : shards_) names.insert(shard);
    return names;
  }

  Arrays load() const {
    for (const auto& [shard, names] : shards_) {
      if (!fs::is_regular_file(folder_ / shard)) {
        fail(names.front(), "the file '" + shard + "' beside the index", "none");
      }
    }
    Arrays all;
    for (const auto& [shard, names] : shards_) {
      const fs::path file = folder_ / shard;
      const Format format = format_of(file);
      if (format == Format::index) fail(names.front(), "a file of arrays", "an index");
      Arrays arrays = load_file(file, format);
      for (const std::string& name : names) {
        if (!arrays.contains(name)) fail(name, "it in '" + shard + "'", "none of that name");
      }
      for (auto& [name, value] : arrays) {
        if (!all.emplace(name, std::move(value)).second) {
          fail(name, "it in one file", "another in '" + shard + "'");
        }
      }
    }
    return all;
  }

 private:
  [[noreturn]] void fail(const std::string& array_name, const std::string& expected,
                         const std::string& got) const {
    input_->fail("weight_map." + array_name, expected, got);
  }

  // A file's name, which must not lead out of the folder.
  const std::string& check(const std::string& array_name, const std::string& shard) const {
    const fs::path path(shard);
    const bool leaves =
        path.has_root_path() ||
        std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
    if (leaves || !path.has_filename() || shard.find('\0') != std::string::npos) {
      fail(array_name, "a file in the folder of the index", "'" + shard + "'");
    }
    return shard;
  }

  fs::path folder_;
  std::unique_ptr<Input> input_;
  std::map<std::string, std::vector<std::string>> shards_;
};

fs::path checkpoint_in(const fs::path& folder) {
  for (const char* name : known_names) {
    if (fs::exists(folder / name)) return folder / name;
  }
  std::set<std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const auto matches = [&](const char* ending) { return name.ends_with(ending); };
    if (std::any_of(std::begin(known_endings), std::end(known_endings), matches)) {
      found.insert(name);
    }
  }
  // The files of an index come with it.
  std::set<std::string> indices;
  for (const std::string& name : found) {
    if (name.ends_with(index_ending)) indices.insert(name);
  }
  if (indices.size() == 1) return folder / *indices.begin();
  if (found.size() == 1) return folder / *found.begin();
  std::string names;
  for (const std::string& name : found) names += (names.empty() ? "" : ", ") + name;
  throw std::invalid_argument(fmt::format(
      "{} ({}): expected one checkpoint in the folder ({}, {} or a file of .safetensors, .npz, "
      ".gguf, .pt, .pth or .bin), got {}",
      load_op, folder.string(), single_name, index_name,
      names.empty() ? "none" : names + "; name the file"));
}

// The arrays of each file, by name, filled one file after the other.
std::vector<Arrays> split(const std::map<std::string, array>& arrays, size_t max_bytes) {
  std::vector<Arrays> shards(1);
  size_t used = 0;
  for (const auto& [name, value] : arrays) {
    if (!shards.back().empty() && value.nbytes() > max_bytes - std::min(used, max_bytes)) {
      shards.emplace_back();
      used = 0;
    }
    shards.back().emplace(name, value);
    used += value.nbytes();
  }
  return shards;
}

// Names for that many files, none of which is there: those of a checkpoint that is being replaced
// stay until the new one is complete.
std::vector<std::string> free_names(const fs::path& folder, size_t count) {
  for (size_t generation = 1;; ++generation) {
    const std::string stem = generation == 1 ? "model" : fmt::format("model.{}", generation);
    std::vector<std::string> names;
    for (size_t i = 1; i <= count; ++i) {
      names.push_back(fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i, count));
    }
    const bool free = std::none_of(names.begin(), names.end(), [&](const std::string& name) {
      return fs::exists(fs::symlink_status(folder / name));
    });
    if (free) return names;
  }
}

// The files of the checkpoint whose index is there, as far as they are safetensors files; none
// where it can't be read.
std::set<std::string> files_of_index(const fs::path& index) {
  if (!fs::exists(index)) return {};
  try {
    std::set<std::string> files = Index(index).files();
    std::erase_if(files, [](const std::string& name) { return !name.ends_with(".safetensors"); });
    return files;
  } catch (const std::invalid_argument&) {
    return {};
  }
}

// Removes files again unless they are kept.
class NewFiles {
 public:
  explicit NewFiles(fs::path folder) : folder_(std::move(folder)) {}
  ~NewFiles() {
    std::error_code ignored;
    for (const std::string& name : names_) fs::remove(folder_ / name, ignored);
  }
  NewFiles(const NewFiles&) = delete;
  NewFiles& operator=(const NewFiles&) = delete;
  void add(const std::string& name) { names_.push_back(name); }
  void keep() { names_.clear(); }

 private:
  fs::path folder_;
  std::vector<std::string> names_;
};

void save_index(const fs::path& file, const std::vector<Arrays>& shards,
                const std::vector<std::string>& names) {
  std::map<std::string, std::string> weight_map;
  size_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const auto& [name, value] : shards[i]) {
      weight_map[name] = names[i];
      total += value.nbytes();
    }
  }
  const nlohmann::ordered_json index = {{"metadata", {{"total_size", total}}},
                                        {"weight_map", weight_map}};
  const std::string text = index.dump(2) + "\n";
  const auto output = io::open_output(save_op, file.string());
  output->write(text.data(), text.size());
  output->commit();
}

}  // namespace

std::unordered_map<std::string, std::string> detail::checkpoint_metadata() {
  return {{"format", "mlx"}};
}

Arrays load_checkpoint(const std::string& file_or_folder) {
  const fs::path file =
      fs::is_directory(file_or_folder) ? checkpoint_in(file_or_folder) : fs::path(file_or_folder);
  const Format format = format_of(file);
  return format == Format::index ? Index(file).load() : load_file(file, format);
}

void save_checkpoint(const std::string& folder_name, const Arrays& arrays,
                     const SaveCheckpointOptions& options) {
  const fs::path folder(folder_name);
  if (options.max_shard_bytes == 0) {
    throw std::invalid_argument(
        fmt::format("{}: max_shard_bytes: expected at least 1, got 0", save_op));
  }
  fs::create_directories(folder);
  const std::vector<Arrays> shards = split({arrays.begin(), arrays.end()}, options.max_shard_bytes);
  const fs::path single = folder / single_name, index = folder / index_name;
  std::set<std::string> replaced = files_of_index(index);
  if (shards.size() == 1) {
    save_safetensors(single.string(), arrays, options.metadata);
    fs::remove(index);
  } else {
    const std::vector<std::string> names = free_names(folder, shards.size());
    NewFiles written(folder);
    for (size_t i = 0; i < shards.size(); ++i) {
      save_safetensors((folder / names[i]).string(), shards[i], options.metadata);
      written.add(names[i]);
    }
    save_index(index, shards, names);
    written.keep();
    fs::remove(single);
  }
  replaced.erase(single_name);
  for (const std::string& name : replaced) fs::remove(folder / name);
}

}  // namespace mica
