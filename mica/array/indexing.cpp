#include "mica/array/indexing.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace {

constexpr int new_axis = -1;

// What a list of indices selects of an array of some shape: a region of it, of which integers and
// arrays take elements along some axes.
struct Selection {
  // The region: start, stop and step along each axis, as slice() takes them.
  Shape start, stop, step;
  Shape region;               // its shape
  bool whole = true;          // it is the array itself
  std::vector<int> elements;  // axes that an integer indexes: of size 1 in the region
  std::vector<array> arrays;
  std::vector<int> array_axes;  // of the region, one for each array
  Shape broadcast;              // the shape of the arrays, broadcast together
  // The result's axes but for those of `broadcast`, which stand before the one at `position`: axes
  // of the region, or new_axis.
  std::vector<int> axes;
  int position = 0;

  // The result's axes once the new ones are dropped, and where `broadcast` stands among them.
  int kept_position() const {
    return static_cast<int>(
        std::count_if(axes.begin(), axes.begin() + position, [](int a) { return a != new_axis; }));
  }
  std::vector<int> new_axes() const {
    std::vector<int> result;
    for (int i = 0; i < static_cast<int>(axes.size()); ++i) {
      if (axes[i] != new_axis) continue;
      result.push_back(i < position ? i : i + static_cast<int>(broadcast.size()));
    }
    return result;
  }
  Shape shape() const {
    Shape result;
    for (int axis : axes) result.push_back(axis == new_axis ? 1 : region[axis]);
    result.insert(result.begin() + position, broadcast.begin(), broadcast.end());
    return result;
  }
};

// Fills a Selection from indices, one at a time from the left.
class Selector {
 public:
  Selector(const Shape& shape, const Indices& indices) : shape_(shape) {
    const int ndim = static_cast<int>(shape.size());
    int given = 0, ellipses = 0;
    for (const Index& index : indices.items()) {
      if (index.kind() == Index::Kind::ellipsis) {
        ++ellipses;
      } else if (index.kind() != Index::Kind::new_axis) {
        ++given;
      }
    }
    if (given > ndim) {
      throw std::invalid_argument(
          fmt::format("index: expected at most {} indices, got {}", ndim, given));
    }
    if (ellipses > 1) {
      throw std::invalid_argument(
          fmt::format("index: expected at most one Ellipsis, got {}", ellipses));
    }
    remaining_ = ndim - given;
    for (const Index& index : indices.items()) add(index);
    add_remaining();
    if (separated_ || selection_.arrays.empty()) selection_.position = 0;
    selection_.whole = selection_.region == shape && !reordered_;
  }

  Selection take() { return std::move(selection_); }

 private:
  void add(const Index& index) {
    switch (index.kind()) {
      case Index::Kind::element:
        return add(index.element());
      case Index::Kind::slice:
        return add(index.slice());
      case Index::Kind::ellipsis:
        return add_remaining();
      case Index::Kind::new_axis:
        end_run();
        return selection_.axes.push_back(new_axis);
      case Index::Kind::array:
        return add(index.elements());
    }
  }

  // What an ellipsis stands for. One that stands for no axes separates arrays all the same, as in
  // NumPy.
  void add_remaining() {
    end_run();
    for (; remaining_ > 0; --remaining_) add(Slice());
  }

  void add(int64_t index) {
    const int size = shape_[axis_];
    if (index < -size || index >= size) {
      throw std::invalid_argument(fmt::format(
          "index: expected an index in [-{0}, {0}) for axis {1}, got {2}", size, axis_, index));
    }
    const int start = static_cast<int>(index < 0 ? index + size : index);
    begin_run();
    selection_.elements.push_back(axis_);
    add_range(start, start + 1, 1, 1);
  }

