// From the trace of a call to the boxes, groups and edges of its drawing.
#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "mica/nn/drawing.h"
#include "mica/nn/drawing_names.h"
#include "mica/nn/drawing_trace.h"
#include "mica/nn/value_and_grad.h"
#include "mica/nn/walk.h"
#include "mica/transforms/random_state.h"

namespace mica::nn::detail {

namespace {

using engine::Node;

size_t at(int index) { return static_cast<size_t>(index); }

// The modules that calls are grouped by: those that were seen called, and those that were not but
// hold some that were, around calls that follow each other.
class Groups {
 public:
  explicit Groups(const CallTrace& trace) : trace_(trace) {
    const int count = static_cast<int>(trace.calls().size());
    of_call_.assign(at(count), -1);
    around_.assign(at(count), -1);
    std::vector<std::vector<int>> inside(at(count));
    for (int call = count - 1; call >= 0; --call) {
      const int parent = trace.calls()[at(call)].parent;
      if (parent >= 0)
        inside[at(parent)].insert(inside[at(parent)].begin(), call);
      else
        add_call(call, -1);
    }
    for (int call = count - 1; call >= 0; --call) add_calls_inside(call, inside[at(call)]);
  }

  // The group that a call is, and the one that it is in.
  int of_call(int call) const { return of_call_[at(call)]; }
  int around(int call) const { return around_[at(call)]; }
  // Whether the group's own calls were not seen, so that operations may be missing in it.
  bool is_guessed(int group) const { return guessed_[at(group)]; }
  std::vector<Drawing::Group> groups;

 private:
  int add_group(int module, int parent, bool guessed) {
    const CallTrace::ModuleInfo& info = trace_.modules()[at(module)];
    groups.push_back({info.type, info.path, info.parameters, parent});
    guessed_.push_back(guessed);
    return static_cast<int>(groups.size()) - 1;
  }
  void add_call(int call, int group) {
    around_[at(call)] = group;
    const CallTrace::Call& seen = trace_.calls()[at(call)];
    if (!seen.leaf) of_call_[at(call)] = add_group(seen.module, group, false);
  }
  // The modules between two, outermost first; none where the module is not in its first place.
  std::vector<int> between(int module, int outer) const {
    std::vector<int> chain;
    while (true) {
      const auto& parents = trace_.modules()[at(module)].parents;
      if (parents.empty()) return {};
      module = parents[0];
      if (module == outer) break;
      chain.insert(chain.begin(), module);
    }
    return chain;
  }
  void add_calls_inside(int outer, const std::vector<int>& calls) {
    struct Guess {
      int module, group;
      std::set<int> called;  // a second call of one of these is that of another call of the module
    };
    std::vector<Guess> open;
    for (const int call : calls) {
      const int module = trace_.calls()[at(call)].module;
      const std::vector<int> chain = between(module, trace_.calls()[at(outer)].module);
      size_t same = 0;
      while (same < chain.size() && same < open.size() && open[same].module == chain[same] &&
             !open[same].called.contains(module))
        ++same;
      open.resize(same);
      for (size_t i = same; i < chain.size(); ++i) {
        const int parent = open.empty() ? of_call(outer) : open.back().group;
        open.push_back({chain[i], add_group(chain[i], parent, true), {}});
      }
      for (Guess& guess : open) guess.called.insert(module);
      add_call(call, open.empty() ? of_call(outer) : open.back().group);
    }
  }

  const CallTrace& trace_;
  std::vector<int> of_call_, around_;
  std::vector<bool> guessed_;
};

// The inputs, the calls of layers and the operations between them, which are put together to boxes:
// an operation is named, and so ends a box, where something else than one further operation reads
// it, or where it reads more than one named value.
class Builder {
 public:
  Builder(const CallTrace& trace, const std::vector<array>& inputs,
          const std::vector<array>& outputs)
      : trace_(trace), outputs_(outputs), groups_(trace) {
    for (const array& input : inputs) add_element({&input.node(), input, -1});
    inputs_ = elements_.size();
    find_elements();
    name_boundaries();
    do {
      do {
        changed_ = false;
        follow_sources();
      } while (changed_);
      name_functions();
      name_views();
      name_shared();
    } while (changed_);
  }

