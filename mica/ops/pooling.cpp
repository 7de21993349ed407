#include "mica/ops/pooling.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {

void PoolWindow::add_to_key(engine::Key& key) const {
  key.add_field(kernel);
  key.add_field(stride);
  key.add_field(padding);
}

void AvgPoolBackward::add_to_key(engine::Key& key) const {
  window.add_to_key(key);
  key.add_field(spatial);
}

namespace {

// 0 where the kernel does not fit.
ShapeElem output_size(const PoolWindow& window, size_t i, ShapeElem input) {
  const int padded = input + 2 * window.padding[i];
  return padded < window.kernel[i] ? 0 : (padded - window.kernel[i]) / window.stride[i] + 1;
}

Shape pooled_shape(const PoolWindow& window, const array& x) {
  Shape shape = x.shape();
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    shape[i + 1] = output_size(window, i, shape[i + 1]);
  }
  return shape;
}

array apply_max(const PoolWindow& window, const array& x, const StreamOrDevice& s = {}) {
  return engine::apply(MaxPool{window}, {x}, pooled_shape(window, x), x.dtype(), s);
}

array apply_max_backward(const PoolWindow& window, const array& x, const array& y,
                         const array& cotangent) {
  return engine::apply(MaxPoolBackward{window}, {x, y, cotangent}, x.shape(), x.dtype(), {});
}

array apply_average(const PoolWindow& window, const array& x, const StreamOrDevice& s = {}) {
  return engine::apply(AvgPool{window}, {x}, pooled_shape(window, x), x.dtype(), s);
}

array apply_average_backward(const AvgPoolBackward& op, const array& cotangent) {
  Shape shape = cotangent.shape();
  std::copy(op.spatial.begin(), op.spatial.end(), shape.begin() + 1);
  return engine::apply(op, {cotangent}, shape, cotangent.dtype(), {});
}

// (N, out..., kernel..., C): a view of the padded x.
array windows_of(const PoolWindow& window, const array& x, float padding_value) {
  const size_t rank = window.kernel.size();
  std::vector<std::pair<int, int>> widths{{0, 0}};
  for (int padding : window.padding) widths.emplace_back(padding, padding);
  widths.emplace_back(0, 0);
  const array padded = contiguous(pad(x, widths, array(padding_value, x.dtype())));
  Strides steps(padded.ndim());
  int64_t step = 1;
  for (size_t i = padded.ndim(); i-- > 0; step *= padded.shape()[i]) steps[i] = step;
  const Shape pooled = pooled_shape(window, x);
  Shape shape(pooled.begin(), pooled.end() - 1);
  Strides strides{steps[0]};
  for (size_t i = 0; i < rank; ++i) strides.push_back(steps[i + 1] * window.stride[i]);
  for (size_t i = 0; i < rank; ++i) {
    shape.push_back(window.kernel[i]);
    strides.push_back(steps[i + 1]);
  }
  shape.push_back(x.shape(-1));
  strides.push_back(1);
  return as_strided(padded, shape, strides, 0);
}

// Max pooling as a linear function of a direction in x: the mean, over a window's maxima, of the
// direction at them.
array mean_at_maxima(const PoolWindow& window, const array& x, const array& y,
                     const array& direction) {
  std::vector<int> axes;
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    axes.push_back(static_cast<int>(1 + window.kernel.size() + i));
  }
  const array candidates = windows_of(window, x, -std::numeric_limits<float>::infinity());
  const array maxima = astype(candidates == expand_dims(y, axes), x.dtype());
  return sum(windows_of(window, direction, 0) * maxima, axes) / sum(maxima, axes);
}

array fold(const array& x) { return flatten(x, 0, 1); }

engine::Batched unfolded(const array& x, int batch) {
  return {{unflatten(x, 0, {batch, x.shape(0) / batch})}, {0}};
}

array folded_input(const engine::VmapArgs& args) {
  return fold(moveaxis(args.inputs[0], args.axes[0], 0));
}

}  // namespace

std::vector<array> MaxPool::vjp(const engine::VjpArgs& args) const {
  const array& x = args.primals[0];
  if (!issubdtype(x.dtype(), floating)) return {zeros_like(x)};
  return {apply_max_backward(window, x, args.outputs[0], args.cotangents[0])};
}

std::vector<array> MaxPool::jvp(const engine::JvpArgs& args) const {
  return {mean_at_maxima(window, args.primals[0], args.outputs[0], args.tangents[0])};
}

