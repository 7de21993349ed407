#include "mica/ops/indexing.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

[[noreturn]] void fail(const char* op, const std::string& text) {
  throw std::invalid_argument(std::string(op) + ": " + text);
}

void check_index_dtype(const char* op, Dtype dtype) {
  if (issubdtype(dtype, integer)) return;
  fail(op, "expected integer indices, got " + std::string(dtype_name(dtype)));
}

// The indices with one shape and one dtype.
std::vector<array> common_indices(const char* op, const std::vector<array>& indices,
                                  const StreamOrDevice& s) {
  if (indices.empty()) return {};
  const Dtype dtype = result_type(indices);
  for (const array& index : indices) check_index_dtype(op, index.dtype());
  if (!issubdtype(dtype, integer)) fail(op, "expected indices of compatible integer dtypes");
  Shape shape;
  for (const array& index : indices) shape = broadcast_together(op, shape, index.shape());
  std::vector<array> common;
  for (const array& index : indices) {
    common.push_back(astype(broadcast_to(index, shape, s), dtype, s));
  }
  return common;
}

std::vector<int> index_axes(const char* op, const array& a, size_t index_count,
                            const std::vector<int>& axes) {
  if (axes.size() != index_count) {
    fail(op, "expected one index array for each of " + std::to_string(axes.size()) + " axes, got " +
                 std::to_string(index_count));
  }
  const int ndim = static_cast<int>(a.ndim());
  normalize_axes(axes, ndim, op);  // refuses repeated ones
  std::vector<int> normalized;
  for (int axis : axes) normalized.push_back(normalize_axis(axis, ndim, op));
  return normalized;
}

std::vector<array> joined(const array& a, const std::vector<array>& indices) {
  std::vector<array> inputs{a};
  inputs.insert(inputs.end(), indices.begin(), indices.end());
  return inputs;
}

std::vector<array> joined(const array& a, const std::vector<array>& indices, const array& updates) {
  std::vector<array> inputs = joined(a, indices);
  inputs.push_back(updates);
  return inputs;
}

Shape index_shape(const std::vector<array>& indices) {
  return indices.empty() ? Shape{} : indices[0].shape();
}

array apply_gather(const array& a, const std::vector<array>& indices, const std::vector<int>& axes,
                   const Shape& slice_sizes, const StreamOrDevice& s) {
  Shape shape = index_shape(indices);
  shape.insert(shape.end(), slice_sizes.begin(), slice_sizes.end());
  return engine::apply(Gather{axes, slice_sizes}, joined(a, indices), shape, a.dtype(), s);
}

array apply_scatter(ScatterKind kind, const array& a, const std::vector<array>& indices,
                    const array& updates, const std::vector<int>& axes, const StreamOrDevice& s) {
  return engine::apply(Scatter{kind, axes}, joined(a, indices, updates), a.shape(), a.dtype(), s);
}

const char* scatter_name(ScatterKind kind) {
  switch (kind) {
    case ScatterKind::set:
      return "scatter";
    case ScatterKind::add:
      return "scatter_add";
    case ScatterKind::prod:
      return "scatter_prod";
    case ScatterKind::max:
      return "scatter_max";
    case ScatterKind::min:
      return "scatter_min";
  }
  throw std::logic_error("scatter: unknown kind");
}

array scatter(ScatterKind kind, const array& a, const std::vector<array>& indices,
              const array& updates, const std::vector<int>& axes, const StreamOrDevice& s) {
  const char* name = scatter_name(kind);
  const auto normalized = index_axes(name, a, indices.size(), axes);
  const auto common = common_indices(name, indices, s);
  const Shape prefix = index_shape(common);
  bool fits = updates.ndim() == prefix.size() + a.ndim() &&
              std::equal(prefix.begin(), prefix.end(), updates.shape().begin());
  for (size_t i = 0; fits && i < a.ndim(); ++i) {
    fits = updates.shape()[prefix.size() + i] <= a.shape()[i];
  }
  if (!fits) {
    fail(name, "expected updates of the indices' shape " + to_string(prefix) +
                   " followed by a slice of a " + to_string(a.shape()) + ", got " +
                   to_string(updates.shape()));
  }
  return apply_scatter(kind, a, common, astype(updates, a.dtype(), s), normalized, s);
}

