#include "mica/ops/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mica/engine/node.h"
#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace ops {

// Reshape

bool Reshape::view(const engine::Layout& in, const Shape& out_shape, Strides& out) const {
  out = engine::row_major_strides(out_shape);
  if (std::find(out_shape.begin(), out_shape.end(), 0) != out_shape.end()) return true;

  // Runs of input elements at equal distances, last axis first.
  struct Run {
    int64_t size, stride;
  };
  SmallVector<Run> runs;
  for (size_t i = in.shape.size(); i-- > 0;) {
    const int64_t size = in.shape[i];
    if (size == 1) continue;
    if (!runs.empty() && in.strides[i] == runs.back().size * runs.back().stride) {
      runs.back().size *= size;
    } else {
      runs.push_back({size, in.strides[i]});
    }
  }
  // Each output axis must lie within one run.
  size_t run = 0;
  int64_t left = 1, stride = 1;
  for (size_t i = out_shape.size(); i-- > 0;) {
    const int64_t size = out_shape[i];
    if (left == 1 && size != 1) {
      left = runs[run].size;
      stride = runs[run++].stride;
    }
    if (left % size != 0) return false;
    out[i] = stride;
    stride *= size;
    left /= size;
  }
  return true;
}

std::vector<array> Reshape::vjp(const engine::VjpArgs& args) const {
  return {reshape(args.cotangents[0], args.primals[0].shape())};
}

std::vector<array> Reshape::jvp(const engine::JvpArgs& args) const {
  return {reshape(args.tangents[0], shape)};
}

engine::Batched Reshape::vmap(const engine::VmapArgs& args) const {
  Shape batched = shape;
  batched.insert(batched.begin(), args.batch);
  return {{reshape(batch_first(args.inputs[0], args.axes[0], args.batch), batched)}, {0}};
}

// Transpose

bool Transpose::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out.resize(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) out[i] = in.strides[static_cast<size_t>(axes[i])];
  return true;
}

std::vector<array> Transpose::vjp(const engine::VjpArgs& args) const {
  std::vector<int> inverse(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    inverse[static_cast<size_t>(axes[i])] = static_cast<int>(i);
  }
  return {transpose(args.cotangents[0], inverse)};
}

std::vector<array> Transpose::jvp(const engine::JvpArgs& args) const {
  return {transpose(args.tangents[0], axes)};
}

engine::Batched Transpose::vmap(const engine::VmapArgs& args) const {
  const int batch = args.axes[0];
  std::vector<int> batched{batch};
  for (int axis : axes) batched.push_back(axis < batch ? axis : axis + 1);
  return {{transpose(args.inputs[0], batched)}, {0}};
}

// BroadcastTo

bool BroadcastTo::view(const engine::Layout& in, const Shape& out_shape, Strides& out) const {
  out = Strides(out_shape.size(), 0);
  const size_t added = out_shape.size() - in.shape.size();
  for (size_t i = 0; i < in.shape.size(); ++i) {
    if (in.shape[i] != 1) out[added + i] = in.strides[i];
  }
  return true;
}

std::vector<array> BroadcastTo::vjp(const engine::VjpArgs& args) const {
  const Shape& in = args.primals[0].shape();
  const int added = static_cast<int>(shape.size() - in.size());
  std::vector<int> repeated;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    const size_t d = static_cast<size_t>(i);
    if (i < added || in[d - static_cast<size_t>(added)] != shape[d]) repeated.push_back(i);
  }
  // Sums of small integers are wider than their terms.
  const array summed = astype(sum(args.cotangents[0], repeated, true), args.cotangents[0].dtype());
  return {reshape(summed, in)};
}

std::vector<array> BroadcastTo::jvp(const engine::JvpArgs& args) const {
  return {broadcast_to(args.tangents[0], shape)};
}

