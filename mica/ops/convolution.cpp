#include "mica/ops/convolution.h"

#include <limits>
#include <stdexcept>
#include <string>

#include "mica/ops/batching.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/ops/reduce.h"
#include "mica/utils.h"

namespace mica {
namespace ops {

void ConvWindow::add_to_key(engine::Key& key) const {
  for (const auto* sizes : {&stride, &padding_lo, &padding_hi, &kernel_dilation, &input_dilation}) {
    key.add_field(*sizes);
  }
  key.add_field(groups);
  key.add_field(flip);
}

void Convolution::add_to_key(engine::Key& key) const {
  window.add_to_key(key);
  key.add_field(biased);
}

void ConvolutionBackwardData::add_to_key(engine::Key& key) const {
  window.add_to_key(key);
  key.add_field(spatial);
}

void ConvolutionBackwardWeights::add_to_key(engine::Key& key) const {
  window.add_to_key(key);
  key.add_field(kernel);
}

namespace {

[[noreturn]] void fail(const char* op, const std::string& text) {
  throw std::invalid_argument(std::string(op) + ": " + text);
}

std::vector<int> spatial_sizes(const array& x) {
  return {x.shape().begin() + 1, x.shape().end() - 1};
}

// 0 where the kernel does not fit.
ShapeElem output_size(const ConvWindow& window, size_t i, int64_t input, int64_t kernel) {
  const int64_t dilated = input == 0 ? 0 : window.input_dilation[i] * (input - 1) + 1;
  const int64_t padded = dilated + window.padding_lo[i] + window.padding_hi[i];
  const int64_t reach = window.kernel_dilation[i] * (kernel - 1) + 1;
  if (kernel == 0 || padded < reach) return 0;
  return safe_cast<int64_t>((padded - reach) / window.stride[i] + 1, "conv");
}

array convolve(const ConvWindow& window, const array& input, const array& weight,
               const StreamOrDevice& s = {}, const std::optional<array>& bias = std::nullopt) {
  Shape shape{input.shape(0)};
  for (size_t i = 0; i < window.stride.size(); ++i) {
    shape.push_back(output_size(window, i, input.shape()[i + 1], weight.shape()[i + 1]));
  }
  shape.push_back(weight.shape(0));
  std::vector<array> inputs{input, weight};
  if (bias) inputs.push_back(*bias);
  return engine::apply(Convolution{window, bias.has_value()}, inputs, shape, input.dtype(), s);
}

array backward_data(const ConvWindow& window, const std::vector<int>& spatial,
                    const array& cotangent, const array& weight) {
  Shape shape{cotangent.shape(0)};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  shape.push_back(weight.shape(-1) * window.groups);
  return engine::apply(ConvolutionBackwardData{window, spatial}, {cotangent, weight}, shape,
                       cotangent.dtype(), {});
}

array backward_weights(const ConvWindow& window, const std::vector<int>& kernel, const array& input,
                       const array& cotangent) {
  Shape shape{cotangent.shape(-1)};
  shape.insert(shape.end(), kernel.begin(), kernel.end());
  shape.push_back(input.shape(-1) / window.groups);
  return engine::apply(ConvolutionBackwardWeights{window, kernel}, {input, cotangent}, shape,
                       input.dtype(), {});
}

array sum_of(const std::vector<array>& terms) {
  array total = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) total = total + terms[i];
  return total;
}

// The tangent of a function of two arguments, linear in each.
template <class F>
std::vector<array> bilinear_jvp(const engine::JvpArgs& args, F&& f) {
  std::vector<array> terms;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    terms.push_back(args.argnums[i] == 0 ? f(args.tangents[i], args.primals[1])
                                         : f(args.primals[0], args.tangents[i]));
  }
  return {sum_of(terms)};
}

// Ways to fold a batch axis, in front, into another one, and to unfold it to the front again.

array fold_into_first(const array& x) { return flatten(x, 0, 1); }

array unfold_first(const array& x, int batch) {
  return unflatten(x, 0, {batch, x.shape(0) / batch});
}

// (batch, ..., C) -> (..., batch * C): every example its own groups.
array fold_into_channels(const array& x) { return flatten(moveaxis(x, 0, -2), -2, -1); }

array unfold_channels(const array& x, int batch) {
  return moveaxis(unflatten(x, -1, {batch, x.shape(-1) / batch}), -2, 0);
}

// Along an axis of output channels (given without the batch), within each group: the groups then
// meet the same input for every example.
array fold_within_groups(const array& x, int axis, int groups) {
  const array split = unflatten(x, axis + 1, {groups, x.shape(axis + 1) / groups});
  return flatten(moveaxis(split, 0, axis + 1), axis, axis + 2);
}

array unfold_within_groups(const array& x, int axis, int groups, int batch) {
  const array split = unflatten(x, axis, {groups, batch, x.shape(axis) / groups / batch});
  return flatten(moveaxis(split, axis + 1, 0), axis + 1, axis + 2);
}

ConvWindow with_groups(ConvWindow window, int batch) {
  window.groups *= batch;
  return window;
}

}  // namespace

