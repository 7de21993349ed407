#include "mica/nn/normalization.h"

#include "mica/fast/fast.h"
#include "mica/nn/values.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::nn {

namespace {

bool ends_in(const array& x, int dims) { return x.ndim() > 0 && x.shape(-1) == dims; }

std::string with_last(int dims) { return "input (..., " + std::to_string(dims) + ")"; }

}  // namespace

LayerNorm::LayerNorm(int dims, const Options& options) : dims(dims), eps(options.eps) {
  if (dims < 1) fail("dims of at least 1", repr(dims));
  if (!(eps > 0)) fail("eps above 0", repr(eps));
  if (options.affine) weight = ones({dims});
  if (options.affine && options.bias) bias = zeros({dims});
}

array LayerNorm::operator()(const array& x) const {
  if (!ends_in(x, dims)) fail(with_last(dims), to_string(x.shape()));
  return hooked(fast::layer_norm(x, weight, bias, static_cast<float>(eps)), x);
}

std::string LayerNorm::extra_repr() const {
  return repr(dims) + ", eps=" + repr(eps) + ", affine=" + repr(weight.has_value());
}

RMSNorm::RMSNorm(int dims, const Options& options) : weight(0.0f), eps(options.eps) {
  if (dims < 1) fail("dims of at least 1", repr(dims));
  if (!(eps > 0)) fail("eps above 0", repr(eps));
  weight = ones({dims});
}

array RMSNorm::operator()(const array& x) const {
  if (!ends_in(x, weight.shape(0))) fail(with_last(weight.shape(0)), to_string(x.shape()));
  return hooked(fast::rms_norm(x, weight, static_cast<float>(eps)), x);
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

array BatchNorm::operator()(const array& x) const {
  if (x.ndim() < 2 || x.ndim() > 4) fail("input of 2, 3 or 4 dimensions", to_string(x.shape()));
  if (!ends_in(x, num_features)) fail(with_last(num_features), to_string(x.shape()));
  const size_t values = x.size() / static_cast<size_t>(num_features);
  if (training() && values < 2) fail("more than one value for each feature", to_string(x.shape()));
  auto normalized = [&](const array& mean, const array& var) {
    const array y = (x - mean) * rsqrt(var + weak(options.eps, var));
    return hooked(weight ? *weight * y + *bias : y, x);
  };
  if (!training() && running_mean) return normalized(*running_mean, *running_var);

  std::vector<int> axes(x.ndim() - 1);
  for (size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int>(i);
  const array mean = mica::mean(x, axes);
  const array var = mica::var(x, axes);
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
  return normalized(mean, var);
}

std::string BatchNorm::extra_repr() const {
  return repr(num_features) + ", eps=" + repr(options.eps) +
         ", momentum=" + repr(options.momentum) + ", affine=" + repr(weight.has_value()) +
         ", track_running_stats=" + repr(options.track_running_stats);
}

}  // namespace mica::nn
