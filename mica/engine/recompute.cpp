// Which values programs compute again rather than keep in memory. What backpropagation needs of an
// activation (the normal distribution under a GELU, a normalised input) follows in an instruction
// or two from values that stay in memory anyway: both writing and reading it take longer.
#include <algorithm>

#include "mica/engine/fuse.h"

namespace mica::engine {
namespace {

constexpr int64_t least_bytes = 256 << 10;  // less is in a cache when it is read
constexpr size_t most_instructions = 4;     // to compute one value again
constexpr size_t most_readers = 2;          // programs that do so
constexpr size_t most_nodes = 48;           // of a program, as where groups are made

class Recomputation {
 public:
  Recomputation(Draft& draft, std::vector<Group>& groups)
      : draft_(draft), groups_(groups), root_(viewed_roots(draft.values)) {}

  void run() {
    find_readers();
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      const std::vector<uint32_t> nodes = groups_[g].nodes;
      for (uint32_t n : nodes) {
        if (is_elementwise(draft_.nodes[n])) consider(n);
      }
    }
  }

 private:
  static bool is_elementwise(const PlanNode& node) { return node.op->info().elementwise; }

  void find_readers() {
    group_of_.resize(draft_.nodes.size());
    readers_.resize(draft_.values.size());
    last_read_.assign(draft_.values.size(), 0);
    for (uint32_t g = 0; g < groups_.size(); ++g) {
      for (uint32_t n : groups_[g].nodes) {
        group_of_[n] = g;
        for (uint32_t input : draft_.nodes[n].inputs) {
          readers_[input].push_back(n);
          last_read_[input] = g;
        }
      }
    }
    // Views come after what they view.
    for (size_t v = draft_.values.size(); v-- > 0;) {
      if (draft_.kept[v]) last_read_[v] = UINT32_MAX;
      const uint32_t viewed = draft_.values[v].view_of;
      if (viewed != none) last_read_[viewed] = std::max(last_read_[viewed], last_read_[v]);
    }
  }

  // Lets every program that reads n's value compute it, where all of them can.
  void consider(uint32_t n) {
    const uint32_t v = draft_.nodes[n].outputs[0];
    if (draft_.kept[v] || draft_.values[v].bytes() < static_cast<size_t>(least_bytes)) return;
    std::vector<uint32_t> programs;
    for (uint32_t reader : readers_[v]) {
      const uint32_t g = group_of_[reader];
      if (g == group_of_[n]) continue;
      if (!can_compute(reader, v)) return;
      if (std::find(programs.begin(), programs.end(), g) == programs.end()) programs.push_back(g);
    }
    if (programs.empty() || programs.size() > most_readers) return;
    std::vector<std::vector<uint32_t>> chains;
    for (uint32_t g : programs) {
      std::vector<uint32_t> chain;
      if (!collect(n, group_of_[n], g, chain)) return;
      if (groups_[g].nodes.size() + chain.size() > most_nodes) return;
      chains.push_back(std::move(chain));
    }
    for (size_t i = 0; i < programs.size(); ++i) insert(chains[i], v, programs[i]);
  }

  // Whether the node belongs to a program that loops over v. One that only reduces has a faster
  // kernel than a program would be.
  bool can_compute(uint32_t reader, uint32_t v) const {
    const PlanNode& node = draft_.nodes[reader];
    return is_elementwise(node) && draft_.values[node.outputs[0]].shape == draft_.values[v].shape;
  }

  // The nodes, inputs first, that compute n's value from what is in memory while program g runs;
  // false where there is no short chain of them.
  bool collect(uint32_t n, uint32_t home, uint32_t g, std::vector<uint32_t>& chain) const {
    if (std::find(chain.begin(), chain.end(), n) != chain.end()) return true;
    for (uint32_t input : draft_.nodes[n].inputs) {
      const uint32_t p = draft_.producer[input];
      const bool inside = p != none && group_of_[p] == home;
      if (inside ? is_stored(input) && last_read_[input] >= g : is_there(input, n, g)) continue;
      if (!inside || !collect(p, home, g, chain)) return false;
    }
    chain.push_back(n);
    return chain.size() <= most_instructions;
  }

  // Whether a value from outside its reader's program is in memory for g, or so small beside the
  // reader's result that keeping it costs nothing.
  bool is_there(uint32_t v, uint32_t reader, uint32_t g) const {
    const size_t result = draft_.values[draft_.nodes[reader].outputs[0]].bytes();
    return last_read_[root_[v]] >= g || draft_.values[root_[v]].bytes() * 16 <= result;
  }

  bool is_stored(uint32_t v) const {
    return draft_.kept[v] || std::any_of(readers_[v].begin(), readers_[v].end(), [&](uint32_t n) {
             return group_of_[n] != group_of_[draft_.producer[v]];
           });
  }

  // Puts copies of the chain's nodes before program g, which read v from the last of them.
  void insert(const std::vector<uint32_t>& chain, uint32_t v, uint32_t g) {
    std::vector<std::pair<uint32_t, uint32_t>> copies;  // values and their copies
    const auto copy_of = [&](uint32_t value) {
      const auto it = std::find_if(copies.begin(), copies.end(),
                                   [&](const auto& pair) { return pair.first == value; });
      return it == copies.end() ? value : it->second;
    };
    std::vector<uint32_t> nodes;
    for (uint32_t n : chain) {
      PlanNode node = draft_.nodes[n];
      const auto index = static_cast<uint32_t>(draft_.nodes.size());
      for (uint32_t& input : node.inputs) {
        input = copy_of(input);
        readers_[input].push_back(index);
        last_read_[root_[input]] = std::max(last_read_[root_[input]], g);
      }
      copies.emplace_back(node.outputs[0], add_value(node.outputs[0], index));
      node.outputs[0] = copies.back().second;
      draft_.nodes.push_back(std::move(node));
      group_of_.push_back(g);
      nodes.push_back(index);
    }
    const uint32_t copy = copy_of(v);
    for (uint32_t n : groups_[g].nodes) {
      for (uint32_t& input : draft_.nodes[n].inputs) {
        if (input != v) continue;
        input = copy;
        readers_[copy].push_back(n);
      }
    }
    std::erase_if(readers_[v], [&](uint32_t n) { return group_of_[n] == g; });
    groups_[g].nodes.insert(groups_[g].nodes.begin(), nodes.begin(), nodes.end());
  }

  uint32_t add_value(uint32_t like, uint32_t producer) {
    draft_.values.push_back(PlanValue(draft_.values[like]));
    draft_.producer.push_back(producer);
    draft_.kept.push_back(false);
    readers_.emplace_back();
    last_read_.push_back(0);
    // Elementwise nodes, which alone are copied, make no views.
    root_.push_back(static_cast<uint32_t>(draft_.values.size() - 1));
    return root_.back();
  }

  Draft& draft_;
  std::vector<Group>& groups_;
  std::vector<uint32_t> group_of_;              // of nodes
  std::vector<std::vector<uint32_t>> readers_;  // of values
  std::vector<uint32_t> last_read_;             // group; of values and their views
  std::vector<uint32_t> root_;                  // of values: whose memory they are in
};

}  // namespace

void recompute(Draft& draft, std::vector<Group>& groups) { Recomputation(draft, groups).run(); }

}  // namespace mica::engine