engine::Batched BroadcastTo::vmap(const engine::VmapArgs& args) const {
  const array in = batch_first(args.inputs[0], args.axes[0], args.batch);
  const size_t added = shape.size() + 1 - in.ndim();
  Shape aligned = in.shape();
  const Shape ones(added, 1);
  aligned.insert(aligned.begin() + 1, ones.begin(), ones.end());
  Shape batched = shape;
  batched.insert(batched.begin(), args.batch);
  return {{broadcast_to(reshape(in, aligned), batched)}, {0}};
}

// AsStrided

bool AsStrided::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out = strides;
  return engine::is_row_contiguous(in.shape, in.strides);
}

int64_t AsStrided::view_offset(const Strides&, int) const { return offset.value; }

// Elements read more than once add up.
std::vector<array> AsStrided::vjp(const engine::VjpArgs& args) const {
  const array& in = args.primals[0];
  const array& cotangent = args.cotangents[0];
  const array places = as_strided(arange(safe_cast(in.size(), "as_strided")), shape, strides,
                                  static_cast<size_t>(offset.value));
  const array flat = scatter_add(zeros({safe_cast(in.size(), "as_strided")}, cotangent.dtype()),
                                 flatten(places), reshape(cotangent, {-1, 1}), 0);
  return {reshape(flat, in.shape())};
}

std::vector<array> AsStrided::jvp(const engine::JvpArgs& args) const {
  return {as_strided(args.tangents[0], shape, strides, static_cast<size_t>(offset.value))};
}

engine::Batched AsStrided::vmap(const engine::VmapArgs& args) const {
  const array in = batch_first(args.inputs[0], args.axes[0], args.batch);
  Shape batched = shape;
  batched.insert(batched.begin(), args.batch);
  Strides batched_strides = strides;
  batched_strides.insert(batched_strides.begin(),
                         static_cast<int64_t>(in.size()) / std::max(args.batch, 1));
  return {{as_strided(in, batched, batched_strides, static_cast<size_t>(offset.value))}, {0}};
}

// Contiguous

bool Contiguous::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out = in.strides;
  if (engine::is_row_contiguous(in.shape, in.strides)) return true;
  if (!allow_col_major) return false;
  const Shape reversed(in.shape.rbegin(), in.shape.rend());
  const Strides reversed_strides(in.strides.rbegin(), in.strides.rend());
  return engine::is_row_contiguous(reversed, reversed_strides);
}

std::vector<array> Contiguous::vjp(const engine::VjpArgs& args) const {
  return {args.cotangents[0]};
}

std::vector<array> Contiguous::jvp(const engine::JvpArgs& args) const {
  return {contiguous(args.tangents[0], allow_col_major)};
}

engine::Batched Contiguous::vmap(const engine::VmapArgs& args) const {
  const array in = batch_first(args.inputs[0], args.axes[0], args.batch);
  return {{contiguous(in, allow_col_major)}, {0}};
}

// Identity

bool Identity::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out = in.strides;
  return true;
}

std::vector<array> Identity::vjp(const engine::VjpArgs& args) const { return {args.cotangents[0]}; }

std::vector<array> Identity::jvp(const engine::JvpArgs& args) const { return {args.tangents[0]}; }

engine::Batched Identity::vmap(const engine::VmapArgs& args) const {
  return {{copy(args.inputs[0])}, {args.axes[0]}};
}

// StopGradient

bool StopGradient::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out = in.strides;
  return true;
}

std::vector<array> StopGradient::vjp(const engine::VjpArgs& args) const {
  return {zeros_like(args.primals[0])};
}

std::vector<array> StopGradient::jvp(const engine::JvpArgs& args) const {
  return {zeros_like(args.primals[0])};
}

engine::Batched StopGradient::vmap(const engine::VmapArgs& args) const {
  return {{stop_gradient(args.inputs[0])}, {args.axes[0]}};
}

// Depends

// What reads the outputs runs after all inputs are computed: the node still orders the plan.
bool Depends::view(const engine::Layout& in, const Shape&, Strides& out) const {
  out = in.strides;
  return true;
}

