#include "mica/nn/drawing.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "mica/io/file.h"
#include "mica/logging/readable.h"
#include "mica/nn/drawing_layout.h"
#include "mica/ops/checks.h"

namespace mica::nn {

namespace {

size_t at(int index) { return static_cast<size_t>(index); }

// Between double quotes, where \n ends a line. DOT has no escapes for what XML can't hold either.
std::string dot_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) {
    if (line.empty()) continue;
    out += (out.empty() ? "" : "\\n") + dot_text(line);
  }
  return out;
}

std::string_view dot_style(Drawing::Kind kind) {
  switch (kind) {
    case Drawing::Kind::layer:
      return "shape=box, style=filled, fillcolor=\"#dbe9f9\"";
    case Drawing::Kind::operation:
      return "shape=box, style=rounded";
    case Drawing::Kind::view:
      return "shape=plaintext";
    default:
      return "shape=ellipse";
  }
}

class DotWriter {
 public:
  explicit DotWriter(const Drawing& drawing) : drawing_(drawing) {}

  std::string text() {
    out_ =
        "digraph {\n"
        "  node [fontname=\"sans-serif\", fontsize=11]\n"
        "  edge [fontname=\"sans-serif\", fontsize=9]\n"
        "  graph [fontname=\"sans-serif\", fontsize=11]\n";
    add_contents(-1, "  ");
    for (const Drawing::Edge& edge : drawing_.edges)
      out_ += fmt::format("  n{} -> n{} [label=\"{}\"]\n", edge.from, edge.to,
                          dot_text(to_string(edge.shape)));
    return out_ + "}\n";
  }

 private:
  void add_contents(int group, const std::string& indent) {
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) {
      const Drawing::Box& box = drawing_.boxes[i];
      if (box.group != group) continue;
      const detail::BoxText words = detail::text_of(drawing_, box);
      out_ += fmt::format("{}n{} [{}, label=\"{}\"]\n", indent, i, dot_style(box.kind),
                          joined({words.title, words.path, words.details}));
    }
    for (size_t i = 0; i < drawing_.groups.size(); ++i) {
      if (drawing_.groups[i].parent != group) continue;
      const detail::BoxText words = detail::text_of(drawing_, drawing_.groups[i]);
      out_ += fmt::format("{}subgraph cluster_{} {{\n{}  label=\"{}\"\n", indent, i, indent,
                          joined({words.title, words.path, words.details}));
      add_contents(static_cast<int>(i), indent + "  ");
      out_ += indent + "}\n";
    }
  }

  const Drawing& drawing_;
  std::string out_;
};

// Puts boxes before those that read them, else in the order they have.
void sort_boxes(Drawing& drawing) {
  std::vector<int> unread(drawing.boxes.size());  // edges that end there and are not drawn yet
  for (const Drawing::Edge& edge : drawing.edges) ++unread[at(edge.to)];
  std::set<int> ready;
  for (size_t i = 0; i < unread.size(); ++i)
    if (unread[i] == 0) ready.insert(static_cast<int>(i));
  std::vector<int> order;
  while (!ready.empty()) {
    order.push_back(*ready.begin());
    ready.erase(ready.begin());
    for (const Drawing::Edge& edge : drawing.edges)
      if (edge.from == order.back() && --unread[at(edge.to)] == 0) ready.insert(edge.to);
  }
  std::vector<int> place(unread.size());
  std::vector<Drawing::Box> boxes;
  for (const int i : order) {
    place[at(i)] = static_cast<int>(boxes.size());
    boxes.push_back(std::move(drawing.boxes[at(i)]));
  }
  drawing.boxes = std::move(boxes);
  for (Drawing::Edge& edge : drawing.edges)
    edge = {place[at(edge.from)], place[at(edge.to)], std::move(edge.shape)};
}

}  // namespace

