// Layers that take the largest or the mean of each window of an image or signal with channels last.
#pragma once

#include <optional>
#include <string>

#include "mica/nn/module.h"
#include "mica/nn/sizes.h"

namespace mica::nn {

template <size_t n>
struct PoolOptions {
  std::optional<Sizes<n>> stride = {};  // the kernel size if empty
  Sizes<n> padding = 0;
};

// What the layers below share: n spatial axes. x: (N, spatial..., C).
template <size_t n>
struct Pool : Module {
  using Options = PoolOptions<n>;
  Sizes<n> kernel_size, stride, padding;
  MICA_MODULE(Pool)

  virtual array operator()(const array& x) const = 0;
  std::string extra_repr() const override;

 protected:
  // kind: "MaxPool", for errors.
  Pool(const char* kind, Sizes<n> kernel_size, const Options& options);
  // Throws where x has other axes, or is smaller than a window.
  void check_input(const array& x) const;
};

template <size_t n>
struct MaxPool : Pool<n> {
  using Options = PoolOptions<n>;
  MICA_MODULE(MaxPool)
  array operator()(const array& x) const override;

 protected:
  MaxPool(Sizes<n> kernel_size, const Options& options)
      : Pool<n>("MaxPool", kernel_size, options) {}
};

// Padding counts as zeros.
template <size_t n>
struct AvgPool : Pool<n> {
  using Options = PoolOptions<n>;
  MICA_MODULE(AvgPool)
  array operator()(const array& x) const override;

 protected:
  AvgPool(Sizes<n> kernel_size, const Options& options)
      : Pool<n>("AvgPool", kernel_size, options) {}
};

struct MaxPool1d : MaxPool<1> {
  explicit MaxPool1d(Sizes<1> kernel_size, const Options& options = {})
      : MaxPool(kernel_size, options) {}
};
struct MaxPool2d : MaxPool<2> {
  explicit MaxPool2d(Sizes<2> kernel_size, const Options& options = {})
      : MaxPool(kernel_size, options) {}
};
struct MaxPool3d : MaxPool<3> {
  explicit MaxPool3d(Sizes<3> kernel_size, const Options& options = {})
      : MaxPool(kernel_size, options) {}
};
struct AvgPool1d : AvgPool<1> {
  explicit AvgPool1d(Sizes<1> kernel_size, const Options& options = {})
      : AvgPool(kernel_size, options) {}
};
struct AvgPool2d : AvgPool<2> {
  explicit AvgPool2d(Sizes<2> kernel_size, const Options& options = {})
      : AvgPool(kernel_size, options) {}
};
struct AvgPool3d : AvgPool<3> {
  explicit AvgPool3d(Sizes<3> kernel_size, const Options& options = {})
      : AvgPool(kernel_size, options) {}
};

}  // namespace mica::nn
