#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using golden::expect_close;
using golden::expect_same;
using Arrays = std::unordered_map<std::string, array>;
using MetaData = std::unordered_map<std::string, GGUFMetaData>;
using Strings = std::vector<std::string>;

constexpr const char* folder = MICA_SOURCE_DIR "/tests/golden/io/";

void expect_same_value(const GGUFMetaData& actual, const GGUFMetaData& expected) {
  ASSERT_EQ(actual.index(), expected.index());
  if (const array* const numbers = std::get_if<array>(&expected)) {
    expect_same(std::get<array>(actual), *numbers);
  } else if (const std::string* const text = std::get_if<std::string>(&expected)) {
    EXPECT_EQ(std::get<std::string>(actual), *text);
  } else {
    EXPECT_EQ(std::get<Strings>(actual), std::get<Strings>(expected));
  }
}

void expect_all_same(const GGUFLoad& actual, const Arrays& arrays, const MetaData& metadata) {
  EXPECT_EQ(actual.first.size(), arrays.size());
  for (const auto& [name, values] : arrays) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(actual.first.contains(name));
    expect_same(actual.first.at(name), values);
  }
  EXPECT_EQ(actual.second.size(), metadata.size());
  for (const auto& [name, value] : metadata) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(actual.second.contains(name));
    expect_same_value(actual.second.at(name), value);
  }
}

