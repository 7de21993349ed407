#include "mica/ops/slicing.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace ops {

namespace {

Shape with_front(Shape shape, ShapeElem value) {
  shape.insert(shape.begin(), value);
  return shape;
}

Shape behind(const Shape& shape, int axes) { return Shape(shape.begin() + axes, shape.end()); }

array slice_view(const array& a, const Shape& start, const Shape& strides, const Shape& sizes,
                 const StreamOrDevice& s = {}) {
  return engine::apply(SliceView{{start}, strides, sizes}, {a}, sizes, a.dtype(), s);
}

array write_slice(const array& source, const array& update, const Shape& start,
                  const Shape& strides, const StreamOrDevice& s = {}) {
  return engine::apply(SliceUpdate{{start}, strides}, {source, update}, source.shape(),
                       source.dtype(), s);
}

array dynamic_slice(const DynamicSlice& op, const array& a, const array& start,
                    const StreamOrDevice& s = {}) {
  Shape shape(a.shape().begin(), a.shape().begin() + op.batch_axes);
  shape.insert(shape.end(), op.sizes.begin(), op.sizes.end());
  return engine::apply(op, {a, start}, shape, a.dtype(), s);
}

array dynamic_slice_update(const DynamicSliceUpdate& op, const array& source, const array& update,
                           const array& start, const StreamOrDevice& s = {}) {
  return engine::apply(op, {source, update, start}, source.shape(), source.dtype(), s);
}

std::vector<array> split_parts(const array& a, int axis, const Shape& ends,
                               const StreamOrDevice& s = {}) {
  std::vector<engine::OutputSpec> outputs;
  ShapeElem begin = 0;
  for (ShapeElem end : ends) {
    Shape shape = a.shape();
    shape[static_cast<size_t>(axis)] = end - begin;
    outputs.push_back({shape, a.dtype()});
    begin = end;
  }
  return engine::apply_many(Split{axis, ends}, {a}, std::move(outputs), s);
}

// The tangent of primal `argnum`, zeros where it has none.
array tangent_or_zeros(const engine::JvpArgs& args, int argnum) {
  const auto found = std::find(args.argnums.begin(), args.argnums.end(), argnum);
  if (found == args.argnums.end()) return zeros_like(args.primals[static_cast<size_t>(argnum)]);
  return args.tangents[static_cast<size_t>(found - args.argnums.begin())];
}

}  // namespace

// SliceView

bool SliceView::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out.resize(strides.size());
  for (size_t i = 0; i < strides.size(); ++i) out[i] = strides[i] * in.strides[i];
  return true;
}

int64_t SliceView::view_offset(const Strides& in, int) const {
  int64_t offset = 0;
  for (size_t i = 0; i < in.size(); ++i) offset += start.value[i] * in[i];
  return offset;
}

std::vector<array> SliceView::vjp(const engine::VjpArgs& args) const {
  const array& cotangent = args.cotangents[0];
  const array nothing = zeros(args.primals[0].shape(), cotangent.dtype());
  return {write_slice(nothing, cotangent, start.value, strides)};
}

std::vector<array> SliceView::jvp(const engine::JvpArgs& args) const {
  return {slice_view(args.tangents[0], start.value, strides, sizes)};
}

engine::Batched SliceView::vmap(const engine::VmapArgs& args) const {
  const int axis = args.axes[0];
  const auto inserted = [&](Shape shape, ShapeElem value) {
    shape.insert(shape.begin() + axis, value);
    return shape;
  };
  return {{slice_view(args.inputs[0], inserted(start.value, 0), inserted(strides, 1),
                      inserted(sizes, args.batch))},
          {axis}};
}

// Split

bool Split::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out = in.strides;
  return true;
}

int64_t Split::view_offset(const Strides& in, int output) const {
  return output == 0 ? 0 : ends[static_cast<size_t>(output) - 1] * in[static_cast<size_t>(axis)];
}

std::vector<array> Split::vjp(const engine::VjpArgs& args) const {
  return {concatenate({args.cotangents.begin(), args.cotangents.end()}, axis)};
}

std::vector<array> Split::jvp(const engine::JvpArgs& args) const {
  return split_parts(args.tangents[0], axis, ends);
}

