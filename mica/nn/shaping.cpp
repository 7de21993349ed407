#include "mica/nn/shaping.h"

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

array Flatten::operator()(const array& x) const try {
  const int ndim = static_cast<int>(x.ndim());
  const auto from_front = [&](int axis) { return axis < 0 ? axis + ndim : axis; };
  const int start = from_front(options.start_axis), end = from_front(options.end_axis);
  if (start < 0 || end >= ndim || start > end)
    fail("input with the axes " + repr(options.start_axis) + " to " + repr(options.end_axis),
         to_string(x.shape()));
  return hooked(flatten(x, start, end), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string Flatten::extra_repr() const {
  return "start_axis=" + repr(options.start_axis) + ", end_axis=" + repr(options.end_axis);
}

PixelShuffle::PixelShuffle(int upscale_factor) : upscale_factor(upscale_factor) {
  if (upscale_factor < 1) fail("upscale_factor of at least 1", repr(upscale_factor));
}

array PixelShuffle::operator()(const array& x) const try {
  const int r = upscale_factor;
  if (x.ndim() != 4 || x.shape(3) % (r * r))
    fail("input (N, H, W, C * " + repr(r * r) + ")", to_string(x.shape()));
  const int batch = x.shape(0), height = x.shape(1), width = x.shape(2);
  const int channels = x.shape(3) / (r * r);
  const array blocks = reshape(x, {batch, height, width, channels, r, r});
  return hooked(
      reshape(transpose(blocks, {0, 1, 4, 2, 5, 3}), {batch, height * r, width * r, channels}), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string PixelShuffle::extra_repr() const { return "upscale_factor=" + repr(upscale_factor); }

}  // namespace mica::nn
