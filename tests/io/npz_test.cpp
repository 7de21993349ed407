#include <memory>
#include <string>
#include <unordered_map>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using golden::expect_same;
using Arrays = std::unordered_map<std::string, array>;

class Npz : public FilesTest {
 protected:
  std::string path() const { return file("a.npz"); }
  std::string error_of(const std::string& bytes) const {
    write_file("a.npz", bytes);
    return file_error_of("load_npz", path(), [&] { load_npz(path()); });
  }
};

void expect_all_same(const Arrays& actual, const Arrays& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  for (const auto& [name, values] : expected) {
    SCOPED_TRACE(name);
    ASSERT_TRUE(actual.contains(name));
    expect_same(actual.at(name), values);
  }
}

TEST_F(Npz, ReadsWhatNumpyWrites) {
  const array numbers({0, 1, 2, 100});
  const array matrix = reshape(arange(6.f), {2, 3});
  Arrays expected{{"scalar", array(2.5f)},
                  {"empty", zeros({0, 3}, float16)},
                  {"matrix", matrix},
                  {"fortran", matrix},
                  {"fortran_big", matrix},
                  {"fortran_3d", reshape(arange(24), {2, 3, 4})},
                  {"version2", astype(arange(3), int64)},
                  {"version3", astype(arange(3), int64)}};
  for (Dtype dtype : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      float32, float64, complex64}) {
    expected.emplace(dtype_name(dtype), astype(numbers, dtype));
  }
  for (Dtype dtype : {int16, uint32, float32, float64, complex64}) {
    expected.emplace(std::string("big_") + dtype_name(dtype), astype(numbers, dtype));
  }
  expect_all_same(load_npz(MICA_SOURCE_DIR "/tests/golden/io/numpy.npz"), expected);
}

TEST_F(Npz, ReadsWhatNumpyCompresses) {
  const array a = astype(floor_divide(arange(1000), array(100)), int64);
  expect_all_same(load_npz(MICA_SOURCE_DIR "/tests/golden/io/numpy_compressed.npz"),
                  {{"a", a}, {"b", array({true, false})}});
}

TEST_F(Npz, ReadsWhatMlxWrites) {
  expect_all_same(load_npz(MICA_SOURCE_DIR "/tests/golden/io/mlx.npz"),
                  {{"half", array({1.5f, -2.f}, bfloat16)},
                   {"flags", array({true, false})},
                   {"layers.0.weight", transpose(reshape(arange(6.f), {2, 3}))}});
}

TEST_F(Npz, RoundTrip) {
  const Arrays arrays{{"layers.0.weight", transpose(reshape(arange(6), {2, 3}))},
                      {"scalar", array(1.5f)},
                      {"empty", zeros({0, 2})},
                      {"été", array({1, 2}, uint8)},
                      {"large", arange(100'000)}};
  for (const bool compressed : {false, true}) {
    SCOPED_TRACE(compressed);
    save_npz(path(), arrays, compressed);
    expect_all_same(load_npz(path()), arrays);
    expect_all_same(load_npz(std::make_shared<StringReader>(bytes_of(path()))), arrays);
    const std::string first = bytes_of(path());
    EXPECT_EQ(first.size() < 400'000, compressed);
    save_npz(file("again"), load_npz(path()), compressed);
    EXPECT_EQ(bytes_of(file("again.npz")), first) << "equal arrays make equal files";
  }
  save_npz(path(), {});
  EXPECT_TRUE(load_npz(path()).empty());
  EXPECT_EQ(file_count(), 2u);
}

TEST_F(Npz, ErrorsOfFiles) {
  EXPECT_EQ(system_error_of([&] { load_npz(path()); }),
            "load_npz: can't read '" + path() + "': No such file or directory");
  EXPECT_EQ(system_error_of([&] {
              save_npz(file("no/a"), {{"a", array(1)}});
            }),
            "save_npz: can't write '" + file("no/a.npz") + "': No such file or directory");
  EXPECT_EQ(error_of("abc"), "archive: expected a zip file, got 3 bytes");
  EXPECT_EQ(error_of(std::string(30, 'x')), "content: expected a zip archive, got text");
}

TEST_F(Npz, EntriesThatLie) {
  const auto load_changed = [&](std::string bytes, size_t at, const std::string& by) {
    return error_of(bytes.replace(at, by.size(), by));
  };
  save_npz(path(), {{"a", arange(100)}}, true);
  const std::string deflated = bytes_of(path());
  const size_t entry = deflated.rfind("PK\1\2");
  ASSERT_NE(entry, std::string::npos);
  // The size that the directory claims, at byte 24 of its entry.
  EXPECT_EQ(load_changed(deflated, entry + 24, std::string("\xff\xff\xff\x7f", 4)),
            "a.npy: expected at most 1032 times its " +
                std::to_string(static_cast<unsigned char>(deflated[entry + 20]) +
                               256 * static_cast<unsigned char>(deflated[entry + 21])) +
                " bytes, got 2147483647");
  EXPECT_EQ(load_changed(deflated, entry + 10, std::string("\x0c\0", 2)),
            "a.npy: expected stored or deflated data, got method 12");

  save_npz(path(), {{"a", arange(100)}});
  std::string stored = bytes_of(path());
  const size_t header = stored.find("(100,)");
  EXPECT_EQ(
      file_error_of(
          "load_npz", path() + ": a.npy",
          [&] { load_npz(write_file("a.npz", std::string(stored).replace(header, 6, "(99,) "))); }),
      "data: expected 524 bytes, got 528");
  EXPECT_EQ(file_error_of("load_npz", path() + ": a.npy",
                          [&] {
                            stored[header + 300] ^= 1;
                            load_npz(write_file("a.npz", stored));
                          }),
            "data: expected the size and checksum of the archive's directory, got others");
}

TEST_F(Npz, CutOrChangedAnywhere) {
  for (const bool compressed : {false, true}) {
    save_npz(path(), {{"a", arange(20)}, {"b", array({true, false})}}, compressed);
    const std::string whole = bytes_of(path());
    const auto load_bytes = [&](const std::string& bytes) {
      for (auto& [name, values] : load_npz(std::make_shared<StringReader>(bytes))) values.eval();
    };
    expect_hostile_files_refused(whole, whole.size(), load_bytes);
  }
}

}  // namespace
}  // namespace mica
