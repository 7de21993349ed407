#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

namespace fs = std::filesystem;
using golden::expect_same;
using Arrays = std::unordered_map<std::string, array>;

class Safetensors : public FilesTest {
 protected:
  std::string path(const std::string& name = "a.safetensors") const { return file(name); }
  std::string write(const std::string& bytes) const { return write_file("a.safetensors", bytes); }
  // The file whose header and data are given.
  std::string write(const std::string& header, const std::string& data) const {
    return write(file_of(header, data));
  }
  static std::string file_of(const std::string& header, const std::string& data) {
    const uint64_t size = header.size();
    std::string bytes(sizeof(size), '\0');
    std::memcpy(bytes.data(), &size, sizeof(size));
    return bytes + header + data;
  }
  std::string error_of_load() const {
    return file_error_of("load_safetensors", path(), [&] { load_safetensors(path()); });
  }
};

TEST_F(Safetensors, ReadsWhatThePackageWrites) {
  const std::string file = MICA_SOURCE_DIR "/tests/golden/io/package.safetensors";
  const auto [arrays, metadata] = load_safetensors(file);
  EXPECT_EQ(metadata, (std::unordered_map<std::string, std::string>{{"name", "café"}}));
  const array numbers({0, 1, 2, 100});
  for (Dtype dtype : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      float32, float64, complex64}) {
    SCOPED_TRACE(dtype_name(dtype));
    expect_same(arrays.at(dtype_name(dtype)), astype(numbers, dtype));
  }
  expect_same(arrays.at("scalar"), array(2.5f));
  expect_same(arrays.at("empty"), zeros({0, 3}, float16));
  expect_same(arrays.at("matrix"), array({{0.f, 1.f, 2.f}, {3.f, 4.f, 5.f}}));
  expect_same(arrays.at("odd"), array({1, 2, 3}, uint8));
  EXPECT_EQ(arrays.size(), 17u);
}

TEST_F(Safetensors, RoundTrip) {
  Arrays arrays;
  for (Dtype dtype : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      bfloat16, float32, float64, complex64}) {
    arrays.emplace(dtype_name(dtype), astype(array({0, 1, 3}), dtype));
  }
  const array matrix = reshape(arange(6.0), {2, 3});
  arrays.emplace("scalar", array(7));
  arrays.emplace("empty", zeros({2, 0}));
  arrays.emplace("transposed", transpose(matrix));
  arrays.emplace("sliced", slice(matrix, {0, 1}, {2, 3}));
  arrays.emplace("broadcast", broadcast_to(array(1.5f), {2, 2}));
  arrays.emplace("weights.\"été\"\n", matrix);
  const std::unordered_map<std::string, std::string> metadata{{"a", "b"}, {"ключ", "\"quoted\""}};
  save_safetensors(path(), arrays, metadata);

  const auto [loaded, loaded_metadata] = load_safetensors(path());
  EXPECT_EQ(loaded_metadata, metadata);
  ASSERT_EQ(loaded.size(), arrays.size());
  for (const auto& [name, value] : arrays) {
    SCOPED_TRACE(name);
    expect_same(loaded.at(name), value);
  }
  // Equal arrays make equal files.
  save_safetensors(path("b.safetensors"), loaded, loaded_metadata);
  EXPECT_EQ(bytes_of(path()), bytes_of(path("b.safetensors")));
  EXPECT_EQ(file_count(), 2u);
}

TEST_F(Safetensors, NothingToSave) {
  save_safetensors(path(), {});
  const auto [arrays, metadata] = load_safetensors(path());
  EXPECT_TRUE(arrays.empty());
  EXPECT_TRUE(metadata.empty());
}

TEST_F(Safetensors, AddsTheExtension) {
  save_safetensors(path("model"), {{"a", array(1)}});
  expect_same(load_safetensors(path("model.safetensors")).first.at("a"), array(1));
}

TEST_F(Safetensors, ReadsDataThatIsNotAligned) {
  const float values[] = {1.5f, -2.f};
  std::string data(1 + sizeof(values), '\7');
  std::memcpy(data.data() + 1, values, sizeof(values));
  write(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
        R"("b":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
        data);
  const Arrays arrays = load_safetensors(path()).first;
  expect_same(arrays.at("a"), array({7}, uint8));
  expect_same(arrays.at("b"), array({1.5f, -2.f}));
}

TEST_F(Safetensors, ArraysOutliveTheFileAndCanReplaceIt) {
  const array matrix = reshape(arange(6), {2, 3});
  save_safetensors(path(), {{"a", matrix}});
  Arrays arrays = load_safetensors(path()).first;
  save_safetensors(path(), {{"a", arrays.at("a") + 1}});
  expect_same(load_safetensors(path()).first.at("a"), matrix + 1);
  fs::remove(path());
  expect_same(arrays.at("a"), matrix);
}

