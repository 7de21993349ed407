// Layers that shift and scale their input to mean 0 and variance 1.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

struct LayerNormOptions {
  double eps = 1e-5;
  bool affine = true;
  bool bias = true;  // where affine
};

// Over the last axes, those of dims: (x - mean) / sqrt(var + eps) * weight + bias.
struct LayerNorm : Module {
  using Options = LayerNormOptions;
  std::optional<array> weight, bias;  // of shape dims
  Shape dims;
  double eps;
  MICA_MODULE(LayerNorm, weight, bias)

  explicit LayerNorm(int dims, const Options& options = {});
  explicit LayerNorm(const Shape& dims, const Options& options = {});
  virtual array operator()(const array& x) const;  // x: (..., dims)
  std::string extra_repr() const override;
};

struct RMSNormOptions {
  double eps = 1e-5;
};

// Over the last axis: x / sqrt(mean(x²) + eps) * weight.
struct RMSNorm : Module {
  using Options = RMSNormOptions;
  array weight;  // (dims,)
  double eps;
  MICA_MODULE(RMSNorm, weight)

  explicit RMSNorm(int dims, const Options& options = {});
  virtual array operator()(const array& x) const;  // x: (..., dims)
  std::string extra_repr() const override;
};

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;  // the part of a batch's statistics in the running ones
  bool affine = true;
  bool track_running_stats = true;
};

// Over all axes but the last: with the batch's statistics while training, which then go into the
// running ones, and with these otherwise.
struct BatchNorm : Module {
  using Options = BatchNormOptions;
  std::optional<array> weight, bias;                       // (num_features,)
  mutable std::optional<array> running_mean, running_var;  // (num_features,); never trained
  int num_features;
  Options options;
  MICA_MODULE(BatchNorm, weight, bias, running_mean, running_var)

  explicit BatchNorm(int num_features, const Options& options = {});
  // x: 2 to 4 axes, (..., num_features); more than one value for each feature while training.
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;
  bool pytorch_compatible = false;
};

// For each element of the batch, over the spatial axes and the features of a group: every
// num_groups-th feature, or neighbouring ones where pytorch_compatible.
struct GroupNorm : Module {
  using Options = GroupNormOptions;
  std::optional<array> weight, bias;  // (dims,)
  int num_groups, dims;
  Options options;
  MICA_MODULE(GroupNorm, bias, weight)

  GroupNorm(int num_groups, int dims, const Options& options = {});  // num_groups divides dims
  virtual array operator()(const array& x) const;                    // x: (N, spatial..., dims)
  std::string extra_repr() const override;
};

struct InstanceNormOptions {
  double eps = 1e-5;
  bool affine = false;
};

// For each element of the batch and each feature, over the spatial axes.
struct InstanceNorm : Module {
  using Options = InstanceNormOptions;
  std::optional<array> weight, bias;  // (dims,)
  int dims;
  double eps;
  MICA_MODULE(InstanceNorm, weight, bias)

  explicit InstanceNorm(int dims, const Options& options = {});
  virtual array operator()(const array& x) const;  // x: (N, spatial..., dims), 3 axes or more
  std::string extra_repr() const override;
};

}  // namespace mica::nn