  Drawing drawing() {
    drawing_.groups = groups_.groups;
    for (size_t e = 0; e < inputs_; ++e) add_input(static_cast<int>(e));
    for (const int e : order_)
      if (elements_[at(e)].named && at(e) >= inputs_) add_box(e);
    for (const array& output : outputs_) add_output(output);
    return std::move(drawing_);
  }

 private:
  struct Element {
    const Node* node = nullptr;  // of an input or an operation
    std::optional<array> value;  // of an input
    int call = -1;               // of a layer
    std::vector<array> reads = {};
    bool named = false;
    int source = -1;  // the named element that an unnamed one is a function of
    int box = -1;
    std::string function = "";

    bool is_operation() const { return call < 0 && !value; }
  };

  int add_element(Element element) {
    element.named = !element.is_operation();
    if (element.node) by_node_.emplace(element.node, static_cast<int>(elements_.size()));
    elements_.push_back(std::move(element));
    return static_cast<int>(elements_.size()) - 1;
  }

  // The element that made an array, -1 where no input has a part in it.
  int element_of(const array& a) {
    const Node* node = &a.node();
    if (const auto known = by_node_.find(node); known != by_node_.end()) return known->second;
    const int owner = trace_.owner(node);
    if (owner < 0) return -1;
    if (!trace_.calls()[at(owner)].leaf) {
      const auto reads = node->inputs();
      return add_element({node, std::nullopt, -1, {reads.begin(), reads.end()}});
    }
    const auto [known, is_new] = by_call_.emplace(owner, static_cast<int>(elements_.size()));
    if (is_new) add_element({nullptr, std::nullopt, owner, trace_.calls()[at(owner)].inputs});
    by_node_.emplace(node, known->second);
    return known->second;
  }

  std::vector<int> elements_read(int e) {
    std::vector<int> read;
    const std::vector<array> reads = elements_[at(e)].reads;
    for (const array& a : reads)
      if (const int from = element_of(a); from >= 0 && from != e) read.push_back(from);
    return read;
  }

  // All that the outputs need, what is read before what reads it.
  void find_elements() {
    struct Visit {
      int element;
      std::vector<int> read;
      size_t next = 0;
    };
    std::vector<Visit> path;
    std::unordered_set<int> seen;
    const auto enter = [&](int e) {
      if (e >= 0 && seen.insert(e).second) path.push_back({e, elements_read(e)});
    };
    for (const array& output : outputs_) {
      enter(element_of(output));
      while (!path.empty()) {
        Visit& top = path.back();
        if (top.next < top.read.size()) {
          enter(top.read[top.next++]);
        } else {
          order_.push_back(top.element);
          path.pop_back();
        }
      }
    }
  }

  void name(int e) {
    Element& element = elements_[at(e)];
    changed_ |= !element.named;
    element.named = true;
  }

  void name_boundaries() {
    const auto name_all = [&](const std::vector<array>& arrays) {
      for (const array& a : arrays)
        if (const auto known = by_node_.find(&a.node()); known != by_node_.end())
          name(known->second);
    };
    for (const CallTrace::Call& call : trace_.calls()) {
      name_all(call.inputs);
      name_all(call.outputs);
    }
    name_all(outputs_);
    for (const int e : order_) {
      const Element& element = elements_[at(e)];
      if (!element.is_operation() || !stands_alone(*element.node)) continue;
      name(e);
      for (const int from : elements_read(e)) name(from);
    }
  }

  int source_of(int e) const { return elements_[at(e)].named ? e : elements_[at(e)].source; }

