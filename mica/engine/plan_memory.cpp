// The static memory plan: which values share memory, and where temporaries lie in the arena.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "mica/engine/plan.h"

namespace mica::engine {
namespace {

constexpr uint32_t never = 0;
constexpr uint32_t forever = UINT32_MAX;
constexpr size_t alignment = 64;

class MemoryPlanner {
 public:
  MemoryPlanner(Plan& plan, const Graph& graph, const std::vector<bool>& kept)
      : plan_(plan), graph_(graph), kept_(kept) {}

  void run() {
    root_ = viewed_roots(plan_.values);
    find_last_uses();
    assign();
    place_temporaries();
    count_bytes();
  }

 private:
  // Steps count from 1; a value's last use is that of all its views.
  void find_last_uses() {
    last_use_.assign(plan_.values.size(), never);
    for (uint32_t i = 0; i < plan_.steps.size(); ++i) {
      for_each_input(plan_.steps[i], [&](uint32_t v) { last_use_[root_[v]] = i + 1; });
      for_each_output(plan_.steps[i], [&](uint32_t v) {
        last_use_[root_[v]] = std::max(last_use_[root_[v]], i + 1);
      });
    }
    for (uint32_t v = 0; v < kept_.size(); ++v) {
      if (kept_[v]) last_use_[root_[v]] = forever;
    }
  }

  void assign() {
    for (uint32_t i = 0; i < plan_.leaf_values.size(); ++i) {
      Storage storage;
      storage.place = Storage::Place::leaf;
      storage.leaf = i;
      storage.bytes = plan_.values[plan_.leaf_values[i]].bytes();
      plan_.values[plan_.leaf_values[i]].storage = add(storage, graph_.donatable[i]);
    }
    for (uint32_t i = 0; i < plan_.steps.size(); ++i) {
      reused_.clear();
      Step& step = plan_.steps[i];
      if (auto* fused = std::get_if<FusedStep>(&step)) {
        if (!fused->program.reduction) reuse_in_fused(*fused, i + 1);
      } else if (auto* kernel = std::get_if<KernelStep>(&step)) {
        reuse_in_kernel(*kernel, i + 1);
      }
      for_each_output(step, [&](uint32_t v) {
        PlanValue& value = plan_.values[v];
        if (value.storage == none) {
          Storage storage;
          storage.bytes = value.bytes();
          value.storage = add(storage, true);
        }
        use(value.storage, i + 1, last_use_[v]);
      });
    }
    uint32_t empty = none;
    for (uint32_t v = 0; v < plan_.values.size(); ++v) {
      PlanValue& value = plan_.values[v];
      if (value.storage != none) continue;
      // A view takes its root's; what no step writes is empty, or never leaves its program.
      if (plan_.values[root_[v]].storage == none) {
        if (empty == none) empty = add({}, false);
        plan_.values[root_[v]].storage = empty;
      }
      value.storage = plan_.values[root_[v]].storage;
    }
    for (uint32_t v = 0; v < plan_.values.size(); ++v) {
      Storage& storage = plan_.storages[plan_.values[v].storage];
      const bool kept = last_use_[root_[v]] == forever;
      if (kept && storage.place == Storage::Place::arena) storage.place = Storage::Place::own;
    }
  }

  uint32_t add(const Storage& storage, bool reusable) {
    plan_.storages.push_back(storage);
    lives_.push_back({reusable, never, never});
    return static_cast<uint32_t>(plan_.storages.size() - 1);
  }

  void use(uint32_t storage, uint32_t step, uint32_t last) {
    Life& life = lives_[storage];
    if (life.first == never) life.first = step;
    life.last = std::max(life.last, last);
  }

  // Whether step `number`, which reads v's memory `reads` times, may write over it: nobody reads it
  // later, and it is v's alone.
  bool dies_at(uint32_t v, uint32_t number, int reads) const {
    const PlanValue& value = plan_.values[v];
    return value.view_of == none && last_use_[v] == number && reads == 1 && value.storage != none &&
           lives_[value.storage].reusable && !reused_.contains(value.storage) &&
           is_row_contiguous(value.shape, value.strides);
  }

  void take(uint32_t output, uint32_t input) {
    plan_.values[output].storage = plan_.values[input].storage;
    reused_.insert(plan_.values[input].storage);
  }

  // An output may be written over an input that is read at the same place of the loops, by no
  // instruction after the one that writes.
  void reuse_in_fused(FusedStep& step, uint32_t number) {
    std::unordered_map<uint32_t, int> reads;
    for (const auto& instance : step.instances) {
      for (uint32_t v : instance.inputs) ++reads[root_[v]];
    }
    for (auto& instance : step.instances) {
      for (size_t o = 0; o < instance.outputs.size(); ++o) {
        const PlanValue& out = plan_.values[instance.outputs[o]];
        for (size_t i = 0; i < instance.inputs.size(); ++i) {
          const uint32_t v = instance.inputs[i];
          const PlanValue& in = plan_.values[v];
          if (in.dtype.size() == out.dtype.size() && in.shape == out.shape &&
              dies_at(v, number, reads[v]) && written_after_reads(step.program, o, i)) {
            take(instance.outputs[o], v);
            break;
          }
        }
      }
    }
  }

