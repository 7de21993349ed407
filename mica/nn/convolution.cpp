#include "mica/nn/convolution.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/convolution.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

namespace {

template <size_t n>
int groups_of(const ConvOptions<n>& options) {
  if constexpr (requires { options.groups; })
    return options.groups;
  else
    return 1;
}

// What keeps the size of an axis under windows of one element, in front or at the end.
template <size_t n>
Sizes<n> same_sizes(const Sizes<n>& kernel_size, const Sizes<n>& dilation, bool end) {
  Sizes<n> sizes = 0;
  for (size_t i = 0; i < n; ++i) {
    const int both = dilation[i] * (kernel_size[i] - 1);
    sizes.values[i] = end ? both - both / 2 : both / 2;
  }
  return sizes;
}

template <size_t n>
Sizes<n> padding_of(const ConvOptions<n>& options, const Sizes<n>& kernel_size, bool end) {
  return options.padding.same ? same_sizes(kernel_size, options.dilation, end)
                              : options.padding.sizes;
}

// x with the other end of an axis added to both.
array pad_circular(const array& x, int axis, int low, int high) {
  const auto at = static_cast<size_t>(axis);
  Shape start(x.ndim(), 0), stop = x.shape();
  start[at] = x.shape(axis) - low;
  stop[at] = high;
  return concatenate({slice(x, start, x.shape()), x, slice(x, Shape(x.ndim(), 0), stop)}, axis);
}

}  // namespace

template <size_t n>
ConvBase<n>::ConvBase(const char* kind, int in_channels, int out_channels, Sizes<n> kernel_size,
                      Sizes<n> stride, Sizes<n> padding, Sizes<n> dilation, int groups,
                      bool with_bias)
    : weight(0.0f), stride(stride), padding(padding), dilation(dilation), groups(groups) {
  const auto refuse = [kind](const std::string& expected, const std::string& got) {
    Module::fail_as(kind + nn::repr(static_cast<int>(n)) + "d", expected, got);
  };
  if (in_channels < 1 || out_channels < 1 || !kernel_size.all_at_least(1))
    refuse("channels and kernel size of at least 1",
           nn::repr(in_channels) + ", " + nn::repr(out_channels) + ", " + kernel_size.repr());
  if (groups < 1 || in_channels % groups || out_channels % groups)
    refuse("groups that divide " + nn::repr(in_channels) + " and " + nn::repr(out_channels),
           nn::repr(groups));
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
  if (with_bias) bias = zeros({out_channels});
}

template <size_t n>
void ConvBase<n>::check_input(const array& x) const {
  static const char* const layouts[] = {"input (N, L, ", "input (N, H, W, ", "input (N, D, H, W, "};
  const int channels = weight.shape(-1) * groups;
  if (x.ndim() != n + 2 || x.shape(-1) != channels)
    fail(layouts[n - 1] + std::to_string(channels) + ")", to_string(x.shape()));
}

template <size_t n>
array ConvBase<n>::finished(const array& y, const array& x) const {
  return hooked(bias ? y + *bias : y, x);
}

template <size_t n>
std::string ConvBase<n>::channels_repr() const {
  Sizes<n> kernel_size = 1;
  for (size_t i = 0; i < n; ++i) kernel_size.values[i] = weight.shape(static_cast<int>(i) + 1);
  return nn::repr(weight.shape(-1) * groups) + ", " + nn::repr(weight.shape(0)) +
         ", kernel_size=" + kernel_size.text() + ", stride=" + stride.text();
}

template <size_t n>
Conv<n>::Conv(int in_channels, int out_channels, Sizes<n> kernel_size, const Options& options)
    : ConvBase<n>("Conv", in_channels, out_channels, kernel_size, options.stride,
                  padding_of(options, kernel_size, false), options.dilation, groups_of(options),
                  options.bias),
      padding_end(padding_of(options, kernel_size, true)),
      same(options.padding.same),
      padding_mode(options.padding_mode) {
  if (same && !(this->stride == Sizes<n>(1)))
    Module::fail_as("Conv" + nn::repr(static_cast<int>(n)) + "d", "stride 1 with same_padding",
                    this->stride.repr());
}

template <size_t n>
array Conv<n>::padded(const array& x) const {
  if (padding_mode != PaddingMode::circular) {
    std::vector<std::pair<int, int>> widths(n + 2, {0, 0});
    for (size_t i = 0; i < n; ++i) widths[i + 1] = {this->padding[i], padding_end[i]};
    return pad(x, widths, array(0, x.dtype()),
               padding_mode == PaddingMode::reflect ? "reflect" : "edge");
  }
  array result = x;
  for (size_t i = 0; i < n; ++i) {
    const int axis = static_cast<int>(i) + 1;
    if (std::max(this->padding[i], padding_end[i]) > x.shape(axis))
      this->fail("input at least as large as its circular padding " + padding_end.repr(),
                 to_string(x.shape()));
    result = pad_circular(result, axis, this->padding[i], padding_end[i]);
  }
  return result;
}

template <size_t n>
array Conv<n>::operator()(const array& x) const try {
  this->check_input(x);
  const bool zeros = padding_mode == PaddingMode::zeros;
  const Sizes<n> none = 0;
  const array input = zeros ? x : padded(x);
  const auto stride = this->stride.to_vector(), dilation = this->dilation.to_vector();
  const auto low = (zeros ? this->padding : none).to_vector(),
             high = (zeros ? padding_end : none).to_vector();
  const array y = ops::conv_with_bias(input, this->weight, this->bias, stride, low, high, dilation,
                                      this->groups);
  return this->hooked(y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

template <size_t n>
std::string Conv<n>::extra_repr() const {
  static const char* const modes[] = {"zeros", "reflect", "replicate", "circular"};
  std::string text = this->channels_repr() +
                     ", padding=" + (same ? std::string("'same'") : this->padding.text()) +
                     ", dilation=" + this->dilation.short_repr();
  if constexpr (n < 3) text += ", groups=" + nn::repr(this->groups);
  text += ", bias=" + nn::repr(this->bias.has_value());
  if (padding_mode != PaddingMode::zeros)
    text += std::string(", padding_mode='") + modes[static_cast<size_t>(padding_mode)] + "'";
  return text;
}

template struct ConvBase<1>;
template struct ConvBase<2>;
template struct ConvBase<3>;
template struct Conv<1>;
template struct Conv<2>;
template struct Conv<3>;

}  // namespace mica::nn