namespace detail {

namespace {

// Inside a group, its path goes without saying.
std::string path_within(const Drawing& drawing, int group, const std::string& path) {
  if (group < 0) return path;
  const std::string above = drawing.groups[at(group)].path + ".";
  return path.starts_with(above) ? path.substr(above.size()) : path;
}

std::string parameters_text(size_t parameters) {
  if (parameters == 0) return "";
  return logging::readable_count(static_cast<double>(parameters)) +
         (parameters == 1 ? " parameter" : " parameters");
}

}  // namespace

BoxText text_of(const Drawing& drawing, const Drawing::Box& box) {
  std::string details;
  for (const Shape& shape : box.outputs) details += (details.empty() ? "" : " ") + to_string(shape);
  const std::string parameters = parameters_text(box.parameters);
  if (!parameters.empty()) details += " · " + parameters;
  return {box.title, path_within(drawing, box.group, box.path), details};
}

BoxText text_of(const Drawing& drawing, const Drawing::Group& group) {
  return {group.type, path_within(drawing, group.parent, group.path),
          parameters_text(group.parameters)};
}

}  // namespace detail

Drawing Drawing::collapsed(int depth) const {
  if (depth < 1)
    throw std::invalid_argument(
        fmt::format("Drawing::collapsed: expected a depth of at least 1, got {}", depth));
  // Of each group: the one that is `depth` below the model and holds it, or -1.
  std::vector<int> depths(groups.size()), collapsed_to(groups.size(), -1);
  for (size_t g = 0; g < groups.size(); ++g) {
    const int parent = groups[g].parent;
    depths[g] = parent < 0 ? 0 : depths[at(parent)] + 1;
    if (depths[g] == depth) collapsed_to[g] = static_cast<int>(g);
    if (depths[g] > depth) collapsed_to[g] = collapsed_to[at(parent)];
  }
  Drawing result;
  std::vector<int> new_group(groups.size(), -1);
  for (size_t g = 0; g < groups.size(); ++g) {
    if (depths[g] >= depth) continue;
    new_group[g] = static_cast<int>(result.groups.size());
    result.groups.push_back(groups[g]);
    int& parent = result.groups.back().parent;
    if (parent >= 0) parent = new_group[at(parent)];
  }
  const auto collapsed_group = [&](const Box& box) {
    return box.group < 0 ? -1 : collapsed_to[at(box.group)];
  };
  std::vector<int> group_box(groups.size(), -1), new_box(boxes.size(), -1);
  for (size_t i = 0; i < boxes.size(); ++i) {
    const int g = collapsed_group(boxes[i]);
    if (g >= 0 && group_box[at(g)] >= 0) {
      new_box[i] = group_box[at(g)];
      continue;
    }
    new_box[i] = static_cast<int>(result.boxes.size());
    result.boxes.push_back(boxes[i]);
    Box& box = result.boxes.back();
    if (g >= 0) {
      group_box[at(g)] = new_box[i];
      const Group& group = groups[at(g)];
      box = {Kind::layer, group.type, group.path, {}, group.parameters, group.parent};
    }
    if (box.group >= 0) box.group = new_group[at(box.group)];
  }
  std::vector<bool> counted(boxes.size());  // boxes whose results leave their group
  for (const Edge& edge : edges) {
    const Edge moved{new_box[at(edge.from)], new_box[at(edge.to)], edge.shape};
    if (moved.from == moved.to) continue;
    const bool known = std::any_of(result.edges.begin(), result.edges.end(), [&](const Edge& e) {
      return e.from == moved.from && e.to == moved.to;
    });
    if (!known) result.edges.push_back(moved);
    if (collapsed_group(boxes[at(edge.from)]) < 0 || counted[at(edge.from)]) continue;
    counted[at(edge.from)] = true;
    std::vector<Shape>& outputs = result.boxes[at(moved.from)].outputs;
    const std::vector<Shape>& leaving = boxes[at(edge.from)].outputs;
    outputs.insert(outputs.end(), leaving.begin(), leaving.end());
  }
  sort_boxes(result);
  return result;
}

std::string Drawing::dot() const { return DotWriter(*this).text(); }

void Drawing::save(const std::string& file) const {
  std::string text;
  if (file.ends_with(".dot") || file.ends_with(".gv")) {
    text = dot();
  } else if (file.ends_with(".svg")) {
    text = svg();
  } else {
    throw std::invalid_argument(fmt::format(
        "Drawing::save: expected a name that ends in .dot, .gv or .svg, got '{}'", file));
  }
  io::ReplacingFile output("Drawing::save", file);
  output.write(text.data(), text.size());
  output.commit();
}

}  // namespace mica::nn
