#include "mica/ops/arg_reduce.h"

#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

array arg_reduce(ArgReduceKind kind, const char* name, const array& a, int axis, bool keepdims,
                 const StreamOrDevice& s) {
  const int normalized = normalize_axis(axis, static_cast<int>(a.ndim()), name);
  if (a.size() == 0) {
    throw std::invalid_argument(std::string(name) + ": expected a non-empty a, got shape " +
                                to_string(a.shape()));
  }
  Shape shape = a.shape();
  shape[static_cast<size_t>(normalized)] = 1;
  const array out = engine::apply(ArgReduce{kind, normalized}, {a}, shape, uint32, s);
  return keepdims ? out : squeeze(out, normalized, s);
}

array arg_reduce_all(ArgReduceKind kind, const char* name, const array& a, bool keepdims,
                     const StreamOrDevice& s) {
  const array out = arg_reduce(kind, name, reshape(a, {-1}, s), 0, false, s);
  return keepdims ? reshape(out, Shape(a.ndim(), 1), s) : out;
}

}  // namespace

// Integers carry no gradient.
std::vector<array> ArgReduce::vjp(const engine::VjpArgs& args) const {
  return {zeros_like(args.primals[0])};
}

std::vector<array> ArgReduce::jvp(const engine::JvpArgs& args) const {
  return {zeros_like(args.outputs[0])};
}

engine::Batched ArgReduce::vmap(const engine::VmapArgs& args) const {
  const int shifted = axis + (axis >= args.axes[0]);
  return {{arg_reduce(kind, name, args.inputs[0], shifted, true, {})}, {args.axes[0]}};
}

}  // namespace ops

using ops::ArgReduceKind;

array argmin(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return ops::arg_reduce(ArgReduceKind::min, "argmin", a, axis, keepdims, s);
}
array argmin(const array& a, bool keepdims, StreamOrDevice s) {
  return ops::arg_reduce_all(ArgReduceKind::min, "argmin", a, keepdims, s);
}
array argmin(const array& a, StreamOrDevice s) { return argmin(a, false, s); }

array argmax(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return ops::arg_reduce(ArgReduceKind::max, "argmax", a, axis, keepdims, s);
}
array argmax(const array& a, bool keepdims, StreamOrDevice s) {
  return ops::arg_reduce_all(ArgReduceKind::max, "argmax", a, keepdims, s);
}
array argmax(const array& a, StreamOrDevice s) { return argmax(a, false, s); }

}  // namespace mica
