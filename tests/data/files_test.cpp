// Reading data sets from files.
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "mica/data/data.h"
#include "mica/mica.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica::data {

namespace {

using golden::expect_same;

void write_gzip(const std::string& file, const std::string& bytes) {
  const gzFile out = gzopen(file.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
}

class DataFilesTest : public FilesTest {
 protected:
  std::string csv_error(const std::string& text, const CsvOptions& options = {}) const {
    write_file("a.csv", text);
    return file_error_of("read_csv", file("a.csv"), [&] { read_csv(file("a.csv"), options); });
  }
  // A CIFAR-10 record whose pixel p of channel c is 100 c + p modulo 100.
  static std::string record(int label) {
    std::string bytes(1, static_cast<char>(label));
    for (int c = 0; c < 3; ++c)
      for (int p = 0; p < 1024; ++p) bytes += static_cast<char>(100 * c / 2 + p % 100);
    return bytes;
  }
  static std::string big_endian(uint32_t n) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift);
    return bytes;
  }
};

TEST_F(DataFilesTest, Csv) {
  write_file("a.csv", "1,2.5\n -3e-2 ,\"4\"\r\n5,inf");
  expect_same(read_csv(file("a.csv")).values,
              array({{1.0f, 2.5f}, {-0.03f, 4.0f}, {5.0f, INFINITY}}));
  write_gzip(file("b.csv.gz"), "width;height\n1;2\n;4\n");
  const Table table =
      read_csv(file("b.csv.gz"), {.header = true, .separator = ';', .missing = -1.0});
  EXPECT_EQ(table.columns, (std::vector<std::string>{"width", "height"}));
  expect_same(table["width"], array({1.0f, -1.0f}));
  expect_same(table["height"], array({2.0f, 4.0f}));
  EXPECT_THROW(table["depth"], std::invalid_argument);
}

