// Convolutions over signals, images and volumes with channels last.
#pragma once

#include <concepts>
#include <optional>
#include <string>

#include "mica/nn/module.h"
#include "mica/nn/sizes.h"

namespace mica::nn {

// The output is as large as the input; where the padding is odd, the end has one more.
struct SamePadding {};
inline constexpr SamePadding same_padding{};

// What is added to each end of the spatial axes: `.padding = 1`, `{1, 2}`, or `same_padding`.
template <size_t n>
struct ConvPadding {
  Sizes<n> sizes = 0;
  bool same = false;

  ConvPadding(int size) : sizes(size) {}
  ConvPadding(Sizes<n> sizes) : sizes(sizes) {}
  ConvPadding(SamePadding) : same(true) {}
  template <std::same_as<int>... I>
  requires(sizeof...(I) == n && n > 1) ConvPadding(I... each) : sizes(each...) {}
};

// What padding consists of: zeros, the input mirrored at its edge, its edge, or its other end.
enum class PaddingMode { zeros, reflect, replicate, circular };

template <size_t n>
struct ConvOptions {
  Sizes<n> stride = 1;  // 1 with same_padding
  ConvPadding<n> padding = 0;
  Sizes<n> dilation = 1;
  int groups = 1;  // divides the channels
  bool bias = true;
  PaddingMode padding_mode = PaddingMode::zeros;
};

// mlx.nn's Conv3d has no groups.
template <>
struct ConvOptions<3> {
  Sizes<3> stride = 1;
  ConvPadding<3> padding = 0;
  Sizes<3> dilation = 1;
  bool bias = true;
  PaddingMode padding_mode = PaddingMode::zeros;
};

// What convolutions and transposed convolutions share: n spatial axes.
template <size_t n>
struct ConvBase : Module {
  array weight;               // (out_channels, kernel sizes..., in_channels / groups)
  std::optional<array> bias;  // (out_channels,)
  Sizes<n> stride, padding, dilation;
  int groups;
  MICA_MODULE(ConvBase, weight, bias)

  // x: (N, spatial..., in_channels).
  virtual array operator()(const array& x) const = 0;

 protected:
  // kind: "Conv", for errors. Weights uniform in ±1 / sqrt(their number for one output), biases 0.
  ConvBase(const char* kind, int in_channels, int out_channels, Sizes<n> kernel_size,
           Sizes<n> stride, Sizes<n> padding, Sizes<n> dilation, int groups, bool bias);
  void check_input(const array& x) const;
  // Returns y with the bias, for the input x.
  array finished(const array& y, const array& x) const;
  // "2, 4, kernel_size=(3, 3), stride=(1, 1)"
  std::string channels_repr() const;
};

// What Conv1d, Conv2d and Conv3d share.
template <size_t n>
struct Conv : ConvBase<n> {
  using Options = ConvOptions<n>;
  Sizes<n> padding_end;  // `padding` is that in front
  bool same;             // whether it was given as same_padding
  PaddingMode padding_mode;

  array operator()(const array& x) const override;
  std::string extra_repr() const override;

 protected:
  Conv(int in_channels, int out_channels, Sizes<n> kernel_size, const Options& options);

 private:
  array padded(const array& x) const;
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