// a and the indices, broadcast against each other but along axis.
struct AlongAxis {
  array a, indices;
  int axis;

  AlongAxis(const char* op, const array& a_in, const array& indices_in, int axis_in,
            const StreamOrDevice& s)
      : a(a_in),
        indices(indices_in),
        axis(normalize_axis(axis_in, static_cast<int>(a_in.ndim()), op)) {
    check_index_dtype(op, indices.dtype());
    if (indices.ndim() != a.ndim()) {
      fail(op, "expected indices with " + std::to_string(a.ndim()) + " dimensions, got " +
                   to_string(indices.shape()));
    }
    const auto i = static_cast<size_t>(axis);
    Shape a_shape = a.shape(), index_shape = indices.shape();
    const ShapeElem a_size = std::exchange(a_shape[i], 1);
    const ShapeElem index_size = std::exchange(index_shape[i], 1);
    Shape shape = broadcast_together(op, a_shape, index_shape);
    shape[i] = a_size;
    if (shape != a.shape()) a = broadcast_to(a, shape, s);
    shape[i] = index_size;
    if (shape != indices.shape()) indices = broadcast_to(indices, shape, s);
  }
};

array scatter_axis(ScatterKind kind, const char* name, const array& a, const array& indices,
                   const array& values, int axis, const StreamOrDevice& s) {
  const AlongAxis along(name, a, indices, axis, s);
  if (!broadcasts_to(values.shape(), along.indices.shape())) {
    fail(name, "expected values that broadcast to the indices' shape " +
                   to_string(along.indices.shape()) + ", got " + to_string(values.shape()));
  }
  const array updates = broadcast_to(astype(values, a.dtype(), s), along.indices.shape(), s);
  return engine::apply(ScatterAxis{kind, along.axis}, {along.a, along.indices, updates},
                       along.a.shape(), a.dtype(), s);
}

std::vector<array> indices_of(std::span<const array> inputs, size_t count) {
  return {inputs.begin() + 1, inputs.begin() + 1 + static_cast<std::ptrdiff_t>(count)};
}

// The slice that each index of a scatter updates.
Shape slice_sizes_of(const array& a, const array& updates) {
  return {updates.shape().end() - static_cast<std::ptrdiff_t>(a.ndim()), updates.shape().end()};
}

// Indices with the batch in front, and one more along the batch's own axis in front of them.
std::vector<array> with_batch_index(std::vector<array> indices, int batch) {
  const Shape shape = indices[0].shape();
  Shape column(shape.size(), 1);
  column[0] = batch;
  const array own = reshape(arange(batch), column);
  indices.insert(indices.begin(), broadcast_to(astype(own, indices[0].dtype()), shape));
  return indices;
}

std::vector<int> with_batch_axis(const std::vector<int>& axes) {
  std::vector<int> shifted = shift_axes(axes);
  shifted.insert(shifted.begin(), 0);
  return shifted;
}

bool any_batched(std::span<const int> axes) {
  return std::any_of(axes.begin(), axes.end(), [](int axis) { return axis >= 0; });
}

// The product of the updates that meet each element of a, without zeros, and the number of zeros.
struct UpdateProducts {
  array nonzero, zeros;
};

}  // namespace

std::vector<array> Gather::vjp(const engine::VjpArgs& args) const {
  std::vector<array> cotangents;
  const auto indices = indices_of(args.primals, axes.size());
  for (int argnum : args.argnums) {
    const array zero = zeros_like(args.primals[static_cast<size_t>(argnum)]);
    cotangents.push_back(
        argnum == 0 ? apply_scatter(ScatterKind::add, zero, indices, args.cotangents[0], axes, {})
                    : zero);
  }
  return cotangents;
}

std::vector<array> Gather::jvp(const engine::JvpArgs& args) const {
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    if (args.argnums[i] != 0) continue;
    return {apply_gather(args.tangents[i], indices_of(args.primals, axes.size()), axes, slice_sizes,
                         {})};
  }
  return {zeros_like(args.outputs[0])};
}