std::vector<array> Convolution::vjp(const engine::VjpArgs& args) const {
  const array &input = args.primals[0], &weight = args.primals[1];
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    if (argnum == 2) {
      cotangents.push_back(sum(args.cotangents[0], all_but_last(args.cotangents[0])));
      continue;
    }
    cotangents.push_back(argnum == 0 ? backward_data(window, spatial_sizes(input),
                                                     args.cotangents[0], conjugate(weight))
                                     : backward_weights(window, spatial_sizes(weight),
                                                        conjugate(input), args.cotangents[0]));
  }
  return cotangents;
}

std::vector<array> Convolution::jvp(const engine::JvpArgs& args) const {
  std::vector<array> terms;
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    const array& tangent = args.tangents[i];
    if (args.argnums[i] == 2) {
      terms.push_back(broadcast_to(tangent, args.outputs[0].shape()));
    } else {
      terms.push_back(args.argnums[i] == 0 ? convolve(window, tangent, args.primals[1])
                                           : convolve(window, args.primals[0], tangent));
    }
  }
  return {sum_of(terms)};
}

engine::Batched Convolution::vmap(const engine::VmapArgs& args) const {
  const int batch = args.batch;
  if (biased) {  // which is added apart, and may be all that has a batch
    const array &input = args.inputs[0], &weight = args.inputs[1];
    const bool shared = args.axes[0] < 0 && args.axes[1] < 0;
    const array y = shared ? expand_dims(convolve(window, input, weight), 0)
                           : Convolution{window}
                                 .vmap({args.inputs.first(2), args.axes.first(2), batch})
                                 .outputs[0];
    const array bias = batch_first_or_one(args.inputs[2], args.axes[2]);
    Shape beside(y.ndim(), 1);
    beside.front() = bias.shape(0), beside.back() = bias.shape(1);
    return {{y + reshape(bias, beside)}, {0}};
  }
  if (args.axes[1] < 0) {
    const array input = fold_into_first(moveaxis(args.inputs[0], args.axes[0], 0));
    return {{unfold_first(convolve(window, input, args.inputs[1]), batch)}, {0}};
  }
  const array weight = moveaxis(args.inputs[1], args.axes[1], 0);
  if (args.axes[0] < 0) {
    const array out =
        convolve(window, args.inputs[0], fold_within_groups(weight, 0, window.groups));
    const int channels = static_cast<int>(out.ndim()) - 1;
    return {{unfold_within_groups(out, channels, window.groups, batch)}, {0}};
  }
  const array input = fold_into_channels(moveaxis(args.inputs[0], args.axes[0], 0));
  const array out = convolve(with_groups(window, batch), input, fold_into_first(weight));
  return {{unfold_channels(out, batch)}, {0}};
}

