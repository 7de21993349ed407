#include "mica/engine/node.h"

#include <limits>
#include <new>
#include <stdexcept>

#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/event.h"
#include "mica/ops/checks.h"

namespace mica::engine {
namespace {

thread_local int tracing_depth = 0;
thread_local std::vector<array> evaluated_in_trace;

// Nodes whose last reference is gone, to be destroyed one after the other. Plain pointers: nodes
// may still be released while a thread's other variables are being destroyed.
struct Releases {
  Node* first;
  bool running;
};
thread_local constinit Releases releases{nullptr, false};

// Memory of nodes that have ended, for the next ones of the same thread: blocks with room for
// `inputs` inputs. Trivial, so that reaching it costs nothing and it can be asked after the
// thread's destructors have run.
struct NodeCache {
  static constexpr uint32_t inputs = 3;
  static constexpr size_t block_bytes = sizeof(Node) + inputs * sizeof(array);
  static constexpr uint32_t capacity = pool_bypassed ? 0 : 1024;
  struct Block {
    Block* next;
  };
  enum class Life : uint8_t { unborn, alive, ended };

  Block* first;
  uint32_t count;
  Life life;

  void* take() {
    if (first == nullptr) return ::operator new(block_bytes);
    --count;
    return std::exchange(first, first->next);
  }
  void give(void* memory) {
    if (life == Life::unborn) open();
    if (life == Life::ended || count >= capacity) return ::operator delete(memory);
    first = new (memory) Block{first};
    ++count;
  }
  void open();
};
constinit thread_local NodeCache node_cache{nullptr, 0, NodeCache::Life::unborn};

struct NodeCacheEnd {
  ~NodeCacheEnd() {
    while (node_cache.first) {
      ::operator delete(std::exchange(node_cache.first, node_cache.first->next));
    }
    node_cache.life = NodeCache::Life::ended;
  }
};

void NodeCache::open() {
  thread_local NodeCacheEnd end;
  life = Life::alive;
}

void set_outputs(Node& node, std::span<OutputSpec> outputs) {
  if (outputs.size() > 1) node.others.resize(outputs.size() - 1);
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    Value& value = node.output(i);
    value.size = element_count(outputs[i].shape, outputs[i].dtype);
    value.shape = std::move(outputs[i].shape);
    value.dtype = outputs[i].dtype;
  }
}

// The first output.
template <class Array>
array make_node(OpRef op, std::span<Array> inputs, std::span<OutputSpec> outputs, Stream stream) {
  Node* node = Node::create(std::move(op), inputs, stream);
  array first = array::adopt(node);
  set_outputs(*node, outputs);
  for (const array& input : node->inputs()) {
    if (input.node().tracer) node->tracer = true;
  }
  return first;
}

array make_available(Shape shape, Dtype dtype, Stream stream) {
  Node* node = Node::create({}, std::span<const array>(), stream);
  array leaf = array::adopt(node);
  OutputSpec spec{std::move(shape), dtype};
  set_outputs(*node, {&spec, 1});
  return leaf;
}

Stream leaf_stream() {
  static const Stream stream = default_stream(Device(Device::cpu));
  return stream;
}

}  // namespace

template <class Array>
Node* Node::create(OpRef op, std::span<Array> inputs, Stream stream) {
  const bool recyclable = inputs.size() <= NodeCache::inputs;
  void* memory =
      recyclable ? node_cache.take() : ::operator new(sizeof(Node) + inputs.size() * sizeof(array));
  Node* node = new (memory) Node(stream);
  node->recyclable = recyclable;
  node->op = std::move(op);
  node->input_count = static_cast<uint32_t>(inputs.size());
  array* to = node->input_data();
  for (Array& input : inputs) new (to++) array(std::move(input));
  return node;
}

