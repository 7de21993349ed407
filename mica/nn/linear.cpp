#include "mica/nn/linear.h"

#include <cmath>
#include <utility>

#include "mica/nn/quantized.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

Linear::Linear(int input_dims, int output_dims, const Options& options) : weight(0.0f) {
  if (input_dims < 1 || output_dims < 1)
    fail("dims of at least 1", std::to_string(input_dims) + " and " + std::to_string(output_dims));
  const double scale = std::sqrt(1.0 / input_dims);
  weight = random::uniform(-scale, scale, {output_dims, input_dims});
  if (options.bias) bias = random::uniform(-scale, scale, {output_dims});
}

Linear::Linear(array from_weight, std::optional<array> from_bias)
    : weight(std::move(from_weight)), bias(std::move(from_bias)) {}

array Linear::operator()(const array& x) const {
  return hooked([&] { return apply_linear(x); }, x);
}

array Linear::apply_linear(const array& x) const {
  if (!ends_in(x, input_dims())) fail("input " + with_last(input_dims()), to_string(x.shape()));
  if (quantization_) {
    const array product = packed().product(x);
    return bias ? product + *bias : product;
  }
  return bias ? addmm(*bias, x, transpose(weight)) : matmul(x, transpose(weight));
}

int Linear::input_dims() const { return quantization_ ? quantization_->columns : weight.shape(1); }

std::string Linear::extra_repr() const {
  std::string text = "input_dims=" + std::to_string(input_dims()) +
                     ", output_dims=" + std::to_string(output_dims());
  if (!quantization_ || !quantization_->inputs) text += ", bias=" + repr(bias.has_value());
  return quantization_ ? text + ", " + detail::repr(*quantization_) : text;
}

std::string Linear::type_name() const {
  if (!quantization_) return Module::type_name();
  return (quantization_->inputs ? "QQ" : "Quantized") + Module::type_name();
}

void Linear::check_quantize(const QuantizationOptions& options) const {
  const Quantization format = detail::settle(options, input_dims());
  if (is_quantized()) fail("a weight that is not quantized yet", detail::repr(*quantization_));
  if (!issubdtype(weight.dtype(), floating))
    fail("a floating-point weight to quantize", dtype_name(weight.dtype()));
  if (!format.inputs) return;
  if (format.mode == QuantizationMode::affine)
    fail("mode mxfp4, mxfp8 or nvfp4 for quantize_input", "affine");
  if (bias) fail("no bias for quantize_input", to_string(bias->shape()));
}

void Linear::quantize(const QuantizationOptions& options) {
  check_quantize(options);
  quantization_ = detail::settle(options, input_dims());
  if (quantization_->inputs) return training_changed();
  pack_weight();
  freeze({.recurse = false, .keys = {"weight", "scales", "biases", "bias"}});
  never_train({"weight"});
}

QuantizedLinear Linear::to_quantized(const QuantizationOptions& options) const {
  return QuantizedLinear::from_linear(*this, options);
}

Linear Linear::dequantized() const {
  return Linear(scales ? packed().dequantized(unpacked_dtype_) : weight, bias);
}

void Linear::pack_weight() {
  if (scales) return;
  unpacked_dtype_ = weight.dtype();
  detail::pack(*quantization_, weight, scales, biases);
}

void Linear::unpack_weight() {
  if (!scales) return;
  weight = packed().dequantized(unpacked_dtype_);
  scales = biases = std::nullopt;
}

void Linear::training_changed() {
  if (!quantization_ || !quantization_->inputs) return;
  training() ? unpack_weight() : pack_weight();
}

Bilinear::Bilinear(int input1_dims, int input2_dims, int output_dims, const Options& options)
    : weight(0.0f) {
  if (input1_dims < 1 || input2_dims < 1 || output_dims < 1)
    fail("dims of at least 1", std::to_string(input1_dims) + ", " + std::to_string(input2_dims) +
                                   " and " + std::to_string(output_dims));
  const double scale = std::sqrt(1.0 / input1_dims);
  weight = random::uniform(-scale, scale, {output_dims, input2_dims, input1_dims});
  if (options.bias) bias = random::uniform(-scale, scale, {output_dims});
}

array Bilinear::operator()(const array& x1, const array& x2) const try {
  const int out = weight.shape(0), in2 = weight.shape(1), in1 = weight.shape(2);
  if (!ends_in(x1, in1)) fail("input 1 " + with_last(in1), to_string(x1.shape()));
  Shape expected = x1.shape();
  expected.back() = in2;
  if (x2.shape() != expected) fail("input 2 " + to_string(expected), to_string(x2.shape()));
  Shape result_shape = x1.shape();
  result_shape.back() = out;
  array y = matmul(reshape(x1, {-1, in1}), transpose(reshape(weight, {out * in2, in1})));
  y = swapaxes(reshape(y, {-1, out, in2}), -2, -1);
  y = reshape(matmul(reshape(x2, {-1, 1, in2}), y), result_shape);
  return hooked(bias ? y + *bias : y, x1, x2);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string Bilinear::extra_repr() const {
  return "input1_dims=" + std::to_string(weight.shape(2)) +
         ", input2_dims=" + std::to_string(weight.shape(1)) +
         ", output_dims=" + std::to_string(weight.shape(0)) + ", bias=" + repr(bias.has_value());
}

}  // namespace mica::nn
