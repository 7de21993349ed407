// The graph: a Node is one application of an Op to input arrays, holding its outputs' values.
// Leaves have no op. Nodes are reference counted and immutable but for their evaluation.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "mica/array/array.h"
#include "mica/engine/buffer.h"
#include "mica/engine/op.h"
#include "mica/stream.h"

namespace mica::engine {

class Event;

// One output of a node. Buffer, offset and strides hold once the node's status is not unscheduled.
struct Value {
  Shape shape;
  Dtype dtype = float32;
  size_t size = 1;  // elements
  BufferRef buffer;
  int64_t offset = 0;  // elements from the buffer's start
  Strides strides;     // elements

  void* data() const {
    return static_cast<char*>(buffer.data()) + offset * static_cast<int64_t>(dtype.size());
  }
};

enum class Status : uint8_t {
  unscheduled,  // has an op and inputs, no data
  scheduled,    // buffers are bound, a stream will fill them; event tells when
  available,    // data can be read
};

struct Node {
  std::atomic<uint32_t> refs{1};
  std::atomic<Status> status{Status::unscheduled};
  // Depends on an argument of a function being transformed; false again once detached.
  std::atomic<bool> tracer{false};
  bool placeholder = false;  // stands for an argument: has no data and can't be evaluated
  bool recyclable = false;   // its memory may become another node's
  uint32_t input_count = 0;
  uint32_t result = 0;  // which of the event's results output 0 is
  // Place in the schedule being built; meaningful to the thread that holds the engine's lock.
  uint64_t mark = 0;
  uint32_t index = 0;
  Node* next_released = nullptr;
  Stream stream;
  OpRef op;  // null for leaves
  std::shared_ptr<Event> event;
  Value value;                // output 0
  std::vector<Value> others;  // outputs 1...

  explicit Node(Stream s) : stream(s) {}

  array* input_data() { return reinterpret_cast<array*>(this + 1); }
  const array* input_data() const { return reinterpret_cast<const array*>(this + 1); }
  std::span<const array> inputs() const { return {input_data(), input_count}; }
  uint32_t output_count() const { return 1 + static_cast<uint32_t>(others.size()); }
  Value& output(uint32_t i) { return i == 0 ? value : others[i - 1]; }

  // The inputs are stored behind the node, in the same block: moved there from arrays, copied from
  // constant ones.
  template <class Array>
  static Node* create(OpRef op, std::span<Array> inputs, Stream stream);
  void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
  // Frees iteratively: a chain of a million nodes does not recurse.
  static void release(Node* node) noexcept;
  // Forgets op and inputs once evaluated.
  void detach() noexcept;
};

// As make_array(), but takes the inputs over, which are empty handles then.
array make_array_taking(OpRef op, std::span<array> inputs, Shape shape, Dtype dtype, Stream stream);

// A leaf with data, row-contiguous.
array make_leaf(BufferRef buffer, Shape shape, Dtype dtype);
array make_leaf(BufferRef buffer, int64_t offset, Shape shape, Strides strides, Dtype dtype);
// A leaf's elements in another dtype, converted at once.
array cast_leaf(const array& leaf, Dtype dtype);
// A leaf that stands for an argument while a function is traced.
array make_placeholder(Shape shape, Dtype dtype, Stream stream);

// Elements of a shape; throws std::overflow_error where the count or the byte size overflows.
size_t element_count(const Shape& shape, Dtype dtype);
Strides row_major_strides(const Shape& shape);
bool is_row_contiguous(const Shape& shape, const Strides& strides);

// True while a transform is tracing on this thread: nodes that depend on tracers then keep their
// op and inputs when they are evaluated, until the outermost trace ends.
bool in_tracing();
struct TracingScope {
  TracingScope();
  ~TracingScope();
  TracingScope(const TracingScope&) = delete;
  TracingScope& operator=(const TracingScope&) = delete;
};
// Detaches an evaluated node, or where it is traced, arranges for that.
void detach_evaluated(Node& evaluated);

}  // namespace mica::engine