  void add(const Slice& slice) {
    const int size = shape_[axis_];
    if (slice.step == 0) {
      throw std::invalid_argument(
          fmt::format("index: expected a step other than 0 for axis {}, got 0", axis_));
    }
    const bool forward = slice.step > 0;
    // The places an end may have: from the first element to behind the last, or backwards from the
    // last to before the first.
    const int64_t low = forward ? 0 : -1, high = forward ? size : size - 1;
    auto place = [&](std::optional<int> end, int64_t otherwise) {
      if (!end) return otherwise;
      return std::clamp<int64_t>(*end < 0 ? int64_t{*end} + size : *end, low, high);
    };
    const int64_t start = place(slice.start, forward ? low : high);
    const int64_t stop = place(slice.stop, forward ? high : low);
    const int64_t step = slice.step;
    const int64_t span = forward ? stop - start : start - stop;
    const int64_t stride = forward ? step : -step;
    const int64_t count = span > 0 ? (span + stride - 1) / stride : 0;
    end_run();
    selection_.axes.push_back(axis_);
    // A stop before the first element is spelled so that it does not count from the end.
    if (count == 0) return add_range(0, 0, 1, 0);
    add_range(static_cast<int>(start), static_cast<int>(stop < 0 ? -size - 1 : stop), slice.step,
              static_cast<int>(count));
  }

  void add(const array& indices) {
    if (indices.dtype() == bool_) {
      throw std::invalid_argument(fmt::format(
          "index: expected integer indices for axis {}, got a boolean mask, whose selection has no "
          "static shape; use where, or at() with the mask alone",
          axis_));
    }
    if (!issubdtype(indices.dtype(), integer)) {
      throw std::invalid_argument(fmt::format("index: expected integer indices for axis {}, got {}",
                                              axis_, dtype_name(indices.dtype())));
    }
    begin_run();
    widen(indices.shape());
    selection_.arrays.push_back(indices);
    selection_.array_axes.push_back(axis_);
    add_range(0, shape_[axis_], 1, shape_[axis_]);
  }

  // Takes one more array's shape into the broadcast one.
  void widen(const Shape& shape) {
    Shape& broadcast = selection_.broadcast;
    try {
      broadcast = broadcast_shapes(broadcast, shape);
    } catch (const std::invalid_argument&) {
      throw std::invalid_argument(
          fmt::format("index: expected arrays that broadcast together, got {} and {}",
                      to_string(broadcast), to_string(shape)));
    }
  }

  void add_range(int start, int stop, int step, int count) {
    selection_.start.push_back(start);
    selection_.stop.push_back(stop);
    selection_.step.push_back(step);
    selection_.region.push_back(count);
    reordered_ |= step != 1 && count > 1;
    ++axis_;
  }

  // NumPy's rule for where the broadcast axes of arrays go: in place of the integers and arrays,
  // where these stand side by side, and in front of everything where not.
  void begin_run() {
    if (run_ == Run::none) selection_.position = static_cast<int>(selection_.axes.size());
    separated_ |= run_ == Run::ended;
    run_ = run_ == Run::none ? Run::open : run_;
  }
  void end_run() { run_ = run_ == Run::open ? Run::ended : run_; }

  enum class Run { none, open, ended };

  const Shape& shape_;
  Selection selection_;
  Run run_ = Run::none;
  bool separated_ = false;
  bool reordered_ = false;
  int remaining_ = 0;  // axes that an Ellipsis stands for
  int axis_ = 0;
};

Selection select(const Shape& shape, const Indices& indices) {
  return Selector(shape, indices).take();
}

array region_of(const array& x, const Selection& s) {
  return s.whole ? x : slice(x, s.start, s.stop, s.step);
}

// Moves `count` axes that begin at `from` to begin at `to`.
array move_axes(const array& x, int from, int to, int count) {
  if (from == to || count == 0) return x;
  std::vector<int> order;
  for (int axis = 0; axis < static_cast<int>(x.ndim()); ++axis) {
    if (axis < from || axis >= from + count) order.push_back(axis);
  }
  std::vector<int> moved(count);
  std::iota(moved.begin(), moved.end(), from);
  order.insert(order.begin() + to, moved.begin(), moved.end());
  return transpose(x, order);
}

