#include "mica/ops/reduce.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

const char* reduction_name(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::sum:
      return "sum";
    case ReduceKind::prod:
      return "prod";
    case ReduceKind::min:
      return "min";
    case ReduceKind::max:
      return "max";
    case ReduceKind::all:
      return "all";
    case ReduceKind::any:
      return "any";
  }
  throw std::logic_error("reduce: unknown kind");
}

// Sums and products of narrow integers are taken in 32 bits.
Dtype accumulated_dtype(Dtype dtype) {
  switch (dtype.val()) {
    case Dtype::Val::bool_:
    case Dtype::Val::int8:
    case Dtype::Val::int16:
      return int32;
    case Dtype::Val::uint8:
    case Dtype::Val::uint16:
      return uint32;
    default:
      return dtype;
  }
}

Shape kept_shape(const Shape& shape, const std::vector<int>& axes) {
  Shape kept = shape;
  for (int axis : axes) kept[static_cast<size_t>(axis)] = 1;
  return kept;
}

array apply_reduce(ReduceKind kind, const array& a, const std::vector<int>& sorted_axes,
                   bool keepdims, const StreamOrDevice& s) {
  const bool logical = kind == ReduceKind::all || kind == ReduceKind::any;
  const bool accumulates = kind == ReduceKind::sum || kind == ReduceKind::prod;
  const Dtype dtype = logical       ? bool_
                      : accumulates ? accumulated_dtype(a.dtype())
                                    : Dtype(a.dtype());
  array out = sorted_axes.empty() ? astype(a, dtype, s)
                                  : engine::apply(Reduce{kind, sorted_axes}, {astype(a, dtype, s)},
                                                  kept_shape(a.shape(), sorted_axes), dtype, s);
  return keepdims || sorted_axes.empty() ? out : squeeze(out, sorted_axes, s);
}

array reduce(ReduceKind kind, const array& a, const std::vector<int>& axes, bool keepdims,
             const StreamOrDevice& s) {
  const char* name = reduction_name(kind);
  const std::vector<int> sorted = normalize_axes(axes, static_cast<int>(a.ndim()), name);
  if (kind == ReduceKind::min || kind == ReduceKind::max) {
    for (int axis : sorted) {
      if (a.shape(axis) != 0) continue;
      throw std::invalid_argument(std::string(name) + ": expected a non-empty axis " +
                                  std::to_string(axis) + ", got a of shape " +
                                  to_string(a.shape()));
    }
  }
  return apply_reduce(kind, a, sorted, keepdims, s);
}

// At each element the product of the others along axes.
array product_of_others(const array& x, const std::vector<int>& axes) {
  const int ndim = static_cast<int>(x.ndim());
  std::vector<int> order;
  for (int axis = 0; axis < ndim; ++axis) {
    if (!std::binary_search(axes.begin(), axes.end(), axis)) order.push_back(axis);
  }
  const int kept = static_cast<int>(order.size());
  order.insert(order.end(), axes.begin(), axes.end());
  std::vector<int> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i)
    inverse[static_cast<size_t>(order[i])] = static_cast<int>(i);
  const array moved = transpose(x, order);
  const array rows = flatten(moved, kept, -1);
  const array others = cumprod(rows, -1, false, false) * cumprod(rows, -1, true, false);
  return transpose(reshape(others, moved.shape()), inverse);
}

// Each element's share of the gradient of min or max: 1 / count at the elements equal to the
// result, as MLX shares it among ties.
array extremum_weights(const array& x, const array& out, const std::vector<int>& axes) {
  const array mask = astype(x == out, x.dtype());
  return mask / sum(mask, axes, true);
}

}  // namespace

std::vector<int> all_but_last(const array& x) {
  std::vector<int> axes = all_axes(static_cast<int>(x.ndim()));
  axes.pop_back();
  return axes;
}

std::vector<array> Reduce::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  const array& cotangent = args.cotangents[0];
  switch (kind) {
    case ReduceKind::sum:
      return {broadcast_to(cotangent, x.shape())};
    case ReduceKind::prod:
      return {cotangent * conjugate(product_of_others(x, axes))};
    case ReduceKind::min:
    case ReduceKind::max:
      return {cotangent * extremum_weights(x, args.outputs[0], axes)};
    case ReduceKind::all:
    case ReduceKind::any:
      break;
  }
  return {zeros_like(x)};
}

