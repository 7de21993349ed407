#include "mica/engine/engine.h"

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "mica/engine/counters.h"
#include "mica/engine/event.h"
#include "mica/engine/graph.h"
#include "mica/engine/plan.h"
#include "mica/engine/run.h"
#include "mica/engine/stream_worker.h"

namespace mica::engine {
namespace {

// The plans of the structures met lately.
class PlanCache {
 public:
  std::shared_ptr<const Plan> find(const Graph& graph) {
    const uint64_t hash = hash_of(graph.key);
    const auto [first, last] = by_hash_.equal_range(hash);
    for (auto it = first; it != last; ++it) {
      if ((*it->second)->key == graph.key) {
        recent_.splice(recent_.begin(), recent_, it->second);
        count({.plan_hits = 1});
        return *it->second;
      }
    }
    count({.plan_misses = 1});
    auto plan = make_plan(graph);
    if (weight(*plan) <= max_weight / 4) insert(hash, plan);
    return plan;
  }

 private:
  static constexpr size_t max_plans = 1024;
  static constexpr size_t max_weight = size_t{1} << 22;  // words of keys: 32 MiB

  static size_t weight(const Plan& plan) { return plan.key.words().size(); }

  // Of four interleaved parts, which the processor hashes side by side.
  static uint64_t hash_of(const Key& key) {
    const std::vector<uint64_t>& words = key.words();
    const auto step = [](uint64_t h, uint64_t word) {
      h = (h ^ word) * 0xff51afd7ed558ccdull;
      return h ^ h >> 32;
    };
    uint64_t parts[4] = {words.size(), 1, 2, 3};
    size_t i = 0;
    for (; i + 4 <= words.size(); i += 4) {
      for (size_t j = 0; j < 4; ++j) parts[j] = step(parts[j], words[i + j]);
    }
    for (; i < words.size(); ++i) parts[0] = step(parts[0], words[i]);
    return step(step(step(parts[0], parts[1]), parts[2]), parts[3]);
  }

  void insert(uint64_t hash, std::shared_ptr<const Plan> plan) {
    total_ += weight(*plan);
    recent_.push_front(std::move(plan));
    by_hash_.emplace(hash, recent_.begin());
    while (recent_.size() > max_plans || total_ > max_weight) {
      const auto oldest = std::prev(recent_.end());
      total_ -= weight(**oldest);
      const auto [first, last] = by_hash_.equal_range(hash_of((*oldest)->key));
      by_hash_.erase(
          std::find_if(first, last, [&](const auto& entry) { return entry.second == oldest; }));
      recent_.pop_back();
    }
  }

  using List = std::list<std::shared_ptr<const Plan>>;
  List recent_;
  std::unordered_multimap<uint64_t, List::iterator> by_hash_;
  size_t total_ = 0;
};

struct Engine {
  std::mutex mutex;  // held while a graph is collected, planned and bound
  PlanCache plans;
};

// Never destroyed: streams may still run at exit.
Engine& engine() {
  static Engine& e = *new Engine;
  return e;
}

bool scheduled(const Node& node) {
  return node.status.load(std::memory_order_acquire) != Status::unscheduled;
}

// What outputs need, cut into parts of one stream each, in an order in which they can run: a part
// holds what another stream or the caller wants of it.
std::vector<std::vector<array>> split_by_stream(std::span<const array> outputs,
                                                std::span<Node* const> nodes) {
  std::unordered_map<Node*, uint32_t> level;
  for (Node* node : nodes) {
    uint32_t& deepest = level[node];
    for (const array& input : node->inputs()) {
      if (scheduled(input.node())) continue;
      const uint32_t step = input.node().stream == node->stream ? 0 : 1;
      deepest = std::max(deepest, level[&input.node()] + step);
    }
  }
  std::map<std::pair<uint32_t, Stream>, std::vector<array>> parts;
  const auto want = [&](const array& a) {
    if (!scheduled(a.node())) parts[{level[&a.node()], a.node().stream}].push_back(a);
  };
  for (Node* node : nodes) {
    for (const array& input : node->inputs()) {
      if (!(input.node().stream == node->stream)) want(input);
    }
  }
  for (const array& output : outputs) want(output);
  std::vector<std::vector<array>> result;
  for (auto& [key, arrays] : parts) result.push_back(std::move(arrays));
  return result;
}

void run_on(Stream stream, std::unique_ptr<Run> run, bool async) {
  if (async) {
    enqueue(stream, Task([run = std::move(run)]() mutable { run->execute(); }));
  } else {
    try_run_inline(stream, [&] { run->execute(); });
  }
}

// The event of all outputs, if there is one.
std::shared_ptr<Event> schedule(std::span<const array> outputs, bool async) {
  std::shared_ptr<Event> done;
  std::vector<std::vector<array>> parts;
  std::unique_ptr<Run> run;
  std::optional<Stream> stream;
  {
    std::lock_guard lock(engine().mutex);
    const Graph graph = collect(outputs);
    if (graph.nodes.empty()) return nullptr;
    stream = graph.nodes[0]->stream;
    const bool one_stream = std::all_of(graph.nodes.begin(), graph.nodes.end(),
                                        [&](Node* node) { return node->stream == *stream; });
    if (one_stream) {
      const auto event = std::make_shared<Event>();
      run = std::make_unique<Run>(engine().plans.find(graph), graph, event);
      if (graph.computes_all) done = event;
    } else {
      parts = split_by_stream(outputs, graph.nodes);
    }
  }
  if (run) run_on(*stream, std::move(run), async);
  for (const auto& part : parts) schedule(part, true);
  return done;
}

}  // namespace

size_t memory_to_evaluate(const std::vector<array>& outputs) {
  std::lock_guard lock(engine().mutex);
  const auto plan = make_plan(collect(outputs, Placeholders::leaves));
  size_t bytes = plan->arena_bytes;
  for (uint32_t leaf : plan->leaf_values) bytes += plan->values[leaf].bytes();
  for (const Storage& storage : plan->storages) {
    if (storage.place == Storage::Place::own) bytes += storage.bytes;
  }
  return bytes;
}

void evaluate(std::span<const array> outputs, bool async) {
  const std::shared_ptr<Event> done = schedule(outputs, async);
  if (async) return;
  if (done) return done->wait();
  for (const array& output : outputs) output.wait();
}

}  // namespace mica::engine