engine::Batched Gather::vmap(const engine::VmapArgs& args) const {
  const size_t count = axes.size();
  const bool indices_batched = any_batched(args.axes.subspan(1));
  const array& a = args.inputs[0];
  if (!indices_batched) {
    const int batch_axis = args.axes[0];
    std::vector<int> shifted = axes;
    for (int& axis : shifted) axis += axis >= batch_axis;
    Shape sizes = slice_sizes;
    sizes.insert(sizes.begin() + batch_axis, args.batch);
    const auto indices = indices_of(args.inputs, count);
    const int index_dims = static_cast<int>(index_shape(indices).size());
    return {{apply_gather(a, indices, shifted, sizes, {})}, {index_dims + batch_axis}};
  }
  const std::vector<array> moved = all_batch_first(args);
  std::vector<array> indices = indices_of(moved, count);
  if (args.axes[0] < 0) return {{apply_gather(a, indices, axes, slice_sizes, {})}, {0}};
  const int index_dims = static_cast<int>(indices[0].ndim());
  Shape sizes = slice_sizes;
  sizes.insert(sizes.begin(), 1);
  const array out = apply_gather(moved[0], with_batch_index(std::move(indices), args.batch),
                                 with_batch_axis(axes), sizes, {});
  return {{squeeze(out, index_dims)}, {0}};
}

std::vector<array> GatherAxis::vjp(const engine::VjpArgs& args) const {
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    const array zero = zeros_like(args.primals[static_cast<size_t>(argnum)]);
    cotangents.push_back(
        argnum == 0 ? scatter_add_axis(zero, args.primals[1], args.cotangents[0], axis) : zero);
  }
  return cotangents;
}

std::vector<array> GatherAxis::jvp(const engine::JvpArgs& args) const {
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    if (args.argnums[i] == 0) return {take_along_axis(args.tangents[i], args.primals[1], axis)};
  }
  return {zeros_like(args.outputs[0])};
}

engine::Batched GatherAxis::vmap(const engine::VmapArgs& args) const {
  const std::vector<array> moved = all_batch_first(args);
  return {{take_along_axis(moved[0], moved[1], axis + 1)}, {0}};
}

namespace {

UpdateProducts update_products(const Scatter& op, std::span<const array> primals) {
  const array& a = primals[0];
  const array& updates = primals.back();
  const auto indices = indices_of(primals, op.axes.size());
  const array is_zero = updates == array(0, a.dtype());
  const array one = array(1, a.dtype());
  return {apply_scatter(ScatterKind::prod, ones_like(a), indices, where(is_zero, one, updates),
                        op.axes, {}),
          apply_scatter(ScatterKind::add, zeros_like(a), indices, astype(is_zero, a.dtype()),
                        op.axes, {})};
}

// At each element of updates: the product of the others that meet the same element of a.
array other_updates(const Scatter& op, std::span<const array> primals) {
  const UpdateProducts products = update_products(op, primals);
  const array& a = primals[0];
  const array& updates = primals.back();
  const auto at_updates = [&](const array& x) {
    return apply_gather(x, indices_of(primals, op.axes.size()), op.axes, slice_sizes_of(a, updates),
                        {});
  };
  const array zero = array(0, a.dtype()), one = array(1, a.dtype());
  const array nonzero = at_updates(products.nonzero);
  const array zeros = at_updates(products.zeros);
  const array is_zero = updates == zero;
  const array quotient = nonzero / where(is_zero, one, updates);
  return where(zeros == where(is_zero, one, zero), quotient, zero);
}

}  // namespace

