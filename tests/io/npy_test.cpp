#include <memory>
#include <string>

#include "mica/io/io.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using golden::expect_same;

class Npy : public FilesTest {
 protected:
  std::string path() const { return file("a.npy"); }
  // A version 1 file.
  static std::string file_of(const std::string& header, const std::string& data) {
    std::string bytes("\x93NUMPY\1\0", 8);
    bytes += static_cast<char>(header.size() & 0xff);
    bytes += static_cast<char>(header.size() >> 8);
    return bytes + header + data;
  }
  std::string error_of(const std::string& bytes) const {
    write_file("a.npy", bytes);
    return file_error_of("load", path(), [&] { load(path()); });
  }
};

TEST_F(Npy, ReadsWhatMlxWrites) {
  expect_same(load(MICA_SOURCE_DIR "/tests/golden/io/mlx.npy"),
              transpose(reshape(arange(6.f), {2, 3})));
}

TEST_F(Npy, RoundTrip) {
  for (Dtype dtype : {bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64, float16,
                      bfloat16, float32, float64, complex64}) {
    SCOPED_TRACE(dtype_name(dtype));
    const array a = astype(array({{0, 1, 2}, {3, 100, 5}}), dtype);
    save(path(), a);
    expect_same(load(path()), a);
  }
  const array cube = reshape(arange(24), {2, 3, 4});
  const array arrays[] = {array(7.5f),
                          array({1, 2, 3}),
                          zeros({2, 0, 3}),
                          zeros({0}, int8),
                          transpose(cube),
                          transpose(cube, {1, 0, 2}),
                          slice(cube, {0, 1, 1}, {2, 3, 4}, {1, 1, 2}),
                          broadcast_to(array(1.5f), {2, 2})};
  for (const array& a : arrays) {
    SCOPED_TRACE(a.shape());
    save(path(), a);
    expect_same(load(path()), a);
  }
  EXPECT_EQ(file_count(), 1u);
}

TEST_F(Npy, WritesTheHeaderThatNumpyWrites) {
  save(path(), reshape(arange(6.f), {2, 3}));
  const std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  std::string header("\x93NUMPY\1\0\x76\0", 10);
  header += text + std::string(117 - text.size(), ' ') + "\n";
  EXPECT_EQ(bytes_of(path()).substr(0, 128), header);
  save(path(), array({1, 2}, uint8));
  EXPECT_NE(bytes_of(path()).find("'descr': '|u1', 'fortran_order': False, 'shape': (2,), }"),
            std::string::npos);
  save(path(), transpose(reshape(arange(6.f), {2, 3})));
  EXPECT_NE(bytes_of(path()).find("'fortran_order': True, 'shape': (3, 2), }"), std::string::npos);
}

TEST_F(Npy, AddsTheExtension) {
  save(file("b"), array(1));
  expect_same(load(file("b.npy")), array(1));
}

TEST_F(Npy, HeadersThatNumpyAccepts) {
  const std::string data(8, '\1');
  const array expected({16843009, 16843009});
  for (const char* header : {
           "{'descr':'<i4','fortran_order':False,'shape':(2,)}",
           "{\"shape\": (2, ), \"fortran_order\": True, \"descr\": \"<i4\"}   \n",
           " { 'descr' : '=i4' , 'fortran_order' : False , 'shape' : ( 2L , ) , } ",
       }) {
    write_file("a.npy", file_of(header, data));
    expect_same(load(path()), expected);
  }
}

TEST_F(Npy, BooleansAreZeroOrOne) {
  write_file("a.npy", file_of("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}",
                              std::string("\0\x7f\xff", 3)));
  const array a = load(path());
  expect_same(a, array({false, true, true}));
  expect_same(astype(a, int32), array({0, 1, 1}));
}

TEST_F(Npy, OneStreamOfSeveralArrays) {
  const auto writer = std::make_shared<StringWriter>();
  save(writer, arange(3));
  save(writer, array({1.5f, 2.f}, {2, 1}));
  const auto reader = std::make_shared<StringReader>(writer->bytes);
  expect_same(load(reader), arange(3));
  expect_same(load(reader), array({1.5f, 2.f}, {2, 1}));
  EXPECT_EQ(file_error_of("load", "a string", [&] { load(reader); }),
            "magic: expected 8 bytes, got 0 in the file");
}

