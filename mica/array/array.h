// array: a handle on an immutable, lazily evaluated node of a computation graph. Copying a handle
// is free; eval() materialises. This folder holds the array, its element types, shapes, indexing
// and printing.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/dtype.h"
#include "mica/array/shape.h"

namespace mica {

class Indices;
class IndexedUpdate;
namespace engine {
struct Node;
struct Value;
class Op;
}  // namespace engine

// C++ values that convert to a scalar array.
template <class T>
concept Scalar = std::is_arithmetic_v<T> || std::is_same_v<T, float16_t> ||
    std::is_same_v<T, bfloat16_t> || std::is_same_v<T, std::complex<float>>;

class array {
 public:
  // A scalar. Without a dtype, double becomes float32; the rest keep theirs.
  template <Scalar T>
  array(T value) : array(value, TypeToDtype<T>()) {}
  template <Scalar T>
  explicit array(T value, Dtype dtype) : array(&value, Shape{}, dtype_of<T>(), dtype) {}

  // Elements in row-major order from an iterator; reads the product of shape.
  template <class It>
  requires(std::input_iterator<It> && !std::is_same_v<std::remove_cv_t<It>, void*>) explicit array(
      It data, Shape shape,
      Dtype dtype = TypeToDtype<typename std::iterator_traits<It>::value_type>());
  template <Scalar T>
  explicit array(std::initializer_list<T> data, Dtype dtype = TypeToDtype<T>())
      : array(data.begin(), Shape{static_cast<ShapeElem>(data.size())}, dtype) {}
  explicit array(std::initializer_list<float> data)
      : array(data.begin(), Shape{static_cast<ShapeElem>(data.size())}, float32) {}
  explicit array(std::initializer_list<int> data, Dtype dtype)
      : array(data.begin(), Shape{static_cast<ShapeElem>(data.size())}, dtype) {}
  template <Scalar T>
  explicit array(std::initializer_list<T> data, Shape shape, Dtype dtype = TypeToDtype<T>());
  // Nested lists, as array({{1, 2}, {3, 4}}); the rows must have equal lengths.
  template <Scalar T>
  explicit array(std::initializer_list<std::initializer_list<T>> rows,
                 Dtype dtype = TypeToDtype<T>());
  template <Scalar T>
  explicit array(std::initializer_list<std::initializer_list<std::initializer_list<T>>> blocks,
                 Dtype dtype = TypeToDtype<T>());

  // Foreign memory, used without a copy where it is aligned for dtype; the deleter is called once
  // it is no longer needed.
  explicit array(void* data, Shape shape, Dtype dtype, const std::function<void(void*)>& deleter);

  array(const array& other) noexcept;
  array(array&& other) noexcept
      : node_(std::exchange(other.node_, nullptr)), index_(other.index_) {}
  array& operator=(const array& other) & noexcept;
  array& operator=(array&& other) & noexcept;
  array& operator=(const array&) && = delete;
  array& operator=(array&&) && = delete;
  ~array() {
    if (node_) release(node_);
  }

  size_t itemsize() const { return dtype().size(); }
  size_t size() const;  // elements
  size_t nbytes() const { return size() * itemsize(); }
  size_t ndim() const { return shape().size(); }
  const Shape& shape() const;
  ShapeElem shape(int dim) const;  // negative counts from the end; throws out_of_range
  Dtype dtype() const;

  void eval();
  void eval() const { array(*this).eval(); }

  // The value of an array with one element, evaluated if needed.
  template <Scalar T>
  T item() const;

  // The elements, once evaluated, laid out by strides(), in elements.
  template <class T>
  T* data() {
    return static_cast<T*>(raw_data());
  }
  template <class T>
  const T* data() const {
    return static_cast<const T*>(raw_data());
  }
  const Strides& strides() const;
  int64_t strides(int dim) const;
  int64_t offset() const;      // elements from the buffer's start
  size_t data_size() const;    // elements of the underlying buffer that the array's strides span
  size_t buffer_size() const;  // bytes
  struct Flags {
    bool contiguous : 1;  // every element of the spanned buffer belongs to the array
    bool row_contiguous : 1;
    bool col_contiguous : 1;
  };
  Flags flags() const;

  enum Status { unscheduled, evaluated, available };
  Status status() const;
  bool is_available() const;
  void wait() const;  // for an asynchronous evaluation; rethrows its error

