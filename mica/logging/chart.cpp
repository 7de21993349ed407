#include "mica/logging/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "mica/io/file.h"
#include "mica/logging/readable.h"

namespace mica::logging {

namespace {

// In pixels. The margins are around a chart's plane.
constexpr double plane_width = 400, plane_height = 260;
constexpr double left = 78, right = 24, top = 44, axis_height = 66, legend_row = 18;
constexpr double chart_width = left + plane_width + right;
constexpr size_t most_dots = 60;  // of a series whose points are marked one by one
constexpr double letter_width = 8, swatch_width = 26, legend_gap = 16;
constexpr size_t longest_label = 44, longest_title = 52;

// Okabe and Ito's colours, which can be told apart with any colour vision, on white; and lighter
// ones of the same hues on black.
constexpr std::pair<const char*, const char*> colors[] = {
    {"#0072b2", "#56b4e9"}, {"#d55e00", "#ff9d4d"}, {"#007a5a", "#2fd1a5"}, {"#b0558b", "#e79ac8"},
    {"#8a6d00", "#f0e442"}, {"#333333", "#dddddd"}, {"#3a8bbf", "#9ad4f5"}, {"#a05a2c", "#e6a87c"}};
constexpr size_t color_count = std::size(colors);

// The numbers along one side of the plane.
class Axis {
 public:
  explicit Axis(Scale scale) : scale_(scale) {}

  bool shows(double value) const {
    return std::isfinite(value) && (scale_ == Scale::linear || value > 0);
  }
  void include(double value) {
    low_ = std::min(low_, value);
    high_ = std::max(high_, value);
  }
  // What is drawn where nothing was included, or one value.
  void settle(double low, double high) {
    if (low_ > high_) {
      low_ = low;
      high_ = high;
    }
    if (low_ == high_) {
      const double space =
          scale_ == Scale::linear ? std::max(0.05 * std::abs(high_), 1e-3) : 0.05 * high_;
      low_ -= space;
      high_ += space;
    }
  }
  // Space above and below the values; the axis starts at 0 where that is near.
  void add_space() {
    if (scale_ == Scale::logarithmic) {
      const double factor = std::pow(high_ / low_, 0.05);
      low_ /= factor;
      high_ *= factor;
      return;
    }
    const double space = 0.05 * (high_ - low_);
    low_ = low_ >= 0 && low_ < 0.5 * high_ ? 0 : low_ - space;
    high_ += space;
  }
  // From 0 at the low end to 1 at the high one.
  double place(double value) const { return (scaled(value) - scaled(low_)) / length(); }
  std::vector<double> marks() const { return ticks(low_, high_, scale_); }

 private:
  double scaled(double value) const { return scale_ == Scale::linear ? value : std::log10(value); }
  double length() const { return scaled(high_) - scaled(low_); }

