#include "mica/engine/graph.h"

#include <stdexcept>

#include "mica/engine/event.h"

namespace mica::engine {
namespace {

// Smaller buffers are not worth donating: the flag would only split the plan cache.
constexpr size_t min_donated_bytes = 1024;

uint64_t next_epoch() {
  static uint64_t epoch = 0;
  return ++epoch;
}

void add_shape(Key& key, const Shape& shape, Dtype dtype, uint64_t flags) {
  key.add(static_cast<uint64_t>(dtype.val()) | shape.size() << 8 | flags << 32);
  size_t d = 0;
  for (; d + 1 < shape.size(); d += 2) {
    key.add(static_cast<uint64_t>(static_cast<uint32_t>(shape[d])) << 32 |
            static_cast<uint32_t>(shape[d + 1]));
  }
  if (d < shape.size()) key.add(static_cast<uint32_t>(shape[d]));
}

class Collector {
 public:
  explicit Collector(Placeholders placeholders) : placeholders_(placeholders) {}

  Graph collect(std::span<const array> outputs) {
    for (const array& output : outputs) visit(output.node());
    g_.input_begin.push_back(static_cast<uint32_t>(g_.input_values.size()));
    mark_kept(outputs);
    mark_donatable();
    make_key();
    return std::move(g_);
  }

 private:
  struct Frame {
    Node* node;
    uint32_t next;
  };

  // Depth first, without recursion: graphs may be a million nodes deep.
  void visit(Node& root) {
    if (!enter(root)) return;
    while (!stack_.empty()) {
      Frame& frame = stack_.back();
      const auto inputs = frame.node->inputs();
      if (frame.next < inputs.size()) {
        enter(inputs[frame.next++].node());
        continue;
      }
      Node* node = frame.node;
      stack_.pop_back();
      g_.input_begin.push_back(static_cast<uint32_t>(g_.input_values.size()));
      for (const array& input : inputs) {
        g_.input_values.push_back(input.node().index + input.output_index());
        ++uses_[value_node_[g_.input_values.back()]];
      }
      g_.nodes.push_back(node);
      g_.first_value.push_back(number(*node));
    }
  }

  // Numbers a leaf, or pushes a node that is still to be computed: then returns true.
  bool enter(Node& node) {
    if (node.mark == epoch_) return false;
    node.mark = epoch_;
    const bool placeholder_leaf = node.placeholder && placeholders_ == Placeholders::leaves;
    if (node.status.load(std::memory_order_acquire) != Status::unscheduled || placeholder_leaf) {
      const uint32_t first = number(node);
      for (uint32_t i = 0; i < node.output_count(); ++i) g_.leaves.push_back(first + i);
      return false;
    }
    if (node.placeholder) {
      throw std::invalid_argument(
          "eval: expected an array with data, got an argument of a function being traced by "
          "compile or vmap");
    }
    stack_.push_back({&node, 0});
    return true;
  }

  uint32_t number(Node& node) {
    const auto first = static_cast<uint32_t>(g_.values.size());
    node.index = first;
    for (uint32_t i = 0; i < node.output_count(); ++i) {
      g_.values.push_back({&node, i});
      value_node_.push_back(static_cast<uint32_t>(uses_.size()));
    }
    uses_.push_back(0);
    return first;
  }

  uint32_t uses_of(const Node& node) const { return uses_[value_node_[node.index]]; }

  void mark_kept(std::span<const array> outputs) {
    g_.kept.resize(g_.nodes.size());
    for (size_t i = 0; i < g_.nodes.size(); ++i) {
      const Node& node = *g_.nodes[i];
      g_.kept[i] = node.refs.load(std::memory_order_relaxed) > uses_of(node);
      if (node.tracer && in_tracing()) retains_graph_ = true;
    }
    for (const array& output : outputs) {
      output.node().mark = epoch_ - 1;
      const Status status = output.node().status.load(std::memory_order_acquire);
      if (status != Status::unscheduled) g_.computes_all = false;
    }
    for (size_t i = 0; i < g_.nodes.size(); ++i) {
      if (g_.nodes[i]->mark != epoch_) {
        g_.kept[i] = true;
      } else if (g_.kept[i]) {
        g_.held.push_back(g_.nodes[i]);
      }
    }
  }

  void mark_donatable() {
    g_.donatable.resize(g_.leaves.size());
    if (retains_graph_) return;
    for (size_t i = 0; i < g_.leaves.size(); ++i) {
      const auto [node, output] = g_.values[g_.leaves[i]];
      const Value& value = node->output(output);
      g_.donatable[i] =
          node->output_count() == 1 && value.size * value.dtype.size() >= min_donated_bytes &&
          node->refs.load(std::memory_order_relaxed) == uses_of(*node) && value.offset == 0 &&
          value.buffer.use_count() == 1 && value.buffer.capacity() > 0 &&
          is_row_contiguous(value.shape, value.strides);
    }
  }

  void make_key() {
    Key& key = g_.key;
    key.add(g_.leaves.size());
    for (size_t i = 0; i < g_.leaves.size(); ++i) {
      const auto [node, output] = g_.values[g_.leaves[i]];
      const Value& value = node->output(output);
      const bool contiguous = is_row_contiguous(value.shape, value.strides);
      add_shape(key, value.shape, value.dtype,
                static_cast<uint64_t>(contiguous) | static_cast<uint64_t>(g_.donatable[i]) << 1);
      if (!contiguous) {
        for (int64_t stride : value.strides) key.add(static_cast<uint64_t>(stride));
      }
    }
    for (size_t i = 0; i < g_.nodes.size(); ++i) {
      Node& node = *g_.nodes[i];
      const auto inputs = g_.inputs_of(i);
      key.add(static_cast<uint64_t>(node.op->id) | static_cast<uint64_t>(inputs.size()) << 16 |
              static_cast<uint64_t>(node.output_count()) << 32 |
              static_cast<uint64_t>(g_.kept[i]) << 63);
      node.op->info().add_to_key(*node.op, key);
      for (uint32_t input : inputs) key.add(input);
      for (uint32_t o = 0; o < node.output_count(); ++o) {
        add_shape(key, node.output(o).shape, node.output(o).dtype, 0);
      }
    }
  }

  const Placeholders placeholders_;
  Graph g_;
  const uint64_t epoch_ = (next_epoch(), next_epoch());
  std::vector<Frame> stack_;
  std::vector<uint32_t> value_node_;  // which entry of uses_ counts a value's node
  std::vector<uint32_t> uses_;        // by inputs of the nodes collected
  bool retains_graph_ = false;
};

}  // namespace

Graph collect(std::span<const array> outputs, Placeholders placeholders) {
  return Collector(placeholders).collect(outputs);
}

}  // namespace mica::engine
