#include "mica/nn/normalization.h"

#include <algorithm>

#include "mica/fast/batch_norm.h"
#include "mica/fast/fast.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

namespace {

// Which features share statistics: all of one group, that are neighbours or num_groups apart.
struct Groups {
  int count;
  bool neighbours;

  // The means (N, 1, C) of single features, each replaced by the mean of its group.
  array averaged(const array& means) const {
    const int batch = means.shape(0), dims = means.shape(2);
    const Shape shape =
        neighbours ? Shape{batch, count, dims / count} : Shape{batch, dims / count, count};
    const array split = reshape(means, shape);
    const array average = mean(split, neighbours ? 2 : 1, true);
    return reshape(broadcast_to(average, shape), means.shape());
  }
};

// x (N, spatial..., C) less its mean over the spatial axes and the features of a group, divided by
// its standard deviation; computed in at least float32. Features are reduced one by one first, as
// they lie in memory.
array standardized(const array& x, const Groups& groups, double eps) {
  const bool half = x.dtype() == float16 || x.dtype() == bfloat16;
  int places = 1;
  for (size_t i = 1; i + 1 < x.ndim(); ++i) places *= x.shape()[i];
  const array rows = reshape(half ? astype(x, float32) : x, {x.shape(0), places, x.shape(-1)});
  const array centered = rows - groups.averaged(mean(rows, 1, true));
  const array var = groups.averaged(mean(square(centered), 1, true));
  const array y = reshape(centered * rsqrt(var + weak(eps, var)), x.shape());
  return half ? astype(y, x.dtype()) : y;
}

}  // namespace

LayerNorm::LayerNorm(int dims, const Options& options) : LayerNorm(Shape{dims}, options) {}

LayerNorm::LayerNorm(const Shape& dims, const Options& options) : dims(dims), eps(options.eps) {
  if (dims.empty()) fail("dims of at least one axis", "()");
  for (const int size : dims)
    if (size < 1) fail("dims of at least 1", dims.size() == 1 ? repr(size) : to_string(dims));
  if (!(eps > 0)) fail("eps above 0", repr(eps));
  if (options.affine) weight = ones(dims);
  if (options.affine && options.bias) bias = zeros(dims);
}

