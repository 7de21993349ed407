// Pooling to a given size, with channels last.
#pragma once

#include <string>

#include "mica/nn/module.h"
#include "mica/nn/sizes.h"

namespace mica::nn {

// What the layers below share: n spatial axes. Element i of a spatial axis of `out` elements is
// made of the input's elements floor(i L / out) to ceil((i + 1) L / out) - 1.
// x: (N, spatial..., C) to (N, output_size..., C).
template <size_t n>
struct AdaptivePool : Module {
  Sizes<n> output_size;
  MICA_MODULE(AdaptivePool)

  virtual array operator()(const array& x) const = 0;
  std::string extra_repr() const override;

 protected:
  // kind: "AdaptiveMaxPool", for errors.
  AdaptivePool(const char* kind, Sizes<n> output_size);
  // Throws where x has other axes, or one without elements.
  void check_input(const array& x) const;
};

template <size_t n>
struct AdaptiveAvgPool : AdaptivePool<n> {
  array operator()(const array& x) const override;

 protected:
  explicit AdaptiveAvgPool(Sizes<n> output_size)
      : AdaptivePool<n>("AdaptiveAvgPool", output_size) {}
};

template <size_t n>
struct AdaptiveMaxPool : AdaptivePool<n> {
  array operator()(const array& x) const override;

 protected:
  explicit AdaptiveMaxPool(Sizes<n> output_size)
      : AdaptivePool<n>("AdaptiveMaxPool", output_size) {}
};

struct AdaptiveAvgPool1d : AdaptiveAvgPool<1> {
  explicit AdaptiveAvgPool1d(Sizes<1> output_size) : AdaptiveAvgPool(output_size) {}
};
struct AdaptiveAvgPool2d : AdaptiveAvgPool<2> {
  explicit AdaptiveAvgPool2d(Sizes<2> output_size) : AdaptiveAvgPool(output_size) {}
};
struct AdaptiveAvgPool3d : AdaptiveAvgPool<3> {
  explicit AdaptiveAvgPool3d(Sizes<3> output_size) : AdaptiveAvgPool(output_size) {}
};
struct AdaptiveMaxPool1d : AdaptiveMaxPool<1> {
  explicit AdaptiveMaxPool1d(Sizes<1> output_size) : AdaptiveMaxPool(output_size) {}
};
struct AdaptiveMaxPool2d : AdaptiveMaxPool<2> {
  explicit AdaptiveMaxPool2d(Sizes<2> output_size) : AdaptiveMaxPool(output_size) {}
};
struct AdaptiveMaxPool3d : AdaptiveMaxPool<3> {
  explicit AdaptiveMaxPool3d(Sizes<3> output_size) : AdaptiveMaxPool(output_size) {}
};

}  // namespace mica::nn
