#include "mica/nn/linear.h"

#include <cmath>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

namespace {

bool ends_in(const array& x, int dims) { return x.ndim() > 0 && x.shape(-1) == dims; }

std::string with_last(int dims) { return "(..., " + std::to_string(dims) + ")"; }

}  // namespace

Linear::Linear(int input_dims, int output_dims, const Options& options) : weight(0.0f) {
  if (input_dims < 1 || output_dims < 1)
    fail("dims of at least 1", std::to_string(input_dims) + " and " + std::to_string(output_dims));
  const double scale = std::sqrt(1.0 / input_dims);
  weight = random::uniform(-scale, scale, {output_dims, input_dims});
  if (options.bias) bias = random::uniform(-scale, scale, {output_dims});
}

array Linear::operator()(const array& x) const {
  const int input_dims = weight.shape(1);
  if (!ends_in(x, input_dims)) fail("input " + with_last(input_dims), to_string(x.shape()));
  return hooked(bias ? addmm(*bias, x, transpose(weight)) : matmul(x, transpose(weight)), x);
}

std::string Linear::extra_repr() const {
  return "input_dims=" + std::to_string(weight.shape(1)) +
         ", output_dims=" + std::to_string(weight.shape(0)) + ", bias=" + repr(bias.has_value());
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

array Bilinear::operator()(const array& x1, const array& x2) const {
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
}

std::string Bilinear::extra_repr() const {
  return "input1_dims=" + std::to_string(weight.shape(2)) +
         ", input2_dims=" + std::to_string(weight.shape(1)) +
         ", output_dims=" + std::to_string(weight.shape(0)) + ", bias=" + repr(bias.has_value());
}

}  // namespace mica::nn
