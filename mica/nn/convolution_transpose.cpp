#include "mica/nn/convolution_transpose.h"

#include "mica/nn/values.h"
#include "mica/ops/ops.h"

namespace mica::nn {

template <size_t n>
ConvTranspose<n>::ConvTranspose(int in_channels, int out_channels, Sizes<n> kernel_size,
                                const Options& options)
    : ConvBase<n>("ConvTranspose", in_channels, out_channels, kernel_size, options.stride,
                  options.padding, options.dilation, options.groups, options.bias),
      output_padding(options.output_padding) {
  if (!output_padding.all_at_least(0))
    Module::fail_as("ConvTranspose" + nn::repr(static_cast<int>(n)) + "d",
                    "output_padding of at least 0", output_padding.repr());
}

template <size_t n>
array ConvTranspose<n>::operator()(const array& x) const try {
  this->check_input(x);
  const Sizes<n>&by = this->stride, &off = this->padding, &apart = this->dilation,
        &more = output_padding;
  const auto y = [&] {
    if constexpr (n == 1)
      return conv_transpose1d(x, this->weight, by[0], off[0], apart[0], more[0], this->groups);
    else if constexpr (n == 2)
      return conv_transpose2d(x, this->weight, {by[0], by[1]}, {off[0], off[1]},
                              {apart[0], apart[1]}, {more[0], more[1]}, this->groups);
    else
      return conv_transpose3d(x, this->weight, {by[0], by[1], by[2]}, {off[0], off[1], off[2]},
                              {apart[0], apart[1], apart[2]}, {more[0], more[1], more[2]},
                              this->groups);
  };
  return this->finished(y(), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

template <size_t n>
std::string ConvTranspose<n>::extra_repr() const {
  return this->channels_repr() + ", padding=" + this->padding.text() +
         ", dilation=" + this->dilation.short_repr() + ", output_padding=" + output_padding.text() +
         (this->groups == 1 ? "" : ", groups=" + nn::repr(this->groups)) +
         ", bias=" + nn::repr(this->bias.has_value());
}

template struct ConvTranspose<1>;
template struct ConvTranspose<2>;
template struct ConvTranspose<3>;

}  // namespace mica::nn