engine::Batched Split::vmap(const engine::VmapArgs& args) const {
  const int batch = args.axes[0];
  return {split_parts(args.inputs[0], axis < batch ? axis : axis + 1, ends),
          std::vector<int>(ends.size(), batch)};
}

// SliceUpdate

std::vector<array> SliceUpdate::vjp(const engine::VjpArgs& args) const {
  const array& cotangent = args.cotangents[0];
  const array& update = args.primals[1];
  std::vector<array> cotangents;
  for (int i : args.argnums) {
    cotangents.push_back(i == 0 ? write_slice(cotangent, zeros(update.shape(), cotangent.dtype()),
                                              start.value, strides)
                                : slice_view(cotangent, start.value, strides, update.shape()));
  }
  return cotangents;
}

std::vector<array> SliceUpdate::jvp(const engine::JvpArgs& args) const {
  return {write_slice(tangent_or_zeros(args, 0), tangent_or_zeros(args, 1), start.value, strides)};
}

engine::Batched SliceUpdate::vmap(const engine::VmapArgs& args) const {
  const auto inputs = all_batch_first(args);
  return {{write_slice(inputs[0], inputs[1], with_front(start.value, 0), with_front(strides, 1))},
          {0}};
}

// DynamicSlice. The start has no derivative: its cotangent is zero.

std::vector<array> DynamicSlice::vjp(const engine::VjpArgs& args) const {
  const array& cotangent = args.cotangents[0];
  std::vector<array> cotangents;
  for (int i : args.argnums) {
    cotangents.push_back(
        i == 0 ? dynamic_slice_update({axes, batch_axes},
                                      zeros(args.primals[0].shape(), cotangent.dtype()), cotangent,
                                      args.primals[1])
               : zeros_like(args.primals[1]));
  }
  return cotangents;
}

std::vector<array> DynamicSlice::jvp(const engine::JvpArgs& args) const {
  return {dynamic_slice(*this, tangent_or_zeros(args, 0), args.primals[1])};
}

engine::Batched DynamicSlice::vmap(const engine::VmapArgs& args) const {
  if (args.axes[1] < 0 && batch_axes == 0) {
    const array a = batch_first(args.inputs[0], args.axes[0], args.batch);
    const DynamicSlice op{shift_axes(axes), with_front(sizes, args.batch)};
    return {{dynamic_slice(op, a, args.inputs[1])}, {0}};
  }
  const auto inputs = all_batch_first(args);
  return {{dynamic_slice({axes, sizes, batch_axes + 1}, inputs[0], inputs[1])}, {0}};
}

// DynamicSliceUpdate. The start has no derivative: its cotangent is zero.

std::vector<array> DynamicSliceUpdate::vjp(const engine::VjpArgs& args) const {
  const array& cotangent = args.cotangents[0];
  const array& update = args.primals[1];
  const array& start = args.primals[2];
  std::vector<array> cotangents;
  for (int i : args.argnums) {
    if (i == 0) {
      cotangents.push_back(
          dynamic_slice_update(*this, cotangent, zeros(update.shape(), cotangent.dtype()), start));
    } else if (i == 1) {
      const DynamicSlice op{axes, behind(update.shape(), batch_axes), batch_axes};
      cotangents.push_back(dynamic_slice(op, cotangent, start));
    } else {
      cotangents.push_back(zeros_like(start));
    }
  }
  return cotangents;
}

std::vector<array> DynamicSliceUpdate::jvp(const engine::JvpArgs& args) const {
  return {dynamic_slice_update(*this, tangent_or_zeros(args, 0), tangent_or_zeros(args, 1),
                               args.primals[2])};
}

engine::Batched DynamicSliceUpdate::vmap(const engine::VmapArgs& args) const {
  if (args.axes[2] < 0 && batch_axes == 0) {
    const array source = batch_first(args.inputs[0], args.axes[0], args.batch);
    const array update = batch_first(args.inputs[1], args.axes[1], args.batch);
    return {{dynamic_slice_update({shift_axes(axes)}, source, update, args.inputs[2])}, {0}};
  }
  const auto inputs = all_batch_first(args);
  return {{dynamic_slice_update({axes, batch_axes + 1}, inputs[0], inputs[1], inputs[2])}, {0}};
}

}  // namespace ops