// The elements of `x`, a region without the axes that integers index, that arrays select; with the
// arrays' broadcast axes in their place.
array gather_arrays(const array& x, const Selection& s) {
  const int count = static_cast<int>(s.broadcast.size());
  std::vector<int> axes;
  for (int axis : s.array_axes) {
    axes.push_back(axis - static_cast<int>(std::count_if(s.elements.begin(), s.elements.end(),
                                                         [&](int e) { return e < axis; })));
  }
  if (axes.size() == 1) {
    return move_axes(mica::take(x, s.arrays[0], axes[0]), axes[0], s.kept_position(), count);
  }
  Shape sizes = x.shape();
  for (int axis : axes) sizes[axis] = 1;
  const array gathered = gather(x, s.arrays, axes, sizes);
  for (int& axis : axes) axis += count;
  return move_axes(squeeze(gathered, axes), 0, s.kept_position(), count);
}

enum class Update { set, add, multiply, divide, maximum, minimum };

array combine(const array& x, const array& y, Update update) {
  switch (update) {
    case Update::set:
      return y;
    case Update::add:
      return add(x, y);
    case Update::multiply:
      return multiply(x, y);
    case Update::divide:
      return divide(x, y);
    case Update::maximum:
      return maximum(x, y);
    case Update::minimum:
      return minimum(x, y);
  }
  return y;
}

array update_slice(const array& x, const array& y, const Selection& s, Update update) {
  switch (update) {
    case Update::set:
      return slice_update(x, y, s.start, s.stop, s.step);
    case Update::add:
      return slice_update_add(x, y, s.start, s.stop, s.step);
    case Update::multiply:
      return slice_update_prod(x, y, s.start, s.stop, s.step);
    case Update::divide:
      return slice_update(x, divide(region_of(x, s), y), s.start, s.stop, s.step);
    case Update::maximum:
      return slice_update_max(x, y, s.start, s.stop, s.step);
    case Update::minimum:
      return slice_update_min(x, y, s.start, s.stop, s.step);
  }
  return x;
}

array update_elements(const array& x, const array& y, const Selection& s, Update update) {
  switch (update) {
    case Update::set:
      return scatter(x, s.arrays, y, s.array_axes);
    case Update::add:
      return scatter_add(x, s.arrays, y, s.array_axes);
    case Update::multiply:
      return scatter_prod(x, s.arrays, y, s.array_axes);
    case Update::divide:
      return scatter_prod(x, s.arrays, reciprocal(y), s.array_axes);
    case Update::maximum:
      return scatter_max(x, s.arrays, y, s.array_axes);
    case Update::minimum:
      return scatter_min(x, s.arrays, y, s.array_axes);
  }
  return x;
}

// Broadcasts values to what they update.
array fit_values(const array& values, const Shape& shape) {
  array y = values;
  if (y.ndim() > shape.size()) {
    std::vector<int> surplus(y.ndim() - shape.size());
    std::iota(surplus.begin(), surplus.end(), 0);
    if (std::all_of(surplus.begin(), surplus.end(), [&](int i) { return y.shape()[i] == 1; })) {
      y = squeeze(y, surplus);
    }
  }
  bool fits = y.ndim() <= shape.size();
  for (size_t i = 0; fits && i < y.ndim(); ++i) {
    const int size = y.shape()[y.ndim() - 1 - i];
    fits = size == 1 || size == shape[shape.size() - 1 - i];
  }
  if (!fits) {
    throw std::invalid_argument(fmt::format("at: expected values that broadcast to {}, got {}",
                                            to_string(shape), to_string(values.shape())));
  }
  return broadcast_to(y, shape);
}

