// Layers of matrix products.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

// Returns its input.
struct Identity : Module {
  MICA_MODULE(Identity)
  virtual array operator()(const array& x) const { return hooked(x, x); }
};

struct LinearOptions {
  bool bias = true;
};

// x @ weight.T + bias over the last axis.
struct Linear : Module {
  using Options = LinearOptions;
  array weight;               // (output_dims, input_dims)
  std::optional<array> bias;  // (output_dims,)
  MICA_MODULE(Linear, weight, bias)

  // Uniform in ±1 / sqrt(input_dims).
  Linear(int input_dims, int output_dims, const Options& options = {});
  // x: (..., input_dims); returns (..., output_dims).
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;
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