std::vector<array> Depends::vjp(const engine::VjpArgs& args) const {
  std::vector<array> cotangents;
  for (int i : args.argnums) {
    const size_t at = static_cast<size_t>(i);
    cotangents.push_back(i < count ? args.cotangents[at] : zeros_like(args.primals[at]));
  }
  return cotangents;
}

std::vector<array> Depends::jvp(const engine::JvpArgs& args) const {
  std::vector<array> tangents;
  for (int i = 0; i < count; ++i) {
    const auto found = std::find(args.argnums.begin(), args.argnums.end(), i);
    tangents.push_back(found == args.argnums.end()
                           ? zeros_like(args.primals[static_cast<size_t>(i)])
                           : args.tangents[static_cast<size_t>(found - args.argnums.begin())]);
  }
  return tangents;
}

engine::Batched Depends::vmap(const engine::VmapArgs& args) const {
  const auto middle = args.inputs.begin() + count;
  return {depends({args.inputs.begin(), middle}, {middle, args.inputs.end()}),
          {args.axes.begin(), args.axes.begin() + count}};
}

// BitCast

namespace {

// Complex numbers are pairs of floats: their view is linear. Integers carry no gradient.
array cast_derivative(const array& x, const array& t, Dtype from, Dtype to) {
  const auto parts = [](Dtype dtype) { return dtype == float32 || dtype == complex64; };
  if (parts(from) && parts(to)) return view(t, x.dtype());
  if (!issubdtype(from, inexact) || !issubdtype(to, inexact)) return zeros_like(x);
  throw std::invalid_argument(fmt::format("view: the bits of {} as {} have no derivative",
                                          dtype_name(from), dtype_name(to)));
}

}  // namespace

std::vector<array> BitCast::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  return {cast_derivative(x, args.cotangents[0], x.dtype(), dtype)};
}

std::vector<array> BitCast::jvp(const engine::JvpArgs& args) const {
  const Dtype from = args.primals[0].dtype();
  return {cast_derivative(args.outputs[0], args.tangents[0], from, dtype)};
}

engine::Batched BitCast::vmap(const engine::VmapArgs& args) const {
  return {{mica::view(moveaxis(args.inputs[0], args.axes[0], 0), dtype)}, {0}};
}

}  // namespace ops

array reshape(const array& a, Shape shape, StreamOrDevice s) {
  if (a.shape() == shape) return a;
  const auto fail = [&] {
    throw std::invalid_argument(
        fmt::format("reshape: expected a shape of {} elements as that of a {}, got {}", a.size(),
                    to_string(a.shape()), to_string(shape)));
  };
  ShapeElem* inferred = nullptr;
  size_t size = 1;
  bool overflows = false;
  for (ShapeElem& dim : shape) {
    if (dim >= 0) {
      overflows |= __builtin_mul_overflow(size, static_cast<size_t>(dim), &size);
    } else if (dim == -1 && !inferred) {
      inferred = &dim;
    } else {
      throw std::invalid_argument(
          fmt::format("reshape: expected a shape with at most one -1 and no other negative "
                      "dimension, got {}",
                      to_string(shape)));
    }
  }
  if (inferred) {
    if (overflows || size == 0 || a.size() % size != 0) fail();
    *inferred = safe_cast(a.size() / size, "reshape");
  } else if (overflows || size != a.size()) {
    fail();
  }
  if (a.shape() == shape) return a;
  return engine::apply(ops::Reshape{shape}, {a}, shape, a.dtype(), s);
}

array transpose(const array& a, std::vector<int> axes, StreamOrDevice s) {
  const int ndim = static_cast<int>(a.ndim());
  if (axes.size() != a.ndim()) {
    throw std::invalid_argument(fmt::format("transpose: expected {} axes for a {}, got {}", ndim,
                                            to_string(a.shape()), axes.size()));
  }
  ops::normalize_axes(axes, ndim, "transpose");
  Shape shape;
  bool moves = false;
  for (int i = 0; i < ndim; ++i) {
    int& axis = axes[static_cast<size_t>(i)];
    axis = ops::normalize_axis(axis, ndim, "transpose");
    moves |= axis != i;
    shape.push_back(a.shape(axis));
  }
  if (!moves) return a;
  return engine::apply(ops::Transpose{std::move(axes)}, {a}, shape, a.dtype(), s);
}

