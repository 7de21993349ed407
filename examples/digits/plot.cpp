#include "plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string_view>

namespace digits {

namespace {

// In pixels. The margins are around a chart's plane.
constexpr double plane_width = 400, plane_height = 260;
constexpr double left = 64, right = 24, top = 44, bottom = 84;
constexpr double chart_width = left + plane_width + right;
constexpr double chart_height = top + plane_height + bottom;
constexpr std::string_view ink = "#333333", grid = "#e3e3e3";

struct Range {
  double low, high;

  double place(double value) const { return (value - low) / (high - low); }
};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  return out;
}

// What is written on the value axis; it starts at 0 where that is near.
Range value_range(const Chart& chart) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const Line& line : chart.lines)
    for (const double value : line.values)
      if (std::isfinite(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      }
  if (low > high) return {0, 1};
  if (low >= 0 && low < 0.5 * high) low = 0;
  const double space = high > low ? 0.05 * (high - low) : std::max(0.05 * std::abs(high), 1e-3);
  return {low == 0 ? 0 : low - space, high + space};
}

size_t length(const Chart& chart) {
  size_t most = 0;
  for (const Line& line : chart.lines) most = std::max(most, line.values.size());
  return most;
}

class Drawing {
 public:
  Drawing(std::string& out, const Chart& chart)
      : out_(out),
        chart_(chart),
        x_{1, std::max(2.0, static_cast<double>(length(chart)))},
        y_(value_range(chart)) {}

  void draw() {
    text(left + plane_width / 2, top - 18, "middle", chart_.title, R"( font-size="16")");
    for (const double tick : ticks(y_.low, y_.high)) {
      stroke(left, y(tick), left + plane_width, y(tick), grid);
      text(left - 8, y(tick) + 4, "end", fmt::format("{:.6g}", tick));
    }
    for (const double tick : ticks(x_.low, x_.high)) {
      if (tick != std::floor(tick)) continue;
      stroke(x(tick), top + plane_height, x(tick), top + plane_height + 5, ink);
      text(x(tick), top + plane_height + 20, "middle", fmt::format("{}", tick));
    }
    stroke(left, top, left, top + plane_height, ink);
    stroke(left, top + plane_height, left + plane_width, top + plane_height, ink);
    text(left + plane_width / 2, top + plane_height + 40, "middle", chart_.x_label);
    for (const Line& line : chart_.lines) draw(line);
    draw_legend();
  }

 private:
  double x(double value) const { return left + plane_width * x_.place(value); }
  double y(double value) const { return top + plane_height * (1 - y_.place(value)); }

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void stroke(double x1, double y1, double x2, double y2, std::string_view color,
              double width = 1) {
    add(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"/>)"
        "\n",
        x1, y1, x2, y2, color, width);
  }

  void text(double x, double y, std::string_view anchor, std::string_view words,
            std::string_view attributes = "") {
    add(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}"{}>{}</text>)"
        "\n",
        x, y, anchor, attributes, escaped(words));
  }

  // One polyline between gaps, and a dot at each value, so that a single one is seen.
  void draw(const Line& line) {
    std::string points;
    const auto end_stretch = [&] {
      if (!points.empty())
        add(R"(<polyline points="{}" fill="none" stroke="{}" stroke-width="2"/>)"
            "\n",
            points, line.color);
      points.clear();
    };
    for (size_t i = 0; i < line.values.size(); ++i) {
      if (!std::isfinite(line.values[i])) {
        end_stretch();
        continue;
      }
      const double px = x(static_cast<double>(i) + 1), py = y(line.values[i]);
      points += fmt::format("{}{:.1f},{:.1f}", points.empty() ? "" : " ", px, py);
      add(R"(<circle cx="{:.1f}" cy="{:.1f}" r="2.5" fill="{}"/>)"
          "\n",
          px, py, line.color);
    }
    end_stretch();
  }

  void draw_legend() {
    double at = left;
    const double height = top + plane_height + 66;
    for (const Line& line : chart_.lines) {
      stroke(at, height - 4, at + 20, height - 4, line.color, 3);
      text(at + 26, height, "start", line.label);
      at += 26 + 8 * static_cast<double>(line.label.size()) + 16;
    }
  }

  std::string& out_;
  const Chart& chart_;
  Range x_, y_;
};

}  // namespace

std::vector<double> ticks(double low, double high) {
  if (!std::isfinite(low) || !std::isfinite(high) || high <= low) return {};
  constexpr int most = 7;  // steps
  const double magnitude = std::pow(10, std::floor(std::log10((high - low) / most)));
  double step = 10 * magnitude;
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * magnitude * most >= high - low) {
      step = factor * magnitude;
      break;
    }
  std::vector<double> out;
  // Multiples of the step; adding it up would gather rounding errors.
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
    out.push_back(i * step + 0.0);  // -0 becomes 0
  return out;
}

std::string svg(const std::vector<Chart>& charts) {
  const double width = chart_width * static_cast<double>(charts.size());
  std::string out = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}")"
      R"( font-family="sans-serif" font-size="13" fill="{2}">)"
      "\n"
      R"(<rect width="{0}" height="{1}" fill="white"/>)"
      "\n",
      width, chart_height, ink);
  for (size_t i = 0; i < charts.size(); ++i) {
    out += fmt::format("<g transform=\"translate({} 0)\">\n", chart_width * static_cast<double>(i));
    Drawing(out, charts[i]).draw();
    out += "</g>\n";
  }
  return out + "</svg>\n";
}

}  // namespace digits