std::vector<array> ConvolutionBackwardData::vjp(const engine::VjpArgs& args) const {
  const array &gradient = args.primals[0], &weight = args.primals[1];
  const array& cotangent = args.cotangents[0];
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    cotangents.push_back(argnum == 0 ? convolve(window, cotangent, conjugate(weight))
                                     : backward_weights(window, spatial_sizes(weight), cotangent,
                                                        conjugate(gradient)));
  }
  return cotangents;
}

std::vector<array> ConvolutionBackwardData::jvp(const engine::JvpArgs& args) const {
  return bilinear_jvp(
      args, [&](const array& g, const array& w) { return backward_data(window, spatial, g, w); });
}

engine::Batched ConvolutionBackwardData::vmap(const engine::VmapArgs& args) const {
  const int batch = args.batch;
  if (args.axes[1] < 0) {
    const array gradient = fold_into_first(moveaxis(args.inputs[0], args.axes[0], 0));
    return {{unfold_first(backward_data(window, spatial, gradient, args.inputs[1]), batch)}, {0}};
  }
  const std::vector<array> moved = all_batch_first(args);
  const array out = backward_data(with_groups(window, batch), spatial, fold_into_channels(moved[0]),
                                  fold_into_first(moved[1]));
  return {{unfold_channels(out, batch)}, {0}};
}

std::vector<array> ConvolutionBackwardWeights::vjp(const engine::VjpArgs& args) const {
  const array &input = args.primals[0], &gradient = args.primals[1];
  const array& cotangent = args.cotangents[0];
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    cotangents.push_back(
        argnum == 0 ? backward_data(window, spatial_sizes(input), conjugate(gradient), cotangent)
                    : convolve(window, conjugate(input), cotangent));
  }
  return cotangents;
}

std::vector<array> ConvolutionBackwardWeights::jvp(const engine::JvpArgs& args) const {
  return bilinear_jvp(
      args, [&](const array& x, const array& g) { return backward_weights(window, kernel, x, g); });
}

engine::Batched ConvolutionBackwardWeights::vmap(const engine::VmapArgs& args) const {
  const int batch = args.batch;
  if (args.axes[0] < 0) {
    const array gradient = moveaxis(args.inputs[1], args.axes[1], 0);
    const int channels = static_cast<int>(gradient.ndim()) - 2;
    const array out = backward_weights(window, kernel, args.inputs[0],
                                       fold_within_groups(gradient, channels, window.groups));
    return {{unfold_within_groups(out, 0, window.groups, batch)}, {0}};
  }
  const std::vector<array> moved = all_batch_first(args);
  const array out = backward_weights(with_groups(window, batch), kernel,
                                     fold_into_channels(moved[0]), fold_into_channels(moved[1]));
  return {{unfold_first(out, batch)}, {0}};
}

