// The gguf format: metadata and the tensors' descriptions, then, at a multiple of the alignment,
// the data. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

#include "mica/io/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <map>
#include <stdexcept>
#include <tuple>

#include "mica/io/content.h"
#include "mica/io/cursor.h"
#include "mica/io/input.h"
#include "mica/io/io.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {

namespace {

using namespace io::gguf;
using io::Bytes;
using io::Cursor;
using io::Input;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint32_t largest_alignment = 1 << 20;
constexpr size_t largest_rank = 8;

size_t padding_of(size_t size, size_t alignment) {
  return (alignment - size % alignment) % alignment;
}

array read_number(Cursor& cursor, const std::string& field, Dtype dtype, const Shape& shape) {
  const size_t bytes = io::checked_bytes(cursor.input(), field, shape, dtype.size());
  return io::array_of(cursor.take(field, bytes), shape, dtype);
}

GGUFMetaData read_array(Cursor& cursor, const std::string& field) {
  const auto type = static_cast<ValueType>(cursor.number<uint32_t>(field + " type"));
  if (type == ValueType::array) cursor.fail(field, "an array of numbers or strings", "of arrays");
  const std::optional<Dtype> dtype = dtype_of(type);
  if (!dtype && type != ValueType::string) {
    cursor.fail(field, "a type from 0 to 12", std::to_string(static_cast<uint32_t>(type)));
  }
  const uint64_t size = cursor.count(field + " length", dtype ? dtype->size() : sizeof(uint64_t));
  if (dtype) {
    const uint64_t dims[] = {size};
    return read_number(cursor, field, *dtype, io::checked_shape(cursor.input(), field, dims));
  }
  std::vector<std::string> strings;
  for (uint64_t i = 0; i < size; ++i) strings.push_back(cursor.string(field));
  return strings;
}

GGUFMetaData read_value(Cursor& cursor, const std::string& field) {
  const auto type = static_cast<ValueType>(cursor.number<uint32_t>(field + " type"));
  if (type == ValueType::string) return cursor.string(field);
  if (type == ValueType::array) return read_array(cursor, field);
  const std::optional<Dtype> dtype = dtype_of(type);
  if (!dtype) {
    cursor.fail(field, "a type from 0 to 12", std::to_string(static_cast<uint32_t>(type)));
  }
  return read_number(cursor, field, *dtype, {});
}

uint32_t check_alignment(const GGUFMetaData& value) {
  const array* const number = std::get_if<array>(&value);
  if (!number || number->dtype() != uint32 || number->ndim() != 0) return 0;
  const auto alignment = number->item<uint32_t>();
  return std::has_single_bit(alignment) && alignment <= largest_alignment ? alignment : 0;
}

struct Tensor {
  std::string name;
  const TensorType* type;
  Shape shape;
  size_t begin;
  size_t end;
};

Tensor read_tensor(Cursor& cursor, uint64_t index, uint32_t alignment) {
  Tensor tensor{cursor.string(fmt::format("tensor {}", index)), nullptr, {}, 0, 0};
  const std::string field = "tensor " + tensor.name;
  const auto rank = cursor.number<uint32_t>(field);
  if (rank > largest_rank) {
    cursor.fail(field, fmt::format("at most {} dimensions", largest_rank), std::to_string(rank));
  }
  // The innermost dimension comes first.
  std::vector<uint64_t> dims(rank);
  for (uint64_t& dim : dims) dim = cursor.number<uint64_t>(field);
  std::reverse(dims.begin(), dims.end());
  tensor.shape = io::checked_shape(cursor.input(), field, dims);
  const auto id = cursor.number<uint32_t>(field);
  tensor.type = find_tensor_type(id);
  if (!tensor.type) {
    cursor.fail(field + " type",
                "F16, BF16, F32, F64, I8 to I64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, MXFP4, Q2_K to "
                "Q6_K, IQ4_NL or IQ4_XS",
                fmt::format("the type of number {}", id));
  }
  const auto block_size = static_cast<ShapeElem>(tensor.type->block_size);
  Shape blocks = tensor.shape;
  if (block_size > 1 && (rank == 0 || tensor.shape.back() % block_size != 0)) {
    cursor.fail(field, fmt::format("a last dimension that {} divides", block_size),
                to_string(tensor.shape));
  }
  if (rank > 0) blocks.back() /= block_size;
  const size_t bytes = io::checked_bytes(cursor.input(), field, blocks, tensor.type->block_bytes);
  const auto offset = cursor.number<uint64_t>(field);
  if (offset % alignment != 0) {
    cursor.fail(field + " offset", fmt::format("a multiple of {}", alignment),
                std::to_string(offset));
  }
  tensor.begin = offset;
  if (__builtin_add_overflow(tensor.begin, bytes, &tensor.end)) {
    cursor.fail(field + " offset", "one within the file", std::to_string(offset));
  }
  return tensor;
}

// Tensors share no bytes, so that what they are unpacked to is bounded by the file's size.
void check_layout(const Cursor& cursor, std::vector<Tensor>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const Tensor& a, const Tensor& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  size_t end = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.begin < end || tensor.end > cursor.remaining()) {
      cursor.fail("tensor " + tensor.name + " offset",
                  fmt::format("bytes of its own within {}", cursor.remaining()),
                  fmt::format("{} to {}{}", tensor.begin, tensor.end,
                              tensor.end > cursor.remaining() ? ": is the file cut short?" : ""));
    }
    end = tensor.end;
  }
}

