// SmallVector, and the Shape and Strides made of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <iosfwd>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace mica {

// A vector of trivially copyable elements, with room for N of them in place.
template <class T, size_t N = 6>
class SmallVector {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  using value_type = T;
  using reference = T&;
  using const_reference = const T&;
  using iterator = T*;
  using const_iterator = const T*;
  using size_type = size_t;
  using difference_type = std::ptrdiff_t;

  SmallVector() {}  // not defaulted, so that a const one can be made
  explicit SmallVector(size_t size, T value = T{}) { resize(size, value); }
  SmallVector(std::initializer_list<T> values) { assign(values.begin(), values.end()); }
  template <class It>
  requires(!std::is_integral_v<It>) SmallVector(It first, It last) { assign(first, last); }
  explicit SmallVector(const std::vector<T>& values) { assign(values.begin(), values.end()); }
  SmallVector(const SmallVector& other) { assign(other.begin(), other.end()); }
  SmallVector(SmallVector&& other) noexcept { take(other); }
  SmallVector& operator=(const SmallVector& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  SmallVector& operator=(SmallVector&& other) noexcept {
    if (this != &other) take(other);
    return *this;
  }

  T* data() { return heap_ ? heap_.get() : inline_; }
  const T* data() const { return heap_ ? heap_.get() : inline_; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  const T* cbegin() const { return begin(); }
  const T* cend() const { return end(); }
  auto rbegin() { return std::reverse_iterator<T*>(end()); }
  auto rend() { return std::reverse_iterator<T*>(begin()); }
  auto rbegin() const { return std::reverse_iterator<const T*>(end()); }
  auto rend() const { return std::reverse_iterator<const T*>(begin()); }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& at(size_t i) { return check(i), data()[i]; }
  const T& at(size_t i) const { return check(i), data()[i]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }

  void reserve(size_t capacity) {
    if (capacity <= capacity_) return;
    auto grown = std::make_unique<T[]>(capacity);
    std::memcpy(grown.get(), data(), size_ * sizeof(T));
    heap_ = std::move(grown);
    capacity_ = static_cast<uint32_t>(capacity);
  }
  void resize(size_t size, T value = T{}) {
    reserve(size);
    for (size_t i = size_; i < size; ++i) data()[i] = value;
    size_ = static_cast<uint32_t>(size);
  }
  void clear() { size_ = 0; }
  void push_back(T value) {
    if (size_ == capacity_) reserve(2 * static_cast<size_t>(capacity_));
    data()[size_++] = value;
  }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    push_back(T(std::forward<Args>(args)...));
    return back();
  }
  void pop_back() { --size_; }
  template <class It>
  void assign(It first, It last) {
    resize(static_cast<size_t>(std::distance(first, last)));
    copy(first, last, data());
  }
  T* insert(const T* position, T value) { return insert(position, &value, &value + 1); }
  template <class It>
  T* insert(const T* position, It first, It last) {
    const size_t at = static_cast<size_t>(position - begin());
    const size_t count = static_cast<size_t>(std::distance(first, last));
    const size_t old = size_;
    resize(size_ + count);
    std::memmove(begin() + at + count, begin() + at, (old - at) * sizeof(T));
    copy(first, last, begin() + at);
    return begin() + at;
  }
  T* erase(const T* position) { return erase(position, position + 1); }
  T* erase(const T* first, const T* last) {
    T* to = begin() + (first - begin());
    std::memmove(to, last, static_cast<size_t>(end() - last) * sizeof(T));
    size_ -= static_cast<uint32_t>(last - first);
    return to;
  }

  friend bool operator==(const SmallVector& a, const SmallVector& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
  friend bool operator!=(const SmallVector& a, const SmallVector& b) { return !(a == b); }
  friend bool operator<(const SmallVector& a, const SmallVector& b) {
    size_t i = 0;
    while (i < a.size() && i < b.size() && a[i] == b[i]) ++i;
    return i < b.size() && (i == a.size() || a[i] < b[i]);
  }

 private:
  template <class It>
  static void copy(It first, It last, T* to) {
    for (; first != last; ++first) *to++ = static_cast<T>(*first);
  }
  void check(size_t i) const {
    if (i >= size_) throw std::out_of_range("SmallVector::at: index out of range");
  }
  void take(SmallVector& other) noexcept {
    heap_ = std::move(other.heap_);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, static_cast<uint32_t>(N));
    if (!heap_) std::memcpy(inline_, other.inline_, size_ * sizeof(T));
  }

  std::unique_ptr<T[]> heap_;
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  T inline_[N];
};

using ShapeElem = int32_t;
using Shape = SmallVector<ShapeElem>;
using Strides = SmallVector<int64_t>;

// "(2,3)", as MLX C++ prints it.
std::ostream& operator<<(std::ostream& os, const Shape& shape);
std::ostream& operator<<(std::ostream& os, const Strides& strides);

}  // namespace mica
