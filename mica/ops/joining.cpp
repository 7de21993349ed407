#include "mica/ops/joining.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {

namespace ops {

std::vector<array> Concatenate::vjp(const engine::VjpArgs& args) const {
  Shape ends;  // of each input along the axis
  ShapeElem end = 0;
  for (const array& primal : args.primals) ends.push_back(end += primal.shape(axis));
  ends.pop_back();
  const std::vector<array> parts = split(args.cotangents[0], ends, axis);
  std::vector<array> cotangents;
  for (int i : args.argnums) cotangents.push_back(parts[static_cast<size_t>(i)]);
  return cotangents;
}

std::vector<array> Concatenate::jvp(const engine::JvpArgs& args) const {
  std::vector<array> tangents;
  for (const array& primal : args.primals) tangents.push_back(zeros_like(primal));
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    tangents[static_cast<size_t>(args.argnums[i])] = args.tangents[i];
  }
  return {concatenate(std::move(tangents), axis)};
}

engine::Batched Concatenate::vmap(const engine::VmapArgs& args) const {
  return {{concatenate(all_batch_first(args), axis + 1)}, {0}};
}

}  // namespace ops

array concatenate(std::vector<array> arrays, int axis, StreamOrDevice s) {
  if (arrays.empty()) {
    throw std::invalid_argument("concatenate: expected at least one array, got none");
  }
  if (arrays.size() == 1) return arrays[0];
  const array& first = arrays[0];
  const int at = ops::normalize_axis(axis, static_cast<int>(first.ndim()), "concatenate");
  Shape shape = first.shape();
  int64_t length = 0;
  for (const array& a : arrays) {
    bool fits = a.ndim() == first.ndim();
    for (int i = 0; fits && i < static_cast<int>(a.ndim()); ++i) {
      fits = i == at || a.shape(i) == first.shape(i);
    }
    if (!fits) {
      throw std::invalid_argument(
          fmt::format("concatenate: expected arrays that differ along axis {} only, got {} and {}",
                      at, to_string(first.shape()), to_string(a.shape())));
    }
    length += a.shape(at);
  }
  shape[static_cast<size_t>(at)] = safe_cast(length, "concatenate");
  const Dtype dtype = result_type(arrays);
  for (array& a : arrays) a = astype(std::move(a), dtype, s);
  return engine::apply(ops::Concatenate{at}, arrays, shape, dtype, s);
}

// Of all elements, in their order.
array concatenate(std::vector<array> arrays, StreamOrDevice s) {
  for (array& a : arrays) a = flatten(a, s);
  return concatenate(std::move(arrays), 0, s);
}

array stack(const std::vector<array>& arrays, int axis, StreamOrDevice s) {
  if (arrays.empty()) {
    throw std::invalid_argument("stack: expected at least one array, got none");
  }
  const int at = ops::normalize_axis(axis, static_cast<int>(arrays[0].ndim()) + 1, "stack");
  std::vector<array> expanded;
  for (const array& a : arrays) {
    if (a.shape() != arrays[0].shape()) {
      throw std::invalid_argument(fmt::format("stack: expected arrays of one shape, got {} and {}",
                                              to_string(arrays[0].shape()), to_string(a.shape())));
    }
    expanded.push_back(expand_dims(a, at, s));
  }
  return concatenate(std::move(expanded), at, s);
}

array stack(const std::vector<array>& arrays, StreamOrDevice s) { return stack(arrays, 0, s); }

}  // namespace mica
