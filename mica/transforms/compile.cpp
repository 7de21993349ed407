#include "mica/transforms/compile.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <span>

#include "mica/engine/engine.h"
#include "mica/engine/op.h"
#include "mica/random/random.h"
#include "mica/random/random_bits.h"
#include "mica/transforms/program.h"
#include "mica/transforms/tape.h"

namespace mica {

void disable_compile() { set_compile_mode(CompileMode::disabled); }
void enable_compile() { set_compile_mode(CompileMode::enabled); }
void set_compile_mode(CompileMode mode) { engine::set_compile_mode(mode); }

namespace detail {
namespace {

// What a trace holds for.
struct TraceKey {
  std::string structure;
  std::vector<std::pair<Shape, Dtype>> inputs;
  Stream stream;

  bool matches(const TraceKey& other) const {
    return matches_but_shapes(other) && same_shapes(other);
  }
  bool matches_but_shapes(const TraceKey& other) const {
    const auto same_dtype = [](const auto& a, const auto& b) { return a.second == b.second; };
    return stream == other.stream && structure == other.structure &&
           std::equal(inputs.begin(), inputs.end(), other.inputs.begin(), other.inputs.end(),
                      same_dtype);
  }
  bool same_shapes(const TraceKey& other) const {
    const auto same_shape = [](const auto& a, const auto& b) { return a.first == b.first; };
    return std::equal(inputs.begin(), inputs.end(), other.inputs.begin(), other.inputs.end(),
                      same_shape);
  }
};

struct Trace {
  TraceKey key;
  Program program;
  std::shared_ptr<const void> result;
};

}  // namespace

class TraceCache {
 public:
  explicit TraceCache(bool shapeless) : shapeless_(shapeless) {}

  std::shared_ptr<const Trace> find(const TraceKey& key) {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(traces_.begin(), traces_.end(),
                                    [&](const auto& trace) { return trace->key.matches(key); });
    if (found == traces_.end()) return nullptr;
    std::rotate(traces_.begin(), found, found + 1);
    return traces_.front();
  }

  void add(std::shared_ptr<const Trace> trace) {
    const std::lock_guard lock(mutex_);
    if (trace->program.captures_tracer) return;
    std::erase_if(traces_, [&](const auto& old) {
      return shapeless_ ? old->key.matches_but_shapes(trace->key) : old->key.matches(trace->key);
    });
    traces_.insert(traces_.begin(), std::move(trace));
    if (traces_.size() > max_traces) traces_.pop_back();
  }

 private:
  static constexpr size_t max_traces = 32;
  const bool shapeless_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<const Trace>> traces_;  // most recently used first
};

std::shared_ptr<TraceCache> make_trace_cache(bool shapeless) {
  return std::make_shared<TraceCache>(shapeless);
}
bool compile_enabled() { return engine::compile_mode() != CompileMode::disabled; }

std::vector<array> without_values(const std::vector<array>& arrays) {
  std::vector<array> blank;
  blank.reserve(arrays.size());
  for (const array& a : arrays) blank.push_back(make_argument(a.shape(), a.dtype()));
  return blank;
}

namespace {

std::shared_ptr<const Trace> make_trace(const TraceFunction& fun, TraceKey key) {
  const bool nested = engine::in_tracing();
  std::vector<array> arguments;
  Traced traced;
  {
    const engine::TracingScope tracing;
    for (const auto& [shape, dtype] : key.inputs) {
      arguments.push_back(make_argument(shape, dtype));
    }
    traced = fun(arguments);
  }
  Program program = record_program(arguments, traced.outputs);
  // A tracer of an outer transform lives no longer than its trace; left over from one that has
  // ended, it is an array as any other.
  program.captures_tracer &= nested;
  if (!program.captures_tracer) {
    // Computed now, so that the graphs replayed are alike from the first one on.
    engine::evaluate(program.captured, true);
  }
  return std::make_shared<const Trace>(
      Trace{std::move(key), std::move(program), std::move(traced.result)});
}

}  // namespace

Traced run_compiled(TraceCache& cache, const TraceFunction& fun, const std::vector<array>& inputs,
                    const std::string& structure) {
  TraceKey key{structure, {}, to_stream({})};
  for (const array& input : inputs) {
    key.inputs.emplace_back(input.shape(), input.dtype());
  }
  std::shared_ptr<const Trace> trace = cache.find(key);
  if (!trace) {
    trace = make_trace(fun, std::move(key));
    cache.add(trace);
  }
  return {trace->program.replay(inputs), trace->result};
}

std::optional<size_t> draws_between(const array& first, const array& second) {
  if (first.id() == second.id()) return 0;
  const Tape tape({&first, 1}, {&second, 1}, Walk::compile);
  if (tape.find(second) == NodeIndex::none) return std::nullopt;
  // Each draw splits the state once; of the two keys of a split the path goes through one.
  size_t draws = 0;
  for (const engine::Node* node : tape.nodes()) {
    draws += node->op && node->op->id == op_id<ops::RandomBits>();
  }
  return draws;
}

void skip_random_draws(size_t count) {
  for (size_t i = 0; i < count; ++i) random::KeySequence::default_().next();
}

}  // namespace detail
}  // namespace mica