array LayerNorm::operator()(const array& x) const try {
  const bool fits = x.ndim() >= dims.size() &&
                    std::equal(dims.begin(), dims.end(), x.shape().end() - dims.size());
  if (!fits) {
    std::string expected = "input (...";
    for (const int size : dims) expected += ", " + repr(size);
    fail(expected + ")", to_string(x.shape()));
  }
  const auto e = static_cast<float>(eps);
  if (dims.size() == 1) return hooked(fast::layer_norm(x, weight, bias, e), x);
  const auto flat = [](const std::optional<array>& a) {
    return a ? std::optional<array>(flatten(*a)) : a;
  };
  const array rows = flatten(x, -static_cast<int>(dims.size()), -1);
  return hooked(reshape(fast::layer_norm(rows, flat(weight), flat(bias), e), x.shape()), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string LayerNorm::extra_repr() const {
  return (dims.size() == 1 ? repr(dims[0]) : to_string(dims)) + ", eps=" + repr(eps) +
         ", affine=" + repr(weight.has_value());
}

RMSNorm::RMSNorm(int dims, const Options& options) : weight(0.0f), eps(options.eps) {
  if (dims < 1) fail("dims of at least 1", repr(dims));
  if (!(eps > 0)) fail("eps above 0", repr(eps));
  weight = ones({dims});
}

array RMSNorm::operator()(const array& x) const try {
  if (!ends_in(x, weight.shape(0)))
    fail("input " + with_last(weight.shape(0)), to_string(x.shape()));
  return hooked(fast::rms_norm(x, weight, static_cast<float>(eps)), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string RMSNorm::extra_repr() const { return repr(weight.shape(0)) + ", eps=" + repr(eps); }

BatchNorm::BatchNorm(int num_features, const Options& options)
    : num_features(num_features), options(options) {
  if (num_features < 1) fail("num_features of at least 1", repr(num_features));
  if (!(options.eps > 0)) fail("eps above 0", repr(options.eps));
  if (options.affine) {
    weight = ones({num_features});
    bias = zeros({num_features});
  }
  if (options.track_running_stats) {
    running_mean = zeros({num_features});
    running_var = ones({num_features});
    never_train({"running_mean", "running_var"});
  }
}

array BatchNorm::operator()(const array& x) const try {
  if (x.ndim() < 2 || x.ndim() > 4) fail("input of 2, 3 or 4 dimensions", to_string(x.shape()));
  if (!ends_in(x, num_features)) fail("input " + with_last(num_features), to_string(x.shape()));
  const size_t values = x.size() / static_cast<size_t>(num_features);
  if (training() && values < 2) fail("more than one value for each feature", to_string(x.shape()));
  if (!training() && running_mean) {
    const array y = (x - *running_mean) * rsqrt(*running_var + weak(options.eps, *running_var));
    return hooked(weight ? *weight * y + *bias : y, x);
  }
  const auto [y, mean, var] = ops::batch_normalize(x, weight, bias, options.eps);
  if (training() && running_mean) {
    // The running variance is that of the population from which the batch is a sample.
    const double unbiased = static_cast<double>(values) / static_cast<double>(values - 1);
    const double mu = options.momentum;
    auto moved = [&](const array& running, const array& batch, double scale) {
      return weak(1 - mu, running) * running + weak(mu * scale, batch) * batch;
    };
    running_mean = moved(*running_mean, mean, 1);
    running_var = moved(*running_var, var, unbiased);
  }
  return hooked(y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string BatchNorm::extra_repr() const {
  return repr(num_features) + ", eps=" + repr(options.eps) +
         ", momentum=" + repr(options.momentum) + ", affine=" + repr(weight.has_value()) +
         ", track_running_stats=" + repr(options.track_running_stats);
}

GroupNorm::GroupNorm(int num_groups, int dims, const Options& options)
    : num_groups(num_groups), dims(dims), options(options) {
  if (!(options.eps > 0)) fail("eps above 0", repr(options.eps));
  if (dims < 1) fail("dims of at least 1", repr(dims));
  if (num_groups < 1 || dims % num_groups)
    fail("num_groups that divide " + repr(dims), repr(num_groups));
  if (options.affine) {
    bias = zeros({dims});
    weight = ones({dims});
  }
}

array GroupNorm::operator()(const array& x) const try {
  if (x.ndim() < 2) fail("input of at least 2 dimensions", to_string(x.shape()));
  if (!ends_in(x, dims)) fail("input " + with_last(dims), to_string(x.shape()));
  const array y = standardized(x, {num_groups, options.pytorch_compatible}, options.eps);
  return hooked(weight ? *weight * y + *bias : y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string GroupNorm::extra_repr() const {
  return repr(num_groups) + ", " + repr(dims) + ", eps=" + repr(options.eps) +
         ", affine=" + repr(weight.has_value()) +
         ", pytorch_compatible=" + repr(options.pytorch_compatible);
}

InstanceNorm::InstanceNorm(int dims, const Options& options) : dims(dims), eps(options.eps) {
  if (dims < 1) fail("dims of at least 1", repr(dims));
  if (!(eps > 0)) fail("eps above 0", repr(eps));
  if (options.affine) {
    weight = ones({dims});
    bias = zeros({dims});
  }
}

array InstanceNorm::operator()(const array& x) const try {
  if (x.ndim() < 3) fail("input of at least 3 dimensions", to_string(x.shape()));
  if (!ends_in(x, dims)) fail("input " + with_last(dims), to_string(x.shape()));
  const array y = standardized(x, {dims, true}, eps);
  return hooked(weight ? *weight * y + *bias : y, x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

std::string InstanceNorm::extra_repr() const {
  return repr(dims) + ", eps=" + repr(eps) + ", affine=" + repr(weight.has_value());
}

}  // namespace mica::nn