engine::Batched MaxPool::vmap(const engine::VmapArgs& args) const {
  return unfolded(apply_max(window, folded_input(args)), args.batch);
}

std::vector<array> MaxPoolBackward::vjp(const engine::VjpArgs& args) const {
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    cotangents.push_back(
        argnum == 2 ? mean_at_maxima(window, args.primals[0], args.primals[1], args.cotangents[0])
                    : zeros_like(args.primals[static_cast<size_t>(argnum)]));
  }
  return cotangents;
}

std::vector<array> MaxPoolBackward::jvp(const engine::JvpArgs& args) const {
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    if (args.argnums[i] != 2) continue;
    return {apply_max_backward(window, args.primals[0], args.primals[1], args.tangents[i])};
  }
  return {zeros_like(args.outputs[0])};
}

engine::Batched MaxPoolBackward::vmap(const engine::VmapArgs& args) const {
  const std::vector<array> moved = all_batch_first(args);
  return unfolded(apply_max_backward(window, fold(moved[0]), fold(moved[1]), fold(moved[2])),
                  args.batch);
}

std::vector<array> AvgPool::vjp(const engine::VjpArgs& args) const {
  const Shape& shape = args.primals[0].shape();
  const AvgPoolBackward transpose{window, {shape.begin() + 1, shape.end() - 1}};
  return {apply_average_backward(transpose, args.cotangents[0])};
}

std::vector<array> AvgPool::jvp(const engine::JvpArgs& args) const {
  return {apply_average(window, args.tangents[0])};
}

engine::Batched AvgPool::vmap(const engine::VmapArgs& args) const {
  return unfolded(apply_average(window, folded_input(args)), args.batch);
}

std::vector<array> AvgPoolBackward::vjp(const engine::VjpArgs& args) const {
  return {apply_average(window, args.cotangents[0])};
}

std::vector<array> AvgPoolBackward::jvp(const engine::JvpArgs& args) const {
  return {apply_average_backward(*this, args.tangents[0])};
}

engine::Batched AvgPoolBackward::vmap(const engine::VmapArgs& args) const {
  return unfolded(apply_average_backward(*this, folded_input(args)), args.batch);
}

namespace {

PoolWindow checked_window(const char* op, const array& x, const std::vector<int>& kernel,
                          const std::vector<int>& stride, const std::vector<int>& padding) {
  const auto fail = [op](const std::string& text) {
    throw std::invalid_argument(std::string(op) + ": " + text);
  };
  const size_t rank = kernel.size();
  if (rank < 1 || rank > 3 || x.ndim() != rank + 2) {
    fail("expected x (N, ..., C) with " + std::to_string(rank) + " spatial axes of 1 to 3, got " +
         to_string(x.shape()));
  }
  const auto check = [&](const char* what, const std::vector<int>& sizes, int least) {
    bool valid = sizes.size() == rank;
    for (int size : sizes) valid = valid && size >= least;
    if (valid) return;
    fail("expected " + std::to_string(rank) + " " + what + " of at least " + std::to_string(least) +
         ", got " + to_string(Shape(sizes.begin(), sizes.end())));
  };
  check("kernel sizes", kernel, 1);
  check("strides", stride, 1);
  check("paddings", padding, 0);
  PoolWindow window{kernel, stride, padding};
  for (size_t i = 0; i < rank; ++i) {
    if (output_size(window, i, x.shape()[i + 1]) > 0) continue;
    fail("expected kernel " + to_string(Shape(kernel.begin(), kernel.end())) +
         " within the padded x, got " + to_string(x.shape()));
  }
  return window;
}

}  // namespace
}  // namespace ops

array max_pool(const array& x, const std::vector<int>& kernel, const std::vector<int>& stride,
               const std::vector<int>& padding, StreamOrDevice s) {
  if (x.dtype() == complex64) {
    throw std::invalid_argument("max_pool: expected a real dtype, got complex64");
  }
  return ops::apply_max(ops::checked_window("max_pool", x, kernel, stride, padding), x, s);
}

array avg_pool(const array& x, const std::vector<int>& kernel, const std::vector<int>& stride,
               const std::vector<int>& padding, StreamOrDevice s) {
  const Dtype dtype = issubdtype(x.dtype(), inexact) ? x.dtype() : float32;
  return ops::apply_average(ops::checked_window("avg_pool", x, kernel, stride, padding),
                            astype(x, dtype, s), s);
}

}  // namespace mica
