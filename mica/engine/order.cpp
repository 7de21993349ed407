// The order in which groups run.
#include <functional>
#include <queue>

#include "mica/engine/fuse.h"

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
      if (waits_[g] == 0) push(g);
    }
    std::vector<Group> result;
    result.reserve(groups_.size());
    while (!ready_.empty()) {
      Queue& queue = shrinking_.empty() ? ready_ : shrinking_;
      const uint32_t g = queue.top().second;
      queue.pop();
      if (done_[g]) continue;
      done_[g] = true;
      for (uint32_t v : reads_[g]) release(v);
      for (uint32_t next : after_[g]) {
        if (--waits_[next] == 0) push(next);
      }
      result.push_back(std::move(groups_[g]));
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

  void push(uint32_t g) {
    const Entry entry{groups_[g].nodes.back(), g};
    ready_.push(entry);
    if (growth_[g] <= 0) shrinking_.push(entry);
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
};

}  // namespace

std::vector<Group> in_order(const Draft& draft, std::vector<Group> groups) {
  return Order(draft, groups).run();
}

}  // namespace mica::engine