// Builds a file value by value.
class File {
 public:
  explicit File(uint64_t tensors, uint64_t metadata, uint32_t version = 3) {
    *this << "GGUF" << version << tensors << metadata;
  }
  template <class T>
  requires std::is_arithmetic_v<T> File& operator<<(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  File& operator<<(const char* raw) {
    bytes_ += raw;
    return *this;
  }
  File& text(const std::string& value) {
    *this << uint64_t{value.size()};
    bytes_ += value;
    return *this;
  }
  File& pad(size_t data) {
    bytes_.append((32 - bytes_.size() % 32) % 32 + data, '\0');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class Gguf : public FilesTest {
 protected:
  std::string path() const { return file("a.gguf"); }
  std::string error_of(const std::string& bytes) const {
    write_file("a.gguf", bytes);
    return file_error_of("load_gguf", path(), [&] { load_gguf(path()); });
  }
  std::string error_of(const File& file) const { return error_of(file.bytes()); }
};

TEST_F(Gguf, ReadsWhatThePackageWrites) {
  Arrays arrays;
  for (Dtype dtype : {float32, float16, float64, int8, int16, int32, int64}) {
    arrays.emplace(dtype_name(dtype), astype(reshape(arange(6), {2, 3}), dtype));
  }
  expect_all_same(load_gguf(std::string(folder) + "package.gguf"), arrays,
                  {{"general.architecture", "mica"},
                   {"uint8", array(200, uint8)},
                   {"int8", array(-3, int8)},
                   {"uint16", array(60000, uint16)},
                   {"int16", array(-300, int16)},
                   {"uint32", array(4000000000u)},
                   {"int32", array(-5)},
                   {"uint64", array(uint64_t{1} << 60)},
                   {"int64", array(-(int64_t{1} << 50))},
                   {"float32", array(1.5f)},
                   {"float64", array(0.1, float64)},
                   {"bool", array(true)},
                   {"string", "café"},
                   {"strings", Strings{"a", "bc", ""}},
                   {"int32s", array({1, -2, 3})},
                   {"float32s", array({1.5f, 2.5f})},
                   {"bools", array({true, false})}});
}

TEST_F(Gguf, ReadsWhatMlxWrites) {
  expect_all_same(
      load_gguf(std::string(folder) + "mlx.gguf"),
      {{"weight", transpose(reshape(arange(6.f), {2, 3}))}, {"scalar", array(1.5f, float16)}},
      {{"name", "café"},
       {"list", Strings{"a", "b"}},
       {"layers", array(3)},
       {"sizes", array({1, 2, 3}, int16)},
       {"flag", array(true)}});
}

TEST_F(Gguf, QuantizedTensorsAsMlxReadsThem) {
  const Arrays expected = golden::load("io/quantized");
  const Arrays loaded = load_gguf(std::string(folder) + "quantized.gguf").first;
  EXPECT_EQ(loaded.size(), expected.size());
  for (const auto& [name, values] : expected) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(loaded.contains(name));
    if (name.starts_with("q2_k") || name.starts_with("q4_k") || name.starts_with("q6_k")) {
      expect_close(loaded.at(name), values, 1e-3, 1e-3);
    } else {
      expect_same(loaded.at(name), values);
    }
  }
}

// Blocks are kept where a mode of mica's has the same values; they are float16 otherwise.
TEST_F(Gguf, QuantizedTensorsAsTheirPackageExpandsThem) {
  const Arrays expected = golden::load("io/more_quantized");
  const Arrays loaded = load_gguf(std::string(folder) + "more_quantized.gguf").first;
  for (const auto& [name, values] : expected) {
    SCOPED_TRACE(name);
    const array& weight = loaded.at(name + ".weight");
    if (name.starts_with("q5_") && name != "q5_k") {
      const array expanded =
          dequantize(weight, loaded.at(name + ".scales"), loaded.at(name + ".biases"), 32, 5);
      expect_close(expanded, astype(values, float16), 1e-3, 1e-3);
    } else if (name == "mxfp4") {
      EXPECT_FALSE(loaded.contains(name + ".biases"));
      const array expanded = dequantize(weight, loaded.at(name + ".scales"), std::nullopt, 32, 4,
                                        "mxfp4", std::nullopt, float32);
      expect_close(expanded, values, 0, 0);  // but for the sign of 0
    } else {
      expect_close(weight, astype(values, float16), 1e-3, 1e-3);
    }
  }
}

TEST_F(Gguf, RoundTrip) {
  Arrays arrays{{"scalar", array(1.5f)},
                {"empty", zeros({0, 2})},
                {"transposed", transpose(reshape(arange(6), {2, 3}))},
                {"odd", array({1, 2, 3}, int8)}};
  for (Dtype dtype : {float32, float16, float64, int16, int32, int64}) {
    arrays.emplace(dtype_name(dtype), astype(array({{0, 1}, {2, 100}}), dtype));
  }
  const MetaData metadata{{"general.alignment", array(64u)}, {"name", "été\n"},
                          {"strings", Strings{"", "a"}},     {"none", Strings{}},
                          {"vector", array({1.5f, 2.5f})},   {"float64", array(0.1, float64)},
                          {"flags", array({true, false})},   {"count", array(uint64_t{1} << 40)}};
  save_gguf(path(), arrays, metadata);
  expect_all_same(load_gguf(path()), arrays, metadata);

  const auto writer = std::make_shared<StringWriter>();
  save_gguf(writer, arrays, metadata);
  EXPECT_EQ(writer->bytes, bytes_of(path())) << "equal arrays make equal files";
  expect_all_same(load_gguf(std::make_shared<StringReader>(writer->bytes)), arrays, metadata);

  save_gguf(file("nothing"), {});
  expect_all_same(load_gguf(file("nothing.gguf")), {}, {});
  EXPECT_EQ(file_count(), 2u);
}

TEST_F(Gguf, WhatCannotBeSaved) {
  const auto error = [&](const Arrays& arrays, const MetaData& metadata) {
    try {
      save_gguf(path(), arrays, metadata);
    } catch (const std::invalid_argument& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error({{"a", array({1}, uint8)}}, {}),
            "save_gguf: array a: expected float16, float32, float64, int8, int16, int32 or int64, "
            "got uint8");
  EXPECT_EQ(error({{"a", zeros({1, 1, 1, 1, 1, 1, 1, 1, 1})}}, {}),
            "save_gguf: array a: expected at most 8 dimensions, got 9");
  EXPECT_EQ(error({}, {{"m", std::monostate()}}),
            "save_gguf: metadata m: expected an array, a string or strings, got nothing");
  EXPECT_EQ(error({}, {{"m", array(1.5f, float16)}}),
            "save_gguf: metadata m: expected bool, an integer dtype, float32 or float64, got "
            "float16");
  EXPECT_EQ(error({}, {{"m", zeros({2, 2})}}),
            "save_gguf: metadata m: expected a scalar or a vector that is not empty, got shape "
            "(2, 2)");
  EXPECT_EQ(error({}, {{"general.alignment", array(48u)}}),
            "save_gguf: general.alignment: expected a power of two of 32 bits, got something else");
  EXPECT_EQ(file_count(), 0u);
}

TEST_F(Gguf, HostileFiles) {
  constexpr uint32_t f32 = 0, q4_0 = 2, uint32_type = 4, string_type = 8, array_type = 9;
  constexpr uint64_t huge = uint64_t{1} << 60;
  EXPECT_EQ(error_of(""), "magic: expected 4 bytes, got 0 in the file");
  EXPECT_EQ(error_of("GGML...................."), "content: expected a gguf file, got text");
  EXPECT_EQ(error_of(File(0, 0, 1)), "version: expected 2 or 3, got 1");
  EXPECT_EQ(error_of(File(huge, 0)),
            "number of tensors: expected at most 0, got "
            "1152921504606846976");
  EXPECT_EQ(error_of(File(0, 2)), "number of metadata: expected at most 0, got 2");
  EXPECT_EQ(error_of(File(0, 1) << huge << "abcdefghijkl"),
            "metadata 0: expected 1152921504606846976 bytes, got 12 in the file");
  EXPECT_EQ(error_of(File(0, 1).text("k") << uint32_t{13} << "...."),
            "metadata k: expected a type from 0 to 12, got 13");
  EXPECT_EQ(error_of(File(0, 1).text("k") << string_type << huge),
            "metadata k: expected 1152921504606846976 bytes, got 0 in the file");
  EXPECT_EQ(error_of(File(0, 1).text("k") << array_type << uint32_type << huge),
            "metadata k length: expected at most 0, got 1152921504606846976");
  EXPECT_EQ(error_of(File(0, 1).text("k") << array_type << array_type << uint64_t{1}),
            "metadata k: expected an array of numbers or strings, got of arrays");
  EXPECT_EQ(error_of(File(0, 1).text("k") << array_type << string_type << huge),
            "metadata k length: expected at most 0, got 1152921504606846976");
  EXPECT_EQ(error_of(File(0, 2).text("k")
                     << uint32_type << 1u << uint64_t{1} << "k" << uint32_type << 1u),
            "metadata: expected each name once, got 'k' twice");
  EXPECT_EQ(error_of(File(0, 1).text("general.alignment") << uint32_type << 0u),
            "general.alignment: expected a power of two of 32 bits, got something else");

  const auto tensor = [](uint32_t rank, std::vector<uint64_t> dims, uint32_t type,
                         uint64_t offset) {
    File file(1, 0);
    file.text("a") << rank;
    for (const uint64_t dim : dims) file << dim;
    file << type << offset;
    return file.pad(64);
  };
  EXPECT_EQ(error_of(tensor(9, {}, f32, 0)), "tensor a: expected at most 8 dimensions, got 9");
  EXPECT_EQ(error_of(tensor(1, {huge}, f32, 0)),
            "tensor a: expected dimensions of at most 2147483647, got 1152921504606846976");
  EXPECT_EQ(error_of(tensor(3, {2147483647, 2147483647, 4}, f32, 0)),
            "tensor a: expected a shape that fits in memory, got (4, 2147483647, 2147483647)");
  EXPECT_EQ(error_of(tensor(1, {4}, 4, 0)),
            "tensor a type: expected F16, BF16, F32, F64, I8 to I64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, "
            "MXFP4, Q2_K to Q6_K, IQ4_NL or IQ4_XS, got the type of number 4");
  EXPECT_EQ(error_of(tensor(1, {33}, q4_0, 0)),
            "tensor a: expected a last dimension that 32 divides, got (33,)");
  EXPECT_EQ(error_of(tensor(0, {}, q4_0, 0)),
            "tensor a: expected a last dimension that 32 divides, got ()");
  EXPECT_EQ(error_of(tensor(1, {4}, f32, 4)), "tensor a offset: expected a multiple of 32, got 4");
  EXPECT_EQ(error_of(tensor(1, {4}, f32, uint64_t{0} - 32)),
            "tensor a offset: expected bytes of its own within 64, got 18446744073709551584 to "
            "18446744073709551600: is the file cut short?");
  EXPECT_EQ(error_of(tensor(1, {8}, f32, uint64_t{0} - 32)),
            "tensor a offset: expected one within the file, got 18446744073709551584");
  EXPECT_EQ(
      error_of(tensor(1, {17}, f32, 0)),
      "tensor a offset: expected bytes of its own within 64, got 0 to 68: is the file cut short?");

  File twice(2, 0);
  for (const char* name : {"a", "b"}) twice.text(name) << 1u << uint64_t{4} << f32 << uint64_t{0};
  EXPECT_EQ(error_of(twice.pad(32)),
            "tensor b offset: expected bytes of its own within 32, got 0 to 16");
  File same(2, 0);
  for (const uint64_t offset : {0, 32}) same.text("a") << 1u << uint64_t{4} << f32 << offset;
  EXPECT_EQ(error_of(same.pad(64)), "tensors: expected each name once, got 'a' twice");
  File clash(2, 0);
  clash.text("a.weight") << 1u << uint64_t{32} << q4_0 << uint64_t{0};
  clash.text("a.scales") << 1u << uint64_t{4} << f32 << uint64_t{32};
  EXPECT_EQ(error_of(clash.pad(64)), "tensors: expected each name once, got 'a.scales' twice");
}

TEST_F(Gguf, CutOrChangedAnywhere) {
  for (const char* name : {"package.gguf", "quantized.gguf", "more_quantized.gguf"}) {
    const std::string whole = bytes_of(std::string(folder) + name);
    const auto load_bytes = [&](const std::string& bytes) {
      for (auto& [key, values] : load_gguf(std::make_shared<StringReader>(bytes)).first) {
        values.eval();
      }
    };
    // The last tensor's padding may be missing.
    expect_hostile_files_refused(whole, 512, load_bytes, 31);
  }
}

}  // namespace
}  // namespace mica
