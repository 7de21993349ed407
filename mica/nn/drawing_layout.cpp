#include "mica/nn/drawing_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

namespace mica::nn::detail {

namespace {

constexpr double space = 22;          // between boxes side by side
constexpr double line_room = 14;      // that a passing line takes
constexpr double padding = 16;        // inside a group, beside and below its contents
constexpr double rank_gap = 26;       // between boxes one below the other
constexpr double most_rank_gap = 60;  // where lines go far to the side
constexpr double entry_gap = 16;      // from a group's border to its first and last boxes
constexpr double arrow_space = 16;    // between arrows that end at one box
constexpr int ordering_sweeps = 12, placing_sweeps = 6, straightening_sweeps = 3;

size_t at(int index) { return static_cast<size_t>(index); }

// The contents of a group, seen from its upper left corner.
struct Level {
  Size size;
  std::map<int, double> entries, exits;  // x where the value of a box outside or inside passes
  std::vector<std::pair<int, Rectangle>> boxes, groups;
  std::vector<Line> lines;
};

struct Vertex {
  enum class Kind { box, group, entry, exit, bend };
  Kind kind;
  int index;  // of the box or group; for the others the box whose value passes
  double width = line_room, height = 0;
  int rank = 0;
  double x = 0;    // its middle
  int start = -1;  // of a bend: the vertex that its link comes from
};

struct Link {
  int from, to, value;  // vertices; the box that made the value
};

// Places x of least weighted squared distance to what is wished, in order and with distances of at
// least gaps[i] between i and i + 1: neighbours that would collide move as one.
std::vector<double> spread(const std::vector<double>& wished, const std::vector<double>& weights,
                           const std::vector<double>& gaps) {
  struct Run {
    double sum, weight;  // of what its members wish its first one's place to be
    size_t first;
    double place() const { return sum / weight; }
  };
  std::vector<double> offsets(wished.size(), 0);
  for (size_t i = 1; i < wished.size(); ++i) offsets[i] = offsets[i - 1] + gaps[i - 1];
  std::vector<Run> runs;
  for (size_t i = 0; i < wished.size(); ++i) {
    runs.push_back({weights[i] * (wished[i] - offsets[i]), weights[i], i});
    while (runs.size() > 1 && runs[runs.size() - 2].place() > runs.back().place()) {
      const Run last = runs.back();
      runs.pop_back();
      runs.back().sum += last.sum;
      runs.back().weight += last.weight;
    }
  }
  std::vector<double> places(wished.size());
  for (size_t r = 0; r < runs.size(); ++r) {
    const size_t end = r + 1 < runs.size() ? runs[r + 1].first : wished.size();
    for (size_t i = runs[r].first; i < end; ++i) places[i] = runs[r].place() + offsets[i];
  }
  return places;
}

class LevelMaker {
 public:
  LevelMaker(const Drawing& drawing, int group, const std::vector<Size>& boxes,
             const std::vector<Level>& levels, Size heading)
      : drawing_(drawing), group_(group), sizes_(boxes), levels_(levels), heading_(heading) {}

  Level make() {
    add_vertices();
    rank();
    split_links();
    order();
    place();
    return finish();
  }

 private:
  int add(Vertex vertex) {
    vertices_.push_back(vertex);
    return static_cast<int>(vertices_.size()) - 1;
  }

  // The vertex of this level that holds a box, made where it is new; -1 where the box is outside.
  int vertex_of(int box) {
    int inner = -1, outer = drawing_.boxes[at(box)].group;
    while (outer != group_ && outer >= 0) {
      inner = outer;
      outer = drawing_.groups[at(outer)].parent;
    }
    if (outer != group_) return -1;
    const auto key =
        inner < 0 ? std::pair(Vertex::Kind::box, box) : std::pair(Vertex::Kind::group, inner);
    const auto [known, is_new] = known_.emplace(key, static_cast<int>(vertices_.size()));
    if (is_new) {
      const Size size = inner < 0 ? sizes_[at(box)] : levels_[at(inner)].size;
      add({key.first, key.second, size.width, size.height});
    }
    return known->second;
  }