  Scale scale_;
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
};

struct Point {
  double x, y;
};

// The lowest and the highest point of each column of pixels, in their order.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= 2 * static_cast<size_t>(plane_width)) return points;
  std::vector<Point> out;
  for (size_t i = 0; i < points.size();) {
    size_t end = i;
    while (end < points.size() && std::floor(points[end].x) == std::floor(points[i].x)) ++end;
    const auto by_y = [](const Point& a, const Point& b) { return a.y < b.y; };
    auto [low, high] = std::minmax_element(points.begin() + static_cast<std::ptrdiff_t>(i),
                                           points.begin() + static_cast<std::ptrdiff_t>(end), by_y);
    if (low > high) std::swap(low, high);
    out.push_back(*low);
    if (low != high) out.push_back(*high);
    i = end;
  }
  return out;
}

std::string label(const Series& series) { return shortened(series.label, longest_label); }

// Where each series' label begins: from the left edge, and below the first row's base line.
std::vector<Point> legend_places(const Chart& chart) {
  std::vector<Point> places;
  Point next{left, 0};
  for (const Series& series : chart.series) {
    const double width =
        swatch_width + letter_width * static_cast<double>(columns_of(label(series)));
    if (next.x > left && next.x + width > chart_width) next = {left, next.y + legend_row};
    places.push_back(next);
    next.x += width + legend_gap;
  }
  return places;
}

double height_of(const Chart& chart) {
  const std::vector<Point> places = legend_places(chart);
  return top + plane_height + axis_height + (places.empty() ? 0 : places.back().y) + legend_row;
}

class Drawing {
 public:
  Drawing(std::string& out, const Chart& chart)
      : out_(out), chart_(chart), x_(chart.x_scale), y_(chart.y_scale) {
    for (const Series& series : chart.series) {
      if (series.x.size() != series.y.size()) {
        throw std::invalid_argument(fmt::format("svg: expected as many y as x in '{}', {}, got {}",
                                                series.label, series.x.size(), series.y.size()));
      }
      for (size_t i = 0; i < series.x.size(); ++i) {
        if (!shows(series, i)) continue;
        x_.include(series.x[i]);
        y_.include(series.y[i]);
      }
    }
    x_.settle(1, 2);
    y_.settle(chart.y_scale == Scale::linear ? 0 : 0.1, 1);
    y_.add_space();
  }

  void draw() {
    text(left + plane_width / 2, top - 18, "middle", shortened(chart_.title, longest_title),
         R"( font-size="16")");
    for (const double tick : y_.marks()) {
      stroke(left, y(tick), left + plane_width, y(tick), "grid");
      text(left - 8, y(tick) + 4, "end", fmt::format("{:.6g}", tick));
    }
    for (const double tick : x_.marks()) {
      stroke(x(tick), top + plane_height, x(tick), top + plane_height + 5, "axis");
      text(x(tick), top + plane_height + 20, "middle", fmt::format("{:.6g}", tick));
    }
    stroke(left, top, left, top + plane_height, "axis");
    stroke(left, top + plane_height, left + plane_width, top + plane_height, "axis");
    text(left + plane_width / 2, top + plane_height + 40, "middle", chart_.x_label);
    if (!chart_.y_label.empty()) {
      const double middle = top + plane_height / 2;
      text(16, middle, "middle", chart_.y_label,
           fmt::format(R"~( transform="rotate(-90 16 {:.1f})")~", middle));
    }
    for (size_t i = 0; i < chart_.series.size(); ++i) draw(chart_.series[i], i % color_count);
    draw_legend();
  }

 private:
  bool shows(const Series& series, size_t i) const {
    return x_.shows(series.x[i]) && y_.shows(series.y[i]);
  }
  double x(double value) const { return left + plane_width * x_.place(value); }
  double y(double value) const { return top + plane_height * (1 - y_.place(value)); }

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void stroke(double x1, double y1, double x2, double y2, std::string_view css_class) {
    add(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>)"
        "\n",
        x1, y1, x2, y2, css_class);
  }

  void text(double x, double y, std::string_view anchor, std::string_view words,
            std::string_view attributes = "") {
    add(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>)"
        "\n",
        x, y, anchor, attributes, xml_text(words));
  }

  // One polyline between gaps, and a dot at each value where there are few; a value that has no
  // neighbours always gets one.
  void draw(const Series& series, size_t color) {
    std::vector<Point> points;
    const bool dots = series.x.size() <= most_dots;
    const auto end_stretch = [&] {
      if (points.size() > 1) {
        std::string coordinates;
        for (const Point& point : thinned(points)) {
          fmt::format_to(std::back_inserter(coordinates), "{}{:.1f},{:.1f}",
                         coordinates.empty() ? "" : " ", point.x, point.y);
        }
        add(R"(<polyline points="{}" class="line s{}"/>)"
            "\n",
            coordinates, color);
      }
      if (dots || points.size() == 1) {
        for (const Point& point : points) {
          add(R"(<circle cx="{:.1f}" cy="{:.1f}" r="2.5" class="dot s{}"/>)"
              "\n",
              point.x, point.y, color);
        }
      }
      points.clear();
    };
    for (size_t i = 0; i < series.x.size(); ++i) {
      if (shows(series, i)) {
        points.push_back({x(series.x[i]), y(series.y[i])});
      } else {
        end_stretch();
      }
    }
    end_stretch();
  }

  void draw_legend() {
    const std::vector<Point> places = legend_places(chart_);
    for (size_t i = 0; i < places.size(); ++i) {
      const double y = top + plane_height + axis_height + places[i].y;
      stroke(places[i].x, y - 4, places[i].x + 20, y - 4, fmt::format("line s{}", i % color_count));
      text(places[i].x + swatch_width, y, "start", label(chart_.series[i]));
    }
  }

  std::string& out_;
  const Chart& chart_;
  Axis x_, y_;
};