  // Identity of the node, and its place in the graph.
  std::uintptr_t id() const { return reinterpret_cast<std::uintptr_t>(node_) + index_; }
  // Of the op that computes the array, shared by all of its outputs; 0 for a leaf.
  std::uintptr_t primitive_id() const;
  bool has_primitive() const;
  const char* primitive_name() const;
  std::vector<array> inputs() const;
  // All outputs of the array's op, in order; those but this one; and this one's place.
  std::vector<array> outputs() const;
  std::vector<array> siblings() const;
  int sibling_position() const { return static_cast<int>(index_); }
  // Whether nobody else holds the array or its buffer, which mica may then overwrite.
  bool is_donatable() const;
  void detach();
  // Makes this handle one of other's node.
  void overwrite_descriptor(const array& other) { *this = other; }
  bool is_tracer() const;

  class Iterator;
  using ArrayIterator = Iterator;
  Iterator begin() const;  // over axis 0; throws std::invalid_argument for a scalar
  Iterator end() const;

  // x[{Slice(0, 5), Ellipsis, 0}], x[array], x[3]; see mica/array/indexing.h.
  array operator[](const Indices& indices) const;
  // x.at({0, Slice(1, 3)}).add(y): a new array with the indexed elements updated.
  IndexedUpdate at(const Indices& indices) const;

  // Methods of Python's mx.array; each calls the function of the same name in mica/ops/ops.h.
  // clang-format off
  array T() const;
  array abs() const;
  array all(bool keepdims = false) const;
  array all(int axis, bool keepdims = false) const;
  array all(const std::vector<int>& axes, bool keepdims = false) const;
  array any(bool keepdims = false) const;
  array any(int axis, bool keepdims = false) const;
  array any(const std::vector<int>& axes, bool keepdims = false) const;
  array argmax(bool keepdims = false) const;
  array argmax(int axis, bool keepdims = false) const;
  array argmin(bool keepdims = false) const;
  array argmin(int axis, bool keepdims = false) const;
  array astype(Dtype dtype) const;
  array conj() const;
  array cos() const;
  array exp() const;
  array flatten(int start_axis = 0, int end_axis = -1) const;
  array log() const;
  array log10() const;
  array log1p() const;
  array log2() const;
  array logsumexp(bool keepdims = false) const;
  array logsumexp(int axis, bool keepdims = false) const;
  array logsumexp(const std::vector<int>& axes, bool keepdims = false) const;
  array max(bool keepdims = false) const;
  array max(int axis, bool keepdims = false) const;
  array max(const std::vector<int>& axes, bool keepdims = false) const;
  array mean(bool keepdims = false) const;
  array mean(int axis, bool keepdims = false) const;
  array mean(const std::vector<int>& axes, bool keepdims = false) const;
  array min(bool keepdims = false) const;
  array min(int axis, bool keepdims = false) const;
  array min(const std::vector<int>& axes, bool keepdims = false) const;
  array moveaxis(int source, int destination) const;
  array prod(bool keepdims = false) const;
  array prod(int axis, bool keepdims = false) const;
  array prod(const std::vector<int>& axes, bool keepdims = false) const;
  array reciprocal() const;
  array reshape(Shape shape) const;
  array round(int decimals = 0) const;
  array rsqrt() const;
  array sin() const;
  std::vector<array> split(int num_splits, int axis = 0) const;
  std::vector<array> split(const Shape& indices, int axis = 0) const;
  array sqrt() const;
  array square() const;
  array squeeze() const;
  array squeeze(int axis) const;
  array squeeze(const std::vector<int>& axes) const;
  array std(bool keepdims = false, int ddof = 0) const;
  array std(int axis, bool keepdims = false, int ddof = 0) const;
  array std(const std::vector<int>& axes, bool keepdims = false, int ddof = 0) const;
  array sum(bool keepdims = false) const;
  array sum(int axis, bool keepdims = false) const;
  array sum(const std::vector<int>& axes, bool keepdims = false) const;
  array swapaxes(int axis1, int axis2) const;
  array transpose() const;
  array transpose(std::vector<int> axes) const;
  array unflatten(int axis, Shape shape) const;
  array var(bool keepdims = false, int ddof = 0) const;
  array var(int axis, bool keepdims = false, int ddof = 0) const;
  array var(const std::vector<int>& axes, bool keepdims = false, int ddof = 0) const;
  // clang-format on

  // For the engine and the ops.
  array(engine::Node* node, uint32_t index) noexcept;
  static array adopt(engine::Node* node, uint32_t index = 0) noexcept {
    array a;
    a.node_ = node;
    a.index_ = index;
    return a;
  }
  engine::Node& node() const { return *node_; }
  uint32_t output_index() const { return index_; }
  engine::Value& value() const;

