// Transposed convolutions: the gradients of convolutions in their input, as layers.
#pragma once

#include <string>

#include "mica/nn/convolution.h"

namespace mica::nn {

template <size_t n>
struct ConvTransposeOptions {
  Sizes<n> stride = 1;   // distance at which the input's elements lie in the output
  Sizes<n> padding = 0;  // taken off both ends of the output
  Sizes<n> dilation = 1;
  Sizes<n> output_padding = 0;  // added to the end of the output
  bool bias = true;
  int groups = 1;  // divides the channels
};

// What the layers below share. Each spatial axis of L elements becomes one of
// (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.
template <size_t n>
struct ConvTranspose : ConvBase<n> {
  using Options = ConvTransposeOptions<n>;
  Sizes<n> output_padding;

  array operator()(const array& x) const override;
  std::string extra_repr() const override;

 protected:
  ConvTranspose(int in_channels, int out_channels, Sizes<n> kernel_size, const Options& options);
};

struct ConvTranspose1d : ConvTranspose<1> {
  ConvTranspose1d(int in_channels, int out_channels, Sizes<1> kernel_size,
                  const Options& options = {})
      : ConvTranspose(in_channels, out_channels, kernel_size, options) {}
};
struct ConvTranspose2d : ConvTranspose<2> {
  ConvTranspose2d(int in_channels, int out_channels, Sizes<2> kernel_size,
                  const Options& options = {})
      : ConvTranspose(in_channels, out_channels, kernel_size, options) {}
};
struct ConvTranspose3d : ConvTranspose<3> {
  ConvTranspose3d(int in_channels, int out_channels, Sizes<3> kernel_size,
                  const Options& options = {})
      : ConvTranspose(in_channels, out_channels, kernel_size, options) {}
};

using ConvTransposed1d = ConvTranspose1d;
using ConvTransposed2d = ConvTranspose2d;
using ConvTransposed3d = ConvTranspose3d;

}  // namespace mica::nn
