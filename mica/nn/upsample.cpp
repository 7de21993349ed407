#include "mica/nn/upsample.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

namespace {

// One term of each output element along an axis: where it is read, and its weight.
struct Tap {
  std::vector<int> indices;
  std::vector<float> weights;
};

// An axis of n elements that becomes one of `size`. Places are float32, as in mlx.nn.
struct Axis {
  int n;
  double scale;
  int size;

  Axis(int n, double scale) : n(n), scale(scale), size(static_cast<int>(scale * n)) {}

  // Where each output element lies among the input's.
  std::vector<float> places(bool align_corners) const {
    const double step = align_corners ? (n - 1.0) / std::max(size - 1, 1) : 1 / scale;
    const double start = align_corners ? 0 : ((size - 1) * step - n + 1) / 2;
    std::vector<float> result;
    for (int i = 0; i < size; ++i) {
      result.push_back(static_cast<float>(i) * static_cast<float>(step) -
                       static_cast<float>(start));
    }
    return result;
  }

  int inside(float index) const {
    return static_cast<int>(std::clamp(index, 0.0f, static_cast<float>(n - 1)));
  }
};

std::vector<int> nearest_indices(const Axis& axis) {
  const auto step = static_cast<float>(static_cast<double>(axis.n) / axis.size);
  std::vector<int> indices;
  for (int i = 0; i < axis.size; ++i) {
    const auto place = static_cast<float>(i);
    indices.push_back(axis.inside(axis.size > axis.n ? std::rint((place + 0.5f) * step - 0.5f)
                                                     : std::floor(place * step)));
  }
  return indices;
}

std::vector<Tap> linear_taps(const Axis& axis, bool align_corners) {
  Tap left, right;
  for (float place : axis.places(align_corners)) {
    place = std::clamp(place, 0.0f, static_cast<float>(axis.n - 1));
    const float weight = place - std::floor(place);
    left.indices.push_back(axis.inside(std::floor(place)));
    left.weights.push_back(1 - weight);
    right.indices.push_back(axis.inside(std::ceil(place)));
    right.weights.push_back(weight);
  }
  return {left, right};
}

// Keys' cubic convolution kernel at a distance of at least 0.
float cubic_weight(float distance, float a) {
  const float x = distance;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x <= 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

std::vector<Tap> cubic_taps(const Axis& axis, bool align_corners) {
  std::vector<Tap> taps(4);
  for (const float place : axis.places(align_corners)) {
    for (int k = 0; k < 4; ++k) {
      const float index = std::floor(place) + static_cast<float>(k - 1);
      Tap& tap = taps[static_cast<size_t>(k)];
      tap.indices.push_back(axis.inside(index));
      tap.weights.push_back(cubic_weight(std::abs(place - index), -0.75f));
    }
  }
  return taps;
}

// A kernel that is stretched to the distance of output elements where the axis shrinks; elements
// outside of the axis don't count, and the weights add up to 1.
std::vector<Tap> antialiased_taps(const Axis& axis, double radius,
                                  const std::function<float(float)>& kernel) {
  const double stretch = axis.scale < 1 ? 1 / axis.scale : 1.0;
  const int reach = static_cast<int>(std::ceil(radius * stretch)) + 1;
  std::vector<Tap> taps(static_cast<size_t>(2 * reach - 1));
  for (const float place : axis.places(false)) {
    float total = 0;
    for (int k = 1 - reach; k < reach; ++k) {
      const float index = std::floor(place) + static_cast<float>(k);
      const float distance = std::abs(place - index) / static_cast<float>(stretch);
      const bool counts = index >= 0 && index < static_cast<float>(axis.n);
      Tap& tap = taps[static_cast<size_t>(k + reach - 1)];
      tap.indices.push_back(axis.inside(index));
      tap.weights.push_back(counts ? kernel(distance) : 0.0f);
      total += tap.weights.back();
    }
    for (Tap& tap : taps) tap.weights.back() /= total > 0 ? total : 1.0f;
  }
  std::erase_if(taps, [](const Tap& tap) {
    return std::all_of(tap.weights.begin(), tap.weights.end(), [](float w) { return w == 0; });
  });
  return taps;
}

std::vector<Tap> taps_of(const Axis& axis, const UpsampleOptions& options) {
  const bool linear = options.mode == UpsampleMode::linear;
  if (!options.antialias) {
    return linear ? linear_taps(axis, options.align_corners)
                  : cubic_taps(axis, options.align_corners);
  }
  if (linear) return antialiased_taps(axis, 1, [](float x) { return std::max(1 - x, 0.0f); });
  return antialiased_taps(axis, 2, [](float x) { return cubic_weight(x, -0.5f); });
}

array take_at(const array& x, const std::vector<int>& indices, int axis) {
  return take(x, array(indices.begin(), {static_cast<int>(indices.size())}, int32), axis);
}

array interpolated(const array& x, int axis, const std::vector<Tap>& taps) {
  const Dtype dtype = issubdtype(x.dtype(), inexact) ? x.dtype() : float32;
  Shape shape(x.ndim(), 1);
  std::optional<array> total;
  for (const Tap& tap : taps) {
    shape[static_cast<size_t>(axis)] = static_cast<int>(tap.weights.size());
    const array weights = astype(array(tap.weights.begin(), shape, float32), dtype);
    const array term = take_at(x, tap.indices, axis) * weights;
    total = total ? *total + term : term;
  }
  return *total;
}

bool is_whole(double value) { return value == std::floor(value); }

}  // namespace

Upsample::Upsample(ScaleFactor scale_factor, const Options& options)
    : scale_factor(std::move(scale_factor)), options(options) {
  for (const double scale : this->scale_factor.values)
    if (!(scale > 0 && scale < 1e6)) fail("scale_factor above 0", repr(scale));
  if (options.antialias && options.mode == UpsampleMode::nearest)
    fail("mode linear or cubic with antialias", "nearest");
  if (options.antialias && options.align_corners) fail("antialias or align_corners", "both");
}

array Upsample::operator()(const array& x) const try {
  if (x.ndim() < 3) fail("input (N, spatial..., C)", to_string(x.shape()));
  const size_t axes = x.ndim() - 2;
  const std::vector<double>& scales = scale_factor.values;
  if (!scale_factor.one && scales.size() != axes)
    fail("input with " + repr(static_cast<int>(scales.size())) + " spatial axes",
         to_string(x.shape()));
  array y = x;
  for (size_t i = 0; i < axes; ++i) {
    const int at = static_cast<int>(i) + 1;
    const Axis axis(x.shape(at), scales[scale_factor.one ? 0 : i]);
    if (axis.size < 1) fail("input with at least one element left", to_string(x.shape()));
    if (options.mode != UpsampleMode::nearest) {
      y = interpolated(y, at, taps_of(axis, options));
    } else if (is_whole(axis.scale)) {
      y = repeat(y, static_cast<int>(axis.scale), at);
    } else {
      y = take_at(y, nearest_indices(axis), at);
    }
  }
  return hooked(y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string Upsample::extra_repr() const {
  static const char* const modes[] = {"nearest", "linear", "cubic"};
  std::string factors;
  for (const double value : scale_factor.values)
    factors += (factors.empty() ? "" : ", ") + repr(value);
  if (!scale_factor.one) factors = "(" + factors + (scale_factor.values.size() == 1 ? ",)" : ")");
  return "scale_factor=" + factors + ", mode='" + modes[static_cast<size_t>(options.mode)] +
         "', align_corners=" + repr(options.align_corners) +
         (options.antialias ? ", antialias=True" : "");
}

}  // namespace mica::nn