// As MLX: every update that is equal to the extremum, or that was set and overwritten, receives
// the whole cotangent.
std::vector<array> Scatter::vjp(const engine::VjpArgs& args) const {
  const array& a = args.primals[0];
  const array& updates = args.primals.back();
  const array& out = args.outputs[0];
  const array& cotangent = args.cotangents[0];
  const auto indices = indices_of(args.primals, axes.size());
  const auto at_updates = [&](const array& x) {
    return apply_gather(x, indices, axes, slice_sizes_of(a, updates), {});
  };
  const array zero = array(0, a.dtype());
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    const auto position = static_cast<size_t>(argnum);
    if (position > 0 && position <= axes.size()) {
      cotangents.push_back(zeros_like(args.primals[position]));
      continue;
    }
    const bool of_a = position == 0;
    switch (kind) {
      case ScatterKind::set:
        cotangents.push_back(
            of_a ? apply_scatter(kind, cotangent, indices, zeros_like(updates), axes, {})
                 : at_updates(cotangent));
        break;
      case ScatterKind::add:
        cotangents.push_back(of_a ? cotangent : at_updates(cotangent));
        break;
      case ScatterKind::prod:
        cotangents.push_back(of_a ? cotangent * conjugate(apply_scatter(kind, ones_like(a), indices,
                                                                        updates, axes, {}))
                                  : at_updates(cotangent * conjugate(a)) *
                                        conjugate(other_updates(*this, args.primals)));
        break;
      case ScatterKind::max:
      case ScatterKind::min:
        cotangents.push_back(of_a ? where(a == out, cotangent, zero)
                                  : where(updates == at_updates(out), at_updates(cotangent), zero));
        break;
    }
  }
  return cotangents;
}

std::vector<array> Scatter::jvp(const engine::JvpArgs& args) const {
  const array& a = args.primals[0];
  const array& updates = args.primals.back();
  const array& out = args.outputs[0];
  const auto indices = indices_of(args.primals, axes.size());
  array a_tangent = zeros_like(a), update_tangent = zeros_like(updates);
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const auto position = static_cast<size_t>(args.argnums[i]);
    if (position == 0) a_tangent = args.tangents[i];
    if (position == axes.size() + 1) update_tangent = args.tangents[i];
  }
  const array zero = array(0, a.dtype());
  const auto scattered_sum = [&](const array& onto, const array& tangent) {
    return apply_scatter(ScatterKind::add, onto, indices, tangent, axes, {});
  };
  switch (kind) {
    case ScatterKind::set:
      return {apply_scatter(kind, a_tangent, indices, update_tangent, axes, {})};
    case ScatterKind::add:
      return {scattered_sum(a_tangent, update_tangent)};
    case ScatterKind::prod: {
      const array products = apply_scatter(kind, ones_like(a), indices, updates, axes, {});
      const array weighted = update_tangent * other_updates(*this, args.primals);
      return {a_tangent * products + a * scattered_sum(zeros_like(a), weighted)};
    }
    case ScatterKind::max:
    case ScatterKind::min:
      break;
  }
  const array reached = apply_gather(out, indices, axes, slice_sizes_of(a, updates), {});
  return {scattered_sum(where(a == out, a_tangent, zero),
                        where(updates == reached, update_tangent, zero))};
}

engine::Batched Scatter::vmap(const engine::VmapArgs& args) const {
  const std::vector<array> moved = all_batch_first(args);
  const array& a = moved[0];
  const auto indices = indices_of(moved, axes.size());
  if (axes.empty()) {  // one update over all of a, which starts at its front
    return {{apply_scatter(kind, a, {}, moved.back(), {}, {})}, {0}};
  }
  const int index_dims = static_cast<int>(indices[0].ndim());
  return {{apply_scatter(kind, a, with_batch_index(indices, args.batch),
                         expand_dims(moved.back(), index_dims), with_batch_axis(axes), {})},
          {0}};
}

std::vector<array> ScatterAxis::vjp(const engine::VjpArgs& args) const {
  const array& indices = args.primals[1];
  const array& cotangent = args.cotangents[0];
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    if (argnum == 1) {
      cotangents.push_back(zeros_like(indices));
    } else if (argnum == 2) {
      cotangents.push_back(take_along_axis(cotangent, indices, axis));
    } else if (kind == ScatterKind::add) {
      cotangents.push_back(cotangent);
    } else {
      cotangents.push_back(put_along_axis(cotangent, indices, array(0, cotangent.dtype()), axis));
    }
  }
  return cotangents;
}

std::vector<array> ScatterAxis::jvp(const engine::JvpArgs& args) const {
  array a_tangent = zeros_like(args.primals[0]), update_tangent = zeros_like(args.primals[2]);
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    if (args.argnums[i] == 0) a_tangent = args.tangents[i];
    if (args.argnums[i] == 2) update_tangent = args.tangents[i];
  }
  return {scatter_axis(kind, name, a_tangent, args.primals[1], update_tangent, axis, {})};
}