GGUFLoad read_file(Input& input) {
  Cursor cursor(input);
  const std::span<const std::byte> file = cursor.rest();
  if (cursor.number<uint32_t>("magic") != magic) {
    cursor.fail("content", "a gguf file", io::kind_of_content(file));
  }
  const auto file_version = cursor.number<uint32_t>("version");
  if (file_version != 2 && file_version != version) {
    cursor.fail("version", "2 or 3", std::to_string(file_version));
  }
  // A tensor takes a name's length, a rank, a type and an offset at least; an entry of metadata the
  // length of a key, a type and a byte.
  const uint64_t tensor_count = cursor.count("number of tensors", 24);
  const uint64_t metadata_count = cursor.count("number of metadata", 13);

  GGUFLoad loaded;
  auto& arrays = loaded.first;
  auto& metadata = loaded.second;
  uint32_t alignment = default_alignment;
  for (uint64_t i = 0; i < metadata_count; ++i) {
    const std::string key = cursor.string(fmt::format("metadata {}", i));
    const auto [place, is_new] = metadata.emplace(key, read_value(cursor, "metadata " + key));
    if (!is_new) cursor.fail("metadata", "each name once", "'" + key + "' twice");
    if (key != alignment_key) continue;
    alignment = check_alignment(place->second);
    if (alignment == 0) cursor.fail(key, "a power of two of 32 bits", "something else");
  }
  std::vector<Tensor> tensors;
  for (uint64_t i = 0; i < tensor_count; ++i) {
    tensors.push_back(read_tensor(cursor, i, alignment));
  }
  if (tensors.empty()) return loaded;
  cursor.take("padding", padding_of(cursor.position(), alignment));
  check_layout(cursor, tensors);
  const Bytes data = cursor.take("data", cursor.remaining());
  for (const Tensor& tensor : tensors) {
    const Bytes bytes{data.data.subspan(tensor.begin, tensor.end - tensor.begin), data.owner};
    const auto insert = [&](const std::string& name, array values) {
      if (!arrays.emplace(name, std::move(values)).second) {
        cursor.fail("tensors", "each name once", "'" + name + "' twice");
      }
    };
    if (tensor.type->dtype) {
      insert(tensor.name, io::array_of(bytes, tensor.shape, *tensor.type->dtype));
      continue;
    }
    for (auto& [name, values] : unpack(*tensor.type, tensor.name, bytes.data, tensor.shape)) {
      insert(name, std::move(values));
    }
  }
  return loaded;
}

// A file to be written, in memory but for the arrays' elements.
class Contents {
 public:
  Contents(const std::unordered_map<std::string, array>& arrays,
           const std::unordered_map<std::string, GGUFMetaData>& metadata) {
    const auto alignment = metadata.find(alignment_key);
    if (alignment != metadata.end()) alignment_ = check_alignment(alignment->second);
    if (alignment_ == 0) refuse(alignment_key, "a power of two of 32 bits", "something else");
    // By name, so that equal arrays make equal files.
    for (const auto& [name, values] : arrays) arrays_.emplace(name, contiguous(values));
    number(magic);
    number(version);
    number(uint64_t{arrays.size()});
    number(uint64_t{metadata.size()});
    for (const auto& entry : std::map(metadata.begin(), metadata.end())) {
      text(entry.first);
      std::visit([&](const auto& value) { add_value(entry.first, value); }, entry.second);
    }
    uint64_t offset = 0;
    for (auto& [name, values] : arrays_) {
      values.eval();
      text(name);
      add_tensor(name, values, offset);
      offset += values.nbytes() + padding_of(values.nbytes(), alignment_);
    }
    header_.append(padding_of(header_.size(), alignment_), '\0');
  }