namespace {

struct SliceBounds {
  Shape start, strides, sizes;
  bool whole;  // all elements in their order
  bool empty;
};

// NumPy's a[start:stop:strides]: negative bounds count from the end, all are clamped.
SliceBounds slice_bounds(const char* op, const Shape& shape, const Shape& start, const Shape& stop,
                         const Shape& strides) {
  if (start.size() != shape.size() || stop.size() != shape.size() ||
      strides.size() != shape.size()) {
    throw std::invalid_argument(
        fmt::format("{}: expected {} starts, stops and strides for a {}, got {}, {} and {}", op,
                    shape.size(), to_string(shape), start.size(), stop.size(), strides.size()));
  }
  SliceBounds bounds{start, strides, shape, true, false};
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t n = shape[i];
    const int64_t stride = strides[i];
    if (stride == 0) {
      throw std::invalid_argument(
          fmt::format("{}: expected strides other than 0, got {}", op, to_string(strides)));
    }
    int64_t first = start[i] < 0 ? start[i] + n : start[i];
    int64_t end = stop[i] < 0 ? stop[i] + n : stop[i];
    int64_t size = 0;
    if (stride > 0) {
      first = std::clamp<int64_t>(first, 0, n);
      end = std::clamp<int64_t>(end, 0, n);
      if (end > first) size = (end - first + stride - 1) / stride;
    } else {
      first = std::clamp<int64_t>(first, -1, n - 1);
      end = std::clamp<int64_t>(end, -1, n - 1);
      if (first > end) size = (first - end - stride - 1) / -stride;
    }
    bounds.start[i] = size > 0 ? static_cast<ShapeElem>(first) : 0;
    bounds.sizes[i] = static_cast<ShapeElem>(size);
    if (size <= 1) bounds.strides[i] = 1;
    bounds.whole &= size == n && bounds.strides[i] == 1;
    bounds.empty |= size == 0;
  }
  return bounds;
}

Shape ones_like_shape(const Shape& shape) { return Shape(shape.size(), 1); }

// An update in the source's dtype and the slice's shape; leading axes of size 1 may be too many.
array prepare_update(const char* op, const array& update, const Shape& sizes, Dtype dtype,
                     const StreamOrDevice& s) {
  Shape shape = update.shape();
  while (shape.size() > sizes.size() && shape[0] == 1) shape.erase(shape.begin());
  if (!ops::broadcasts_to(shape, sizes)) {
    throw std::invalid_argument(
        fmt::format("{}: expected an update that broadcasts to the slice's shape {}, got {}", op,
                    to_string(sizes), to_string(update.shape())));
  }
  return broadcast_to(reshape(ops::cast_operand(update, dtype, s), shape, s), sizes, s);
}

using Combine = array (*)(const array&, const array&, StreamOrDevice);

// The slice of src becomes combine(slice, update), or the update without combine: elements of a
// slice are distinct, so that nothing need be accumulated.
array update_slice(const char* op, const array& src, const array& update, const Shape& start,
                   const Shape& stop, const Shape& strides, Combine combine,
                   const StreamOrDevice& s) {
  const SliceBounds bounds = slice_bounds(op, src.shape(), start, stop, strides);
  array value = prepare_update(op, update, bounds.sizes, src.dtype(), s);
  if (bounds.empty) return src;
  if (combine) {
    const array old =
        bounds.whole ? src : ops::slice_view(src, bounds.start, bounds.strides, bounds.sizes, s);
    value = combine(old, value, s);
  }
  return bounds.whole ? value : ops::write_slice(src, value, bounds.start, bounds.strides, s);
}

