#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "mica/logging/readable.h"
#include "mica/nn/drawing.h"
#include "mica/nn/drawing_layout.h"

namespace mica::nn {

namespace {

using detail::BoxText;
using detail::Line;
using detail::Rectangle;
using detail::Size;

// In pixels. Text is set in a monospaced font, so that its width is known without it.
constexpr double title_size = 12, small_size = 11;
constexpr double letter = 0.62;  // the width of a letter, of the font's size
constexpr double side = 10;      // beside text in a box
constexpr double one_line = 26, two_lines = 42, view_height = 18, heading_height = 26;
constexpr size_t longest_name = 48, longest_details = 72;

// Letters beyond ASCII may be wider than others.
double width_of(const std::string& text, double size) {
  const auto wide = std::count_if(text.begin(), text.end(),
                                  [](char c) { return static_cast<unsigned char>(c) >= 0xC0; });
  return letter * size * static_cast<double>(logging::columns_of(text) + static_cast<size_t>(wide));
}

const char* name_of(Drawing::Kind kind) {
  constexpr const char* names[] = {"end", "layer", "operation", "view", "end"};
  return names[static_cast<size_t>(kind)];
}

BoxText cut(BoxText text) {
  return {logging::shortened(text.title, longest_name), logging::shortened(text.path, longest_name),
          logging::shortened(text.details, longest_details)};
}

class SvgWriter {
 public:
  explicit SvgWriter(const Drawing& drawing) : drawing_(drawing) {
    for (const Drawing::Box& box : drawing.boxes)
      box_texts_.push_back(cut(detail::text_of(drawing, box)));
    for (const Drawing::Group& group : drawing.groups)
      group_texts_.push_back(cut(detail::text_of(drawing, group)));
  }

  std::string text() {
    std::vector<Size> boxes, headings;
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) boxes.push_back(box_size(i));
    for (const BoxText& words : group_texts_)
      headings.push_back({line_width(words, title_size) + 2 * side, heading_height});
    layout_ = detail::lay_out(drawing_, boxes, headings);

    add(R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}")"
        R"( viewBox="0 0 {0:.0f} {1:.0f}" font-family="ui-monospace, monospace")"
        R"( font-size="{2}">)"
        "\n{3}"
        R"(<rect width="{0:.0f}" height="{1:.0f}" class="paper"/>)"
        "\n",
        layout_.size.width, layout_.size.height, title_size, style());
    for (size_t i = 0; i < drawing_.groups.size(); ++i) add_frame(i);
    for (const Line& line : layout_.lines) add_line(line);
    for (size_t i = 0; i < drawing_.groups.size(); ++i) add_heading(i);
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) add_box(i);
    return out_ + "</svg>\n";
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  // "title path details" in one line.
  static double line_width(const BoxText& words, double title) {
    double width = width_of(words.title, title);
    for (const std::string* more : {&words.path, &words.details})
      if (!more->empty()) width += width_of("  " + *more, small_size);
    return width;
  }

  Size box_size(size_t i) const {
    const BoxText& words = box_texts_[i];
    switch (drawing_.boxes[i].kind) {
      case Drawing::Kind::layer:
        return {std::max(line_width({words.title, words.path, ""}, title_size),
                         width_of(words.details, small_size)) +
                    2 * side,
                two_lines};
      case Drawing::Kind::view:
        return {line_width(words, small_size), view_height};
      default:
        return {line_width(words, title_size) + 2 * side, one_line};
    }
  }

