#include "mica/logging/chart.h"

#include <gtest/gtest.h>

#include <limits>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tests/logging/text.h"

namespace mica::logging {

namespace {

using testing::count;

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Ticks, AreRound) {
  EXPECT_EQ(ticks(0, 1), (std::vector<double>{0, 0.2, 0.4, 0.2 * 3, 0.8, 1}));
  EXPECT_EQ(ticks(1, 15), (std::vector<double>{2, 4, 6, 8, 10, 12, 14}));
  EXPECT_EQ(ticks(-3, 3), (std::vector<double>{-3, -2, -1, 0, 1, 2, 3}));
  EXPECT_TRUE(ticks(1, 1).empty());
  EXPECT_TRUE(ticks(0, infinity).empty());
  for (const double size : {1e-8, 0.013, 0.5, 7.0, 120.0, 1e9}) {
    EXPECT_GE(ticks(0.1 * size, size).size(), 3u) << size;
    EXPECT_LE(ticks(0.1 * size, size).size(), 8u) << size;
  }
}

TEST(Ticks, OfALogarithmicAxis) {
  EXPECT_EQ(ticks(0.9, 2000, Scale::logarithmic), (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_EQ(ticks(1, 30, Scale::logarithmic), (std::vector<double>{1, 2, 5, 10, 20}));
  EXPECT_LE(ticks(1e-30, 1e30, Scale::logarithmic).size(), 8u);
  EXPECT_EQ(ticks(2.1, 2.4, Scale::logarithmic), ticks(2.1, 2.4));
  EXPECT_TRUE(ticks(-1, 1, Scale::logarithmic).empty());
}

// The points of the first polyline of this colour.
std::vector<std::pair<double, double>> points(const std::string& svg, int color) {
  const size_t end = svg.find("\" class=\"line s" + std::to_string(color) + "\"");
  if (end == std::string::npos) return {};
  const size_t start = svg.rfind("points=\"", end) + 8;
  std::istringstream text(svg.substr(start, end - start));
  std::vector<std::pair<double, double>> out;
  char comma;
  for (double x, y; text >> x >> comma >> y;) out.emplace_back(x, y);
  return out;
}

TEST(Svg, DrawsValuesToScale) {
  const Chart chart{"loss <a & b>",
                    "epoch",
                    "nats",
                    {{"training", {1, 2, 3}, {4, 2, 1}}, {"held out", {1, 3}, {4, 3}}}};
  const std::string text = svg({chart});
  const auto line = points(text, 0), other = points(text, 1);
  ASSERT_EQ(line.size(), 3u);
  ASSERT_EQ(other.size(), 2u);
  EXPECT_GT(line[1].first, line[0].first);
  EXPECT_NEAR(line[1].first - line[0].first, line[2].first - line[1].first, 0.21);
  EXPECT_GT(line[1].second, line[0].second);  // downwards
  EXPECT_NEAR(line[1].second - line[0].second, 2 * (line[2].second - line[1].second), 0.31);
  EXPECT_EQ(other[0], line[0]);
  EXPECT_EQ(other[1].first, line[2].first);
  EXPECT_EQ(count(text, "<circle"), 5u);
  for (const char* words : {">training</text>", ">held out</text>", ">epoch</text>", ">nats</text>",
                            ">loss &lt;a &amp; b&gt;</text>"})
    EXPECT_EQ(count(text, words), 1u) << words;
  EXPECT_EQ(count(text, "prefers-color-scheme:dark"), 1u);
  EXPECT_EQ(svg({chart}), text);
  EXPECT_NE(svg({chart, chart}), text);
}

TEST(Svg, DrawsLogarithmicAxes) {
  Chart chart{"loss", "step", "", {{"training", {1, 10, 100}, {100, 10, 1}}}};
  chart.x_scale = chart.y_scale = Scale::logarithmic;
  const auto line = points(svg({chart}), 0);
  ASSERT_EQ(line.size(), 3u);
  EXPECT_NEAR(line[1].first - line[0].first, line[2].first - line[1].first, 0.21);
  EXPECT_NEAR(line[1].second - line[0].second, line[2].second - line[1].second, 0.21);
  chart.series[0].y = {100, 0, -1};  // which it can't show
  EXPECT_EQ(count(svg({chart}), "<circle"), 1u);
}

TEST(Svg, LeavesGapsAndStandsOddValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string gap =
      svg({{"loss", "epoch", "", {{"training", {1, 2, 3, 4}, {1, nan, 3, 4}}}}});
  EXPECT_EQ(count(gap, "<circle"), 3u);
  EXPECT_EQ(count(gap, "<polyline"), 1u);
  const std::vector<std::vector<double>> odd = {{},        {nan},    {0.5},     {0.0},
                                                {2, 2, 2}, {-1, -2}, {1e300, 0}};
  for (const auto& values : odd) {
    std::vector<double> x(values.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    for (const Scale scale : {Scale::linear, Scale::logarithmic}) {
      const std::string text =
          svg({{"loss", "epoch", "", {{"held out", x, values}}, Scale::linear, scale}});
      EXPECT_EQ(count(text, "nan") + count(text, "inf"), 0u) << text;
      EXPECT_TRUE(text.ends_with("</svg>\n"));
    }
  }
}

TEST(Svg, ThinsLongSeriesToTheirEnvelope) {
  Series series{"noise", {}, {}};
  for (int i = 0; i < 100'000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 31'415 ? 100 : i % 2);
  }
  const auto line = points(svg({{"", "", "", {series}}}), 0);
  EXPECT_LE(line.size(), 802u);
  double highest = infinity;
  for (const auto& [x, y] : line) highest = std::min(highest, y);
  EXPECT_LT(highest, 60);  // the one value of 100 is still there, near the top
}

TEST(Svg, WrapsALongLegendAndCutsLongLabels) {
  Chart chart{"", "", "", {}};
  for (int i = 0; i < 7; ++i) chart.series.push_back({std::string(20, 'a'), {1, 2}, {1, 2}});
  chart.series.push_back({std::string(100, 'b'), {1, 2}, {1, 2}});
  const std::string text = svg({chart, {"", "", "", {}}});
  // Two of 26 + 20 * 8 pixels beside each other, then the long one on a row of its own.
  EXPECT_EQ(count(text, R"(<text x="104.0")"), 5u);
  EXPECT_EQ(count(text, R"(<text x="306.0")"), 3u);
  EXPECT_EQ(count(text, std::string(22, 'b') + "…" + std::string(21, 'b')), 1u);
  EXPECT_EQ(count(text, R"(height="460")"), 2u);  // 388, and four more rows of 18
}

TEST(Svg, RefusesSeriesOfUnequalLengths) {
  try {
    svg({{"", "", "", {{"a", {1, 2}, {1}}}}});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "svg: expected as many y as x in 'a', 2, got 1");
  }
}

}  // namespace

}  // namespace mica::logging