std::vector<array> Reduce::jvp(const engine::JvpArgs& args) const {
  const array& x = args.primals[0];
  const array& tangent = args.tangents[0];
  switch (kind) {
    case ReduceKind::sum:
      return {sum(tangent, axes, true)};
    case ReduceKind::prod:
      return {sum(tangent * product_of_others(x, axes), axes, true)};
    case ReduceKind::min:
    case ReduceKind::max:
      return {sum(tangent * extremum_weights(x, args.outputs[0], axes), axes, true)};
    case ReduceKind::all:
    case ReduceKind::any:
      break;
  }
  return {zeros_like(args.outputs[0])};
}

engine::Batched Reduce::vmap(const engine::VmapArgs& args) const {
  const int batch_axis = args.axes[0];
  std::vector<int> shifted = axes;
  for (int& axis : shifted) axis += axis >= batch_axis;
  return {{apply_reduce(kind, args.inputs[0], shifted, true, {})}, {batch_axis}};
}

}  // namespace ops

using ops::ReduceKind;

namespace {
std::vector<int> all_axes(const array& a) { return ops::all_axes(static_cast<int>(a.ndim())); }
}  // namespace

array sum(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  return axes.empty() ? a : ops::reduce(ReduceKind::sum, a, axes, keepdims, s);
}
array prod(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  return axes.empty() ? a : ops::reduce(ReduceKind::prod, a, axes, keepdims, s);
}
array min(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  return ops::reduce(ReduceKind::min, a, axes, keepdims, s);
}
array max(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  return ops::reduce(ReduceKind::max, a, axes, keepdims, s);
}
array all(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  return ops::reduce(ReduceKind::all, a, axes, keepdims, s);
}
array any(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  return ops::reduce(ReduceKind::any, a, axes, keepdims, s);
}

std::tuple<array, array> minmax(const array& a, const std::vector<int>& axes, bool keepdims,
                                StreamOrDevice s) {
  const auto sorted = ops::normalize_axes(axes, static_cast<int>(a.ndim()), "minmax");
  return {min(a, sorted, keepdims, s), max(a, sorted, keepdims, s)};
}

// The overloads over all axes and over one.

array sum(const array& a, bool keepdims, StreamOrDevice s) {
  return sum(a, all_axes(a), keepdims, s);
}
array sum(const array& a, StreamOrDevice s) { return sum(a, false, s); }
array sum(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return sum(a, std::vector<int>{axis}, keepdims, s);
}
array prod(const array& a, bool keepdims, StreamOrDevice s) {
  return prod(a, all_axes(a), keepdims, s);
}
array prod(const array& a, StreamOrDevice s) { return prod(a, false, s); }
array prod(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return prod(a, std::vector<int>{axis}, keepdims, s);
}
array min(const array& a, bool keepdims, StreamOrDevice s) {
  return min(a, all_axes(a), keepdims, s);
}
array min(const array& a, StreamOrDevice s) { return min(a, false, s); }
array min(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return min(a, std::vector<int>{axis}, keepdims, s);
}
array max(const array& a, bool keepdims, StreamOrDevice s) {
  return max(a, all_axes(a), keepdims, s);
}
array max(const array& a, StreamOrDevice s) { return max(a, false, s); }
array max(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return max(a, std::vector<int>{axis}, keepdims, s);
}
array all(const array& a, bool keepdims, StreamOrDevice s) {
  return all(a, all_axes(a), keepdims, s);
}
array all(const array& a, StreamOrDevice s) { return all(a, false, s); }
array all(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return all(a, std::vector<int>{axis}, keepdims, s);
}
array any(const array& a, bool keepdims, StreamOrDevice s) {
  return any(a, all_axes(a), keepdims, s);
}
array any(const array& a, StreamOrDevice s) { return any(a, false, s); }
array any(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return any(a, std::vector<int>{axis}, keepdims, s);
}
std::tuple<array, array> minmax(const array& a, bool keepdims, StreamOrDevice s) {
  return minmax(a, all_axes(a), keepdims, s);
}
std::tuple<array, array> minmax(const array& a, StreamOrDevice s) { return minmax(a, false, s); }
std::tuple<array, array> minmax(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return minmax(a, std::vector<int>{axis}, keepdims, s);
}

}  // namespace mica
