#include "mica/fast/rope.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "mica/fast/fast.h"
#include "mica/fast/rules.h"
#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

array apply_rope(const Rope& op, const std::vector<array>& inputs, const StreamOrDevice& s = {}) {
  return engine::apply(op, inputs, inputs[0].shape(), inputs[0].dtype(), s);
}

// Rotation is linear in x, and its transpose turns the other way.
array rotated(const Rope& op, std::span<const array> primals, const array& x) {
  std::vector<array> inputs(primals.begin(), primals.end());
  inputs[0] = x;
  return apply_rope(op, inputs);
}

Rope reversed(Rope op) {
  op.inverse = !op.inverse;
  return op;
}

array last_axis(const array& x, int start, int stop) {
  Shape from(x.ndim(), 0), to = x.shape();
  from.back() = start;
  to.back() = stop;
  return slice(x, from, to);
}

}  // namespace

std::vector<array> Rope::composed(const std::vector<array>& inputs) const {
  const array& x = inputs[0];
  const Dtype dtype = at_least_float32(x.dtype());
  const int half = dims / 2, length = x.shape(-2), size = x.shape(-1);
  const array offsets = expand_dims(astype(inputs[1], dtype), 1);
  const array positions = (astype(arange(length), dtype) + offsets) * array(scale, dtype);
  const array speeds =
      base ? exp(astype(arange(0, -half, -1), dtype) * array(std::log(*base) / half, dtype))
           : reciprocal(astype(inputs[2], dtype));
  Shape shape(x.ndim(), 1);
  shape.front() = offsets.shape(0);
  shape[shape.size() - 2] = length;
  shape.back() = half;
  const array angles = reshape(expand_dims(positions, -1) * speeds, shape);
  const array c = cos(angles), s = inverse ? -sin(angles) : sin(angles);

  const array turned = astype(last_axis(x, 0, dims), dtype);
  const auto pairs =
      traditional ? unstack(unflatten(turned, -1, {half, 2}), -1) : split(turned, 2, -1);
  const array first = pairs[0] * c - pairs[1] * s, second = pairs[0] * s + pairs[1] * c;
  array out =
      traditional ? flatten(stack({first, second}, -1), -2, -1) : concatenate({first, second}, -1);
  out = astype(out, x.dtype());
  return {dims == size ? out : concatenate({out, last_axis(x, dims, size)}, -1)};
}

std::vector<array> Rope::vjp(const engine::VjpArgs& args) const {
  if (args.argnums.size() == 1 && args.argnums[0] == 0) {
    return {rotated(reversed(*this), args.primals, args.cotangents[0])};
  }
  return composed_vjp([this](const auto& inputs) { return composed(inputs); }, args);
}

std::vector<array> Rope::jvp(const engine::JvpArgs& args) const {
  if (args.argnums.size() == 1 && args.argnums[0] == 0) {
    return {rotated(*this, args.primals, args.tangents[0])};
  }
  return composed_jvp([this](const auto& inputs) { return composed(inputs); }, args);
}

// The batch joins the first axis of x.
engine::Batched Rope::vmap(const engine::VmapArgs& args) const {
  if (args.inputs.size() == 3 && args.axes[2] >= 0) {
    return composed_vmap([this](const auto& inputs) { return composed(inputs); }, args);
  }
  const array x = batch_first(args.inputs[0], args.axes[0], args.batch);
  array offset = args.inputs[1];
  if (args.axes[1] >= 0 || offset.size() != 1) {
    offset = flatten(
        broadcast_to(batch_first(offset, args.axes[1], args.batch), {args.batch, x.shape(1)}));
  }
  std::vector<array> inputs(args.inputs.begin(), args.inputs.end());
  inputs[0] = flatten(x, 0, 1);
  inputs[1] = offset;
  return {{reshape(apply_rope(*this, inputs), x.shape())}, {0}};
}

}  // namespace ops

namespace fast {

array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           const array& offset, const std::optional<array>& freqs, StreamOrDevice s) {
  const auto fail = [](const std::string& expected, const std::string& got) {
    throw std::invalid_argument("rope: expected " + expected + ", got " + got);
  };
  if (x.ndim() < 3) fail("x with at least 3 dimensions", to_string(x.shape()));
  if (!issubdtype(x.dtype(), floating)) fail("x of a floating dtype", dtype_name(x.dtype()));
  if (dims < 2 || dims % 2 != 0 || dims > x.shape(-1)) {
    fail("dims even, above 0 and at most the last dimension of x, " + std::to_string(x.shape(-1)),
         std::to_string(dims));
  }
  if (base.has_value() == freqs.has_value()) {
    fail("either base or freqs", base ? "both" : "neither");
  }
  if (!issubdtype(offset.dtype(), integer)) fail("integer offset", dtype_name(offset.dtype()));
  if (offset.ndim() > 1 || (offset.size() != 1 && offset.shape(0) != x.shape(0))) {
    fail("offset () or (" + std::to_string(x.shape(0)) + ",)", to_string(offset.shape()));
  }
  if (freqs && freqs->shape() != Shape{dims / 2}) {
    fail("freqs " + to_string(Shape{dims / 2}), to_string(freqs->shape()));
  }
  std::vector<array> inputs{x, reshape(astype(offset, int32, s), {-1}, s)};
  if (freqs) inputs.push_back(astype(*freqs, ops::at_least_float32(x.dtype()), s));
  return ops::apply_rope(ops::Rope{dims, traditional, base, scale}, inputs, s);
}

array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           int offset, const std::optional<array>& freqs, StreamOrDevice s) {
  return rope(x, dims, traditional, base, scale, array(offset), freqs, s);
}

}  // namespace fast
}  // namespace mica