  void add_vertices() {
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) vertex_of(static_cast<int>(i));
    std::map<std::pair<Vertex::Kind, int>, int> passages;
    const auto passage = [&](Vertex::Kind kind, int value) {
      const auto [known, is_new] =
          passages.emplace(std::pair(kind, value), static_cast<int>(vertices_.size()));
      if (is_new) add({kind, value});
      return known->second;
    };
    for (const Drawing::Edge& edge : drawing_.edges) {
      int from = vertex_of(edge.from), to = vertex_of(edge.to);
      if (from == to) continue;  // both outside, or inside one group
      if (from < 0) from = passage(Vertex::Kind::entry, edge.from);
      if (to < 0) to = passage(Vertex::Kind::exit, edge.from);
      const bool known = std::any_of(links_.begin(), links_.end(), [&](const Link& link) {
        return link.from == from && link.to == to && link.value == edge.from;
      });
      if (!known) links_.push_back({from, to, edge.from});
    }
  }

  // The longest way to each vertex; what is read by others only goes next to the first of them.
  void rank() {
    const size_t count = vertices_.size();
    std::vector<int> unread(count);
    for (const Link& link : links_) ++unread[at(link.to)];
    std::vector<bool> done(count);
    std::vector<int> sequence;
    while (sequence.size() < count) {
      // Guessed groups may read each other; one of them then comes first all the same.
      size_t next = count;
      for (size_t v = 0; v < count; ++v)
        if (!done[v] && (next == count || (unread[v] == 0 && unread[next] > 0))) next = v;
      done[next] = true;
      sequence.push_back(static_cast<int>(next));
      for (const Link& link : links_)
        if (link.from == sequence.back()) --unread[at(link.to)];
    }
    std::vector<size_t> place(count);
    for (size_t i = 0; i < count; ++i) place[at(sequence[i])] = i;
    std::erase_if(links_,
                  [&](const Link& link) { return place[at(link.from)] > place[at(link.to)]; });
    bool has_entries = false;
    for (const Vertex& vertex : vertices_) has_entries |= vertex.kind == Vertex::Kind::entry;
    for (const int v : sequence) {
      int& own = vertices_[at(v)].rank;
      own = has_entries && vertices_[at(v)].kind != Vertex::Kind::entry ? 1 : 0;
      for (const Link& link : links_)
        if (link.to == v) own = std::max(own, vertices_[at(link.from)].rank + 1);
      ranks_ = std::max(ranks_, own + 1);
    }
    for (auto v = sequence.rbegin(); v != sequence.rend(); ++v) {
      Vertex& vertex = vertices_[at(*v)];
      if (vertex.kind == Vertex::Kind::entry) continue;
      if (vertex.kind == Vertex::Kind::exit) {
        vertex.rank = ranks_ - 1;
        continue;
      }
      bool reads = false;
      int first_reader = std::numeric_limits<int>::max();
      for (const Link& link : links_) {
        reads |= link.to == *v;
        if (link.from == *v) first_reader = std::min(first_reader, vertices_[at(link.to)].rank);
      }
      if (!reads && first_reader <= ranks_) vertex.rank = first_reader - 1;
    }
  }

  // Links over several ranks get bends; those of one value share them.
  void split_links() {
    std::map<std::tuple<int, int, int>, int> bends;  // vertex, value, rank
    std::vector<Link> short_links;
    for (const Link& link : links_) {
      int from = link.from;
      for (int rank = vertices_[at(link.from)].rank + 1; rank < vertices_[at(link.to)].rank;
           ++rank) {
        const auto [bend, is_new] = bends.emplace(std::tuple(link.from, link.value, rank),
                                                  static_cast<int>(vertices_.size()));
        if (is_new) {
          Vertex vertex{Vertex::Kind::bend, link.value};
          vertex.rank = rank;
          vertex.start = link.from;
          add(vertex);
          short_links.push_back({from, bend->second, link.value});
        }
        from = bend->second;
      }
      short_links.push_back({from, link.to, link.value});
    }
    links_ = std::move(short_links);
  }

  // Where a link touches a vertex, from its middle.
  double offset(int v, int value, bool enters) const {
    const Vertex& vertex = vertices_[at(v)];
    if (vertex.kind != Vertex::Kind::group) return 0;
    const Level& level = levels_[at(vertex.index)];
    const auto& passages = enters ? level.entries : level.exits;
    const auto found = passages.find(value);
    return found == passages.end() ? 0 : found->second - vertex.width / 2;
  }