TEST_F(Safetensors, TruncatedAnywhere) {
  save_safetensors(path(), {{"weight", arange(5)}, {"bias", array({true})}}, {{"k", "v"}});
  const std::string whole = bytes_of(path());
  for (size_t size = 0; size < whole.size(); ++size) {
    write(whole.substr(0, size));
    EXPECT_THROW(load_safetensors(path()), std::invalid_argument) << size << " bytes";
  }
  write(whole.substr(0, 5));
  EXPECT_EQ(error_of_load(), "header size: expected 8 bytes, got 5 in the file");
  write(whole + "x");
  EXPECT_EQ(error_of_load(), "data: expected 21 bytes, got 22");
}

// A changed file is read or refused, never more than that.
TEST_F(Safetensors, AnyByteOfTheHeaderChanged) {
  save_safetensors(path(), {{"weight", arange(5)}, {"bias", array({true})}}, {{"k", "v"}});
  const std::string whole = bytes_of(path());
  for (size_t i = 0; i + 21 < whole.size(); ++i) {
    for (const char c : {'"', '9', ']', '\xff'}) {
      std::string changed = whole;
      changed[i] = c;
      write(changed);
      try {
        for (const auto& [name, value] : load_safetensors(path()).first) value.eval();
      } catch (const std::invalid_argument&) {
      }
    }
  }
}

struct Hostile {
  const char* header;
  size_t data_size;
  const char* error;
};

