// Layers of matrix products.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"
#include "mica/nn/quantizable.h"

namespace mica::nn {

// Returns its input.
struct Identity : Module {
  MICA_MODULE(Identity)
  virtual array operator()(const array& x) const { return hooked(x, x); }
};

struct LinearOptions {
  bool bias = true;
};

struct QuantizedLinear;

// x @ weight.T + bias over the last axis. Where the weight is quantized, it is packed (uint32)
// beside its scales and biases, and the layer prints as QuantizedLinear (QQLinear where the inputs
// are quantized too).
struct Linear : Module, Quantizable {
  using Options = LinearOptions;
  array weight;                         // (output_dims, input_dims)
  std::optional<array> scales, biases;  // of a quantized weight (output_dims, groups)
  std::optional<array> bias;            // (output_dims,)
  MICA_MODULE(Linear, weight, scales, biases, bias)

  // Uniform in ±1 / sqrt(input_dims).
  Linear(int input_dims, int output_dims, const Options& options = {});
  // x: (..., input_dims); returns (..., output_dims).
  virtual array operator()(const array& x) const;
  int input_dims() const;
  int output_dims() const { return weight.shape(0); }
  std::string extra_repr() const override;
  std::string type_name() const override;

  // The format of a quantized weight, or of one that is quantized as it is used.
  const std::optional<Quantization>& quantization() const { return quantization_; }
  bool is_quantized() const override { return quantization_.has_value(); }
  void check_quantize(const QuantizationOptions& options) const override;
  // Freezes the layer, of which unfreeze() then frees all but the weight. With quantize_input the
  // weight is packed only while the layer is not training, and is trained otherwise.
  void quantize(const QuantizationOptions& options) override;
  QuantizedLinear to_quantized(const QuantizationOptions& options = {}) const;
  // A Linear, not frozen, with this one's bias and its weight, or what its codes stand for.
  Linear dequantized() const;

 protected:
  Linear(array from_weight, std::optional<array> from_bias);
  // What the layer returns, which forward hooks have not seen.
  array apply_linear(const array& x) const;
  // Of a quantized layer: replaces the weight by its codes, and these by what they stand for.
  void pack_weight();
  void unpack_weight();
  void training_changed() override;

 private:
  detail::Packed packed() const { return {weight, scales, biases, *quantization_}; }

  std::optional<Quantization> quantization_;
  Dtype unpacked_dtype_ = float32;  // of a packed weight
};

struct BilinearOptions {
  bool bias = true;
};

// x1 @ weight[o] @ x2 + bias[o] for each output o.
struct Bilinear : Module {
  using Options = BilinearOptions;
  array weight;               // (output_dims, input2_dims, input1_dims)
  std::optional<array> bias;  // (output_dims,)
  MICA_MODULE(Bilinear, weight, bias)

  Bilinear(int input1_dims, int input2_dims, int output_dims, const Options& options = {});
  // x1: (..., input1_dims); x2: (..., input2_dims); returns (..., output_dims).
  virtual array operator()(const array& x1, const array& x2) const;
  std::string extra_repr() const override;
};

}  // namespace mica::nn