  size_t crossings() const {
    std::vector<double> place(vertices_.size());
    for (const auto& rank : order_)
      for (size_t i = 0; i < rank.size(); ++i) place[at(rank[i])] = static_cast<double>(i);
    const auto end = [&](const Link& link, bool lower) {
      const int v = lower ? link.to : link.from;
      return place[at(v)] + offset(v, link.value, lower) / (vertices_[at(v)].width + 1);
    };
    size_t crossings = 0;
    for (size_t i = 0; i < links_.size(); ++i)
      for (size_t j = i + 1; j < links_.size(); ++j) {
        if (vertices_[at(links_[i].from)].rank != vertices_[at(links_[j].from)].rank) continue;
        const double above = end(links_[i], false) - end(links_[j], false);
        const double below = end(links_[i], true) - end(links_[j], true);
        crossings += above * below < 0;
      }
    return crossings;
  }

  // Vertices of a rank in the order of the mean place of their neighbours above, then below, ...
  void order() {
    order_.assign(at(ranks_), {});
    for (size_t v = 0; v < vertices_.size(); ++v)
      order_[at(vertices_[v].rank)].push_back(static_cast<int>(v));
    auto best = order_;
    size_t fewest = crossings();
    for (int sweep = 0; sweep < ordering_sweeps && fewest > 0; ++sweep) {
      const bool down = sweep % 2 == 0;
      for (int step = 1; step < ranks_; ++step) {
        const int rank = down ? step : ranks_ - 1 - step;
        const auto& fixed = order_[at(down ? rank - 1 : rank + 1)];
        std::vector<double> place(vertices_.size());
        for (size_t i = 0; i < fixed.size(); ++i) place[at(fixed[i])] = static_cast<double>(i);
        std::vector<double> mean(vertices_.size());
        for (size_t i = 0; i < order_[at(rank)].size(); ++i) {
          const int v = order_[at(rank)][i];
          double sum = 0, count = 0;
          for (const Link& link : links_) {
            if ((down ? link.to : link.from) != v) continue;
            const int other = down ? link.from : link.to;
            sum += place[at(other)] +
                   offset(other, link.value, !down) / (vertices_[at(other)].width + 1);
            ++count;
          }
          mean[at(v)] = count > 0 ? sum / count : static_cast<double>(i);
        }
        std::stable_sort(order_[at(rank)].begin(), order_[at(rank)].end(),
                         [&](int a, int b) { return mean[at(a)] < mean[at(b)]; });
      }
      const size_t now = crossings();
      if (now < fewest) {
        fewest = now;
        best = order_;
      }
    }
    order_ = std::move(best);
  }

  bool is_bend(int v) const { return vertices_[at(v)].kind == Vertex::Kind::bend; }

  // Side by side first; then each rank below the one above and, going back, above the one below, so
  // that chains are straight; at last long links.
  void place() {
    for (const auto& rank : order_) {
      double x = 0;
      for (const int v : rank) {
        vertices_[at(v)].x = x + vertices_[at(v)].width / 2;
        x += vertices_[at(v)].width + space;
      }
      for (const int v : rank) vertices_[at(v)].x -= x / 2;
    }
    for (int sweep = 0; sweep < placing_sweeps; ++sweep) {
      for (int r = ranks_ - 1; r >= 0; --r) align(order_[at(r)], false);
      for (int r = 0; r < ranks_; ++r) align(order_[at(r)], true);
    }
    for (int sweep = 0; sweep < straightening_sweeps; ++sweep) straighten();
  }

  // Moves a rank's vertices to the middle of their neighbours above or below, as far as there is
  // room. Long links follow boxes, and these follow boxes only where they have such neighbours.
  void align(const std::vector<int>& rank, bool below) {
    std::vector<double> wished;
    for (const int v : rank) {
      double sum = 0, count = 0, bend_sum = 0, bend_count = 0;
      for (const Link& link : links_) {
        if ((below ? link.to : link.from) != v) continue;
        const int other = below ? link.from : link.to;
        const double x = vertices_[at(other)].x + offset(other, link.value, !below) -
                         offset(v, link.value, below);
        (is_bend(other) ? bend_sum : sum) += x;
        ++(is_bend(other) ? bend_count : count);
      }
      const double own = vertices_[at(v)].x;
      wished.push_back(count > 0 ? sum / count : bend_count > 0 ? bend_sum / bend_count : own);
    }
    std::vector<double> weights;
    for (const int v : rank) weights.push_back(is_bend(v) ? 1e-6 : 1);
    move(rank, wished, weights);
  }

