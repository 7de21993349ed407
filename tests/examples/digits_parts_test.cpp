// What examples/digits reads.
#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <system_error>

#include "data.h"
#include "process.h"

namespace digits {

namespace {

using mica::testing::contents;
using mica::testing::TemporaryFolder;
using mica::testing::write_file;

const std::string data = MICA_SOURCE_DIR "/examples/digits/digits.csv.gz";

std::string row(int grey, int label) {
  std::string line;
  for (int i = 0; i < side * side; ++i) line += std::to_string(grey) + ",";
  return line + std::to_string(label) + "\n";
}

// The error of reading a file with this text, without the folder.
std::string error_of(const std::string& text) {
  const TemporaryFolder folder;
  write_file(folder / "data.csv", text);
  try {
    read_dataset(folder / "data.csv");
  } catch (const std::exception& error) {
    const std::string message = error.what();
    return message.substr(message.find("data.csv"));
  }
  return "none";
}

TEST(DigitsData, ReadsEveryRow) {
  const Dataset digits = read_dataset(data);
  EXPECT_EQ(digits.images.shape(), (mica::Shape{1797, 8, 8, 1}));
  EXPECT_EQ(digits.labels.shape(), mica::Shape{1797});
  EXPECT_EQ(digits.images.dtype(), mica::float32);
  EXPECT_EQ(digits.labels.dtype(), mica::int32);
  // The first image is a 0 whose first pixels are 0, 0, 5 and 13 of 16; the last one is an 8.
  const float* first = digits.images.data<float>();
  EXPECT_EQ(first[2], 5 / 16.0f);
  EXPECT_EQ(first[3], 13 / 16.0f);
  EXPECT_EQ(digits.labels.data<int32_t>()[0], 0);
  EXPECT_EQ(digits.labels.data<int32_t>()[1796], 8);
}

TEST(DigitsData, ReadsPlainTextAndOtherLineEnds) {
  const TemporaryFolder folder;
  std::string line = row(16, 7);
  line.pop_back();
  write_file(folder / "data.csv", row(4, 3) + line + "\r\n" + line);
  const Dataset digits = read_dataset(folder / "data.csv");
  ASSERT_EQ(digits.size(), 3);
  EXPECT_EQ(digits.images.data<float>()[0], 0.25f);
  EXPECT_EQ(digits.images.data<float>()[64], 1.0f);
  EXPECT_EQ(digits.labels.data<int32_t>()[2], 7);
}

TEST(DigitsData, NamesWhatIsWrong) {
  EXPECT_EQ(error_of(""), "data.csv): rows: expected at least one, got none");
  EXPECT_EQ(error_of(row(1, 2) + "1,2,3\n"), "data.csv): line 2: expected 65 fields, got 3");
  EXPECT_EQ(error_of("1,2,3\n"), "data.csv, line 1: expected 65 numbers, got 3");
  EXPECT_EQ(error_of(row(17, 2)),
            "data.csv, line 1: expected a whole number from 0 to 16 in column 1, got 17");
  EXPECT_EQ(error_of(row(1, 2) + row(1, 10)),
            "data.csv, line 2: expected a whole number from 0 to 9 in column 65, got 10");
  EXPECT_EQ(error_of("0.5" + row(1, 2).substr(1)),
            "data.csv, line 1: expected a whole number from 0 to 16 in column 1, got 0.5");
  EXPECT_EQ(error_of("a,b\n"), "data.csv): line 1, column 1: expected a number, got 'a'");
}

TEST(DigitsData, RefusesBrokenFiles) {
  const std::string whole = contents(data);
  const std::string half = error_of(whole.substr(0, whole.size() / 2));
  EXPECT_NE(half.find("unexpected end of file"), std::string::npos) << half;
  std::string damaged = whole;
  for (size_t i = 2000; i < 2100; ++i) damaged[i] = static_cast<char>(~damaged[i]);
  EXPECT_NE(error_of(damaged), "none");
  try {
    read_dataset("/no/such/file.csv");
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(),
                 "read_csv: can't read '/no/such/file.csv': No such file or directory");
  }
  EXPECT_THROW(read_dataset("/"), std::system_error);
}

TEST(DigitsData, HoldsOutTheLastRows) {
  const TemporaryFolder folder;
  write_file(folder / "data.csv", row(0, 1) + row(8, 2) + row(16, 3));
  const auto [rest, held_out] = split(read_dataset(folder / "data.csv"), 1);
  EXPECT_EQ(rest.images.shape(), (mica::Shape{2, 8, 8, 1}));
  EXPECT_TRUE(array_equal(rest.labels, mica::array({1, 2}, mica::int32)).item<bool>());
  EXPECT_TRUE(array_equal(held_out.labels, mica::array({3}, mica::int32)).item<bool>());
  EXPECT_TRUE(array_equal(held_out.images, mica::ones({1, 8, 8, 1})).item<bool>());
  EXPECT_THROW(split(rest, 2), std::invalid_argument);
  EXPECT_THROW(split(rest, 0), std::invalid_argument);
}

}  // namespace

}  // namespace digits