void Node::release(Node* node) noexcept {
  // The only owner needs no atomic subtraction.
  if (node->refs.load(std::memory_order_acquire) != 1 &&
      node->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  node->next_released = releases.first;
  releases.first = node;
  if (releases.running) return;
  releases.running = true;
  while (Node* next = releases.first) {
    releases.first = next->next_released;
    next->detach();
    const bool recyclable = next->recyclable;
    next->~Node();
    recyclable ? node_cache.give(next) : ::operator delete(next);
  }
  releases.running = false;
}

void Node::detach() noexcept {
  array* inputs = input_data();
  for (uint32_t i = input_count; i-- > 0;) inputs[i].~array();
  input_count = 0;
  op = {};
  if (tracer) tracer = false;
}

array make_array(OpRef op, std::span<const array> inputs, Shape shape, Dtype dtype, Stream stream) {
  OutputSpec spec{std::move(shape), dtype};
  return make_node(std::move(op), inputs, {&spec, 1}, stream);
}

array make_array_taking(OpRef op, std::span<array> inputs, Shape shape, Dtype dtype,
                        Stream stream) {
  OutputSpec spec{std::move(shape), dtype};
  return make_node(std::move(op), inputs, {&spec, 1}, stream);
}

std::vector<array> make_arrays(OpRef op, std::span<const array> inputs,
                               std::vector<OutputSpec> outputs, Stream stream) {
  const auto count = static_cast<uint32_t>(outputs.size());
  std::vector<array> arrays;
  arrays.reserve(count);
  arrays.push_back(make_node(std::move(op), inputs, std::span(outputs), stream));
  for (uint32_t i = 1; i < count; ++i) arrays.emplace_back(&arrays[0].node(), i);
  return arrays;
}

array make_leaf(BufferRef buffer, Shape shape, Dtype dtype) {
  Strides strides = row_major_strides(shape);
  return make_leaf(std::move(buffer), 0, std::move(shape), std::move(strides), dtype);
}

array make_leaf(BufferRef buffer, int64_t offset, Shape shape, Strides strides, Dtype dtype) {
  array leaf = make_available(std::move(shape), dtype, leaf_stream());
  Value& value = leaf.value();
  value.buffer = std::move(buffer);
  value.offset = offset;
  value.strides = std::move(strides);
  leaf.node().status.store(Status::available, std::memory_order_release);
  return leaf;
}

array cast_leaf(const array& leaf, Dtype dtype) {
  const Value& from = leaf.value();
  BufferRef buffer = allocate(from.size * dtype.size());
  cpu::cast_kernel(from.dtype, dtype)(buffer.data(), from.data(), nullptr, nullptr, from.size);
  return make_leaf(std::move(buffer), from.shape, dtype);
}

array make_placeholder(Shape shape, Dtype dtype, Stream stream) {
  array placeholder = make_available(std::move(shape), dtype, stream);
  placeholder.node().placeholder = true;
  placeholder.value().strides = row_major_strides(placeholder.shape());
  return placeholder;
}

size_t element_count(const Shape& shape, Dtype dtype) {
  size_t count = 1;
  for (ShapeElem d : shape) {
    if (d < 0) {
      throw std::invalid_argument("array: expected dimensions of 0 or more, got shape " +
                                  to_string(shape));
    }
    if (__builtin_mul_overflow(count, static_cast<size_t>(d), &count)) count = SIZE_MAX;
  }
  if (count > static_cast<size_t>(std::numeric_limits<int64_t>::max()) / dtype.size()) {
    throw std::overflow_error("array: expected at most 2^63 bytes, got shape " + to_string(shape));
  }
  return count;
}

Strides row_major_strides(const Shape& shape) {
  Strides strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

bool is_row_contiguous(const Shape& shape, const Strides& strides) {
  int64_t expected = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 0) return true;
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

bool in_tracing() { return tracing_depth > 0; }
TracingScope::TracingScope() { ++tracing_depth; }
TracingScope::~TracingScope() {
  if (--tracing_depth > 0) return;
  // Else what the function evaluated and stored, a running mean, would hold the graphs of all
  // calls.
  const std::vector<array> evaluated = std::exchange(evaluated_in_trace, {});
  for (const array& a : evaluated) a.node().detach();
}

void detach_evaluated(Node& evaluated) {
  if (evaluated.tracer && in_tracing()) {
    evaluated_in_trace.emplace_back(&evaluated, 0);
  } else {
    evaluated.detach();
  }
}

}  // namespace mica::engine