 private:
  array() noexcept = default;
  array(const void* value, Shape shape, Dtype from, Dtype to);
  static array uninitialized(Shape shape, Dtype dtype);
  static array cast_from(const void* data, Shape shape, Dtype from, Dtype to);
  static void check_length(size_t length, const Shape& shape);
  static void release(engine::Node* node) noexcept;
  void* raw_data() const;
  // Evaluates, checks that there is one element and copies it out converted to dtype.
  void copy_item(void* out, Dtype dtype) const;

  engine::Node* node_ = nullptr;
  uint32_t index_ = 0;
};

class array::Iterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = const array;
  using reference = value_type;
  using pointer = void;

  explicit Iterator(const array& a, int index = 0) : array_(a), index_(index) {}
  reference operator*() const;
  Iterator& operator++() { return ++index_, *this; }
  Iterator operator+(difference_type n) const {
    return Iterator(array_, index_ + static_cast<int>(n));
  }
  friend bool operator==(const Iterator& a, const Iterator& b) {
    return a.array_.id() == b.array_.id() && a.index_ == b.index_;
  }
  friend bool operator!=(const Iterator& a, const Iterator& b) { return !(a == b); }

 private:
  array array_;
  int index_;
};

template <class It>
requires(std::input_iterator<It> &&
         !std::is_same_v<std::remove_cv_t<It>, void*>) array::array(It data, Shape shape,
                                                                    Dtype dtype) {
  using T = std::remove_cv_t<typename std::iterator_traits<It>::value_type>;
  array typed = uninitialized(shape, dtype_of<T>());
  T* out = typed.data<T>();
  for (size_t i = 0, n = typed.size(); i < n; ++i, ++data) out[i] = static_cast<T>(*data);
  *this = dtype == typed.dtype() ? std::move(typed) : cast_from(out, shape, typed.dtype(), dtype);
}

// In a member's definition T would name the method, hence E.
template <Scalar E>
array::array(std::initializer_list<E> data, Shape shape, Dtype dtype)
    : array((check_length(data.size(), shape), data.begin()), shape, dtype) {}

template <Scalar E>
array::array(std::initializer_list<std::initializer_list<E>> rows, Dtype dtype) {
  const size_t columns = rows.size() ? rows.begin()->size() : 0;
  Shape row_shape{static_cast<ShapeElem>(columns)};
  array out = uninitialized({static_cast<ShapeElem>(rows.size()), static_cast<ShapeElem>(columns)},
                            dtype_of<E>());
  E* to = out.data<E>();
  for (const auto& row : rows) {
    check_length(row.size(), row_shape);
    for (const E& value : row) *to++ = value;
  }
  *this = dtype == out.dtype() ? out : cast_from(out.data<E>(), out.shape(), out.dtype(), dtype);
}

template <Scalar E>
array::array(std::initializer_list<std::initializer_list<std::initializer_list<E>>> blocks,
             Dtype dtype) {
  const size_t rows = blocks.size() ? blocks.begin()->size() : 0;
  const size_t columns = rows ? blocks.begin()->begin()->size() : 0;
  array out = uninitialized({static_cast<ShapeElem>(blocks.size()), static_cast<ShapeElem>(rows),
                             static_cast<ShapeElem>(columns)},
                            dtype_of<E>());
  E* to = out.data<E>();
  for (const auto& block : blocks) {
    check_length(block.size(), Shape{static_cast<ShapeElem>(rows)});
    for (const auto& row : block) {
      check_length(row.size(), Shape{static_cast<ShapeElem>(columns)});
      for (const E& value : row) *to++ = value;
    }
  }
  *this = dtype == out.dtype() ? out : cast_from(out.data<E>(), out.shape(), out.dtype(), dtype);
}

template <Scalar E>
E array::item() const {
  E value;
  copy_item(&value, dtype_of<E>());
  return value;
}

template <class T>
inline constexpr bool is_array_v = std::is_same_v<std::remove_cvref_t<T>, array>;
template <class... Ts>
inline constexpr bool is_arrays_v = (is_array_v<Ts> && ...);
template <class... Ts>
using enable_for_arrays_t = std::enable_if_t<is_arrays_v<Ts...>>;

// Prints as MLX does: array([[1, 2],\n       [3, 4]], dtype=int32). Evaluates.
std::ostream& operator<<(std::ostream& os, const array& a);

}  // namespace mica