  static bool written_after_reads(const cpu::Program& program, size_t output, size_t input) {
    const size_t slot = program.inputs.size() + program.temporaries + output;
    bool written = false;
    for (const cpu::Instruction& in : program.instructions) {
      const bool reads =
          std::find(std::begin(in.operands), std::end(in.operands), input) != std::end(in.operands);
      if (written && reads) return false;
      written = written || in.dst == slot;
    }
    return true;
  }

  void reuse_in_kernel(KernelStep& step, uint32_t number) {
    const int reuse = op_info(step.op).reuse_input;
    if (reuse < 0 || step.calls.size() > 1) return;
    const KernelStep::Call& call = step.calls[0];
    const uint32_t v = call.inputs[static_cast<size_t>(reuse)];
    const PlanValue& in = plan_.values[v];
    const PlanValue& out = plan_.values[call.outputs[0]];
    int reads = 0;
    for (uint32_t other : call.inputs) reads += root_[other] == v;
    if (in.bytes() == out.bytes() && dies_at(v, number, reads)) take(call.outputs[0], v);
  }

  // Blocks of the arena are handed out in the order of the steps, best fit.
  void place_temporaries() {
    std::vector<std::vector<uint32_t>> born(plan_.steps.size() + 1), dead(plan_.steps.size() + 1);
    for (uint32_t s = 0; s < plan_.storages.size(); ++s) {
      if (plan_.storages[s].place != Storage::Place::arena || lives_[s].first == never) continue;
      born[lives_[s].first].push_back(s);
      dead[lives_[s].last].push_back(s);
      ++plan_.temporaries;
    }
    for (size_t step = 1; step < born.size(); ++step) {
      for (uint32_t s : born[step]) allocate(plan_.storages[s]);
      for (uint32_t s : dead[step]) release(plan_.storages[s]);
    }
  }

  static size_t rounded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

  void allocate(Storage& storage) {
    const size_t bytes = rounded(storage.bytes);
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it) {
      if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
    }
    if (best == free_.end()) {
      // Grow the arena, from its last free block where that touches the end.
      size_t begin = plan_.arena_bytes;
      if (!free_.empty()) {
        const auto last = std::prev(free_.end());
        if (last->first + last->second == plan_.arena_bytes) {
          begin = last->first;
          free_.erase(last);
        }
      }
      storage.offset = begin;
      plan_.arena_bytes = begin + bytes;
      return;
    }
    storage.offset = best->first;
    const size_t rest = best->second - bytes;
    const size_t rest_begin = best->first + bytes;
    free_.erase(best);
    if (rest) free_.emplace(rest_begin, rest);
  }

  void release(const Storage& storage) {
    const size_t bytes = rounded(storage.bytes);
    if (!bytes) return;
    auto it = free_.emplace(storage.offset, bytes).first;
    if (const auto next = std::next(it);
        next != free_.end() && it->first + it->second == next->first) {
      it->second += next->second;
      free_.erase(next);
    }
    if (it != free_.begin()) {
      const auto previous = std::prev(it);
      if (previous->first + previous->second == it->first) {
        previous->second += it->second;
        free_.erase(it);
      }
    }
  }

  void count_bytes() {
    const auto add = [&](uint32_t v) { plan_.bytes_moved += plan_.values[v].bytes(); };
    for (const Step& step : plan_.steps) {
      for_each_input(step, add);
      for_each_output(step, add);
    }
  }

  struct Life {
    bool reusable;
    uint32_t first, last;  // steps
  };

  Plan& plan_;
  const Graph& graph_;
  const std::vector<bool>& kept_;
  std::vector<uint32_t> root_;
  std::vector<uint32_t> last_use_;       // of roots
  std::vector<Life> lives_;              // of storages
  std::unordered_set<uint32_t> reused_;  // storages that the step at hand has taken
  std::map<size_t, size_t> free_;        // the arena's free blocks: begin, bytes
};

}  // namespace

std::vector<uint32_t> viewed_roots(const std::vector<PlanValue>& values) {
  std::vector<uint32_t> roots(values.size());
  for (uint32_t v = 0; v < values.size(); ++v) {
    roots[v] = values[v].view_of == none ? v : roots[values[v].view_of];
  }
  return roots;
}

void plan_memory(Plan& plan, const Graph& graph, const std::vector<bool>& kept_values) {
  MemoryPlanner(plan, graph, kept_values).run();
}

}  // namespace mica::engine
