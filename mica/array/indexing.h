// Indexing with NumPy's rules: x[{Slice(0, 5), Ellipsis, 0}], x[3], x[rows], x[{rows, columns}],
// and updates of what is indexed, x.at({0, Slice(1, 3)}).add(y).
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica {

// Left out: an end of a Slice. As an index of its own: a new axis of size 1.
inline constexpr std::nullopt_t None = std::nullopt;
inline constexpr std::nullopt_t newaxis = std::nullopt;

// As many full slices as make up the axes that the other indices leave; at most one.
struct EllipsisIndex {};
inline constexpr EllipsisIndex Ellipsis;

// Python's start:stop:step. Ends are clipped to the axis and negative ones count from its end.
// Slice(2, None) begins at 2; Slice(None, None, -1) reverses.
struct Slice {
  std::optional<int> start;
  std::optional<int> stop;
  int step;

  explicit Slice(std::optional<int> start = None, std::optional<int> stop = None, int step = 1)
      : start(start), stop(stop), step(step) {}
};

// What one axis, or a new one, is indexed with.
class Index {
 public:
  template <std::integral T>
  requires(!std::is_same_v<T, bool>) Index(T i) : kind_(Kind::element), element_(clamped(i)) {}
  Index(Slice slice) : kind_(Kind::slice), slice_(slice) {}
  Index(EllipsisIndex) : kind_(Kind::ellipsis) {}
  Index(std::nullopt_t) : kind_(Kind::new_axis) {}
  Index(array indices) : kind_(Kind::array), array_(std::move(indices)) {}

  enum class Kind { element, slice, ellipsis, new_axis, array };
  Kind kind() const { return kind_; }
  // What it is, where it is of that kind.
  int64_t element() const { return element_; }
  const Slice& slice() const { return slice_; }
  const array& elements() const { return *array_; }

 private:
  // No axis is as long as this, so that an index too large for int64_t stays out of range.
  template <std::integral T>
  static int64_t clamped(T i) {
    if (std::in_range<int64_t>(i)) return static_cast<int64_t>(i);
    return std::numeric_limits<int64_t>::max();
  }

  Kind kind_;
  int64_t element_ = 0;
  Slice slice_;
  std::optional<array> array_;
};

// The indices of one x[...]: an integer takes an element, a slice a range, an array of integers
// the elements at those places (several are broadcast together). Axes without an index are taken
// whole. A boolean mask has no static shape: x[mask] throws, x.at(mask) updates where it is true.
class Indices {
 public:
  Indices(std::initializer_list<Index> items) : items_(items) {}
  explicit Indices(std::vector<Index> items) : items_(std::move(items)) {}
  template <class T>
  requires(std::is_convertible_v<T, Index>) Indices(T&& index) : items_{std::forward<T>(index)} {}

  const std::vector<Index>& items() const { return items_; }

 private:
  std::vector<Index> items_;
};

// x.at(indices): each method gives a copy of x with the indexed elements updated. `y` is cast to
// x's dtype and broadcast to the shape of x[indices]; axes of size 1 that it has in front may be
// too many. Where arrays index an element several times, every update is applied, of set() any one.
class IndexedUpdate {
 public:
  IndexedUpdate(array x, Indices indices) : x_(std::move(x)), indices_(std::move(indices)) {}

  array set(const array& y) const;
  array add(const array& y) const;
  array subtract(const array& y) const;
  array multiply(const array& y) const;
  array divide(const array& y) const;  // of floating-point or complex elements
  array maximum(const array& y) const;
  array minimum(const array& y) const;

 private:
  array x_;
  Indices indices_;
};

}  // namespace mica
