#include "mica/nn/drawing_layout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "tests/nn/drawn_models.h"

namespace mica::nn::detail {
namespace {

bool overlap(const Rectangle& a, const Rectangle& b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

bool holds(const Rectangle& outer, const Rectangle& inner) {
  return inner.x >= outer.x && inner.x + inner.width <= outer.x + outer.width &&
         inner.y >= outer.y && inner.y + inner.height <= outer.y + outer.height;
}

bool is_in(const Drawing& drawing, int group, int outer) {
  while (group >= 0 && group != outer) group = drawing.groups[static_cast<size_t>(group)].parent;
  return group == outer;
}

// Along the line: the two ends, and the curve between the bends.
std::vector<Rectangle> points(const Line& line) {
  std::vector<Rectangle> points{{line.x0, line.y0}, {line.x1, line.y1}};
  for (double t = 0; t <= 1; t += 0.05) {
    const double a = (1 - t) * (1 - t) * (1 + 2 * t);  // a curve that starts and ends downwards
    const double middle = (line.bend0 + line.bend1) / 2, s = 1 - t;
    points.push_back({a * line.x0 + (1 - a) * line.x1,
                      s * s * s * line.bend0 + 3 * s * t * middle + t * t * t * line.bend1});
  }
  return points;
}

void expect_legible(const Drawing& drawing) {
  const std::vector<Size> sizes(drawing.boxes.size(), {120, 30});
  const std::vector<Size> headings(drawing.groups.size(), {150, 20});
  const Layout layout = lay_out(drawing, sizes, headings);
  const Rectangle page{0, 0, layout.size.width, layout.size.height};
  for (size_t i = 0; i < sizes.size(); ++i) {
    const Rectangle& box = layout.boxes[i];
    EXPECT_EQ(box.width, 120);
    EXPECT_TRUE(holds(page, box));
    for (size_t j = 0; j < i; ++j) EXPECT_FALSE(overlap(box, layout.boxes[j])) << i << " " << j;
    for (size_t g = 0; g < headings.size(); ++g) {
      Rectangle below_heading = layout.groups[g];
      below_heading.y += 20;
      below_heading.height -= 20;
      if (is_in(drawing, drawing.boxes[i].group, static_cast<int>(g)))
        EXPECT_TRUE(holds(below_heading, box));
      else
        EXPECT_FALSE(overlap(layout.groups[g], box));
    }
    for (const Line& line : layout.lines)
      for (const Rectangle& point : points(line))
        EXPECT_FALSE(point.x > box.x && point.x < box.x + box.width && point.y > box.y + 0.1 &&
                     point.y < box.y + box.height - 0.1);
  }
  for (const Drawing::Edge& edge : drawing.edges)
    EXPECT_GT(layout.boxes[static_cast<size_t>(edge.to)].y,
              layout.boxes[static_cast<size_t>(edge.from)].y + 30);
  std::vector<int> arrows(sizes.size()), edges(sizes.size());
  for (const Line& line : layout.lines)
    if (line.to_box >= 0) ++arrows[static_cast<size_t>(line.to_box)];
  for (const Drawing::Edge& edge : drawing.edges) ++edges[static_cast<size_t>(edge.to)];
  EXPECT_EQ(arrows, edges);
}

TEST(DrawingLayout, OverlapsNothing) {
  testing::MLP mlp;
  expect_legible(draw(mlp, zeros({5, 2})));
  testing::Residual residual;
  Sequential twice{residual, Conv2d(6, 4, 1), residual};
  expect_legible(draw(twice, zeros({1, 6, 6, 4})));
  testing::Language language;
  const Drawing drawing = draw(language, zeros({2, 6}, int32));
  expect_legible(drawing);
  for (const int depth : {1, 2, 3}) expect_legible(drawing.collapsed(depth));
  Transformer transformer(
      {.dims = 8, .num_heads = 2, .num_encoder_layers = 2, .num_decoder_layers = 2});
  const auto mask = MultiHeadAttention::create_additive_causal_mask(4);
  expect_legible(
      draw(transformer, zeros({1, 5, 8}), zeros({1, 4, 8}), zeros({5, 5}), mask, zeros({4, 5})));
}

TEST(DrawingLayout, KeepsChainsStraight) {
  testing::Residual residual;
  const Drawing drawing = draw(residual, zeros({1, 6, 6, 4}));
  const std::vector<Size> sizes(drawing.boxes.size(), {120, 30});
  const Layout layout = lay_out(drawing, sizes, {{150, 20}});
  for (const size_t i : {2, 3, 4, 5, 6, 7}) EXPECT_NEAR(layout.boxes[i].x, layout.boxes[1].x, 1e-3);
}

TEST(DrawingLayout, OfNothing) {
  const Layout layout = lay_out(Drawing{}, {}, {});
  EXPECT_TRUE(layout.boxes.empty());
  EXPECT_GE(layout.size.width, 0);
}

// Tags that are closed in order, attributes in quotes, no stray < or &.
void expect_well_formed(const std::string& text) {
  const std::regex tag(R"(<(/?)([a-z]+)((?: [A-Za-z-]+(?::[a-z]+)?="[^"<]*")*)(/?)>)");
  std::vector<std::string> open;
  size_t end = 0, tags = 0;
  for (auto m = std::sregex_iterator(text.begin(), text.end(), tag); m != std::sregex_iterator();
       ++m, ++tags) {
    const auto start = static_cast<size_t>(m->position());
    EXPECT_EQ(text.substr(end, start - end).find_first_of("<>"), std::string::npos);
    end = start + static_cast<size_t>(m->length());
    if ((*m)[1].length()) {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), (*m)[2].str());
      open.pop_back();
    } else if (!(*m)[4].length()) {
      open.push_back((*m)[2].str());
    }
  }
  EXPECT_TRUE(open.empty());
  EXPECT_GT(tags, 10u);
  EXPECT_EQ(text.substr(end), "\n");
  const std::regex stray("&(?!(amp|lt|gt|quot);)");
  EXPECT_FALSE(std::regex_search(text, stray));
}

TEST(DrawingSvg, IsWellFormedInBothColourSchemes) {
  testing::Language language;
  const std::string svg = draw(language, zeros({2, 6}, int32)).svg();
  expect_well_formed(svg);
  EXPECT_NE(svg.find("@media (prefers-color-scheme:dark)"), std::string::npos);
  testing::Hostile hostile("</text><script>&\"'\x01\xFF");
  expect_well_formed(draw(hostile, zeros({3, 2})).svg());
  testing::Hostile endless(std::string(10000, 'x'));
  EXPECT_LT(draw(endless, zeros({3, 2})).svg().size(), 6000u);
}

}  // namespace
}  // namespace mica::nn::detail
