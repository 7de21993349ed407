// The safetensors format: a little-endian uint64 with the size of the header, the header (JSON:
// for each name dtype, shape, and where the data begins and ends behind the header), the data.
// https://github.com/huggingface/safetensors#format

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <vector>

#include "mica/io/file.h"
#include "mica/io/io.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {

namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr size_t prefix_size = sizeof(uint64_t);
constexpr size_t max_header_size = 100'000'000;  // that of the format's own implementation
constexpr size_t data_alignment = 64;            // of the data that is written

struct TypeName {
  Dtype dtype;
  const char* name;
};
constexpr std::array<TypeName, dtype_count> type_names{{
    {bool_, "BOOL"},
    {uint8, "U8"},
    {uint16, "U16"},
    {uint32, "U32"},
    {uint64, "U64"},
    {int8, "I8"},
    {int16, "I16"},
    {int32, "I32"},
    {int64, "I64"},
    {float16, "F16"},
    {bfloat16, "BF16"},
    {float32, "F32"},
    {float64, "F64"},
    {complex64, "C64"},
}};

const char* name_of(Dtype dtype) {
  for (const auto& type : type_names)
    if (type.dtype == dtype) return type.name;
  throw std::invalid_argument("save_safetensors: expected a dtype of the format");
}

// What a file says, fit for an error of one line.
std::string printable(std::string text) {
  constexpr size_t longest = 200;
  if (text.size() > longest) text = text.substr(0, longest) + "...";
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  return text;
}

struct Entry {
  std::string name;
  Dtype dtype;
  Shape shape;
  size_t begin;
  size_t end;
};

class Header {
 public:
  Header(const std::string& file, std::span<std::byte> bytes) : file_(file) {
    if (bytes.size() < prefix_size)
      fail("header size", "8 bytes", std::to_string(bytes.size()) + " in the file");
    uint64_t size;
    std::memcpy(&size, bytes.data(), prefix_size);
    const size_t limit = std::min(bytes.size() - prefix_size, max_header_size);
    if (size > limit) fail("header size", "at most " + std::to_string(limit), std::to_string(size));
    const auto* text = reinterpret_cast<const char*>(bytes.data()) + prefix_size;
    data_size_ = bytes.size() - prefix_size - size;
    data_offset_ = prefix_size + size;
    read(parse(text, text + size));
    check_layout();
  }

  const std::vector<Entry>& entries() const { return entries_; }
  std::unordered_map<std::string, std::string>& metadata() { return metadata_; }
  size_t data_offset() const { return data_offset_; }

 private:
  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const {
    throw std::invalid_argument(fmt::format("load_safetensors ({}): {}: expected {}, got {}", file_,
                                            printable(field), expected, printable(got)));
  }

  json parse(const char* begin, const char* end) const {
    constexpr int deepest = 3;
    // The names seen so far of the object open at each depth.
    std::array<std::set<std::string>, deepest + 2> names;
    auto check = [&](int depth, json::parse_event_t event, json& value) {
      if (depth > deepest) fail("header", "at most 3 levels of nesting", "more");
      if (event == json::parse_event_t::object_start) names[depth + 1].clear();
      if (event == json::parse_event_t::key &&
          !names[depth].insert(value.get<std::string>()).second)
        fail("header", "each name once", fmt::format("'{}' twice", value.get<std::string>()));
      return true;
    };
    json header = json::parse(begin, end, check, /*allow_exceptions=*/false);
    if (header.is_discarded()) fail("header", "JSON", "something else");
    if (!header.is_object()) fail("header", "a JSON object", header.type_name());
    return header;
  }

  void read(const json& header) {
    for (const auto& [name, value] : header.items()) {
      if (name == "__metadata__")
        read_metadata(value);
      else
        read_entry(name, value);
    }
  }

