// Line charts as SVG, a format that every browser opens.
#pragma once

#include <string>
#include <vector>

namespace digits {

// values[i] is drawn at x = i + 1; one that is not finite leaves a gap.
struct Line {
  std::string label;
  std::string color;  // as SVG writes it: "#0072b2"
  std::vector<double> values;
};

struct Chart {
  std::string title;
  std::string x_label;
  std::vector<Line> lines;
};

// The charts side by side, each with axes, ticks and a legend. The text depends on nothing but the
// charts.
std::string svg(const std::vector<Chart>& charts);

// Three to eight round numbers, as 0, 0.5 and 1, within [low, high]; fewer only where the range is
// too small to be told apart.
std::vector<double> ticks(double low, double high);

}  // namespace digits