TEST_F(Npy, FileStreams) {
  const array a = reshape(arange(6), {2, 3});
  save(std::make_shared<io::FileWriter>(path()), a);
  const auto reader = std::make_shared<io::FileReader>(path());
  expect_same(load(reader), a);
  EXPECT_EQ(reader->tell(), bytes_of(path()).size());
  EXPECT_EQ(reader->label(), "file " + path());
  EXPECT_THROW(load(std::make_shared<io::FileReader>(file("none"))), std::invalid_argument);
  EXPECT_THROW(load(std::shared_ptr<io::Reader>()), std::invalid_argument);
  EXPECT_THROW(save(std::make_shared<io::FileWriter>(file("no/a.npy")), a), std::invalid_argument);
}

TEST_F(Npy, ErrorsOfFiles) {
  EXPECT_EQ(system_error_of([&] { load(path()); }),
            "load: can't read '" + path() + "': No such file or directory");
  EXPECT_EQ(system_error_of([&] { save(file("no/a.npy"), array(1)); }),
            "save: can't write '" + file("no/a.npy") + "': No such file or directory");
}

struct Hostile {
  const char* header;
  const char* error;
};

TEST_F(Npy, HostileHeaders) {
  const char* const four = "0123";
  const Hostile files[] = {
      {"", "header: expected '{', got its end"},
      {"{", "header: expected a string, got its end"},
      {"[]", "header: expected '{', got []"},
      {"{'descr': '<f4'}", "fortran_order: expected it, got nothing"},
      {"{'fortran_order': False, 'shape': (1,)}", "descr: expected it, got nothing"},
      {"{'descr': '<f4', 'fortran_order': False}", "shape: expected it, got nothing"},
      {"{'descr': '<f4', 'descr': '<f4'}", "header: expected each name once, got 'descr' twice"},
      {"{'extra': 1}", "header: expected descr, fortran_order and shape, got 'extra'"},
      {"{'descr': '<f16'}",
       "descr: expected b1, u1 ... u8, i1 ... i8, f2, f4, f8, c8 or V2 (bfloat16), got '<f16'"},
      {"{'descr': '|O'}",
       "descr: expected b1, u1 ... u8, i1 ... i8, f2, f4, f8, c8 or V2 (bfloat16), got '|O'"},
      {"{'descr': [('a', '<f4')]}",
       "descr: expected b1, u1 ... u8, i1 ... i8, f2, f4, f8, c8 or V2 (bfloat16), got a "
       "structured type"},
      {"{'descr': ''}",
       "descr: expected b1, u1 ... u8, i1 ... i8, f2, f4, f8, c8 or V2 (bfloat16), got ''"},
      {"{'descr': '<f4", "descr: expected a string, got '<f4"},
      {"{'fortran_order': 1}", "fortran_order: expected True or False, got 1}"},
      {"{'shape': 3}", "header: expected '(', got 3}"},
      {"{'shape': (-1,)}", "shape: expected integers from 0 to 2147483647, got -1,)}"},
      {"{'shape': (1 2)}", "header: expected ',', got 2)}"},
      {"{'shape': (2147483648,)}",
       "shape: expected dimensions of at most 2147483647, got "
       "2147483648"},
      {"{'shape': (99999999999999999999,)}",
       "shape: expected integers from 0 to 2147483647, got 99999999999999999999,)}"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 4)}",
       "shape: expected a shape that fits in memory, got (2147483647, 2147483647, 4)"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 2147483647, 2147483647, 4)}",
       "shape: expected a shape that fits in memory, got (0, 2147483647, 2147483647, 4)"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000,)}",
       "data: expected 4000000000 bytes, got 4 in the file"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
       "header: expected its end behind '}', got x"},
  };
  for (const Hostile& file : files) {
    EXPECT_EQ(error_of(file_of(file.header, four)), file.error) << file.header;
  }
  EXPECT_EQ(error_of(""), "magic: expected 8 bytes, got 0 in the file");
  EXPECT_EQ(error_of(std::string("\x93NUMPX\1\0aaaa", 12)),
            "content: expected an npy file, got a file of another kind");
  EXPECT_EQ(error_of(std::string("\x93NUMPY\4\0aaaa", 12)), "version: expected 1, 2 or 3, got 4");
  EXPECT_EQ(error_of(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12)),
            "header size: expected at most 1048576, got 4294967295");
}

TEST_F(Npy, CutOrChangedAnywhere) {
  save(path(), reshape(arange(6), {2, 3}));
  const std::string whole = bytes_of(path());
  const auto load_bytes = [&](const std::string& bytes) {
    array a = load(std::make_shared<StringReader>(bytes));
    a.eval();
  };
  expect_hostile_files_refused(whole, 128, load_bytes);
}

}  // namespace
}  // namespace mica