// Axes from 0, in the order given, and the start as an int64 vector.
array prepare_start(const char* op, const array& a, const array& start, std::vector<int>& axes,
                    const StreamOrDevice& s) {
  if (!issubdtype(start.dtype(), integer)) {
    throw std::invalid_argument(
        fmt::format("{}: expected start to hold integers, got {}", op, dtype_name(start.dtype())));
  }
  if (start.ndim() > 1 || start.size() != axes.size()) {
    throw std::invalid_argument(fmt::format("{}: expected a start of shape ({},), got {}", op,
                                            axes.size(), to_string(start.shape())));
  }
  const int ndim = static_cast<int>(a.ndim());
  ops::normalize_axes(axes, ndim, op);
  for (int& axis : axes) axis = ops::normalize_axis(axis, ndim, op);
  return reshape(astype(start, int64, s), {safe_cast(axes.size(), op)}, s);
}

}  // namespace

array slice(const array& a, Shape start, Shape stop, Shape strides, StreamOrDevice s) {
  const SliceBounds bounds = slice_bounds("slice", a.shape(), start, stop, strides);
  if (bounds.whole) return a;
  return ops::slice_view(a, bounds.start, bounds.strides, bounds.sizes, s);
}

array slice(const array& a, std::initializer_list<int> start, Shape stop, Shape strides,
            StreamOrDevice s) {
  return slice(a, Shape(start), std::move(stop), std::move(strides), s);
}

array slice(const array& a, Shape start, Shape stop, StreamOrDevice s) {
  return slice(a, std::move(start), std::move(stop), ones_like_shape(a.shape()), s);
}

array slice(const array& a, const array& start, std::vector<int> axes, Shape slice_size,
            StreamOrDevice s) {
  bool fits = slice_size.size() == a.ndim();
  for (size_t i = 0; fits && i < a.ndim(); ++i) {
    fits = slice_size[i] >= 0 && slice_size[i] <= a.shape()[i];
  }
  if (!fits) {
    throw std::invalid_argument(fmt::format("slice: expected a slice_size within {}, got {}",
                                            to_string(a.shape()), to_string(slice_size)));
  }
  const array place = prepare_start("slice", a, start, axes, s);
  if (slice_size == a.shape()) return a;
  return ops::dynamic_slice({std::move(axes), std::move(slice_size)}, a, place, s);
}

array slice_update(const array& src, const array& update, Shape start, Shape stop, Shape strides,
                   StreamOrDevice s) {
  return update_slice("slice_update", src, update, start, stop, strides, nullptr, s);
}

array slice_update(const array& src, const array& update, Shape start, Shape stop,
                   StreamOrDevice s) {
  return slice_update(src, update, std::move(start), std::move(stop), ones_like_shape(src.shape()),
                      s);
}

array slice_update_add(const array& src, const array& update, Shape start, Shape stop,
                       Shape strides, StreamOrDevice s) {
  return update_slice("slice_update_add", src, update, start, stop, strides, &add, s);
}

array slice_update_add(const array& src, const array& update, Shape start, Shape stop,
                       StreamOrDevice s) {
  return slice_update_add(src, update, std::move(start), std::move(stop),
                          ones_like_shape(src.shape()), s);
}

array slice_update_prod(const array& src, const array& update, Shape start, Shape stop,
                        Shape strides, StreamOrDevice s) {
  return update_slice("slice_update_prod", src, update, start, stop, strides, &multiply, s);
}

array slice_update_prod(const array& src, const array& update, Shape start, Shape stop,
                        StreamOrDevice s) {
  return slice_update_prod(src, update, std::move(start), std::move(stop),
                           ones_like_shape(src.shape()), s);
}

array slice_update_max(const array& src, const array& update, Shape start, Shape stop,
                       Shape strides, StreamOrDevice s) {
  return update_slice("slice_update_max", src, update, start, stop, strides, &maximum, s);
}

array slice_update_max(const array& src, const array& update, Shape start, Shape stop,
                       StreamOrDevice s) {
  return slice_update_max(src, update, std::move(start), std::move(stop),
                          ones_like_shape(src.shape()), s);
}

array slice_update_min(const array& src, const array& update, Shape start, Shape stop,
                       Shape strides, StreamOrDevice s) {
  return update_slice("slice_update_min", src, update, start, stop, strides, &minimum, s);
}

array slice_update_min(const array& src, const array& update, Shape start, Shape stop,
                       StreamOrDevice s) {
  return slice_update_min(src, update, std::move(start), std::move(stop),
                          ones_like_shape(src.shape()), s);
}