  void read_metadata(const json& value) {
    if (!value.is_object()) fail("__metadata__", "an object of strings", value.type_name());
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) fail("__metadata__." + key, "a string", text.type_name());
      metadata_.emplace(key, text.get<std::string>());
    }
  }

  void read_entry(const std::string& name, const json& value) {
    for (const char* key : {"dtype", "shape", "data_offsets"})
      if (!value.is_object() || !value.contains(key)) fail(name + "." + key, "it", "nothing");
    const auto [begin, end] = read_offsets(name + ".data_offsets", value["data_offsets"]);
    const Dtype dtype = read_dtype(name + ".dtype", value["dtype"]);
    Entry entry{name, dtype, {}, begin, end};
    size_t bytes = dtype.size();
    const json& shape = value["shape"];
    if (!shape.is_array()) fail(name + ".shape", "an array", shape.type_name());
    for (const json& dim : shape) {
      constexpr uint64_t largest = std::numeric_limits<ShapeElem>::max();
      if (!dim.is_number_unsigned() || dim.get<uint64_t>() > largest)
        fail(name + ".shape", "integers from 0 to " + std::to_string(largest), dim.dump());
      entry.shape.push_back(static_cast<ShapeElem>(dim.get<uint64_t>()));
      if (__builtin_mul_overflow(bytes, dim.get<size_t>(), &bytes))
        fail(name + ".shape", "one that fits in memory", shape.dump());
    }
    if (end - begin != bytes)
      fail(name + ".data_offsets", std::to_string(bytes) + " bytes for " + to_string(entry.shape),
           std::to_string(end - begin));
    entries_.push_back(std::move(entry));
  }

  std::pair<size_t, size_t> read_offsets(const std::string& field, const json& value) const {
    if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() ||
        !value[1].is_number_unsigned())
      fail(field, "two offsets", value.dump());
    const auto begin = value[0].get<uint64_t>(), end = value[1].get<uint64_t>();
    if (begin > end || end > data_size_)
      fail(field, "a range within the " + std::to_string(data_size_) + " bytes of data",
           value.dump());
    return {begin, end};
  }

  Dtype read_dtype(const std::string& field, const json& value) const {
    for (const auto& type : type_names)
      if (value == type.name) return type.dtype;
    fail(field, "BOOL, U8 ... U64, I8 ... I64, F16, BF16, F32, F64 or C64", value.dump());
  }

  // The arrays lie one behind the other and fill the data.
  void check_layout() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
    });
    size_t end = 0;
    for (const Entry& entry : entries_) {
      if (entry.begin != end)
        fail(entry.name + ".data_offsets", "a begin of " + std::to_string(end),
             std::to_string(entry.begin));
      end = entry.end;
    }
    if (end != data_size_) fail("data", std::to_string(end) + " bytes", std::to_string(data_size_));
  }

  std::string file_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::string> metadata_;
  size_t data_offset_ = 0;
  size_t data_size_ = 0;
};

}  // namespace

SafetensorsLoad load_safetensors(const std::string& file, StreamOrDevice s) {
  to_stream(s);  // throws for one that does not exist; loaded arrays need none
  const auto mapped = std::make_shared<io::MappedFile>("load_safetensors", file);
  Header header(file, mapped->bytes());
  SafetensorsLoad loaded;
  for (const Entry& entry : header.entries()) {
    std::byte* data = mapped->bytes().data() + header.data_offset() + entry.begin;
    loaded.first.emplace(entry.name,
                         entry.begin == entry.end
                             ? zeros(entry.shape, entry.dtype)
                             : array(data, entry.shape, entry.dtype, [mapped](void*) {}));
  }
  loaded.second = std::move(header.metadata());
  return loaded;
}

void save_safetensors(std::string file, std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata) {
  if (!file.ends_with(".safetensors")) file += ".safetensors";
  std::vector<std::pair<std::string, array>> ordered;
  for (const auto& [name, value] : arrays) {
    if (name == "__metadata__")
      throw std::invalid_argument(
          "save_safetensors: expected names of arrays, got '__metadata__', which is reserved");
    ordered.emplace_back(name, contiguous(value));
  }
  // Wide types first, so that all are aligned; and by name, so that equal arrays make equal files.
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    if (a.second.itemsize() != b.second.itemsize())
      return a.second.itemsize() > b.second.itemsize();
    return a.first < b.first;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = std::map<std::string, std::string>(metadata.begin(), metadata.end());
  size_t offset = 0;
  for (auto& [name, value] : ordered) {
    value.eval();
    const std::vector<ShapeElem> shape(value.shape().begin(), value.shape().end());
    header[name] = {{"dtype", name_of(value.dtype())},
                    {"shape", shape},
                    {"data_offsets", {offset, offset + value.nbytes()}}};
    offset += value.nbytes();
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const json::type_error&) {
    throw std::invalid_argument("save_safetensors: expected names and metadata in UTF-8");
  }
  const size_t used = (prefix_size + text.size()) % data_alignment;
  if (used) text.append(data_alignment - used, ' ');

  io::ReplacingFile out("save_safetensors", file);
  const uint64_t header_size = text.size();
  out.write(&header_size, prefix_size);
  out.write(text.data(), text.size());
  for (const auto& [name, value] : ordered) {
    array evaluated = value;
    out.write(evaluated.data<std::byte>(), evaluated.nbytes());
  }
  out.commit();
}

}  // namespace mica
