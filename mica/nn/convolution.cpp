#include "mica/nn/convolution.h"

#include <cmath>
#include <vector>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

namespace {

template <size_t n>
std::vector<int> to_vector(const Sizes<n>& sizes) {
  return {sizes.values.begin(), sizes.values.end()};
}

template <size_t n>
int groups_of(const ConvOptions<n>& options) {
  if constexpr (requires { options.groups; })
    return options.groups;
  else
    return 1;
}

}  // namespace

template <size_t n>
Conv<n>::Conv(int in_channels, int out_channels, Sizes<n> kernel_size, const Options& options)
    : weight(0.0f),
      stride(options.stride),
      padding(options.padding),
      dilation(options.dilation),
      groups(groups_of(options)) {
  const auto refuse = [](const std::string& expected, const std::string& got) {
    Module::fail_as("Conv" + repr(static_cast<int>(n)) + "d", expected, got);
  };
  if (in_channels < 1 || out_channels < 1 || !kernel_size.all_at_least(1))
    refuse("channels and kernel size of at least 1",
           repr(in_channels) + ", " + repr(out_channels) + ", " + kernel_size.repr());
  if (groups < 1 || in_channels % groups || out_channels % groups)
    refuse("groups that divide " + repr(in_channels) + " and " + repr(out_channels), repr(groups));
  if (!stride.all_at_least(1)) refuse("stride of at least 1", stride.repr());
  if (!dilation.all_at_least(1)) refuse("dilation of at least 1", dilation.repr());
  if (!padding.all_at_least(0)) refuse("padding of at least 0", padding.repr());
  const int channels = in_channels / groups;
  double fan_in = channels;
  Shape shape{out_channels};
  for (const int size : kernel_size.values) {
    fan_in *= size;
    shape.push_back(size);
  }
  shape.push_back(channels);
  const double scale = std::sqrt(1.0 / fan_in);
  weight = random::uniform(-scale, scale, shape);
  if (options.bias) bias = zeros({out_channels});
}

template <size_t n>
array Conv<n>::operator()(const array& x) const {
  static const char* const layouts[] = {"input (N, L, ", "input (N, H, W, ", "input (N, D, H, W, "};
  const int channels = weight.shape(-1) * groups;
  if (x.ndim() != n + 2 || x.shape(-1) != channels)
    fail(layouts[n - 1] + std::to_string(channels) + ")", to_string(x.shape()));
  const array y = conv_general(x, weight, to_vector(stride), to_vector(padding),
                               to_vector(dilation), {}, groups);
  return hooked(bias ? y + *bias : y, x);
}

template <size_t n>
std::string Conv<n>::extra_repr() const {
  // As mlx.nn: what was given as one number is a tuple, but for a dilation and in one dimension.
  auto text = [](const Sizes<n>& sizes) { return n == 1 ? repr(sizes[0]) : sizes.repr(); };
  Sizes<n> kernel_size = 1;
  for (size_t i = 0; i < n; ++i) kernel_size.values[i] = weight.shape(static_cast<int>(i) + 1);
  return repr(weight.shape(-1) * groups) + ", " + repr(weight.shape(0)) +
         ", kernel_size=" + text(kernel_size) + ", stride=" + text(stride) +
         ", padding=" + text(padding) + ", dilation=" + dilation.short_repr() +
         (n < 3 ? ", groups=" + repr(groups) : "") + ", bias=" + repr(bias.has_value());
}

template struct Conv<1>;
template struct Conv<2>;
template struct Conv<3>;

}  // namespace mica::nn
