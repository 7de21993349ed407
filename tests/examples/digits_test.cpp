// The program of examples/digits, run as a user runs it.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "process.h"

namespace mica::testing {

namespace {

std::vector<std::string> digits(const std::vector<std::string>& options) {
  std::vector<std::string> command{DIGITS_PROGRAM};
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// The last line, without its end.
std::string last_line(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

TEST(Digits, LearnsAndRepeatsItselfBitForBit) {
  const TemporaryFolder folder;
  const Finished first = run(digits({"--epochs=5", "--seed=1", "--output", folder / "first"}));
  ASSERT_EQ(first.status, 0) << first.output;

  const std::string last = last_line(first.output);
  ASSERT_TRUE(std::regex_match(last, std::regex("held-out accuracy: [01]\\.\\d{3}"))) << last;
  EXPECT_GE(std::stod(last.substr(last.find(':') + 1)), 0.93);
  EXPECT_TRUE(first.output.starts_with("DigitsNet(\n  (conv1): Conv2d(1, 32, ")) << first.output;
  EXPECT_TRUE(contains(first.output, "151498 parameters, 1437 training images, 360 held out\n"))
      << first.output;
  EXPECT_TRUE(contains(first.output, "360 of 360 predictions are the same\n"));
  EXPECT_TRUE(contains(first.output, "confusion matrix"));
  // In a pipe: plain lines, one an epoch.
  EXPECT_EQ(first.output.find_first_of("\r\x1b"), std::string::npos);
  for (const char* line : {"\nepoch 1/5  loss ", "\nepoch 2/5  loss ", "\nepoch 5/5  loss "})
    EXPECT_TRUE(contains(first.output, line)) << first.output;

  const Finished second = run(digits({"--epochs=5", "--seed=1", "--output", folder / "second"}));
  ASSERT_EQ(second.status, 0) << second.output;
  const std::string weights = contents(folder / "first/model.safetensors");
  EXPECT_EQ(weights, contents(folder / "second/model.safetensors"));
  EXPECT_EQ(contents(folder / "first/curves.svg"), contents(folder / "second/curves.svg"));
  EXPECT_TRUE(contains(contents(folder / "first/curves.svg"), "</svg>"));

  const Finished third = run(digits({"--epochs=5", "--seed=2", "--output", folder / "third"}));
  ASSERT_EQ(third.status, 0) << third.output;
  EXPECT_NE(weights, contents(folder / "third/model.safetensors"));
}

TEST(Digits, RedrawsOneLineOnATerminal) {
  const TemporaryFolder folder;
  const Finished finished =
      run(digits({"--epochs=1", "--output", folder / "out"}), {.terminal = true});
  ASSERT_EQ(finished.status, 0) << finished.output;
  const size_t start = finished.output.find("\r\x1b[32m");
  const size_t end = finished.output.find("0:00 left\x1b[K\r\n");
  ASSERT_NE(start, std::string::npos) << finished.output;
  ASSERT_NE(end, std::string::npos) << finished.output;
  const std::string bar = finished.output.substr(start, end - start);
  EXPECT_FALSE(contains(bar, "\n"));
  for (const char* part : {"epoch 1/1", "loss ", "accuracy ", "images/s"})
    EXPECT_TRUE(contains(bar, part)) << bar;
}

TEST(Digits, SavesWhatThereIsWhenInterrupted) {
  const TemporaryFolder folder;
  const Finished finished = run(digits({"--epochs=100000", "--output", folder / "out"}),
                                {.interrupt_at = "epoch      1/"});
  EXPECT_EQ(finished.status, 130) << finished.output;
  const std::regex expected(
      "interrupted in epoch \\d+: saved what there is to .*/out/model\\.safetensors and "
      ".*/out/curves\\.svg");
  EXPECT_TRUE(std::regex_match(last_line(finished.output), expected)) << finished.output;
  EXPECT_TRUE(contains(contents(folder / "out/curves.svg"), "</svg>"));
  EXPECT_GT(contents(folder / "out/model.safetensors").size(), 600'000u);
}

TEST(Digits, NamesAFullDiskAndLeavesFilesAsTheyWere) {
  const TemporaryFolder folder;
  write_file(folder / "model.safetensors", "older");
  write_file(folder / "curves.svg", "older");
  const Finished finished =
      run(digits({"--epochs=1", "--output", folder / ""}), {.largest_file = 100'000});
  EXPECT_EQ(finished.status, 1) << finished.output;
  const std::string last = last_line(finished.output);
  EXPECT_TRUE(last.starts_with("digits: ") && contains(last, "model.safetensors") &&
              contains(last, "File too large"))
      << last;
  EXPECT_EQ(contents(folder / "model.safetensors"), "older");
  EXPECT_EQ(contents(folder / "curves.svg"), "older");
  EXPECT_EQ(folder.files(), (std::vector<std::string>{"curves.svg", "model.safetensors"}));
}

TEST(Digits, RefusesBadOptionsInOneLine) {
  const TemporaryFolder folder;
  write_file(folder / "file", "");
  write_file(folder / "bad.csv", "1,2,3\n");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--epochs=0"}, "--epochs: Value 0 not in range 1 to 100000"},
      {{"--epochs=many"}, "--epochs: Value many not in range 1 to 100000"},
      {{"--batch-size=-1"}, "--batch-size: Value -1 not in range 1 to 1000000"},
      {{"--learning-rate=0"}, "--learning-rate: expected a number above 0 and up to 10, got '0'"},
      {{"--learning-rate=nan"},
       "--learning-rate: expected a number above 0 and up to 10, got 'nan'"},
      {{"--seed=x"}, "Could not convert: --seed = x"},
      {{"--output", folder / "file"},
       "digits: --output: can't write to '" + (folder / "file") + "': Not a directory"},
      {{"--output", folder / "out", "--data", folder / "bad.csv"},
       "bad.csv, line 1: expected 65 numbers, got 3"},
      {{"--output", folder / "out", "--data", "/no/such.csv"},
       "digits: read_csv: can't read '/no/such.csv': No such file or directory"}};
  for (const auto& [options, expected] : cases) {
    const Finished finished = run(digits(options));
    EXPECT_NE(finished.status, 0);
    EXPECT_TRUE(contains(finished.output, expected)) << finished.output << "expected " << expected;
    EXPECT_LE(std::count(finished.output.begin(), finished.output.end(), '\n'), 2)
        << finished.output;
  }
}

}  // namespace

}  // namespace mica::testing