  void write(io::Output& output) const {
    output.write(header_.data(), header_.size());
    const std::string zeros(alignment_, '\0');
    for (const auto& [name, values] : arrays_) {
      output.write(values.data<std::byte>(), values.nbytes());
      output.write(zeros.data(), padding_of(values.nbytes(), alignment_));
    }
    output.commit();
  }

 private:
  [[noreturn]] static void refuse(const std::string& name, const std::string& expected,
                                  const std::string& got) {
    throw std::invalid_argument(
        fmt::format("save_gguf: {}: expected {}, got {}", name, expected, got));
  }
  template <class T>
  void number(T value) {
    header_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void text(const std::string& value) {
    number(uint64_t{value.size()});
    header_ += value;
  }

  void add_value(const std::string& key, std::monostate) {
    refuse("metadata " + key, "an array, a string or strings", "nothing");
  }
  void add_value(const std::string&, const std::string& value) {
    number(ValueType::string);
    text(value);
  }
  void add_value(const std::string&, const std::vector<std::string>& values) {
    number(ValueType::array);
    number(ValueType::string);
    number(uint64_t{values.size()});
    for (const std::string& value : values) text(value);
  }
  void add_value(const std::string& key, const array& value) {
    const std::optional<ValueType> type = value_type_of(value.dtype());
    if (!type) {
      refuse("metadata " + key, "bool, an integer dtype, float32 or float64",
             dtype_name(value.dtype()));
    }
    if (value.ndim() > 1 || value.size() == 0) {
      refuse("metadata " + key, "a scalar or a vector that is not empty",
             "shape " + to_string(value.shape()));
    }
    array values = contiguous(value);
    values.eval();
    if (value.ndim() == 1) {
      number(ValueType::array);
      number(*type);
      number(uint64_t{values.size()});
    } else {
      number(*type);
    }
    header_.append(values.data<char>(), values.nbytes());
  }

  void add_tensor(const std::string& name, const array& values, uint64_t offset) {
    const TensorType* const type = find_tensor_type(values.dtype());
    if (!type) {
      refuse("array " + name, "float16, float32, float64, int8, int16, int32 or int64",
             dtype_name(values.dtype()));
    }
    if (values.ndim() > largest_rank) {
      refuse("array " + name, fmt::format("at most {} dimensions", largest_rank),
             std::to_string(values.ndim()));
    }
    number(static_cast<uint32_t>(values.ndim()));
    for (size_t axis = values.ndim(); axis-- > 0;) {
      number(static_cast<uint64_t>(values.shape()[axis]));
    }
    number(type->id);
    number(offset);
  }

  uint32_t alignment_ = default_alignment;
  std::map<std::string, array> arrays_;
  std::string header_;
};

}  // namespace

GGUFLoad load_gguf(const std::string& file, StreamOrDevice s) {
  to_stream(s);  // throws for one that does not exist; loaded arrays need none
  return read_file(*io::open_input("load_gguf", file));
}

GGUFLoad load_gguf(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s) {
  to_stream(s);
  return read_file(*io::open_input("load_gguf", std::move(in_stream)));
}

void save_gguf(std::string file, std::unordered_map<std::string, array> array_map,
               std::unordered_map<std::string, GGUFMetaData> meta_data) {
  if (!file.ends_with(".gguf")) file += ".gguf";
  const Contents contents(array_map, meta_data);
  contents.write(*io::open_output("save_gguf", file));
}

void save_gguf(std::shared_ptr<io::Writer> out_stream,
               std::unordered_map<std::string, array> array_map,
               std::unordered_map<std::string, GGUFMetaData> meta_data) {
  const Contents contents(array_map, meta_data);
  contents.write(*io::open_output("save_gguf", std::move(out_stream)));
}

}  // namespace mica
