// Convolutions over images with channels last.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"
#include "mica/nn/sizes.h"

namespace mica::nn {

struct Conv2dOptions {
  Sizes<2> stride = 1;
  Sizes<2> padding = 0;
  Sizes<2> dilation = 1;
  int groups = 1;  // divides the channels
  bool bias = true;
};

struct Conv2d : Module {
  using Options = Conv2dOptions;
  array weight;               // (out_channels, height, width, in_channels / groups)
  std::optional<array> bias;  // (out_channels,)
  Sizes<2> stride, padding, dilation;
  int groups;
  MICA_MODULE(Conv2d, weight, bias)

  // Weights uniform in ±1 / sqrt(their number for one output), biases 0.
  Conv2d(int in_channels, int out_channels, Sizes<2> kernel_size, const Options& options = {});
  // x: (N, H, W, in_channels).
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;
};

}  // namespace mica::nn
