#include "mica/engine/fuse.h"

#include <algorithm>
#include <numeric>

#include "mica/ops/op_list.h"
#include "mica/ops/reduce.h"

namespace mica::engine {
namespace {

// A longer program gains nothing more from fusion, and its operands leave L1.
constexpr size_t max_group = 48;

bool is_reduction(const PlanNode& node) { return node.op->id == OpId::Reduce; }

// The shape a fusable node loops over.
const Shape& domain(const Draft& draft, const PlanNode& node) {
  return draft.values[is_reduction(node) ? node.inputs[0] : node.outputs[0]].shape;
}

// Levels make fusion safe: an edge inside a group keeps its level, any other raises it, so between
// two nodes of a level and shape there is no way around through other nodes.
class Grouper {
 public:
  explicit Grouper(const Draft& draft) : draft_(draft), users_(draft.nodes.size()) {
    for (uint32_t n = 0; n < draft.nodes.size(); ++n) {
      for (uint32_t input : draft.nodes[n].inputs) {
        if (draft.producer[input] != none) users_[draft.producer[input]].push_back(n);
      }
    }
  }

  std::vector<Group> run() {
    set_levels();
    sink();
    join();
    return gather();
  }

 private:
  bool fuses(uint32_t from, uint32_t to) const {
    const PlanNode& a = draft_.nodes[from];
    const PlanNode& b = draft_.nodes[to];
    if (!is_fusable(a) || !is_fusable(b) || is_reduction(a)) return false;
    if (domain(draft_, a) != domain(draft_, b)) return false;
    return !is_reduction(b) || (users_[from].size() == 1 && !draft_.kept[a.outputs[0]]);
  }

  void set_levels() {
    level_.resize(draft_.nodes.size());
    for (uint32_t n = 0; n < draft_.nodes.size(); ++n) {
      for (uint32_t input : draft_.nodes[n].inputs) {
        const uint32_t p = draft_.producer[input];
        if (p != none) level_[n] = std::max(level_[n], level_[p] + (fuses(p, n) ? 0 : 1));
      }
    }
  }

  // Moves nodes down to their users, where all of them fuse, so that nothing is written and read
  // back only because an input was ready early.
  void sink() {
    for (uint32_t n = static_cast<uint32_t>(draft_.nodes.size()); n-- > 0;) {
      if (users_[n].empty()) continue;
      uint32_t lowest = UINT32_MAX;
      for (uint32_t user : users_[n]) {
        lowest = fuses(n, user) ? std::min(lowest, level_[user]) : 0;
        if (lowest <= level_[n]) break;
      }
      level_[n] = std::max(level_[n], lowest);
    }
  }

  // A reduction takes in what only it needs; the rest joins along edges of a level.
  void join() {
    parent_.resize(draft_.nodes.size());
    std::iota(parent_.begin(), parent_.end(), 0u);
    std::vector<uint32_t> reduction(draft_.nodes.size(), none);
    for (uint32_t n = static_cast<uint32_t>(draft_.nodes.size()); n-- > 0;) {
      const PlanNode& node = draft_.nodes[n];
      if (is_reduction(node)) {
        reduction[n] = n;
        continue;
      }
      if (!is_fusable(node) || draft_.kept[node.outputs[0]] || users_[n].empty()) continue;
      uint32_t owner = reduction[users_[n][0]];
      for (uint32_t user : users_[n]) {
        if (reduction[user] != owner || !fuses(n, user) || level_[user] != level_[n]) owner = none;
      }
      reduction[n] = owner;
    }
    for (uint32_t n = 0; n < draft_.nodes.size(); ++n) {
      for (uint32_t user : users_[n]) {
        if (level_[user] == level_[n] && fuses(n, user) && reduction[user] == reduction[n]) {
          parent_[root(user)] = root(n);
        }
      }
    }
  }

  uint32_t root(uint32_t n) {
    while (parent_[n] != n) n = parent_[n] = parent_[parent_[n]];
    return n;
  }

  std::vector<Group> gather() {
    std::vector<Group> groups;
    std::vector<uint32_t> open(draft_.nodes.size(), none);  // a root's group that still grows
    for (uint32_t n = 0; n < draft_.nodes.size(); ++n) {
      uint32_t& group = open[root(n)];
      if (group == none || groups[group].nodes.size() == max_group) {
        group = static_cast<uint32_t>(groups.size());
        groups.emplace_back();
      }
      groups[group].nodes.push_back(n);
    }
    return groups;
  }

  const Draft& draft_;
  std::vector<std::vector<uint32_t>> users_;
  std::vector<uint32_t> level_;
  std::vector<uint32_t> parent_;
};

}  // namespace

bool is_fusable(const PlanNode& node) { return node.op->info().elementwise || is_reduction(node); }

std::vector<Group> make_groups(const Draft& draft) { return in_order(draft, Grouper(draft).run()); }

}  // namespace mica::engine
