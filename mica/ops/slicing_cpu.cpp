#include <algorithm>
#include <cstdint>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/copy.h"
#include "mica/ops/slicing.h"

namespace mica::ops {

namespace {

char* at(const cpu::Tensor& t, int64_t offset) {
  return t.as<char>() + offset * int64_t{t.dtype.size()};
}

Strides behind(const Strides& strides, int axes) {
  return Strides(strides.begin() + axes, strides.end());
}

// Calls f(batch, start) for each batch, where start(i) is the place along axes[i] of a slice of
// `sizes`, kept within `shape`. Both shapes count no batch axes.
template <class F>
void for_each_batch(const cpu::Tensor& start, const Shape& shape, const Shape& sizes,
                    const std::vector<int>& axes, F&& f) {
  const int64_t count = static_cast<int64_t>(axes.size());
  const int64_t last_stride = start.strides.back();
  const size_t batch_axes = start.shape.size() - 1;
  SmallVector<ShapeElem> index(batch_axes);
  Shape place(shape.size(), 0);
  int64_t batches = 1;
  for (size_t d = 0; d < batch_axes; ++d) batches *= start.shape[d];

  for (int64_t batch = 0; batch < batches; ++batch) {
    int64_t row = 0;
    for (size_t d = 0; d < batch_axes; ++d) row += index[d] * start.strides[d];
    for (int64_t i = 0; i < count; ++i) {
      const size_t axis = static_cast<size_t>(axes[static_cast<size_t>(i)]);
      const int64_t wanted = start.as<int64_t>()[row + i * last_stride];
      place[axis] =
          static_cast<ShapeElem>(std::clamp<int64_t>(wanted, 0, shape[axis] - sizes[axis]));
    }
    f(index, place);
    for (size_t d = batch_axes; d-- > 0;) {
      if (++index[d] < start.shape[d]) break;
      index[d] = 0;
    }
  }
}

// Elements to skip for a batch and for a place within it.
int64_t offset_of(const SmallVector<ShapeElem>& batch, const Shape& place, const Strides& strides) {
  int64_t offset = 0;
  for (size_t d = 0; d < batch.size(); ++d) offset += batch[d] * strides[d];
  for (size_t d = 0; d < place.size(); ++d) offset += place[d] * strides[batch.size() + d];
  return offset;
}

// The source, unless its buffer became the output's.
void copy_source(const cpu::Call& call) {
  if (call.inputs[0].data != call.outputs[0].data) {
    cpu::copy_strided(call.inputs[0], call.outputs[0].data);
  }
}

}  // namespace

void SliceView::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  Strides from;
  view({in.shape, in.strides}, out.shape, from);
  cpu::copy_strided(at(in, view_offset(in.strides, 0)), from, out.data, out.strides, out.shape,
                    out.dtype.size());
}

void SliceUpdate::cpu(const cpu::Call& call) const {
  copy_source(call);
  const cpu::Tensor& update = call.inputs[1];
  const cpu::Tensor& out = call.outputs[0];
  Strides to(strides.size());
  int64_t offset = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    to[i] = strides[i] * out.strides[i];
    offset += start.value[i] * out.strides[i];
  }
  cpu::copy_strided(update.data, update.strides, at(out, offset), to, update.shape,
                    out.dtype.size());
}

void DynamicSlice::cpu(const cpu::Call& call) const {
  const cpu::Tensor& in = call.inputs[0];
  const cpu::Tensor& out = call.outputs[0];
  const Shape shape(in.shape.begin() + batch_axes, in.shape.end());
  const Strides from = behind(in.strides, batch_axes);
  const Strides to = behind(out.strides, batch_axes);
  const Shape beginning(sizes.size(), 0);
  for_each_batch(call.inputs[1], shape, sizes, axes, [&](const auto& batch, const Shape& place) {
    cpu::copy_strided(at(in, offset_of(batch, place, in.strides)), from,
                      at(out, offset_of(batch, beginning, out.strides)), to, sizes,
                      out.dtype.size());
  });
}

void DynamicSliceUpdate::cpu(const cpu::Call& call) const {
  copy_source(call);
  const cpu::Tensor& update = call.inputs[1];
  const cpu::Tensor& out = call.outputs[0];
  const Shape shape(out.shape.begin() + batch_axes, out.shape.end());
  const Shape sizes(update.shape.begin() + batch_axes, update.shape.end());
  const Strides from = behind(update.strides, batch_axes);
  const Strides to = behind(out.strides, batch_axes);
  const Shape beginning(sizes.size(), 0);
  for_each_batch(call.inputs[2], shape, sizes, axes, [&](const auto& batch, const Shape& place) {
    cpu::copy_strided(at(update, offset_of(batch, beginning, update.strides)), from,
                      at(out, offset_of(batch, place, out.strides)), to, sizes, out.dtype.size());
  });
}

}  // namespace mica::ops
