#include "mica/ops/softmax.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "mica/fast/rules.h"
#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

Dtype at_least_float(Dtype dtype) { return issubdtype(dtype, inexact) ? dtype : float32; }

array softmax_last(const array& a, const StreamOrDevice& s) {
  return engine::apply(Softmax{}, {a}, a.shape(), a.dtype(), s);
}

array logsumexp_last(const array& a, const StreamOrDevice& s) {
  Shape shape = a.shape();
  shape.back() = 1;
  return engine::apply(LogSumExp{}, {a}, shape, a.dtype(), s);
}

void refuse_axes_of_scalar(const char* name, const array& a, const std::vector<int>& axes) {
  if (a.ndim() > 0 || axes.empty()) return;
  throw std::invalid_argument(std::string(name) +
                              ": expected no axes for a of shape (), got axis " +
                              std::to_string(axes[0]));
}

// The axes of a with the sorted ones at the end, and where that puts each axis.
struct AxesLast {
  std::vector<int> order, inverse;
  bool unchanged;
  Shape flat_shape;  // of the moved array, the moved axes made one

  AxesLast(const array& a, const std::vector<int>& axes) {
    ShapeElem count = 1;
    for (int axis = 0; axis < static_cast<int>(a.ndim()); ++axis) {
      if (std::binary_search(axes.begin(), axes.end(), axis)) {
        count *= a.shape(axis);
      } else {
        order.push_back(axis);
        flat_shape.push_back(a.shape(axis));
      }
    }
    flat_shape.push_back(count);
    order.insert(order.end(), axes.begin(), axes.end());
    unchanged = std::is_sorted(order.begin(), order.end());
    inverse.resize(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      inverse[static_cast<size_t>(order[i])] = static_cast<int>(i);
    }
  }
};

// The batch axis anywhere but last, where the op works.
array batch_before_last(const array& x, int& axis) {
  if (axis + 1 < static_cast<int>(x.ndim())) return x;
  axis = 0;
  return moveaxis(x, -1, 0);
}

std::vector<array> composed_backward(const std::vector<array>& inputs) {
  const array weighted = inputs[1] * inputs[0];
  return {weighted - inputs[0] * sum(weighted, -1, true)};
}

}  // namespace

std::vector<array> Softmax::vjp(const engine::VjpArgs& args) const {
  const array &y = args.outputs[0], &cotangent = args.cotangents[0];
  if (y.dtype() == float64 || y.dtype() == complex64) {
    return composed_backward({conjugate(y), cotangent});
  }
  return {engine::apply(SoftmaxBackward{}, {y, cotangent}, y.shape(), y.dtype(), {})};
}

std::vector<array> SoftmaxBackward::vjp(const engine::VjpArgs& args) const {
  return composed_vjp(composed_backward, args);
}

std::vector<array> SoftmaxBackward::jvp(const engine::JvpArgs& args) const {
  return composed_jvp(composed_backward, args);
}

engine::Batched SoftmaxBackward::vmap(const engine::VmapArgs& args) const {
  const array y = batch_first(args.inputs[0], args.axes[0], args.batch);
  const array cotangent = batch_first(args.inputs[1], args.axes[1], args.batch);
  return {{engine::apply(*this, {y, cotangent}, y.shape(), y.dtype(), {})}, {0}};
}

std::vector<array> Softmax::jvp(const engine::JvpArgs& args) const {
  const array& y = args.outputs[0];
  const array weighted = args.tangents[0] * y;
  return {weighted - y * sum(weighted, -1, true)};
}

engine::Batched Softmax::vmap(const engine::VmapArgs& args) const {
  int axis = args.axes[0];
  const array x = batch_before_last(args.inputs[0], axis);
  return {{softmax_last(x, {})}, {axis}};
}

std::vector<array> LogSumExp::vjp(const engine::VjpArgs& args) const {
  return {args.cotangents[0] * conjugate(softmax_last(args.primals[0], {}))};
}

std::vector<array> LogSumExp::jvp(const engine::JvpArgs& args) const {
  return {sum(args.tangents[0] * softmax_last(args.primals[0], {}), -1, true)};
}

engine::Batched LogSumExp::vmap(const engine::VmapArgs& args) const {
  int axis = args.axes[0];
  const array x = batch_before_last(args.inputs[0], axis);
  return {{logsumexp_last(x, {})}, {axis}};
}

}  // namespace ops

// Half precision computes in float32 in any case: `precise` asks for what always holds here.
array softmax(const array& a, const std::vector<int>& axes, bool precise, StreamOrDevice s) {
  static_cast<void>(precise);
  ops::refuse_axes_of_scalar("softmax", a, axes);
  if (a.size() == 0) return a;
  const auto sorted = ops::normalize_axes(axes, static_cast<int>(a.ndim()), "softmax");
  if (sorted.empty()) return ones_like(a, s);
  const array x = astype(a, ops::at_least_float(a.dtype()), s);
  const ops::AxesLast last(x, sorted);
  if (last.unchanged && sorted.size() == 1) return ops::softmax_last(x, s);
  const array moved = transpose(x, last.order, s);
  const array out = ops::softmax_last(reshape(moved, last.flat_shape, s), s);
  return transpose(reshape(out, moved.shape(), s), last.inverse, s);
}

array softmax(const array& a, bool precise, StreamOrDevice s) {
  if (a.ndim() == 0) return ones_like(astype(a, ops::at_least_float(a.dtype()), s), s);
  return softmax(a, ops::all_axes(static_cast<int>(a.ndim())), precise, s);
}

array softmax(const array& a, int axis, bool precise, StreamOrDevice s) {
  return softmax(a, std::vector<int>{axis}, precise, s);
}

array logsumexp(const array& a, const std::vector<int>& axes, bool keepdims, StreamOrDevice s) {
  ops::refuse_axes_of_scalar("logsumexp", a, axes);
  if (a.size() == 0) {
    throw std::invalid_argument("logsumexp: expected a non-empty a, got shape " +
                                to_string(a.shape()));
  }
  const auto sorted = ops::normalize_axes(axes, static_cast<int>(a.ndim()), "logsumexp");
  const array x = astype(a, ops::at_least_float(a.dtype()), s);
  if (sorted.empty()) return x;
  const ops::AxesLast last(x, sorted);
  const array moved = last.unchanged ? x : transpose(x, last.order, s);
  const array kept = ops::logsumexp_last(reshape(moved, last.flat_shape, s), s);
  const array out = squeeze(kept, -1, s);
  return keepdims ? expand_dims(out, sorted, s) : out;
}

array logsumexp(const array& a, bool keepdims, StreamOrDevice s) {
  return logsumexp(a, ops::all_axes(static_cast<int>(a.ndim())), keepdims, s);
}
array logsumexp(const array& a, StreamOrDevice s) { return logsumexp(a, false, s); }
array logsumexp(const array& a, int axis, bool keepdims, StreamOrDevice s) {
  return logsumexp(a, std::vector<int>{axis}, keepdims, s);
}

}  // namespace mica
