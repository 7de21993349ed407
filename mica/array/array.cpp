#include "mica/array/array.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>
#include <string>

#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/engine.h"
#include "mica/engine/event.h"
#include "mica/engine/node.h"
#include "mica/memory.h"
#include "mica/ops/checks.h"

namespace mica {

using engine::Node;
using engine::Value;

namespace {

// `dim` counted from the front.
size_t axis_of(const char* function, const Shape& shape, int dim) {
  const int ndim = static_cast<int>(shape.size());
  if (dim >= -ndim && dim < ndim) return static_cast<size_t>(dim < 0 ? dim + ndim : dim);
  const std::string expected =
      ndim == 0 ? "no axis"
                : "an axis in [-" + std::to_string(ndim) + ", " + std::to_string(ndim) + ")";
  throw std::out_of_range(std::string(function) + ": expected " + expected + " of an array " +
                          to_string(shape) + ", got " + std::to_string(dim));
}

}  // namespace

array::array(Node* node, uint32_t index) noexcept : node_(node), index_(index) { node->retain(); }

array::array(const array& other) noexcept : node_(other.node_), index_(other.index_) {
  if (node_) node_->retain();
}

array& array::operator=(const array& other) & noexcept {
  array copy(other);
  std::swap(node_, copy.node_);
  std::swap(index_, copy.index_);
  return *this;
}

array& array::operator=(array&& other) & noexcept {
  std::swap(node_, other.node_);
  std::swap(index_, other.index_);
  return *this;
}

void array::release(Node* node) noexcept { Node::release(node); }

array array::uninitialized(Shape shape, Dtype dtype) {
  const size_t bytes = engine::element_count(shape, dtype) * dtype.size();
  return engine::make_leaf(engine::allocate(bytes), std::move(shape), dtype);
}

array array::cast_from(const void* data, Shape shape, Dtype from, Dtype to) {
  array result = uninitialized(std::move(shape), to);
  cpu::cast_kernel(from, to)(result.value().data(), data, nullptr, nullptr, result.size());
  return result;
}

array::array(const void* value, Shape shape, Dtype from, Dtype to)
    : array(cast_from(value, std::move(shape), from, to)) {}

array::array(void* data, Shape shape, Dtype dtype, const std::function<void(void*)>& deleter) {
  const size_t bytes = engine::element_count(shape, dtype) * dtype.size();
  if (reinterpret_cast<uintptr_t>(data) % dtype.size() == 0) {
    *this = engine::make_leaf(engine::adopt(data, bytes, deleter), std::move(shape), dtype);
    return;
  }
  *this = uninitialized(std::move(shape), dtype);
  std::memcpy(value().data(), data, bytes);
  if (deleter) deleter(data);
}

void array::check_length(size_t length, const Shape& shape) {
  const size_t expected = engine::element_count(shape, uint8);
  if (length == expected) return;
  throw std::invalid_argument("array: expected " + std::to_string(expected) +
                              " elements for shape " + to_string(shape) + ", got " +
                              std::to_string(length));
}

Value& array::value() const { return node_->output(index_); }
size_t array::size() const { return value().size; }
const Shape& array::shape() const { return value().shape; }
Dtype array::dtype() const { return value().dtype; }

ShapeElem array::shape(int dim) const { return shape()[axis_of("shape", shape(), dim)]; }

const Strides& array::strides() const {
  if (node_->status == engine::Status::unscheduled) eval();
  return value().strides;
}

int64_t array::strides(int dim) const { return strides()[axis_of("strides", shape(), dim)]; }

size_t get_array_buffer_size(const std::vector<array>& arrays) {
  std::set<const void*> counted;
  size_t bytes = 0;
  for (const array& a : arrays) {
    if (a.status() == array::unscheduled) {
      throw std::invalid_argument("get_array_buffer_size: expected evaluated arrays");
    }
    const engine::BufferRef& buffer = a.value().buffer;
    if (!buffer || !counted.insert(buffer.data()).second) continue;
    bytes += std::max(buffer.capacity(), buffer.size());
  }
  return bytes;
}

int64_t array::offset() const { return value().offset; }
size_t array::buffer_size() const { return value().buffer.size(); }

size_t array::data_size() const {
  if (size() == 0) return 0;
  int64_t first = 0, last = 0;
  for (size_t d = 0; d < ndim(); ++d) {
    const int64_t reach = (shape()[d] - 1) * strides()[d];
    (reach < 0 ? first : last) += reach;
  }
  return static_cast<size_t>(last - first + 1);
}

array::Flags array::flags() const {
  int64_t expected = 1;
  bool columns = true;
  size_t distinct = 1;
  for (size_t d = 0; d < ndim(); ++d) {
    columns = columns && (shape()[d] == 1 || strides()[d] == expected);
    expected *= shape()[d];
    if (strides()[d] != 0) distinct *= static_cast<size_t>(shape()[d]);
  }
  return {distinct == data_size(), engine::is_row_contiguous(shape(), strides()), columns};
}

array::Status array::status() const {
  if (node_->status == engine::Status::unscheduled) return unscheduled;
  return is_available() ? available : evaluated;
}

bool array::is_available() const {
  switch (node_->status.load(std::memory_order_acquire)) {
    case engine::Status::unscheduled:
      return false;
    case engine::Status::scheduled:
      return node_->event->is_set();
    case engine::Status::available:
      break;
  }
  return true;
}

void array::wait() const {
  if (node_->status.load(std::memory_order_acquire) == engine::Status::scheduled) {
    node_->event->wait(node_->result);
  }
}

void array::eval() { engine::evaluate({this, 1}, false); }

void* array::raw_data() const {
  if (node_->status == engine::Status::unscheduled) {
    eval();
  } else {
    wait();
  }
  return value().data();
}

void array::copy_item(void* out, Dtype to) const {
  if (size() != 1) {
    throw std::invalid_argument("item: expected an array with one element, got shape " +
                                to_string(shape()));
  }
  cpu::cast_kernel(dtype(), to)(out, raw_data(), nullptr, nullptr, 1);
}

bool array::has_primitive() const { return static_cast<bool>(node_->op); }

const char* array::primitive_name() const { return node_->op ? node_->op->info().name : ""; }

std::vector<array> array::inputs() const {
  const auto inputs = node_->inputs();
  return {inputs.begin(), inputs.end()};
}

std::uintptr_t array::primitive_id() const {
  return has_primitive() ? reinterpret_cast<std::uintptr_t>(node_) : 0;
}

std::vector<array> array::outputs() const {
  std::vector<array> outputs;
  for (uint32_t i = 0; i < node_->output_count(); ++i) outputs.emplace_back(node_, i);
  return outputs;
}

std::vector<array> array::siblings() const {
  std::vector<array> siblings = outputs();
  siblings.erase(siblings.begin() + index_);
  return siblings;
}

bool array::is_donatable() const {
  const engine::BufferRef& buffer = value().buffer;
  return node_->refs == 1 && buffer.use_count() == 1 && buffer.capacity() > 0;
}

void array::detach() { node_->detach(); }
bool array::is_tracer() const { return node_->tracer; }

}  // namespace mica
