#include "mica/logging/progress.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/logging/text.h"

namespace mica::logging {

namespace {

using testing::count;

TEST(Duration, IsWrittenAsClocksDo) {
  EXPECT_EQ(duration(0), "0:00");
  EXPECT_EQ(duration(-1), "0:00");
  EXPECT_EQ(duration(59.6), "1:00");
  EXPECT_EQ(duration(75), "1:15");
  EXPECT_EQ(duration(3675), "1:01:15");
}

TEST(Progress, WritesMilestonesWhereNothingIsRedrawn) {
  std::ostringstream out;
  Progress progress(out, Display{}, 4, "images");
  progress.step(10, "loss 2");
  EXPECT_EQ(out.str(), "");
  progress.step(10, "loss 1");
  progress.milestone("epoch 1");
  progress.finish();
  const std::string line = out.str();
  EXPECT_TRUE(line.starts_with("epoch 1  ")) << line;
  EXPECT_NE(line.find(" images/s  "), std::string::npos);
  EXPECT_TRUE(line.ends_with(" left\n")) << line;
  EXPECT_EQ(line.find_first_of("\r\x1b"), std::string::npos);
  EXPECT_EQ(count(line, "\n"), 1u);
}

TEST(Progress, RedrawsOneLine) {
  std::ostringstream out;
  {
    Progress progress(out, Display{.redraws = true, .colors = true, .columns = 120}, 2, "images");
    progress.step(10, "loss 2");
    progress.step(10, "loss 1");
    progress.milestone("epoch 1");
    EXPECT_EQ(count(out.str(), "\n"), 0u);
    EXPECT_GE(count(out.str(), "\r"), 2u);
    EXPECT_EQ(count(out.str(), "\x1b[32m"), count(out.str(), "\r"));
    EXPECT_EQ(count(out.str(), "\x1b[32m" + std::string("━━━━━━━━━━━━━━━━━━━━\x1b[2m")), 1u);
    EXPECT_NE(out.str().find("epoch 1"), std::string::npos);
  }
  EXPECT_TRUE(out.str().ends_with("\n"));
}

TEST(Progress, PrintsAboveTheLine) {
  std::ostringstream out;
  Progress progress(out, Display{.redraws = true, .columns = 60}, 2, "images");
  progress.step(10, "loss 2");
  out.str("");
  progress.print("a sample");
  EXPECT_EQ(out.str(), "\r\x1b[Ka sample\n");
  progress.finish();
  EXPECT_EQ(out.str(), "\r\x1b[Ka sample\n");  // there is no line to end
}

TEST(Progress, IsQuietWhereItShouldBe) {
  std::ostringstream out;
  Progress progress(out, Display{.quiet = true, .redraws = true}, 2, "images");
  progress.step(10, "loss 2");
  progress.milestone("epoch 1");
  progress.finish();
  EXPECT_EQ(out.str(), "");
}

TEST(Progress, CountsStepsOfARunThatIsResumed) {
  std::ostringstream out;
  Progress progress(out, Display{.redraws = true, .columns = 60}, 10, "images", 9);
  progress.step(10, "last");
  EXPECT_EQ(progress.done(), 10u);
  EXPECT_NE(out.str().find("━━━━━━━━━━━━━━━━━━━━ last"), std::string::npos) << out.str();
  EXPECT_NE(out.str().find("0:00 left"), std::string::npos) << out.str();
}

TEST(Progress, FitsNarrowTerminalsWithoutColors) {
  for (const int columns : {1, 20, 60}) {
    std::ostringstream out;
    Progress progress(out, Display{.redraws = true, .colors = false, .columns = columns}, 1,
                      "images");
    progress.step(10, "ännä 1/1  loss 2.0000  accuracy 0.2500");
    const std::string line = out.str();
    EXPECT_TRUE(line.starts_with("\r"));
    EXPECT_TRUE(line.ends_with("\x1b[K"));
    const size_t umlauts = count(line, "ä");
    EXPECT_LT(line.size() - 4 - umlauts, static_cast<size_t>(columns));
    EXPECT_EQ(count(line, "\x1b"), 1u);
  }
}

}  // namespace

}  // namespace mica::logging
