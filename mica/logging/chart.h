// Line charts as SVG, a format that every browser opens, drawn in light or dark colours as the
// reader's system asks.
#pragma once

#include <string>
#include <vector>

namespace mica::logging {

// The points (x[i], y[i]), joined in this order. Values that are not finite, or not positive on a
// logarithmic axis, leave a gap.
struct Series {
  std::string label;
  std::vector<double> x, y;
};

enum class Scale { linear, logarithmic };

struct Chart {
  std::string title;
  std::string x_label, y_label;
  std::vector<Series> series;  // in the colours of a fixed order, which repeats after eight
  Scale x_scale = Scale::linear, y_scale = Scale::linear;
};

// The charts side by side, each with axes, ticks and a legend. A long series is thinned to what can
// be seen: the lowest and the highest point of each column of pixels. The text depends on nothing
// but the charts. Throws std::invalid_argument where x and y of a series differ in length.
std::string svg(const std::vector<Chart>& charts);

// Writes svg(charts) to a file, replaced at once. Throws std::system_error where it can't.
void save_svg(const std::string& file, const std::vector<Chart>& charts);

// Three to eight round numbers, as 0, 0.5 and 1, within [low, high]; fewer only where the range is
// too small to be told apart. On a logarithmic axis powers of ten, or 1, 2 and 5 times these.
std::vector<double> ticks(double low, double high, Scale scale = Scale::linear);

}  // namespace mica::logging
