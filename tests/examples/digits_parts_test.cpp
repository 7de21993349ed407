// What examples/digits is made of: reading the data, drawing, showing progress.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>

#include "data.h"
#include "plot.h"
#include "process.h"
#include "progress.h"

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
  } catch (const std::runtime_error& error) {
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
  EXPECT_EQ(error_of(""), "data.csv: expected rows of digits, got none");
  EXPECT_EQ(
      error_of(row(1, 2) + "1,2,3\n"),
      "data.csv, line 2: expected 65 numbers separated by commas, got the end after number 3");
  EXPECT_EQ(error_of(row(17, 2)),
            "data.csv, line 1: expected a number from 0 to 16 in column 1, got '17'");
  EXPECT_EQ(error_of(row(1, 10)),
            "data.csv, line 1: expected a number from 0 to 9 in column 65, got '10'");
  EXPECT_EQ(error_of("a,b\n"),
            "data.csv, line 1: expected a number from 0 to 16 in column 1, got 'a'");
  EXPECT_EQ(error_of(row(1, 2).insert(1, ";")),
            "data.csv, line 1: expected 65 numbers separated by commas, got ';' after number 1");
  std::string longer = row(1, 2);
  longer.insert(longer.size() - 1, ",5");
  EXPECT_EQ(error_of(longer),
            "data.csv, line 1: expected 65 numbers separated by commas, got ',' after number 65");
  EXPECT_EQ(error_of(std::string(5000, '1')),
            "data.csv, line 1: expected at most 1022 characters, got more");
  EXPECT_EQ(error_of("\n"), "data.csv, line 1: expected a number from 0 to 16 in column 1, got ''");
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
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "/no/such/file.csv: No such file or directory");
  }
  EXPECT_THROW(read_dataset("/"), std::runtime_error);
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

TEST(Ticks, AreRound) {
  EXPECT_EQ(ticks(0, 1), (std::vector<double>{0, 0.2, 0.4, 0.2 * 3, 0.8, 1}));
  EXPECT_EQ(ticks(1, 15), (std::vector<double>{2, 4, 6, 8, 10, 12, 14}));
  EXPECT_EQ(ticks(-3, 3), (std::vector<double>{-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_TRUE(ticks(1, 1).empty());
  EXPECT_TRUE(ticks(0, std::numeric_limits<double>::infinity()).empty());
  for (const double size : {1e-8, 0.013, 0.5, 7.0, 120.0, 1e9}) {
    EXPECT_GE(ticks(0.1 * size, size).size(), 3u) << size;
    EXPECT_LE(ticks(0.1 * size, size).size(), 8u) << size;
  }
}

// The points of the polyline with this colour.
std::vector<std::pair<double, double>> points(const std::string& svg, const std::string& color) {
  const size_t end = svg.find("\" fill=\"none\" stroke=\"" + color);
  if (end == std::string::npos) return {};
  const size_t start = svg.rfind("points=\"", end) + 8;
  std::istringstream text(svg.substr(start, end - start));
  std::vector<std::pair<double, double>> out;
  char comma;
  for (double x, y; text >> x >> comma >> y;) out.emplace_back(x, y);
  return out;
}

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Svg, DrawsValuesToScale) {
  const Chart chart{"loss <a & b>", "epoch", {{"training", "#111111", {4, 2, 1}}}};
  const std::string text = svg({chart});
  const auto line = points(text, "#111111");
  ASSERT_EQ(line.size(), 3u);
  EXPECT_GT(line[1].first, line[0].first);
  EXPECT_NEAR(line[1].first - line[0].first, line[2].first - line[1].first, 0.21);
  EXPECT_GT(line[1].second, line[0].second);  // downwards
  EXPECT_NEAR(line[1].second - line[0].second, 2 * (line[2].second - line[1].second), 0.31);
  EXPECT_EQ(count(text, "<circle"), 3u);
  EXPECT_EQ(count(text, ">training</text>"), 1u);
  EXPECT_EQ(count(text, ">epoch</text>"), 1u);
  EXPECT_EQ(count(text, ">loss &lt;a &amp; b&gt;</text>"), 1u);
  EXPECT_EQ(svg({chart}), text);
}

TEST(Svg, LeavesGapsAndStandsOddValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string gap = svg({{"loss", "epoch", {{"training", "#111111", {1, nan, 3, 4}}}}});
  EXPECT_EQ(count(gap, "<circle"), 3u);
  EXPECT_EQ(count(gap, "<polyline"), 2u);
  const std::vector<std::vector<double>> odd = {{},        {nan},    {0.5},     {0.0},
                                                {2, 2, 2}, {-1, -2}, {1e300, 0}};
  for (const auto& values : odd) {
    const std::string text = svg({{"loss", "epoch", {{"held out", "#111111", values}}}});
    EXPECT_EQ(count(text, "nan") + count(text, "inf"), 0u) << text;
    EXPECT_TRUE(text.ends_with("</svg>\n"));
  }
}

TEST(Duration, IsWrittenAsClocksDo) {
  EXPECT_EQ(duration(0), "0:00");
  EXPECT_EQ(duration(-1), "0:00");
  EXPECT_EQ(duration(59.6), "1:00");
  EXPECT_EQ(duration(75), "1:15");
  EXPECT_EQ(duration(3675), "1:01:15");
}

TEST(Progress, WritesALineAnEpochWhereNothingIsRedrawn) {
  std::ostringstream out;
  Progress progress(out, Display{}, 2, 4);
  progress.step(1, 10, {2.0, 0.25});
  EXPECT_EQ(out.str(), "");
  progress.step(1, 10, {1.5, 0.5});
  progress.end_epoch(1, {1.5, 0.5}, {1.25, 0.75});
  progress.finish();
  const std::string line = out.str();
  EXPECT_TRUE(line.starts_with("epoch 1/2  loss 1.5000  accuracy 0.5000  held-out 0.7500  "))
      << line;
  EXPECT_NE(line.find(" images/s  "), std::string::npos);
  EXPECT_TRUE(line.ends_with(" left\n")) << line;
  EXPECT_EQ(line.find_first_of("\r\x1b"), std::string::npos);
  EXPECT_EQ(count(line, "\n"), 1u);
}

TEST(Progress, RedrawsOneLine) {
  std::ostringstream out;
  Progress progress(out, Display{.redraws = true, .colors = true, .columns = 120}, 1, 2);
  progress.step(1, 10, {2.0, 0.25});
  progress.step(1, 10, {1.5, 0.5});
  progress.end_epoch(1, {1.5, 0.5}, {1.25, 0.75});
  EXPECT_EQ(count(out.str(), "\n"), 0u);
  EXPECT_GE(count(out.str(), "\r"), 2u);
  EXPECT_EQ(count(out.str(), "\x1b[32m"), count(out.str(), "\r"));
  EXPECT_NE(out.str().find("held-out 0.7500"), std::string::npos);
  progress.finish();
  EXPECT_TRUE(out.str().ends_with("\n"));
}

TEST(Progress, FitsNarrowTerminalsWithoutColors) {
  for (const int columns : {1, 20, 60}) {
    std::ostringstream out;
    Progress progress(out, Display{.redraws = true, .colors = false, .columns = columns}, 1, 1);
    progress.step(1, 10, {2.0, 0.25});
    const std::string line = out.str();
    EXPECT_TRUE(line.starts_with("\r"));
    EXPECT_TRUE(line.ends_with("\x1b[K"));
    EXPECT_LT(line.size() - 4, static_cast<size_t>(columns));
    EXPECT_EQ(count(line, "\x1b"), 1u);
  }
}

}  // namespace

}  // namespace digits