  void follow_sources() {
    for (const int e : order_) {
      if (!elements_[at(e)].is_operation()) continue;
      const std::vector<int> read = elements_read(e);
      std::set<int> sources;
      for (const int from : read) {
        const Element& other = elements_[at(from)];
        if (other.is_operation() && trace_.owner(other.node) != trace_.owner(elements_[at(e)].node))
          name(from);
        sources.insert(source_of(from));
      }
      if (sources.size() == 1) {
        elements_[at(e)].source = *sources.begin();
      } else {
        elements_[at(e)].source = -1;
        name(e);
        for (const int from : read) name(from);
      }
    }
  }

  // The operations of the box that ends with a named one, last first.
  std::vector<int> inside(int e) {
    std::vector<int> all{e};
    for (size_t i = 0; i < all.size(); ++i)
      for (const int from : elements_read(all[i]))
        if (!elements_[at(from)].named && std::find(all.begin(), all.end(), from) == all.end())
          all.push_back(from);
    return all;
  }

  // What has a name of its own ends a box; the largest such part is meant, so from the end.
  void name_functions() {
    for (Element& element : elements_) element.function.clear();
    std::unordered_set<int> taken;
    for (auto e = order_.rbegin(); e != order_.rend(); ++e) {
      Element& element = elements_[at(*e)];
      if (!element.is_operation() || taken.contains(*e)) continue;
      const int source = element.source;
      if (source < 0) continue;
      const std::string function =
          functions_.name(*element.node, [&](const array& a) { return element_of(a) == source; });
      if (function.empty()) continue;
      for (const int other : inside(*e)) taken.insert(other);
      elements_[at(*e)].function = function;
      name(*e);
    }
  }

  // Views have boxes of their own where they begin or end a chain.
  void name_views() {
    for (const int e : order_) {
      const Element& element = elements_[at(e)];
      if (!element.is_operation()) continue;
      if (is_view(*element.node) && element.named) {
        for (int last = e; is_view(*elements_[at(last)].node);) {
          const std::vector<int> read = elements_read(last);
          if (read.size() != 1 || !elements_[at(read[0])].is_operation()) break;
          last = read[0];
          if (!is_view(*elements_[at(last)].node)) name(last);
        }
      } else if (element.named) {
        std::vector<int> first;
        for (const int other : inside(e)) {
          const std::vector<int> read = elements_read(other);
          if (std::any_of(read.begin(), read.end(),
                          [&](int from) { return elements_[at(from)].named; }))
            first.push_back(other);
        }
        if (first.size() == 1 && first[0] != e && is_view(*elements_[at(first[0])].node))
          name(first[0]);
      }
    }
  }

  // What two boxes would hold is a box itself.
  void name_shared() {
    std::unordered_map<int, int> holders;
    for (const int e : order_) {
      if (!elements_[at(e)].named || !elements_[at(e)].is_operation()) continue;
      for (const int other : inside(e))
        if (const auto [holder, is_new] = holders.emplace(other, e); !is_new && other != e)
          name(other);
    }
  }

  void add_input(int e) {
    const std::string number = inputs_ == 1 ? "" : " " + std::to_string(e);
    elements_[at(e)].box = static_cast<int>(drawing_.boxes.size());
    drawing_.boxes.push_back(
        {Drawing::Kind::input, "input" + number, "", {elements_[at(e)].value->shape()}});
  }

  void add_output(const array& output) {
    const std::string number =
        outputs_.size() == 1 ? "" : " " + std::to_string(&output - outputs_.data());
    const int box = static_cast<int>(drawing_.boxes.size());
    drawing_.boxes.push_back({Drawing::Kind::output, "output" + number, "", {output.shape()}});
    add_edge(element_of(output), box, output.shape());
  }

  void add_edge(int from, int to, const Shape& shape) {
    if (from < 0) return;
    const int box = elements_[at(from)].box;
    const bool known = std::any_of(drawing_.edges.begin(), drawing_.edges.end(),
                                   [&](auto& edge) { return edge.from == box && edge.to == to; });
    if (!known && box >= 0) drawing_.edges.push_back({box, to, shape});
  }