array broadcast_to(const array& a, const Shape& shape, StreamOrDevice s) {
  if (a.shape() == shape) return a;
  if (!ops::broadcasts_to(a.shape(), shape)) {
    throw std::invalid_argument(
        fmt::format("broadcast_to: expected a shape to which {} broadcasts, got {}",
                    to_string(a.shape()), to_string(shape)));
  }
  return engine::apply(ops::BroadcastTo{shape}, {a}, shape, a.dtype(), s);
}

array as_strided(array a, Shape shape, Strides strides, size_t offset, StreamOrDevice s) {
  if (shape.size() != strides.size()) {
    throw std::invalid_argument(fmt::format("as_strided: expected {} strides for shape {}, got {}",
                                            shape.size(), to_string(shape), strides.size()));
  }
  // The first and the last element read, counted from the input's first.
  int64_t first = static_cast<int64_t>(offset), last = first;
  bool empty = false, fits = offset <= a.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 0) {
      throw std::invalid_argument(fmt::format(
          "as_strided: expected dimensions of at least 0, got shape {}", to_string(shape)));
    }
    empty |= shape[i] == 0;
    int64_t span = 0;
    int64_t& end = strides[i] < 0 ? first : last;
    fits &= !__builtin_mul_overflow(strides[i], int64_t{shape[i]} - 1, &span) &&
            !__builtin_add_overflow(end, span, &end);
  }
  if (!empty && (!fits || first < 0 || last >= static_cast<int64_t>(a.size()))) {
    throw std::invalid_argument(
        fmt::format("as_strided: expected shape, strides and offset within the {} elements of a, "
                    "got elements {} to {}",
                    a.size(), first, last));
  }
  return engine::apply(ops::AsStrided{shape, std::move(strides), {static_cast<int64_t>(offset)}},
                       {a}, shape, a.dtype(), s);
}

array copy(array a, StreamOrDevice s) {
  return engine::apply(ops::Identity{}, {a}, a.shape(), a.dtype(), s);
}

array contiguous(const array& a, bool allow_col_major, StreamOrDevice s) {
  return engine::apply(ops::Contiguous{allow_col_major}, {a}, a.shape(), a.dtype(), s);
}

array stop_gradient(const array& a, StreamOrDevice s) {
  return engine::apply(ops::StopGradient{}, {a}, a.shape(), a.dtype(), s);
}

std::vector<array> depends(const std::vector<array>& inputs,
                           const std::vector<array>& dependencies) {
  if (inputs.empty()) return {};
  std::vector<array> all = inputs;
  all.insert(all.end(), dependencies.begin(), dependencies.end());
  std::vector<engine::OutputSpec> outputs;
  for (const array& input : inputs) outputs.push_back({input.shape(), input.dtype()});
  return engine::apply_many(ops::Depends{static_cast<int>(inputs.size())}, all, std::move(outputs),
                            {});
}

array view(const array& a, const Dtype& dtype, StreamOrDevice s) {
  if (dtype == a.dtype()) return a;
  Shape shape = a.shape();
  if (dtype.size() != a.itemsize()) {
    const int64_t bytes = shape.empty() ? 0 : int64_t{shape.back()} * a.itemsize();
    if (shape.empty() || bytes % dtype.size() != 0) {
      throw std::invalid_argument(
          fmt::format("view: expected a last axis of whole elements of {}, got {} {}",
                      dtype_name(dtype), to_string(shape), dtype_name(a.dtype())));
    }
    shape.back() = safe_cast(bytes / dtype.size(), "view");
  }
  return engine::apply(ops::BitCast{dtype}, {a}, shape, dtype, s);
}

}  // namespace mica
