#include "mica/ops/sort.h"

#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

// kth counted from the front; throws where it is outside of the axis.
void check_kth(const char* name, const array& a, int kth, int axis) {
  const int n = a.shape(normalize_axis(axis, static_cast<int>(a.ndim()), name));
  if (kth >= -n && kth < n) return;
  throw std::invalid_argument(std::string(name) + ": expected kth in [-" + std::to_string(n) +
                              ", " + std::to_string(n) + ") along axis " + std::to_string(axis) +
                              ", got " + std::to_string(kth));
}

}  // namespace

std::vector<array> Sort::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  return {put_along_axis(zeros_like(x), argsort(x, axis), args.cotangents[0], axis)};
}

std::vector<array> Sort::jvp(const engine::JvpArgs& args) const {
  return {take_along_axis(args.tangents[0], argsort(args.primals[0], axis), axis)};
}

engine::Batched Sort::vmap(const engine::VmapArgs& args) const {
  return {{sort(args.inputs[0], axis + (axis >= args.axes[0]))}, {args.axes[0]}};
}

// Integers carry no gradient.
std::vector<array> ArgSort::vjp(const engine::VjpArgs& args) const {
  return {zeros_like(args.primals[0])};
}

std::vector<array> ArgSort::jvp(const engine::JvpArgs& args) const {
  return {zeros_like(args.outputs[0])};
}

engine::Batched ArgSort::vmap(const engine::VmapArgs& args) const {
  return {{argsort(args.inputs[0], axis + (axis >= args.axes[0]))}, {args.axes[0]}};
}

}  // namespace ops

array sort(const array& a, int axis, StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "sort");
  return engine::apply(ops::Sort{normalized}, {a}, a.shape(), a.dtype(), s);
}
array sort(const array& a, StreamOrDevice s) { return sort(reshape(a, {-1}, s), 0, s); }

array argsort(const array& a, int axis, StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "argsort");
  return engine::apply(ops::ArgSort{normalized}, {a}, a.shape(), uint32, s);
}
array argsort(const array& a, StreamOrDevice s) { return argsort(reshape(a, {-1}, s), 0, s); }

array partition(const array& a, int kth, int axis, StreamOrDevice s) {
  ops::check_kth("partition", a, kth, axis);
  return sort(a, axis, s);
}
array partition(const array& a, int kth, StreamOrDevice s) {
  return partition(reshape(a, {-1}, s), kth, 0, s);
}

array argpartition(const array& a, int kth, int axis, StreamOrDevice s) {
  ops::check_kth("argpartition", a, kth, axis);
  return argsort(a, axis, s);
}
array argpartition(const array& a, int kth, StreamOrDevice s) {
  return argpartition(reshape(a, {-1}, s), kth, 0, s);
}

array topk(const array& a, int k, int axis, StreamOrDevice s) {
  const int normalized = ops::normalize_axis(axis, static_cast<int>(a.ndim()), "topk");
  const int n = a.shape(normalized);
  if (k < 0 || k > n) {
    throw std::invalid_argument("topk: expected k in [0, " + std::to_string(n) + "] along axis " +
                                std::to_string(axis) + ", got " + std::to_string(k));
  }
  Shape start(a.ndim(), 0);
  start[static_cast<size_t>(normalized)] = n - k;
  return slice(sort(a, normalized, s), start, a.shape(), s);
}
array topk(const array& a, int k, StreamOrDevice s) { return topk(reshape(a, {-1}, s), k, 0, s); }

}  // namespace mica