  void add_box(int e) {
    Drawing::Box box;
    const std::vector<int> all = elements_[at(e)].call >= 0 ? std::vector<int>{e} : inside(e);
    if (elements_[at(e)].call >= 0) {
      const CallTrace::Call& call = trace_.calls()[at(elements_[at(e)].call)];
      const CallTrace::ModuleInfo& module = trace_.modules()[at(call.module)];
      box = {Drawing::Kind::layer, module.type,
             module.path,          {},
             module.parameters,    groups_.around(elements_[at(e)].call)};
      for (const array& output : call.outputs) box.outputs.push_back(output.shape());
    } else {
      const int source = elements_[at(e)].source;
      if (source >= 0 && all.size() == 1 && keeps_order(*elements_[at(e)].node)) {
        const array& read = elements_[at(e)].reads[0];
        if (read.shape() == elements_[at(e)].node->value.shape) {  // it is the same value
          elements_[at(e)].box = elements_[at(source)].box;
          return;
        }
      }
      describe_operations(all, box);
      box.group = groups_.of_call(trace_.owner(elements_[at(e)].node));
    }
    const int index = static_cast<int>(drawing_.boxes.size());
    elements_[at(e)].box = index;
    drawing_.boxes.push_back(std::move(box));
    for (auto part = all.rbegin(); part != all.rend(); ++part) {
      const std::vector<array> reads = elements_[at(*part)].reads;
      for (const array& a : reads)
        if (const int from = element_of(a); from >= 0 && from != e && elements_[at(from)].named)
          add_edge(from, index, a.shape());
    }
  }

  void describe_operations(const std::vector<int>& all, Drawing::Box& box) {
    constexpr size_t most_names = 3;
    const Element& last = elements_[at(all[0])];
    const bool only_views =
        std::all_of(all.begin(), all.end(), [&](int e) { return is_view(*elements_[at(e)].node); });
    box.kind = only_views ? Drawing::Kind::view : Drawing::Kind::operation;
    box.outputs = {last.node->value.shape};
    std::vector<std::string> names;
    for (auto e = all.rbegin(); e != all.rend(); ++e) {
      const Node& node = *elements_[at(*e)].node;
      const std::string name = operation_name(node);
      const bool counts = only_views || !is_view(node);
      if (counts && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
    }
    if (!last.function.empty()) names = {last.function};
    for (size_t i = 0; i < names.size() && i < most_names; ++i)
      box.title += (i > 0 ? ", " : "") + names[i];
    if (names.size() > most_names) box.title += ", …";
    for (auto e = all.rbegin(); e != all.rend(); ++e)
      for (const array& a : elements_[at(*e)].reads) add_parameters(a, box.path);
  }

  // The paths of the parameters that an array is made of without any input.
  void add_parameters(const array& a, std::string& paths) {
    std::vector<const Node*> stack{&a.node()};
    std::unordered_set<const Node*> seen;
    while (!stack.empty()) {
      const Node* node = stack.back();
      stack.pop_back();
      if (trace_.owner(node) >= 0 || !seen.insert(node).second) continue;
      const std::string path = trace_.parameter(node);
      if (!path.empty() && paths.find(path) == std::string::npos)
        paths += (paths.empty() ? "" : ", ") + path;
      for (const array& input : node->inputs()) stack.push_back(&input.node());
    }
  }

  const CallTrace& trace_;
  const std::vector<array>& outputs_;
  Groups groups_;
  KnownFunctions functions_;
  Drawing drawing_;
  std::vector<Element> elements_;  // the inputs first
  size_t inputs_ = 0;
  std::unordered_map<const Node*, int> by_node_;
  std::unordered_map<int, int> by_call_;
  std::vector<int> order_;
  bool changed_ = false;

 public:
  const Groups& groups() const { return groups_; }
};

// Puts what lies between boxes of a group into it, so that arrows never leave a group to come back.
// A group of which that does not become true is taken apart.
class GroupRepair {
 public:
  explicit GroupRepair(Drawing& drawing) : drawing_(drawing) {}