  void add_frame(size_t i) {
    const Rectangle& r = layout_.groups[i];
    int depth = 0;
    for (int g = drawing_.groups[i].parent; g >= 0;
         g = drawing_.groups[static_cast<size_t>(g)].parent)
      ++depth;
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="6" class="group g{}"/>)"
        "\n",
        r.x, r.y, r.width, r.height, depth % 2);
  }

  void add_line(const Line& l) {
    add(R"(<path d="M{:.1f} {:.1f})", l.x0, l.y0);
    if (l.bend0 > l.y0) add("V{:.1f}", l.bend0);
    if (std::abs(l.x0 - l.x1) < 0.5) {
      add("L{:.1f} {:.1f}", l.x1, l.bend1);
    } else {
      const double middle = (l.bend0 + l.bend1) / 2;
      add("C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", l.x0, middle, l.x1, middle, l.x1, l.bend1);
    }
    if (l.y1 > l.bend1) add("V{:.1f}", l.y1);
    add("\" class=\"line\"/>\n");
    if (l.to_box < 0 || drawing_.boxes[static_cast<size_t>(l.to_box)].kind == Drawing::Kind::view)
      return;
    add(R"(<path d="M{:.1f} {:.1f}l-3.5 -7h7z" class="arrow"/>)"
        "\n",
        l.x1, l.y1);
  }

  // One line of text from x on: the title, then what explains it.
  void add_words(double x, double y, const BoxText& words) {
    add(R"(<text x="{:.1f}" y="{:.1f}">)", x, y);
    const char* gap = "";
    const auto part = [&](const std::string& text, const char* css_class) {
      if (text.empty()) return;
      add(R"(<tspan class="{}">{}{}</tspan>)", css_class, gap, logging::xml_text(text));
      gap = "\u00a0 ";
    };
    part(words.title, "title");
    part(words.path, "path");
    part(words.details, "details");
    add("</text>\n");
  }

  void add_heading(size_t i) {
    const Rectangle& r = layout_.groups[i];
    const double line = heading_height - 4;
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="3" class="heading"/>)"
        "\n",
        r.x + 2, r.y + 2, r.width - 4, line);
    add_words(r.x + side, r.y + 17, group_texts_[i]);
  }

  void add_box(size_t i) {
    const Rectangle& r = layout_.boxes[i];
    const BoxText& words = box_texts_[i];
    const Drawing::Kind kind = drawing_.boxes[i].kind;
    const bool weighs = drawing_.boxes[i].parameters > 0;
    add(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="{}" class="{}{}"/>)"
        "\n",
        r.x, r.y, r.width, r.height, kind == Drawing::Kind::layer ? 4 : 13, name_of(kind),
        weighs ? " weighs" : "");
    switch (kind) {
      case Drawing::Kind::layer:
        add_words(r.x + side, r.y + 17, {words.title, words.path, ""});
        add_words(r.x + side, r.y + 33, {"", "", words.details});
        break;
      case Drawing::Kind::view:
        add_words(r.x, r.y + 13, {"", words.title, words.details});
        break;
      default:
        add_words(r.x + side, r.y + 17, words);
    }
  }

  static std::string style() {
    return "<style>.title{font-weight:600}.path,.details{font-size:11px}"
           ".line{fill:none;stroke-width:1.3}rect{stroke-width:1}\n"
           "text,.title{fill:#1f2328}.path{fill:#57606a}.details{fill:#3d444d}"
           ".paper{fill:#ffffff}.view{fill:none}.line{stroke:#6e7781}.arrow{fill:#6e7781}"
           ".group{stroke:#c3c9d0}.g0{fill:#f6f8fa}.g1{fill:#ffffff}.heading{fill:#e8ecf0}"
           ".layer{fill:#ffffff;stroke:#8c959f}.layer.weighs{fill:#dbeafe;stroke:#5b8def}"
           ".operation{fill:#fdf3d8;stroke:#c69a26}.end{fill:#dcf5e3;stroke:#4ba36a}\n"
           "@media (prefers-color-scheme:dark){text,.title{fill:#e6edf3}.path{fill:#9aa4b2}"
           ".details{fill:#c0c8d2}.paper{fill:#0d1117}.line{stroke:#8b949e}"
           ".arrow{fill:#8b949e}.group{stroke:#3d444d}.g0{fill:#161b22}.g1{fill:#0d1117}"
           ".heading{fill:#262c36}.layer{fill:#0d1117;stroke:#6e7681}"
           ".layer.weighs{fill:#14315c;stroke:#4c8ae8}.operation{fill:#3a2f10;stroke:#a98a2c}"
           ".end{fill:#123a22;stroke:#3f9a5f}}</style>\n";
  }

  const Drawing& drawing_;
  std::vector<BoxText> box_texts_, group_texts_;
  detail::Layout layout_;
  std::string out_;
};

}  // namespace

std::string Drawing::svg() const { return SvgWriter(*this).text(); }

}  // namespace mica::nn
