// Convolutions over signals, images and volumes with channels last.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"
#include "mica/nn/sizes.h"

namespace mica::nn {

template <size_t n>
struct ConvOptions {
  Sizes<n> stride = 1;
  Sizes<n> padding = 0;
  Sizes<n> dilation = 1;
  int groups = 1;  // divides the channels
  bool bias = true;
};

// mlx.nn's Conv3d has no groups.
template <>
struct ConvOptions<3> {
  Sizes<3> stride = 1;
  Sizes<3> padding = 0;
  Sizes<3> dilation = 1;
  bool bias = true;
};

// What Conv1d, Conv2d and Conv3d share: n spatial axes.
template <size_t n>
struct Conv : Module {
  using Options = ConvOptions<n>;
  array weight;               // (out_channels, kernel sizes..., in_channels / groups)
  std::optional<array> bias;  // (out_channels,)
  Sizes<n> stride, padding, dilation;
  int groups;
  MICA_MODULE(Conv, weight, bias)

  // x: (N, spatial..., in_channels).
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;

 protected:
  // Weights uniform in ±1 / sqrt(their number for one output), biases 0.
  Conv(int in_channels, int out_channels, Sizes<n> kernel_size, const Options& options);
};

struct Conv1d : Conv<1> {
  Conv1d(int in_channels, int out_channels, Sizes<1> kernel_size, const Options& options = {})
      : Conv(in_channels, out_channels, kernel_size, options) {}
};
struct Conv2d : Conv<2> {
  Conv2d(int in_channels, int out_channels, Sizes<2> kernel_size, const Options& options = {})
      : Conv(in_channels, out_channels, kernel_size, options) {}
};
struct Conv3d : Conv<3> {
  Conv3d(int in_channels, int out_channels, Sizes<3> kernel_size, const Options& options = {})
      : Conv(in_channels, out_channels, kernel_size, options) {}
};

}  // namespace mica::nn