  void include_between(int group) {
    const std::vector<bool> after = reached(group, true), before = reached(group, false);
    for (size_t i = 0; i < drawing_.boxes.size(); ++i) {
      Drawing::Box& box = drawing_.boxes[i];
      if (after[i] && before[i] && box.group == drawing_.groups[at(group)].parent)
        box.group = group;
    }
  }

  void take_apart_where_left_and_entered(int group) {
    const std::vector<bool> after = reached(group, true), before = reached(group, false);
    bool whole = true;
    for (size_t i = 0; i < drawing_.boxes.size(); ++i)
      whole &= !after[i] || !before[i] || is_in(drawing_.boxes[i].group, group);
    if (whole) return;
    const int parent = drawing_.groups[at(group)].parent;
    for (Drawing::Box& box : drawing_.boxes)
      if (box.group == group) box.group = parent;
    for (Drawing::Group& other : drawing_.groups)
      if (other.parent == group) other.parent = parent;
  }

  void drop_empty() {
    std::vector<bool> used(drawing_.groups.size());
    for (const Drawing::Box& box : drawing_.boxes)
      for (int g = box.group; g >= 0; g = drawing_.groups[at(g)].parent) used[at(g)] = true;
    std::vector<int> index(drawing_.groups.size(), -1);
    std::vector<Drawing::Group> kept;
    for (size_t g = 0; g < drawing_.groups.size(); ++g) {
      if (!used[g]) continue;
      index[g] = static_cast<int>(kept.size());
      kept.push_back(drawing_.groups[g]);
      int& parent = kept.back().parent;
      if (parent >= 0) parent = index[at(parent)];
    }
    for (Drawing::Box& box : drawing_.boxes)
      if (box.group >= 0) box.group = index[at(box.group)];
    drawing_.groups = std::move(kept);
  }

 private:
  bool is_in(int inner, int group) const {
    while (inner >= 0 && inner != group) inner = drawing_.groups[at(inner)].parent;
    return inner == group;
  }
  // The boxes that arrows lead to from the group's (or that lead to them), and these.
  std::vector<bool> reached(int group, bool forward) const {
    std::vector<bool> reached(drawing_.boxes.size());
    for (size_t i = 0; i < reached.size(); ++i) reached[i] = is_in(drawing_.boxes[i].group, group);
    // Edges point to later boxes; sorted by their end, one pass follows them all.
    std::vector<Drawing::Edge> edges = drawing_.edges;
    std::sort(edges.begin(), edges.end(), [&](const auto& a, const auto& b) {
      return forward ? a.to < b.to : a.from > b.from;
    });
    for (const Drawing::Edge& edge : edges) {
      const int from = forward ? edge.from : edge.to, to = forward ? edge.to : edge.from;
      if (reached[at(from)]) reached[at(to)] = true;
    }
    return reached;
  }

  Drawing& drawing_;
};

}  // namespace

Drawing draw(Module& model, const std::vector<array>& inputs, const ArraysFunction& call) {
  const mica::detail::RandomStateScope random(mica::detail::random_state());
  const ParametersGuard guard(model);
  ModuleWalk::put_placeholders(model);
  const std::vector<array> traced = ModuleWalk::placeholders_like(inputs);
  CallTrace trace(model, traced);
  const std::vector<array> outputs = call(traced);
  trace.finish(outputs);

  Builder builder(trace, traced, outputs);
  Drawing drawing = builder.drawing();
  GroupRepair repair(drawing);
  const int groups = static_cast<int>(drawing.groups.size());
  for (int g = 0; g < groups; ++g)
    if (builder.groups().is_guessed(g)) repair.include_between(g);
  for (int g = groups - 1; g >= 0; --g) repair.take_apart_where_left_and_entered(g);
  repair.drop_empty();
  return drawing;
}

}  // namespace mica::nn::detail
