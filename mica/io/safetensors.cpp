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
#include <stdexcept>
#include <vector>

#include "mica/io/content.h"
#include "mica/io/input.h"
#include "mica/io/io.h"
#include "mica/io/json.h"
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

struct Entry {
  std::string name;
  Dtype dtype;
  Shape shape;
  size_t begin;
  size_t end;
};

class Header {
 public:
  // Takes the header; what remains is the data.
  explicit Header(io::Input& input) : input_(input) {
    uint64_t size;
    const io::Bytes start = input.take("header size", prefix_size);
    std::memcpy(&size, start.data.data(), prefix_size);
    if (size >> 32 != 0) fail("content", "a safetensors file", io::kind_of_content(start.data));
    if (size > max_header_size) {
      fail("header size", "at most " + std::to_string(max_header_size), std::to_string(size));
    }
    if (size > input.remaining()) {
      fail("header", std::to_string(size) + " bytes",
           std::to_string(input.remaining()) + ": the file is cut short");
    }
    const io::Bytes header = input.take("header", size);
    data_size_ = input.remaining();
    constexpr int deepest = 3;
    read(io::parse_json_object(input, "header", header.text(), deepest));
    check_layout();
  }

  const std::vector<Entry>& entries() const { return entries_; }
  std::unordered_map<std::string, std::string>& metadata() { return metadata_; }

 private:
  [[noreturn]] void fail(const std::string& field, const std::string& expected,
                         const std::string& got) const {
    input_.fail(field, expected, got);
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
    const Shape shape = read_shape(name + ".shape", value["shape"]);
    const size_t bytes = io::checked_bytes(input_, name + ".shape", shape, dtype.size());
    if (end - begin != bytes)
      fail(name + ".data_offsets", std::to_string(bytes) + " bytes for " + to_string(shape),
           std::to_string(end - begin));
    entries_.push_back({name, dtype, shape, begin, end});
  }

  Shape read_shape(const std::string& field, const json& value) const {
    if (!value.is_array()) fail(field, "an array", value.type_name());
    std::vector<uint64_t> dims;
    for (const json& dim : value) {
      if (!dim.is_number_unsigned()) fail(field, "integers from 0", dim.dump());
      dims.push_back(dim.get<uint64_t>());
    }
    return io::checked_shape(input_, field, dims);
  }

  std::pair<size_t, size_t> read_offsets(const std::string& field, const json& value) const {
    if (!value.is_array() || value.size() != 2 || !value[0].is_number_unsigned() ||
        !value[1].is_number_unsigned())
      fail(field, "two offsets", value.dump());
    const auto begin = value[0].get<uint64_t>(), end = value[1].get<uint64_t>();
    if (begin > end || end > data_size_) {
      const char* const cause = begin > end ? "" : ": is the file cut short?";
      fail(field, "a range within the " + std::to_string(data_size_) + " bytes of data",
           value.dump() + cause);
    }
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

  const io::Input& input_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::string> metadata_;
  size_t data_size_ = 0;
};

SafetensorsLoad read_file(io::Input& input, const StreamOrDevice& s) {
  to_stream(s);  // throws for one that does not exist; loaded arrays need none
  Header header(input);
  const io::Bytes data = input.take("data", input.remaining());
  SafetensorsLoad loaded;
  for (const Entry& entry : header.entries()) {
    const io::Bytes bytes{data.data.subspan(entry.begin, entry.end - entry.begin), data.owner};
    loaded.first.emplace(entry.name, io::array_of(bytes, entry.shape, entry.dtype));
  }
  loaded.second = std::move(header.metadata());
  return loaded;
}

// A file to be written: its header, and the arrays in the order of their data.
struct Contents {
  std::string header;
  std::vector<std::pair<std::string, array>> arrays;

  void write(io::Output& output) const {
    const uint64_t header_size = header.size();
    output.write(&header_size, prefix_size);
    output.write(header.data(), header.size());
    for (const auto& [name, value] : arrays) output.write(value.data<std::byte>(), value.nbytes());
    output.commit();
  }
};

Contents contents_of(const std::unordered_map<std::string, array>& arrays,
                     const std::unordered_map<std::string, std::string>& metadata) {
  Contents contents;
  for (const auto& [name, value] : arrays) {
    if (name == "__metadata__")
      throw std::invalid_argument(
          "save_safetensors: expected names of arrays, got '__metadata__', which is reserved");
    contents.arrays.emplace_back(name, contiguous(value));
  }
  // Wide types first, so that all are aligned; and by name, so that equal arrays make equal files.
  std::sort(contents.arrays.begin(), contents.arrays.end(), [](const auto& a, const auto& b) {
    if (a.second.itemsize() != b.second.itemsize())
      return a.second.itemsize() > b.second.itemsize();
    return a.first < b.first;
  });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = std::map<std::string, std::string>(metadata.begin(), metadata.end());
  size_t offset = 0;
  for (auto& [name, value] : contents.arrays) {
    value.eval();
    const std::vector<ShapeElem> shape(value.shape().begin(), value.shape().end());
    header[name] = {{"dtype", name_of(value.dtype())},
                    {"shape", shape},
                    {"data_offsets", {offset, offset + value.nbytes()}}};
    offset += value.nbytes();
  }
  try {
    contents.header = header.dump();
  } catch (const json::type_error&) {
    throw std::invalid_argument("save_safetensors: expected names and metadata in UTF-8");
  }
  const size_t used = (prefix_size + contents.header.size()) % data_alignment;
  if (used) contents.header.append(data_alignment - used, ' ');
  return contents;
}

}  // namespace

SafetensorsLoad load_safetensors(const std::string& file, StreamOrDevice s) {
  return read_file(*io::open_input("load_safetensors", file), s);
}

SafetensorsLoad load_safetensors(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s) {
  return read_file(*io::open_input("load_safetensors", std::move(in_stream)), s);
}

void save_safetensors(std::string file, std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata) {
  if (!file.ends_with(".safetensors")) file += ".safetensors";
  const Contents contents = contents_of(arrays, metadata);
  contents.write(*io::open_output("save_safetensors", file));
}

void save_safetensors(std::shared_ptr<io::Writer> out_stream,
                      std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata) {
  const Contents contents = contents_of(arrays, metadata);
  contents.write(*io::open_output("save_safetensors", std::move(out_stream)));
}

}  // namespace mica
