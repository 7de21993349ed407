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

void set_outputs(Node& node, std::span<OutputSpec> outputs) {
  if (outputs.size() > 1) node.others.resize(outputs.size() - 1);
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    Value& value = node.output(i);
    value.size = element_count(outputs[i].shape, outputs[i].dtype);
    value.shape = std::move(outputs[i].shape);
    value.dtype = outputs[i].dtype;
  }
}

Node* make_node(OpRef op, std::span<const array> inputs, std::span<OutputSpec> outputs,
                Stream stream) {
  Node* node = Node::create(std::move(op), inputs, stream);
  const array owner = array::adopt(node);  // frees the node where set_outputs throws
  set_outputs(*node, outputs);
  for (const array& input : inputs) {
    if (input.node().tracer) node->tracer = true;
  }
  node->retain();
  return node;
}

array make_available(Shape shape, Dtype dtype, Stream stream) {
  Node* node = Node::create({}, {}, stream);
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

Node* Node::create(OpRef op, std::span<const array> inputs, Stream stream) {
  void* memory = ::operator new(sizeof(Node) + inputs.size() * sizeof(array));
  Node* node = new (memory) Node(stream);
  node->op = std::move(op);
  node->input_count = static_cast<uint32_t>(inputs.size());
  array* to = node->input_data();
  for (const array& input : inputs) new (to++) array(input);
  return node;
}

void Node::release(Node* node) noexcept {
  if (node->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  node->next_released = releases.first;
  releases.first = node;
  if (releases.running) return;
  releases.running = true;
  while (Node* next = releases.first) {
    releases.first = next->next_released;
    next->detach();
    next->~Node();
    ::operator delete(next);
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
  return array::adopt(make_node(std::move(op), inputs, {&spec, 1}, stream));
}

std::vector<array> make_arrays(OpRef op, std::span<const array> inputs,
                               std::vector<OutputSpec> outputs, Stream stream) {
  const auto count = static_cast<uint32_t>(outputs.size());
  Node* node = make_node(std::move(op), inputs, outputs, stream);
  std::vector<array> arrays;
  arrays.reserve(count);
  arrays.push_back(array::adopt(node));
  for (uint32_t i = 1; i < count; ++i) arrays.emplace_back(node, i);
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

void detach_evaluated(const array& evaluated) {
  if (evaluated.node().tracer && in_tracing()) {
    evaluated_in_trace.push_back(evaluated);
  } else {
    evaluated.node().detach();
  }
}

}  // namespace mica::engine