engine::Batched ScatterAxis::vmap(const engine::VmapArgs& args) const {
  const std::vector<array> moved = all_batch_first(args);
  return {{scatter_axis(kind, name, moved[0], moved[1], moved[2], axis + 1, {})}, {0}};
}

}  // namespace ops

using ops::ScatterKind;

array gather(const array& a, const std::vector<array>& indices, const std::vector<int>& axes,
             const Shape& slice_sizes, StreamOrDevice s) {
  const auto normalized = ops::index_axes("gather", a, indices.size(), axes);
  bool fits = slice_sizes.size() == a.ndim();
  for (size_t i = 0; fits && i < a.ndim(); ++i) {
    fits = slice_sizes[i] >= 0 && slice_sizes[i] <= a.shape()[i];
  }
  if (!fits) {
    ops::fail("gather", "expected slice_sizes within a " + to_string(a.shape()) + ", got " +
                            to_string(slice_sizes));
  }
  return ops::apply_gather(a, ops::common_indices("gather", indices, s), normalized, slice_sizes,
                           s);
}

array gather(const array& a, const array& indices, int axis, const Shape& slice_sizes,
             StreamOrDevice s) {
  return gather(a, std::vector<array>{indices}, std::vector<int>{axis}, slice_sizes, s);
}

array take(const array& a, const array& indices, int axis, StreamOrDevice s) {
  const int ndim = static_cast<int>(a.ndim());
  const int normalized = ops::normalize_axis(axis, ndim, "take");
  ops::check_index_dtype("take", indices.dtype());
  if (a.shape(normalized) == 0 && indices.size() != 0) {
    ops::fail("take", "expected no indices into the empty axis " + std::to_string(axis) + " of a " +
                          to_string(a.shape()) + ", got " + std::to_string(indices.size()));
  }
  Shape slice_sizes = a.shape();
  slice_sizes[static_cast<size_t>(normalized)] = indices.size() == 0 ? 0 : 1;
  const int index_dims = static_cast<int>(indices.ndim());
  Shape shape(a.shape().begin(), a.shape().begin() + normalized);
  shape.insert(shape.end(), indices.shape().begin(), indices.shape().end());
  shape.insert(shape.end(), a.shape().begin() + normalized + 1, a.shape().end());
  if (indices.size() == 0) return zeros(shape, a.dtype(), s);

  const array gathered = gather(a, indices, normalized, slice_sizes, s);
  const array out = squeeze(gathered, index_dims + normalized, s);
  if (normalized == 0) return out;
  std::vector<int> order;  // the indices' axes behind the first `normalized` ones of a
  for (int i = 0; i < normalized; ++i) order.push_back(index_dims + i);
  for (int i = 0; i < index_dims; ++i) order.push_back(i);
  for (int i = normalized + 1; i < ndim; ++i) order.push_back(index_dims + i - 1);
  return transpose(out, order, s);
}

array take(const array& a, const array& indices, StreamOrDevice s) {
  return take(flatten(a, s), indices, 0, s);
}

array take(const array& a, int index, int axis, StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "take");
  const int n = a.shape(normalized);
  if (index < -n || index >= n) {
    ops::fail("take", "expected index in [-" + std::to_string(n) + ", " + std::to_string(n) +
                          ") along axis " + std::to_string(axis) + ", got " +
                          std::to_string(index));
  }
  Shape start(a.ndim(), 0), stop = a.shape();
  const auto i = static_cast<size_t>(normalized);
  start[i] = index < 0 ? index + n : index;
  stop[i] = start[i] + 1;
  return squeeze(slice(a, start, stop, s), normalized, s);
}

array take(const array& a, int index, StreamOrDevice s) { return take(flatten(a, s), index, 0, s); }

array take_along_axis(const array& a, const array& indices, int axis, StreamOrDevice s) {
  const ops::AlongAxis along("take_along_axis", a, indices, axis, s);
  return engine::apply(ops::GatherAxis{along.axis}, {along.a, along.indices}, along.indices.shape(),
                       a.dtype(), s);
}