// The boolean mask that `indices` are, or null.
const array* mask_of(const Indices& indices) {
  if (indices.items().size() != 1) return nullptr;
  const Index& index = indices.items()[0];
  if (index.kind() != Index::Kind::array) return nullptr;
  return index.elements().dtype() == bool_ ? &index.elements() : nullptr;
}

array update_where(const array& x, const array& mask, const array& y, Update update) {
  const Shape& shape = x.shape();
  if (mask.ndim() > x.ndim() ||
      !std::equal(mask.shape().begin(), mask.shape().end(), shape.begin())) {
    throw std::invalid_argument(fmt::format("at: expected a mask with the first axes of {}, got {}",
                                            to_string(shape), to_string(mask.shape())));
  }
  const array values = fit_values(y, Shape(shape.begin() + mask.ndim(), shape.end()));
  std::vector<int> rest(x.ndim() - mask.ndim());
  std::iota(rest.begin(), rest.end(), static_cast<int>(mask.ndim()));
  return where(rest.empty() ? mask : expand_dims(mask, rest), combine(x, values, update), x);
}

array updated(const array& x, const Indices& indices, const array& values, Update update) {
  array y = astype(values, x.dtype());
  if (const array* mask = mask_of(indices)) return update_where(x, *mask, y, update);
  const Selection s = select(x.shape(), indices);
  // Lays the values' axes out as the region's.
  y = fit_values(y, s.shape());
  if (const std::vector<int> added = s.new_axes(); !added.empty()) y = squeeze(y, added);
  const int count = static_cast<int>(s.broadcast.size());
  y = move_axes(y, s.kept_position(), 0, count);
  std::vector<int> missing;
  for (int axis : s.elements) missing.push_back(axis + count);
  for (int axis : s.array_axes) missing.push_back(axis + count);
  if (!missing.empty()) y = expand_dims(y, missing);

  if (s.arrays.empty()) return s.whole ? combine(x, y, update) : update_slice(x, y, s, update);
  const array region = update_elements(region_of(x, s), y, s, update);
  return s.whole ? region : slice_update(x, region, s.start, s.stop, s.step);
}

}  // namespace

array array::operator[](const Indices& indices) const {
  const Selection s = select(shape(), indices);
  array result = region_of(*this, s);
  if (!s.elements.empty()) result = mica::squeeze(result, s.elements);
  if (!s.arrays.empty()) result = gather_arrays(result, s);
  if (const std::vector<int> added = s.new_axes(); !added.empty()) {
    result = expand_dims(result, added);
  }
  return result;
}

IndexedUpdate array::at(const Indices& indices) const { return IndexedUpdate(*this, indices); }

array::Iterator array::begin() const {
  if (ndim() == 0) {
    throw std::invalid_argument("array: expected an array with axes to iterate over, got a scalar");
  }
  return Iterator(*this);
}
array::Iterator array::end() const { return Iterator(*this, shape(0)); }
const array array::Iterator::operator*() const { return array_[index_]; }

array IndexedUpdate::set(const array& y) const { return updated(x_, indices_, y, Update::set); }
array IndexedUpdate::add(const array& y) const { return updated(x_, indices_, y, Update::add); }
array IndexedUpdate::subtract(const array& y) const {
  return updated(x_, indices_, negative(astype(y, x_.dtype())), Update::add);
}
array IndexedUpdate::multiply(const array& y) const {
  return updated(x_, indices_, y, Update::multiply);
}
array IndexedUpdate::divide(const array& y) const {
  if (!issubdtype(x_.dtype(), inexact)) {
    throw std::invalid_argument(
        fmt::format("at: expected a floating-point array to divide, got {}; cast it with astype",
                    dtype_name(x_.dtype())));
  }
  return updated(x_, indices_, y, Update::divide);
}
array IndexedUpdate::maximum(const array& y) const {
  return updated(x_, indices_, y, Update::maximum);
}
array IndexedUpdate::minimum(const array& y) const {
  return updated(x_, indices_, y, Update::minimum);
}

}  // namespace mica