// The colours of everything, by class.
std::string style() {
  const auto rules = [](const char* paper, const char* ink, const char* grid, bool dark) {
    std::string text =
        fmt::format(".paper{{fill:{}}}text{{fill:{}}}.axis{{stroke:{}}}.grid{{stroke:{}}}", paper,
                    ink, ink, grid);
    for (size_t i = 0; i < color_count; ++i) {
      const char* color = dark ? colors[i].second : colors[i].first;
      text += fmt::format(".line.s{0}{{stroke:{1}}}.dot.s{0}{{fill:{1}}}", i, color);
    }
    return text;
  };
  return fmt::format(
      "<style>.line{{fill:none;stroke-width:2}}{}\n"
      "@media (prefers-color-scheme:dark){{{}}}</style>\n",
      rules("#ffffff", "#333333", "#e3e3e3", false), rules("#0d1117", "#d0d4da", "#30363d", true));
}

}  // namespace

std::vector<double> ticks(double low, double high, Scale scale) {
  if (!std::isfinite(low) || !std::isfinite(high) || high <= low) return {};
  std::vector<double> out;
  if (scale == Scale::logarithmic) {
    if (low <= 0) return {};
    const double first = std::floor(std::log10(low)), last = std::ceil(std::log10(high));
    const double step = std::max(1.0, std::ceil((last - first) / 7));
    const bool between = std::log10(high / low) < 2;
    for (double power = first; power <= last; power += step) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * std::pow(10, power);
        if ((factor == 1 || between) && tick >= low && tick <= high) out.push_back(tick);
      }
    }
    return out.size() >= 2 ? out : ticks(low, high);
  }
  constexpr int most = 7;  // steps
  const double magnitude = std::pow(10, std::floor(std::log10((high - low) / most)));
  double step = 10 * magnitude;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * magnitude * most >= high - low) {
      step = factor * magnitude;
      break;
    }
  // Multiples of the step; adding it up would gather rounding errors.
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
    out.push_back(i * step + 0.0);  // -0 becomes 0
  return out;
}

std::string svg(const std::vector<Chart>& charts) {
  const double width = chart_width * static_cast<double>(charts.size());
  double height = 0;
  for (const Chart& chart : charts) height = std::max(height, height_of(chart));
  std::string out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
      R"( font-family="sans-serif" font-size="13">)"
      "\n{2}"
      R"(<rect width="{0}" height="{1}" class="paper"/>)"
      "\n",
      width, height, style());
  for (size_t i = 0; i < charts.size(); ++i) {
    out += fmt::format("<g transform=\"translate({} 0)\">\n", chart_width * static_cast<double>(i));
    Drawing(out, charts[i]).draw();
    out += "</g>\n";
  }
  return out + "</svg>\n";
}

void save_svg(const std::string& file, const std::vector<Chart>& charts) {
  const std::string text = svg(charts);
  io::ReplacingFile output("save_svg", file);
  output.write(text.data(), text.size());
  output.commit();
}

}  // namespace mica::logging