TEST_F(DataFilesTest, CsvNamesWhatIsWrong) {
  EXPECT_EQ(csv_error(""), "rows: expected at least one, got none");
  EXPECT_EQ(csv_error("a,b\n", {.header = true}), "rows: expected at least one, got none");
  EXPECT_EQ(csv_error("1,2\n3\n"), "line 2: expected 2 fields, got 1");
  EXPECT_EQ(csv_error("1,2\n3,4x\n"), "line 2, column 2: expected a number, got '4x'");
  EXPECT_EQ(csv_error("1,\n"), "line 1, column 2: expected a number, got ''");
  EXPECT_EQ(csv_error("w,h\n1,?\n", {.header = true}),
            "line 2, column 2 (h): expected a number, got '?'");
  EXPECT_EQ(system_error_of([&] { read_csv(file("none.csv")); }),
            "read_csv: can't read '" + file("none.csv") + "': No such file or directory");
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919 % 10'007) + "\n";
  write_gzip(file("whole.gz"), text);
  EXPECT_EQ(read_csv(file("whole.gz")).values.shape(), (Shape{20'000, 1}));
  const std::string whole = bytes_of(file("whole.gz"));
  write_file("half.gz", whole.substr(0, whole.size() / 2));
  const std::string error =
      file_error_of("read_csv", file("half.gz"), [&] { read_csv(file("half.gz")); });
  EXPECT_TRUE(error.starts_with("gzip: expected a whole file, got ")) << error;
}

TEST_F(DataFilesTest, Cifar10) {
  const std::filesystem::path inner = folder_ / "cifar-10-batches-bin";
  std::filesystem::create_directory(inner);
  for (int i = 1; i <= 5; ++i)
    std::ofstream(inner / ("data_batch_" + std::to_string(i) + ".bin"), std::ios::binary)
        << record(i) + record(9 - i);
  std::ofstream(inner / "test_batch.bin", std::ios::binary) << record(7);
  const Dataset training = read_cifar10(folder_.string(), Part::training);
  ASSERT_EQ(training.size(), 10u);
  const Sample sample = training[3];
  expect_same(sample[1], array(7));
  ASSERT_EQ(sample[0].shape(), (Shape{32, 32, 3}));
  // Row 4, column 5 is pixel 133.
  expect_same(slice(sample[0], {4, 5, 0}, {5, 6, 3}),
              array({33, 83, 133}, uint8).reshape({1, 1, 3}));
  const Dataset test = read_cifar10(inner.string(), Part::test);
  EXPECT_EQ(test.size(), 1u);
  EXPECT_STREQ(cifar10_classes[7], "horse");
}

TEST_F(DataFilesTest, Cifar10NamesWhatIsWrong) {
  const auto error = [&] {
    return file_error_of("read_cifar10", file("test_batch.bin"),
                         [&] { read_cifar10(folder_.string(), Part::test); });
  };
  EXPECT_EQ(system_error_of([&] { read_cifar10(folder_.string(), Part::test); }),
            "read_cifar10: can't read '" + file("test_batch.bin") + "': No such file or directory");
  write_file("test_batch.bin", record(1).substr(1));
  EXPECT_EQ(error(), "size: expected a multiple of 3073 bytes, got 3072");
  write_file("test_batch.bin", "");
  EXPECT_EQ(error(), "size: expected a multiple of 3073 bytes, got 0");
  write_file("test_batch.bin", record(1) + record(10));
  EXPECT_EQ(error(), "label of record 1: expected at most 9, got 10");
}

TEST_F(DataFilesTest, Mnist) {
  const std::string images =
      big_endian(0x803) + big_endian(2) + big_endian(1) + big_endian(3) + "\1\2\3\4\5\xff";
  const std::string labels = big_endian(0x801) + big_endian(2) + "\7\2";
  write_gzip(file("train-images-idx3-ubyte.gz"), images);
  write_file("train-labels-idx1-ubyte", labels);
  const Dataset training = read_mnist(folder_.string(), Part::training);
  ASSERT_EQ(training.size(), 2u);
  expect_same(training[1][0], array({4, 5, 255}, uint8).reshape({1, 3, 1}));
  expect_same(training[1][1], array(2));

  const auto error = [&](const std::string& bytes) {
    write_file("images", bytes);
    return file_error_of("read_mnist", file("images"),
                         [&] { read_mnist(file("images"), file("train-labels-idx1-ubyte")); });
  };
  EXPECT_EQ(error(images.substr(0, 10)), "header: expected 16 bytes, got 10");
  EXPECT_EQ(error(labels + std::string(9, '\0')),
            "magic number: expected 0x00000803, got 0x00000801");
  EXPECT_EQ(error(images.substr(0, 20)), "data: expected 6 bytes, got 4");
  EXPECT_EQ(error(big_endian(0x803) + big_endian(0) + big_endian(1) + big_endian(3)),
            "dimension 0: expected 1 to 2^30 and 2^40 bytes in all, got 0");
  // What is only claimed is not allocated.
  EXPECT_EQ(error(big_endian(0x803) + big_endian(1 << 30) + big_endian(1000) + big_endian(1)),
            "data: expected 1073741824000 bytes, got 0");
  write_file("images", big_endian(0x803) + big_endian(1) + big_endian(1) + big_endian(3) + "abc");
  EXPECT_EQ(file_error_of("read_mnist", file("train-labels-idx1-ubyte"),
                          [&] { read_mnist(file("images"), file("train-labels-idx1-ubyte")); }),
            "dimension 0: expected 1 labels, as images, got 2");
}

TEST_F(DataFilesTest, Text) {
  std::filesystem::create_directories(folder_ / "b" / ".hidden");
  write_file("b/two.txt", "two ");
  write_file("b/one.md", "one ");
  write_file("b/.hidden/no.txt", "no ");
  write_file("b/binary.txt", std::string("a\0b", 3));
  write_file("c.txt", "three");
  EXPECT_EQ(read_text({file("b"), file("c.txt")}), "one two three");
  EXPECT_EQ(read_text({file("b")}, {".txt"}), "two ");
  EXPECT_EQ(system_error_of([&] { read_text({file("none")}); }),
            "read_text: can't read '" + file("none") + "': No such file or directory");
  write_file("empty", "");
  try {
    read_text({file("empty")});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(error.what(), "read_text: expected text in '" + file("empty") + "', got none");
  }
}

const std::string images = MICA_SOURCE_DIR "/tests/golden/data/images/";

TEST(Images, AreReadAsPillowReadsThem) {
  const auto expected = golden::load("data/images");
  for (const char* name : {"rgb.png", "grey.png", "grey16.png", "palette.png", "rgba.png"}) {
    SCOPED_TRACE(name);
    golden::expect_close(astype(read_image(images + name), int32), astype(expected.at(name), int32),
                         0, 1);
  }
  golden::expect_close(astype(read_image(images + "photo.jpg"), int32),
                       astype(expected.at("photo.jpg"), int32), 0, 2);
  golden::expect_close(astype(read_image(images + "rgb.png", {.channels = 1}), int32),
                       astype(expected.at("grey of rgb.png"), int32), 0, 3);
}

TEST(Images, AreResizedAsPillowDoes) {
  const auto expected = golden::load("data/images");
  const array photo = expected.at("photo.jpg");
  for (const auto& [height, width] : {std::pair(5, 40), std::pair(33, 7), std::pair(20, 24)}) {
    const std::string name = std::to_string(height) + "x" + std::to_string(width);
    SCOPED_TRACE(name);
    golden::expect_close(astype(resize(photo, height, width), int32),
                         astype(expected.at(name), int32), 0, 1);
  }
  expect_same(resize(photo, photo.shape(0), photo.shape(1)), photo);
  EXPECT_THROW(resize(photo, 0, 5), std::invalid_argument);
  EXPECT_THROW(resize(ones({4, 4, 3}), 5, 5), std::invalid_argument);
}

class ImageFilesTest : public FilesTest {
 protected:
  std::string error(const std::string& bytes, const ImageOptions& options = {}) const {
    write_file("a", bytes);
    return file_error_of("read_image", file("a"), [&] { read_image(file("a"), options); });
  }
};

TEST_F(ImageFilesTest, BrokenFilesEndInErrors) {
  EXPECT_EQ(error("GIF89a"), "format: expected PNG or JPEG, got another");
  EXPECT_EQ(error(""), "format: expected PNG or JPEG, got another");
  for (const char* name : {"rgb.png", "photo.jpg"}) {
    const std::string whole = bytes_of(images + name);
    // A PNG file's last 12 bytes hold nothing but its end.
    for (size_t size = 8; size < whole.size() - 12; size += 1 + whole.size() / 50) {
      const std::string text = error(whole.substr(0, size));
      EXPECT_NE(text.find(": expected "), std::string::npos) << text;
    }
    // Wherever bytes are wrong, the file is refused or gives a picture.
    for (size_t at = 0; at < whole.size(); at += 1 + whole.size() / 200) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(~damaged[at]);
      write_file("a", damaged);
      try {
        EXPECT_EQ(read_image(file("a")).ndim(), 3u);
      } catch (const std::invalid_argument&) {
      }
    }
  }
  const std::string png = bytes_of(images + "rgb.png");
  EXPECT_EQ(error(png, {.most_pixels = 100}),
            "size: expected 1 to 100 pixels, and as many as the file can hold, got 24 x 20");
  EXPECT_THROW(read_image(images + "rgb.png", {.channels = 2}), std::invalid_argument);
}

TEST_F(ImageFilesTest, Folders) {
  for (const char* name : {"cats", "ants", "empty"})
    std::filesystem::create_directory(folder_ / name);
  const auto copy = [&](const std::string& from, const std::string& to) {
    std::filesystem::copy_file(images + from, folder_ / to);
  };
  copy("rgb.png", "cats/b.PNG");
  copy("photo.jpg", "cats/a.jpeg");
  copy("grey.png", "ants/c.png");
  write_file("ants/notes.txt", "none");
  const ImageFolder found = read_image_folder(folder_.string(), {.height = 10, .width = 12});
  EXPECT_EQ(found.classes, (std::vector<std::string>{"ants", "cats", "empty"}));
  EXPECT_EQ(found.files, (std::vector<std::string>{file("ants/c.png"), file("cats/a.jpeg"),
                                                   file("cats/b.PNG")}));
  ASSERT_EQ(found.dataset.size(), 3u);
  expect_same(found.dataset[2][1], array(1));
  expect_same(found.dataset[2][0], resize(read_image(images + "rgb.png"), 10, 12));
  EXPECT_THROW(read_image_folder(file("empty")), std::invalid_argument);
  EXPECT_EQ(system_error_of([&] { read_image_folder(file("none")); }),
            "read_image_folder: can't read '" + file("none") + "': No such file or directory");
}

}  // namespace

}  // namespace mica::data
