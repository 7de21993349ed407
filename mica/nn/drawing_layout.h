// Where the boxes, groups and arrows of a drawing go: layer by layer from the top to the bottom, as
// Sugiyama, Tagawa and Toda describe it, "Methods for Visual Understanding of Hierarchical System
// Structures", 1981; groups from the inside out, each then one large box of the group around it.
#pragma once

#include <string>
#include <vector>

#include "mica/nn/drawing.h"

namespace mica::nn::detail {

// What is written in a box or above a group; any may be empty.
struct BoxText {
  std::string title, path, details;
};
BoxText text_of(const Drawing& drawing, const Drawing::Box& box);
BoxText text_of(const Drawing& drawing, const Drawing::Group& group);

// In pixels.
struct Size {
  double width = 0, height = 0;
};
struct Rectangle {
  double x = 0, y = 0, width = 0, height = 0;
};

// A part of an edge: down from (x0, y0) to bend0, over to x1 at bend1, and down to y1.
struct Line {
  double x0 = 0, y0 = 0, bend0 = 0;
  double x1 = 0, bend1 = 0, y1 = 0;
  int to_box = -1;  // where it ends at one
};

struct Layout {
  Size size;
  std::vector<Rectangle> boxes, groups;
  std::vector<Line> lines;
};

// headings: the room that the line above a group's contents needs. Nothing overlaps but lines and
// headings.
Layout lay_out(const Drawing& drawing, const std::vector<Size>& boxes,
               const std::vector<Size>& headings);

}  // namespace mica::nn::detail