namespace {

// One entry for each spatial axis: of none or one, repeated.
std::vector<int> per_axis(const char* op, const char* what, std::vector<int> sizes, size_t rank,
                          int otherwise, int least) {
  if (sizes.empty()) sizes.push_back(otherwise);
  if (sizes.size() == 1) sizes.resize(rank, sizes[0]);
  if (sizes.size() != rank) {
    fail(op, "expected " + std::to_string(rank) + " " + what + " for as many spatial axes, got " +
                 std::to_string(sizes.size()));
  }
  for (int size : sizes) {
    if (size < least) {
      fail(op, std::string("expected ") + what + " of at least " + std::to_string(least) +
                   ", got " + std::to_string(size));
    }
  }
  return sizes;
}

void check_channels(const char* op, const array& input, const array& weight, int groups) {
  if (groups < 1) fail(op, "expected groups of at least 1, got " + std::to_string(groups));
  if (weight.shape(-1) * groups != input.shape(-1)) {
    fail(op, "expected weight (out_channels, ..., " +
                 (input.shape(-1) % groups == 0
                      ? std::to_string(input.shape(-1) / groups)
                      : std::to_string(input.shape(-1)) + " / " + std::to_string(groups)) +
                 ") for input " + to_string(input.shape()) + " in " + std::to_string(groups) +
                 " groups, got " + to_string(weight.shape()));
  }
  if (weight.shape(0) % groups != 0) {
    fail(op, "expected out_channels divisible by groups " + std::to_string(groups) +
                 ", got weight " + to_string(weight.shape()));
  }
}

void check_rank(const char* op, const array& input, const array& weight, size_t rank) {
  static const char* const layouts[] = {"(N, L, C)", "(N, H, W, C)", "(N, D, H, W, C)"};
  if (input.ndim() == rank + 2 && weight.ndim() == rank + 2) return;
  const bool of_input = input.ndim() != rank + 2;
  fail(op, std::string("expected ") +
               (of_input ? "input " : "weight with the dimensions of input ") + layouts[rank - 1] +
               ", got " + to_string((of_input ? input : weight).shape()));
}

// What a convolution was asked for, checked. Errors name `op`, the public function.
ConvWindow checked_window(const char* op, const array& input, const array& weight,
                          std::vector<int> stride, std::vector<int> padding_lo,
                          std::vector<int> padding_hi, std::vector<int> kernel_dilation,
                          std::vector<int> input_dilation, int groups, bool flip) {
  if (input.ndim() < 3 || input.ndim() > 5) {
    fail(op, "expected input (N, ..., C) with one to three spatial axes, got " +
                 to_string(input.shape()));
  }
  const size_t rank = input.ndim() - 2;
  check_rank(op, input, weight, rank);
  if (!issubdtype(input.dtype(), inexact)) {
    fail(op, "expected a floating input, got " + std::string(dtype_name(input.dtype())));
  }
  check_channels(op, input, weight, groups);
  constexpr int any = std::numeric_limits<int>::min();
  const ConvWindow window{per_axis(op, "strides", std::move(stride), rank, 1, 1),
                          per_axis(op, "low paddings", std::move(padding_lo), rank, 0, any),
                          per_axis(op, "high paddings", std::move(padding_hi), rank, 0, any),
                          per_axis(op, "kernel dilations", std::move(kernel_dilation), rank, 1, 1),
                          per_axis(op, "input dilations", std::move(input_dilation), rank, 1, 1),
                          groups,
                          flip};
  for (size_t i = 0; i < rank; ++i) {
    if (output_size(window, i, input.shape()[i + 1], weight.shape()[i + 1]) > 0) continue;
    fail(op, "expected a weight that fits into the padded input " + to_string(input.shape()) +
                 " along axis " + std::to_string(i + 1) + ", got " + to_string(weight.shape()));
  }
  return window;
}

array general(const char* op, const array& input, const array& weight, std::vector<int> stride,
              std::vector<int> padding_lo, std::vector<int> padding_hi,
              std::vector<int> kernel_dilation, std::vector<int> input_dilation, int groups,
              bool flip, const StreamOrDevice& s) {
  const ConvWindow window = checked_window(
      op, input, weight, std::move(stride), std::move(padding_lo), std::move(padding_hi),
      std::move(kernel_dilation), std::move(input_dilation), groups, flip);
  const Dtype dtype = result_type(input, weight);
  return convolve(window, astype(input, dtype, s), astype(weight, dtype, s), s);
}

array conv(const char* op, const array& input, const array& weight, const std::vector<int>& stride,
           const std::vector<int>& padding, const std::vector<int>& dilation, int groups,
           const StreamOrDevice& s) {
  check_rank(op, input, weight, stride.size());
  return general(op, input, weight, stride, padding, padding, dilation, {}, groups, false, s);
}

// A convolution over the input with zeros between its elements, padded so that every element meets
// all of the flipped kernel, less the padding of the convolution that it transposes.
array conv_transpose(const char* op, const array& input, const array& weight,
                     const std::vector<int>& stride, const std::vector<int>& padding,
                     const std::vector<int>& dilation, const std::vector<int>& output_padding,
                     int groups, const StreamOrDevice& s) {
  check_rank(op, input, weight, stride.size());
  std::vector<int> lo, hi;
  for (size_t i = 0; i < stride.size(); ++i) {
    lo.push_back(dilation[i] * (weight.shape()[i + 1] - 1) - padding[i]);
    hi.push_back(lo[i] + output_padding[i]);
  }
  return general(op, input, weight, {}, lo, hi, dilation, stride, groups, true, s);
}

}  // namespace