array slice_update(const array& src, const array& update, const array& start, std::vector<int> axes,
                   StreamOrDevice s) {
  const array place = prepare_start("slice_update", src, start, axes, s);
  // Axes that the update lacks: one element along those with a start, all along the others.
  Shape sizes = update.shape();
  while (sizes.size() > src.ndim() && sizes[0] == 1) sizes.erase(sizes.begin());
  if (sizes.size() > src.ndim()) {
    throw std::invalid_argument(
        fmt::format("slice_update: expected an update of at most {} dimensions, got {}", src.ndim(),
                    to_string(update.shape())));
  }
  const size_t missing = src.ndim() - sizes.size();
  sizes.insert(sizes.begin(), src.shape().begin(), src.shape().begin() + missing);
  for (size_t i = missing; i < src.ndim(); ++i) sizes[i] = std::min(sizes[i], src.shape()[i]);
  for (int axis : axes) {
    if (static_cast<size_t>(axis) < missing) sizes[static_cast<size_t>(axis)] = 1;
  }
  const array value = prepare_update("slice_update", update, sizes, src.dtype(), s);
  return ops::dynamic_slice_update({std::move(axes)}, src, value, place, s);
}

array flip(const array& a, const std::vector<int>& axes, StreamOrDevice s) {
  Shape start(a.ndim(), 0);
  Shape stop = a.shape();
  Shape strides(a.ndim(), 1);
  for (int axis : axes) {
    const size_t i =
        static_cast<size_t>(ops::normalize_axis(axis, static_cast<int>(a.ndim()), "flip"));
    start[i] = a.shape()[i] - 1;
    stop[i] = -a.shape()[i] - 1;
    strides[i] = -1;
  }
  return slice(a, start, stop, strides, s);
}

array flip(const array& a, int axis, StreamOrDevice s) {
  return flip(a, std::vector<int>{axis}, s);
}

array flip(const array& a, StreamOrDevice s) {
  return flip(a, ops::all_axes(static_cast<int>(a.ndim())), s);
}

std::vector<array> split(const array& a, const Shape& indices, int axis, StreamOrDevice s) {
  const int at = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "split");
  const int size = a.shape(at);
  Shape ends;
  for (ShapeElem index : indices) {
    ends.push_back(std::clamp(index < 0 ? index + size : index, 0, size));
  }
  ends.push_back(size);
  if (ends.size() == 1) return {a};
  if (std::is_sorted(ends.begin(), ends.end())) return ops::split_parts(a, at, ends, s);

  // As in NumPy, parts may overlap.
  const size_t i = static_cast<size_t>(at);
  Shape start(a.ndim(), 0);
  Shape stop = a.shape();
  std::vector<array> parts;
  for (ShapeElem end : ends) {
    stop[i] = end;
    parts.push_back(slice(a, start, stop, s));
    start[i] = end;
  }
  return parts;
}

std::vector<array> split(const array& a, const Shape& indices, StreamOrDevice s) {
  return split(a, indices, 0, s);
}

std::vector<array> split(const array& a, int num_splits, int axis, StreamOrDevice s) {
  const int at = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "split");
  if (num_splits <= 0) {
    throw std::invalid_argument(
        fmt::format("split: expected a positive number of parts, got {}", num_splits));
  }
  const int size = a.shape(at);
  if (size % num_splits != 0) {
    throw std::invalid_argument(
        fmt::format("split: expected axis {} of {} to divide into {} equal parts, got size {}", at,
                    to_string(a.shape()), num_splits, size));
  }
  Shape indices;
  for (int part = 1; part < num_splits; ++part) indices.push_back(size / num_splits * part);
  return split(a, indices, at, s);
}

std::vector<array> split(const array& a, int num_splits, StreamOrDevice s) {
  return split(a, num_splits, 0, s);
}

std::vector<array> unstack(const array& a, int axis, StreamOrDevice s) {
  const int at = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "unstack");
  if (a.shape(at) == 0) return {};
  std::vector<array> parts = split(a, a.shape(at), at, s);
  for (array& part : parts) part = squeeze(part, at, s);
  return parts;
}

std::vector<array> unstack(const array& a, StreamOrDevice s) { return unstack(a, 0, s); }

}  // namespace mica