  void move(const std::vector<int>& rank, const std::vector<double>& wished,
            const std::vector<double>& weights) {
    std::vector<double> gaps;
    for (size_t i = 1; i < rank.size(); ++i) {
      const Vertex &a = vertices_[at(rank[i - 1])], &b = vertices_[at(rank[i])];
      const bool both_lines = a.height == 0 && b.height == 0;
      gaps.push_back((a.width + b.width) / 2 + (both_lines ? 0 : space));
    }
    const std::vector<double> places = spread(wished, weights, gaps);
    for (size_t i = 0; i < rank.size(); ++i) vertices_[at(rank[i])].x = places[i];
  }

  // Moves all bends of a long link to the outermost, seen from the boxes beside them.
  void straighten() {
    std::vector<double> target(vertices_.size()), outside(vertices_.size());
    for (const auto& rank : order_) {
      double middle = 0, boxes = 0;
      for (const int v : rank) {
        if (is_bend(v)) continue;
        middle += vertices_[at(v)].x;
        ++boxes;
      }
      for (const int v : rank)
        outside[at(v)] = boxes == 0 ? 0 : vertices_[at(v)].x - middle / boxes;
    }
    std::map<std::pair<int, int>, std::vector<int>> long_links;
    for (size_t v = 0; v < vertices_.size(); ++v)
      if (is_bend(static_cast<int>(v)))
        long_links[{vertices_[v].index, vertices_[v].start}].push_back(static_cast<int>(v));
    for (const auto& [key, bends] : long_links) {
      double side = 0, low = vertices_[at(bends[0])].x, high = low;
      for (const int v : bends) {
        side += outside[at(v)];
        low = std::min(low, vertices_[at(v)].x);
        high = std::max(high, vertices_[at(v)].x);
      }
      for (const int v : bends) target[at(v)] = side < 0 ? low : high;
    }
    for (const auto& rank : order_) {
      std::vector<double> wished, weights;
      for (const int v : rank) {
        wished.push_back(is_bend(v) ? target[at(v)] : vertices_[at(v)].x);
        weights.push_back(is_bend(v) ? 1 : 100);
      }
      move(rank, wished, weights);
    }
  }

  // Arrows that end at one box are side by side, in the order of where they come from: one that
  // comes straight down in the middle.
  double arrow_offset(const Link& link) const {
    const Vertex& to = vertices_[at(link.to)];
    if (to.kind != Vertex::Kind::box) return offset(link.to, link.value, true);
    std::vector<std::pair<double, int>> from;
    for (const Link& other : links_)
      if (other.to == link.to)
        from.emplace_back(vertices_[at(other.from)].x + offset(other.from, other.value, false),
                          other.value);
    std::sort(from.begin(), from.end());
    double middle = (static_cast<double>(from.size()) - 1) / 2, own = 0;
    for (size_t i = 0; i < from.size(); ++i) {
      if (std::abs(from[i].first - to.x) < 1) middle = static_cast<double>(i);
      if (from[i].second == link.value) own = static_cast<double>(i);
    }
    const double step =
        std::min(arrow_space, (to.width - arrow_space) / 2 / static_cast<double>(from.size()));
    return step * (own - middle);
  }

