// The order in which groups run.
#include <algorithm>
#include <functional>
#include <queue>

#include "mica/engine/fuse.h"
#include "mica/engine/joined.h"

namespace mica::engine {
namespace {

// Kahn's algorithm. Among the groups that are ready, those come first that free at least as much
// memory as they take: the gradient of a weight, which is small, is the last to read an activation
// and a cotangent, which are large. Then, and among these, the one whose last node comes first.
class Order {
 public:
  Order(const Draft& draft, std::vector<Group>& groups)
      : draft_(draft),
        groups_(groups),
        group_of_(draft.nodes.size()),
        after_(groups.size()),
        waits_(groups.size(), 0),
        done_(groups.size(), false),
        reads_(groups.size()),
        readers_(draft.values.size()),
        growth_(groups.size(), 0),
        memory_(viewed_roots(draft.values)) {
    for (uint32_t g = 0; g < groups.size(); ++g) {
      for (uint32_t n : groups[g].nodes) group_of_[n] = g;
    }
    find_kept();
    find_edges();
    find_growth();
  }

  std::vector<Group> run() {
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      if (waits_[g] == 0) make_ready(g);
    }
    std::vector<Group> result;
    result.reserve(groups_.size());
    while (!ready_.empty()) {
      Queue& queue = shrinking_.empty() ? ready_ : shrinking_;
      const uint32_t g = queue.top().second;
      queue.pop();
      if (done_[g]) continue;
      for (uint32_t each : joined_with(g)) {
        finish(each);
        result.push_back(std::move(groups_[each]));
      }
    }
    return result;
  }

 private:
  using Entry = std::pair<uint32_t, uint32_t>;  // the group's last node, the group
  using Queue = std::priority_queue<Entry, std::vector<Entry>, std::greater<>>;

  // What a view views is kept as long as the view.
  void find_kept() {
    kept_.assign(draft_.values.size(), false);
    for (uint32_t v = 0; v < kept_.size(); ++v) {
      if (draft_.kept[v]) kept_[memory_[v]] = true;
    }
  }

  void find_edges() {
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      for (uint32_t n : groups_[g].nodes) {
        for (uint32_t input : draft_.nodes[n].inputs) {
          const uint32_t p = draft_.producer[input];
          if (p == none || group_of_[p] == g) continue;
          after_[group_of_[p]].push_back(g);
          ++waits_[g];
        }
        if (!draft_.nodes[n].view) find_reads(n, g);
      }
    }
  }

  void find_reads(uint32_t n, uint32_t g) {
    for (uint32_t input : draft_.nodes[n].inputs) {
      const uint32_t v = memory_[input];
      const uint32_t p = draft_.producer[v];
      if (p == none || group_of_[p] == g) continue;
      if (!readers_[v].empty() && readers_[v].back() == g) continue;
      readers_[v].push_back(g);
      reads_[g].push_back(v);
    }
  }

  void find_growth() {
    left_.resize(draft_.values.size());
    for (uint32_t v = 0; v < draft_.values.size(); ++v) {
      left_[v] = static_cast<uint32_t>(readers_[v].size());
      const uint32_t p = draft_.producer[v];
      if (p == none || memory_[v] != v) continue;
      if (kept_[v] || left_[v] > 0) growth_[group_of_[p]] += bytes(v);
      if (!kept_[v] && left_[v] == 1) growth_[readers_[v][0]] -= bytes(v);
    }
  }

  int64_t bytes(uint32_t v) const { return static_cast<int64_t>(draft_.values[v].bytes()); }

  void make_ready(uint32_t g) {
    if (can_join(draft_, first_node(g), first_node(g))) joinable_.push_back(g);
    push(g);
  }

  // Again where the group has come to free memory.
  void push(uint32_t g) {
    const Entry entry{groups_[g].nodes.back(), g};
    ready_.push(entry);
    if (growth_[g] <= 0) shrinking_.push(entry);
  }

  // The group and those that are ready as well and can run as one with it.
  std::vector<uint32_t> joined_with(uint32_t g) {
    std::vector<uint32_t> joined{g};
    const PlanNode& node = first_node(g);
    std::erase_if(joinable_, [&](uint32_t other) {
      const bool joins = other != g && can_join(draft_, node, first_node(other));
      if (joins) joined.push_back(other);
      return joins || other == g;
    });
    return joined;
  }

  const PlanNode& first_node(uint32_t g) const { return draft_.nodes[groups_[g].nodes[0]]; }

  void finish(uint32_t g) {
    done_[g] = true;
    for (uint32_t v : reads_[g]) release(v);
    for (uint32_t next : after_[g]) {
      if (--waits_[next] == 0) make_ready(next);
    }
  }

  // One group less will read v; the last one frees it.
  void release(uint32_t v) {
    if (--left_[v] != 1 || kept_[v]) return;
    for (uint32_t g : readers_[v]) {
      if (done_[g]) continue;
      growth_[g] -= bytes(v);
      if (waits_[g] == 0 && growth_[g] <= 0) push(g);
    }
  }

  const Draft& draft_;
  std::vector<Group>& groups_;
  std::vector<uint32_t> group_of_;            // of each node
  std::vector<std::vector<uint32_t>> after_;  // the groups that wait for each
  std::vector<uint32_t> waits_;               // how many each waits for
  std::vector<bool> done_;
  std::vector<bool> kept_;
  std::vector<std::vector<uint32_t>> reads_;    // the values of others that each group reads
  std::vector<std::vector<uint32_t>> readers_;  // the groups that read each value
  std::vector<uint32_t> left_;                  // how many of them have not run
  std::vector<int64_t> growth_;                 // bytes in memory after each group less before
  std::vector<uint32_t> memory_;                // the value whose memory each value is in
  Queue ready_, shrinking_;
  std::vector<uint32_t> joinable_;  // those of the ready groups that can join others
};

}  // namespace

bool can_join(const Draft& draft, const PlanNode& a, const PlanNode& b) {
  const JoinedInfo& info = joined_info(a.op->id);
  const auto is_short = [&](const PlanNode& node) {
    return info.joins(draft.values[node.outputs[0]].shape);
  };
  if (!info.joins || a.op->id != b.op->id || !is_short(a) || !is_short(b)) return false;
  if (draft.values[a.outputs[0]].dtype != draft.values[b.outputs[0]].dtype) return false;
  Key one, other;
  a.op->info().add_to_key(*a.op, one);
  b.op->info().add_to_key(*b.op, other);
  return std::equal(one.words().begin(), one.words().end(), other.words().begin(),
                    other.words().end());
}

std::vector<Group> in_order(const Draft& draft, std::vector<Group> groups) {
  return Order(draft, groups).run();
}

}  // namespace mica::engine