TEST_F(Safetensors, HostileHeaders) {
  const char* const types = "BOOL, U8 ... U64, I8 ... I64, F16, BF16, F32, F64 or C64";
  const std::string type_error = std::string("a.dtype: expected ") + types + ", got \"F8\"";
  const Hostile files[] = {
      {"", 0, "header: expected JSON, got something else"},
      {"{", 0, "header: expected JSON, got something else"},
      {"{} x", 0, "header: expected JSON, got something else"},
      {"[]", 0, "header: expected a JSON object, got array"},
      {R"({"a":1})", 0, "a.dtype: expected it, got nothing"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "a.data_offsets: expected it, got nothing"},
      {R"({"a":{"dtype":"F8","shape":[1],"data_offsets":[0,1]}})", 1, type_error.c_str()},
      {R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", 1,
       "a.shape: expected an array, got number"},
      {R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1,
       "a.shape: expected integers from 0, got -1"},
      {R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1,
       "a.shape: expected integers from 0, got 1.0"},
      {R"({"a":{"dtype":"U8","shape":[2147483648],"data_offsets":[0,1]}})", 1,
       "a.shape: expected dimensions of at most 2147483647, got 2147483648"},
      {R"({"a":{"dtype":"F32","shape":[2147483647,2147483647,4],"data_offsets":[0,1]}})", 1,
       "a.shape: expected a shape that fits in memory, got (2147483647, 2147483647, 4)"},
      {R"({"a":{"dtype":"F32","shape":[1048576],"data_offsets":[0,4]}})", 4,
       "a.data_offsets: expected 4194304 bytes for (1048576,), got 4"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 3,
       "a.data_offsets: expected a range within the 3 bytes of data, got [0,4]: is the file cut "
       "short?"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4,
       "a.data_offsets: expected a range within the 4 bytes of data, got [4,0]"},
      {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,18446744073709551616]}})", 4,
       "a.data_offsets: expected two offsets, got [0,1.8446744073709552e+19]"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3, "b.data_offsets: expected a begin of 2, got 1"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3,
       "a.data_offsets: expected a begin of 0, got 1"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 2,
       "data: expected 1 bytes, got 2"},
      {R"({"a":{},"a":{}})", 0, "header: expected each name once, got 'a' twice"},
      {R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1,
       "header: expected each name once, got 'dtype' twice"},
      {R"({"a":{"x":[[[[]]]]}})", 0, "header: expected at most 3 levels of nesting, got more"},
      {R"({"__metadata__":{"a":1}})", 0, "__metadata__.a: expected a string, got number"},
      {R"({"__metadata__":[]})", 0, "__metadata__: expected an object of strings, got array"},
      {R"({"a\nb":1})", 0, "a?b.dtype: expected it, got nothing"},
  };
  for (const Hostile& file : files) {
    write(file.header, std::string(file.data_size, '\0'));
    EXPECT_EQ(error_of_load(), file.error) << file.header;
  }
  write(file_of("{}", "").replace(0, 8, 8, '\xff'));
  EXPECT_EQ(error_of_load(), "content: expected a safetensors file, got a file of another kind");
  write(std::string(100'000, '['));
  EXPECT_EQ(error_of_load(), "content: expected a safetensors file, got text");
  write(std::string(100'000, '['), "");
  EXPECT_EQ(error_of_load(), "header: expected at most 3 levels of nesting, got more");
}

TEST_F(Safetensors, RefusesAnEnormousHeaderUnread) {
  const uint64_t size = 100'000'001;
  write(std::string(reinterpret_cast<const char*>(&size), sizeof(size)));
  fs::resize_file(path(), 8 + size);
  EXPECT_EQ(error_of_load(), "header size: expected at most 100000000, got 100000001");
}

TEST_F(Safetensors, FilesThatCannotBeRead) {
  EXPECT_EQ(system_error_of([&] { load_safetensors(path()); }),
            "load_safetensors: can't read '" + path() + "': No such file or directory");
  EXPECT_EQ(system_error_of([&] { load_safetensors(folder_.string()); }),
            "load_safetensors: can't read '" + folder_.string() + "': Is a directory");
  write("");
  EXPECT_EQ(error_of_load(), "header size: expected 8 bytes, got 0 in the file");
}

TEST_F(Safetensors, FilesThatCannotBeWritten) {
  const std::string missing = path("no/a.safetensors");
  EXPECT_EQ(system_error_of([&] {
              save_safetensors(missing, {{"a", array(1)}});
            }),
            "save_safetensors: can't write '" + missing + "': No such file or directory");
  fs::create_directory(path());
  EXPECT_EQ(system_error_of([&] {
              save_safetensors(path(), {{"a", array(1)}});
            }),
            "save_safetensors: can't write '" + path() + "': Is a directory");
  EXPECT_EQ(file_count(), 1u);
  EXPECT_THROW(save_safetensors(path("b"), {{"__metadata__", array(1)}}), std::invalid_argument);
  EXPECT_THROW(save_safetensors(path("b"), {{"\xff", array(1)}}), std::invalid_argument);
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(Safetensors, ReadsWhatMlxWrites) {
  const auto [arrays, metadata] =
      load_safetensors(MICA_SOURCE_DIR "/tests/golden/io/mlx.safetensors");
  EXPECT_EQ(metadata.at("name"), "café");
  expect_same(arrays.at("half"), array({1.5f, -2.f}, bfloat16));
  expect_same(arrays.at("layers.0.weight"), transpose(reshape(arange(6.f), {2, 3})));
  expect_same(arrays.at("flags"), array({true, false}));
}

TEST_F(Safetensors, Streams) {
  const Arrays arrays{{"a", arange(3)}, {"b", array({1.5f})}};
  const auto writer = std::make_shared<StringWriter>();
  save_safetensors(writer, arrays, {{"k", "v"}});
  save_safetensors(path(), arrays, {{"k", "v"}});
  EXPECT_EQ(writer->bytes, bytes_of(path()));

  const auto [loaded, metadata] = load_safetensors(std::make_shared<StringReader>(writer->bytes));
  EXPECT_EQ(metadata.at("k"), "v");
  expect_same(loaded.at("a"), arrays.at("a"));
  expect_same(loaded.at("b"), arrays.at("b"));
  expect_same(load_safetensors(std::make_shared<io::FileReader>(path())).first.at("a"),
              arrays.at("a"));
  EXPECT_EQ(file_error_of("load_safetensors", "a string",
                          [] { load_safetensors(std::make_shared<StringReader>("abc")); }),
            "header size: expected 8 bytes, got 3 in the file");
}

// Files can't grow past `bytes` while this lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &previous_);
    const rlimit limited{bytes, previous_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &previous_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit previous_;
};

// SIGXFSZ would end the test.
TEST_F(Safetensors, FullDisk) {
  const array old = arange(10);
  save_safetensors(path(), {{"a", old}});
  const array large = arange(100'000);
  large.eval();
  std::string error;
  {
    const FileSizeLimit limit(4096);
    error = system_error_of([&] { save_safetensors(path(), {{"a", large}}); });
  }
  EXPECT_EQ(error, "save_safetensors: can't write '" + path() + "': File too large");
  EXPECT_EQ(file_count(), 1u);
  expect_same(load_safetensors(path()).first.at("a"), old);
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGXFSZ), 0);
  save_safetensors(path(), {{"a", large}});
  expect_same(load_safetensors(path()).first.at("a"), large);
}

TEST_F(Safetensors, KeepsLinksAndPermissions) {
  save_safetensors(path(), {{"a", array(1)}});
  fs::permissions(path(), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink(path(), path("link.safetensors"));
  save_safetensors(path("link.safetensors"), {{"a", array(2)}});
  EXPECT_TRUE(fs::is_symlink(path("link.safetensors")));
  expect_same(load_safetensors(path()).first.at("a"), array(2));
  EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

}  // namespace
}  // namespace mica