  Level finish() {
    double left = 0, right = 0;
    if (!vertices_.empty()) left = std::numeric_limits<double>::max(), right = -left;
    for (const Vertex& vertex : vertices_) {
      left = std::min(left, vertex.x - vertex.width / 2);
      right = std::max(right, vertex.x + vertex.width / 2);
    }
    Level level;
    level.size.width = std::max(right - left + 2 * padding, heading_.width);
    const double shift = (level.size.width - right - left) / 2;
    for (Vertex& vertex : vertices_) vertex.x += shift;

    const bool has_exits = std::any_of(vertices_.begin(), vertices_.end(), [](const Vertex& v) {
      return v.kind == Vertex::Kind::exit;
    });
    std::vector<double> top(at(ranks_)), bottom(at(ranks_));
    double y = heading_.height;
    for (int r = 0; r < ranks_; ++r) {
      double height = 0;
      for (const int v : order_[at(r)]) height = std::max(height, vertices_[at(v)].height);
      top[at(r)] = y;
      bottom[at(r)] = y + height;
      double reach = 0;
      for (const Link& link : links_)
        if (vertices_[at(link.from)].rank == r)
          reach = std::max(reach, std::abs(vertices_[at(link.from)].x - vertices_[at(link.to)].x));
      const bool at_border = height == 0 || (has_exits && r == ranks_ - 2);
      y = bottom[at(r)] + (at_border ? entry_gap : rank_gap) +
          std::min(reach / 10, most_rank_gap - rank_gap);
    }
    level.size.height = ranks_ == 0 ? heading_.height + padding
                        : has_exits ? bottom.back()
                                    : bottom.back() + padding;

    for (const Vertex& vertex : vertices_) {
      const double space_above =
          (bottom[at(vertex.rank)] - top[at(vertex.rank)] - vertex.height) / 2;
      const Rectangle place{vertex.x - vertex.width / 2, top[at(vertex.rank)] + space_above,
                            vertex.width, vertex.height};
      switch (vertex.kind) {
        case Vertex::Kind::box:
          level.boxes.emplace_back(vertex.index, place);
          break;
        case Vertex::Kind::group:
          add_group(level, vertex.index, place);
          break;
        case Vertex::Kind::entry:
          level.entries[vertex.index] = vertex.x;
          if (heading_.height > 0)
            level.lines.push_back({vertex.x, 0, 0, vertex.x, heading_.height, heading_.height});
          break;
        case Vertex::Kind::exit:
          level.exits[vertex.index] = vertex.x;
          break;
        case Vertex::Kind::bend:
          if (top[at(vertex.rank)] < bottom[at(vertex.rank)])
            level.lines.push_back({vertex.x, top[at(vertex.rank)], top[at(vertex.rank)], vertex.x,
                                   bottom[at(vertex.rank)], bottom[at(vertex.rank)]});
          break;
      }
    }
    for (const Link& link : links_) {
      const Vertex &from = vertices_[at(link.from)], &to = vertices_[at(link.to)];
      const auto edge_of = [&](const Vertex& v, bool upper) {
        const double rank_top = top[at(v.rank)], rank_bottom = bottom[at(v.rank)];
        if (v.kind == Vertex::Kind::bend) return upper ? rank_top : rank_bottom;
        const double space_above = (rank_bottom - rank_top - v.height) / 2;
        return upper ? rank_top + space_above : rank_bottom - space_above;
      };
      level.lines.push_back({from.x + offset(link.from, link.value, false), edge_of(from, false),
                             bottom[at(from.rank)], to.x + arrow_offset(link), top[at(to.rank)],
                             edge_of(to, true), to.kind == Vertex::Kind::box ? to.index : -1});
    }
    return level;
  }

  void add_group(Level& level, int group, const Rectangle& place) const {
    const Level& inner = levels_[at(group)];
    const auto moved = [&](Rectangle r) {
      r.x += place.x;
      r.y += place.y;
      return r;
    };
    level.groups.emplace_back(group, place);
    for (const auto& [index, r] : inner.groups) level.groups.emplace_back(index, moved(r));
    for (const auto& [index, r] : inner.boxes) level.boxes.emplace_back(index, moved(r));
    for (const Line& line : inner.lines)
      level.lines.push_back({line.x0 + place.x, line.y0 + place.y, line.bend0 + place.y,
                             line.x1 + place.x, line.bend1 + place.y, line.y1 + place.y,
                             line.to_box});
  }

  const Drawing& drawing_;
  const int group_;  // -1 for what is in no group
  const std::vector<Size>& sizes_;
  const std::vector<Level>& levels_;  // those of the groups inside are made
  const Size heading_;
  std::vector<Vertex> vertices_;
  std::vector<Link> links_;
  std::map<std::pair<Vertex::Kind, int>, int> known_;
  std::vector<std::vector<int>> order_;  // vertices of each rank, from left to right
  int ranks_ = 0;
};

}  // namespace

Layout lay_out(const Drawing& drawing, const std::vector<Size>& boxes,
               const std::vector<Size>& headings) {
  std::vector<Level> levels(drawing.groups.size());
  for (size_t g = levels.size(); g-- > 0;)
    levels[g] = LevelMaker(drawing, static_cast<int>(g), boxes, levels, headings[g]).make();
  const Level all = LevelMaker(drawing, -1, boxes, levels, {0, padding}).make();
  Layout layout{all.size, std::vector<Rectangle>(boxes.size()),
                std::vector<Rectangle>(levels.size()), all.lines};
  for (const auto& [index, place] : all.boxes) layout.boxes[at(index)] = place;
  for (const auto& [index, place] : all.groups) layout.groups[at(index)] = place;
  return layout;
}

}  // namespace mica::nn::detail
