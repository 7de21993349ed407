#include "mica/nn/convolution.h"

#include <cmath>

#include "mica/nn/repr.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

Conv2d::Conv2d(int in_channels, int out_channels, Sizes<2> kernel_size, const Options& options)
    : weight(0.0f),
      stride(options.stride),
      padding(options.padding),
      dilation(options.dilation),
      groups(options.groups) {
  if (in_channels < 1 || out_channels < 1 || !kernel_size.all_at_least(1))
    fail("channels and kernel size of at least 1", std::to_string(in_channels) + ", " +
                                                       std::to_string(out_channels) + ", " +
                                                       kernel_size.repr());
  if (groups < 1 || in_channels % groups || out_channels % groups)
    fail("groups that divide " + std::to_string(in_channels) + " and " +
             std::to_string(out_channels),
         std::to_string(groups));
  if (!stride.all_at_least(1)) fail("stride of at least 1", stride.repr());
  if (!dilation.all_at_least(1)) fail("dilation of at least 1", dilation.repr());
  if (!padding.all_at_least(0)) fail("padding of at least 0", padding.repr());
  const int channels = in_channels / groups;
  const double fan_in = static_cast<double>(channels) * kernel_size[0] * kernel_size[1];
  const double scale = std::sqrt(1.0 / fan_in);
  weight = random::uniform(-scale, scale, {out_channels, kernel_size[0], kernel_size[1], channels});
  if (options.bias) bias = zeros({out_channels});
}

array Conv2d::operator()(const array& x) const {
  const int channels = weight.shape(3) * groups;
  if (x.ndim() != 4 || x.shape(3) != channels)
    fail("input (N, H, W, " + std::to_string(channels) + ")", to_string(x.shape()));
  const array y = conv2d(x, weight, {stride[0], stride[1]}, {padding[0], padding[1]},
                         {dilation[0], dilation[1]}, groups);
  return bias ? y + *bias : y;
}

std::string Conv2d::extra_repr() const {
  return std::to_string(weight.shape(3) * groups) + ", " + std::to_string(weight.shape(0)) +
         ", kernel_size=" + Sizes<2>(weight.shape(1), weight.shape(2)).repr() +
         ", stride=" + stride.repr() + ", padding=" + padding.repr() +
         ", dilation=" + dilation.short_repr() + ", groups=" + std::to_string(groups) +
         ", bias=" + repr(bias.has_value());
}

}  // namespace mica::nn