array conv_with_bias(const array& input, const array& weight, const std::optional<array>& bias,
                     const std::vector<int>& stride, const std::vector<int>& padding_lo,
                     const std::vector<int>& padding_hi, const std::vector<int>& dilation,
                     int groups) {
  const ConvWindow window = checked_window("conv", input, weight, stride, padding_lo, padding_hi,
                                           dilation, {}, groups, false);
  const Dtype dtype = result_type(input, weight);
  const array x = astype(input, dtype), w = astype(weight, dtype);
  const bool fits = bias && bias->dtype() == dtype && bias->shape() == Shape{weight.shape(0)};
  if (!bias || (fits && x.size() > 0 && w.size() > 0)) return convolve(window, x, w, {}, bias);
  return convolve(window, x, w) + *bias;
}

}  // namespace ops

array conv_general(array input, array weight, std::vector<int> stride, std::vector<int> padding_lo,
                   std::vector<int> padding_hi, std::vector<int> kernel_dilation,
                   std::vector<int> input_dilation, int groups, bool flip, StreamOrDevice s) {
  return ops::general("conv_general", input, weight, std::move(stride), std::move(padding_lo),
                      std::move(padding_hi), std::move(kernel_dilation), std::move(input_dilation),
                      groups, flip, s);
}

array conv1d(const array& input, const array& weight, int stride, int padding, int dilation,
             int groups, StreamOrDevice s) {
  return ops::conv("conv1d", input, weight, {stride}, {padding}, {dilation}, groups, s);
}

array conv2d(const array& input, const array& weight, const std::pair<int, int>& stride,
             const std::pair<int, int>& padding, const std::pair<int, int>& dilation, int groups,
             StreamOrDevice s) {
  return ops::conv("conv2d", input, weight, {stride.first, stride.second},
                   {padding.first, padding.second}, {dilation.first, dilation.second}, groups, s);
}

namespace {
std::vector<int> sizes_of(const std::tuple<int, int, int>& t) {
  return {std::get<0>(t), std::get<1>(t), std::get<2>(t)};
}
}  // namespace

array conv3d(const array& input, const array& weight, const std::tuple<int, int, int>& stride,
             const std::tuple<int, int, int>& padding, const std::tuple<int, int, int>& dilation,
             int groups, StreamOrDevice s) {
  return ops::conv("conv3d", input, weight, sizes_of(stride), sizes_of(padding), sizes_of(dilation),
                   groups, s);
}

array conv_transpose1d(const array& input, const array& weight, int stride, int padding,
                       int dilation, int output_padding, int groups, StreamOrDevice s) {
  return ops::conv_transpose("conv_transpose1d", input, weight, {stride}, {padding}, {dilation},
                             {output_padding}, groups, s);
}

array conv_transpose2d(const array& input, const array& weight, const std::pair<int, int>& stride,
                       const std::pair<int, int>& padding, const std::pair<int, int>& dilation,
                       const std::pair<int, int>& output_padding, int groups, StreamOrDevice s) {
  return ops::conv_transpose("conv_transpose2d", input, weight, {stride.first, stride.second},
                             {padding.first, padding.second}, {dilation.first, dilation.second},
                             {output_padding.first, output_padding.second}, groups, s);
}

array conv_transpose3d(const array& input, const array& weight,
                       const std::tuple<int, int, int>& stride,
                       const std::tuple<int, int, int>& padding,
                       const std::tuple<int, int, int>& dilation,
                       const std::tuple<int, int, int>& output_padding, int groups,
                       StreamOrDevice s) {
  return ops::conv_transpose("conv_transpose3d", input, weight, sizes_of(stride), sizes_of(padding),
                             sizes_of(dilation), sizes_of(output_padding), groups, s);
}

}  // namespace mica
