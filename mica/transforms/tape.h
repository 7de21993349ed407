// The part of a graph that depends on the arguments of a function being transformed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "mica/engine/node.h"

namespace mica::detail {

// Numbers nodes in the order in which they are added.
class NodeIndex {
 public:
  static constexpr uint32_t none = UINT32_MAX;
  uint32_t find(const engine::Node* node) const;
  // True where the node is new; its number is size() - 1 then.
  bool insert(const engine::Node* node);
  uint32_t size() const { return count_; }

 private:
  struct Slot {
    const engine::Node* node = nullptr;
    uint32_t number = none;
  };
  size_t place(const engine::Node* node) const;
  void grow();

  std::vector<Slot> slots_ = std::vector<Slot>(64);
  uint32_t count_ = 0;
};

// What a walk is for: a function with a rule of its own is not looked into by the transform that
// uses the rule.
enum class Walk : uint8_t { vjp, jvp, vmap, compile };

// The nodes between the roots and the outputs that depend on a root, each behind its inputs; the
// roots are among them. It holds no references: the outputs must outlive it.
class Tape {
 public:
  Tape(std::span<const array> roots, std::span<const array> outputs, Walk walk);

  const std::vector<engine::Node*>& nodes() const { return nodes_; }
  // Place of the node in nodes(), NodeIndex::none where it does not depend on the roots.
  uint32_t find(const engine::Node* node) const {
    const uint32_t number = index_.find(node);
    return number == NodeIndex::none ? NodeIndex::none : place_[number];
  }
  uint32_t find(const array& a) const { return find(&a.node()); }
  // Place of an output in a list of the outputs of all nodes, one after the other.
  uint32_t slot(uint32_t place, uint32_t output) const { return first_slot_[place] + output; }
  size_t slot_count() const { return slot_count_; }
  bool is_root(uint32_t place) const { return place < root_count_; }

 private:
  void walk_from(engine::Node* output, Walk walk);
  void add_dependent(engine::Node* node, std::span<const array> inputs, Walk walk);

  NodeIndex index_;              // every node seen
  std::vector<uint32_t> place_;  // of each node seen
  std::vector<engine::Node*> nodes_;
  std::vector<uint32_t> first_slot_;
  size_t slot_count_ = 0;
  uint32_t root_count_ = 0;
};

// While it lives, ops without a stream run on the one given.
class OnStream {
 public:
  explicit OnStream(const Stream& stream);

 private:
  std::optional<StreamContext> context_;
};

// An argument of a function being differentiated: the primal under a node of its own.
std::vector<array> make_tracers(const std::vector<array>& primals);
// An argument of a function being traced without values.
array make_argument(const Shape& shape, Dtype dtype);

}  // namespace mica::detail