array put_along_axis(const array& a, const array& indices, const array& values, int axis,
                     StreamOrDevice s) {
  return ops::scatter_axis(ScatterKind::set, "put_along_axis", a, indices, values, axis, s);
}

array scatter_add_axis(const array& a, const array& indices, const array& values, int axis,
                       StreamOrDevice s) {
  return ops::scatter_axis(ScatterKind::add, "scatter_add_axis", a, indices, values, axis, s);
}

array scatter(const array& a, const std::vector<array>& indices, const array& updates,
              const std::vector<int>& axes, StreamOrDevice s) {
  return ops::scatter(ScatterKind::set, a, indices, updates, axes, s);
}
array scatter(const array& a, const array& indices, const array& updates, int axis,
              StreamOrDevice s) {
  return scatter(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}

array scatter_add(const array& a, const std::vector<array>& indices, const array& updates,
                  const std::vector<int>& axes, StreamOrDevice s) {
  return ops::scatter(ScatterKind::add, a, indices, updates, axes, s);
}
array scatter_add(const array& a, const array& indices, const array& updates, int axis,
                  StreamOrDevice s) {
  return scatter_add(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}

array scatter_prod(const array& a, const std::vector<array>& indices, const array& updates,
                   const std::vector<int>& axes, StreamOrDevice s) {
  return ops::scatter(ScatterKind::prod, a, indices, updates, axes, s);
}
array scatter_prod(const array& a, const array& indices, const array& updates, int axis,
                   StreamOrDevice s) {
  return scatter_prod(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}

array scatter_max(const array& a, const std::vector<array>& indices, const array& updates,
                  const std::vector<int>& axes, StreamOrDevice s) {
  return ops::scatter(ScatterKind::max, a, indices, updates, axes, s);
}
array scatter_max(const array& a, const array& indices, const array& updates, int axis,
                  StreamOrDevice s) {
  return scatter_max(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}

array scatter_min(const array& a, const std::vector<array>& indices, const array& updates,
                  const std::vector<int>& axes, StreamOrDevice s) {
  return ops::scatter(ScatterKind::min, a, indices, updates, axes, s);
}
array scatter_min(const array& a, const array& indices, const array& updates, int axis,
                  StreamOrDevice s) {
  return scatter_min(a, std::vector<array>{indices}, updates, std::vector<int>{axis}, s);
}

// An element of mask chooses a row, the axes of a that mask lacks. src holds rows in order, at
// least as many as are chosen (where there are fewer the last is taken again: counting would need
// the mask's values), or has fewer axes and is every chosen row.
array masked_scatter(const array& a, const array& mask, const array& src, StreamOrDevice s) {
  constexpr const char* op = "masked_scatter";
  if (mask.dtype() != bool_) ops::throw_expected(op, "mask of bool", dtype_name(mask.dtype()));
  Shape shape = mask.shape();
  const bool leading =
      shape.size() <= a.ndim() && std::equal(shape.begin(), shape.end(), a.shape().begin());
  if (!leading) {
    ops::throw_expected(op, "mask of the leading axes of a " + to_string(a.shape()),
                        to_string(shape));
  }
  const Shape row(a.shape().begin() + static_cast<std::ptrdiff_t>(shape.size()), a.shape().end());
  const bool in_order = src.ndim() == row.size() + 1;
  Shape rows = row;
  if (in_order) rows.insert(rows.begin(), src.shape(0));
  if (!ops::broadcasts_to(src.shape(), rows) || (in_order && src.shape(0) == 0)) {
    ops::throw_expected(op, "src of rows that broadcast to " + to_string(row),
                        to_string(src.shape()));
  }
  if (a.size() == 0) return a;
  array values = astype(src, a.dtype(), s);
  if (in_order) {
    const array chosen = astype(reshape(mask, {-1}, s), int32, s);
    const array ordinal = cumsum(chosen, 0, false, false, s);
    values = broadcast_to(values, rows, s);
    values = take(values, minimum(ordinal, array(src.shape(0) - 1), s), 0, s);
    values = reshape(values, a.shape(), s);
  }
  shape.resize(a.ndim(), 1);
  return where(reshape(mask, shape, s), values, a, s);
}

}  // namespace mica
