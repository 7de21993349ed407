// Layers that enlarge signals, images and volumes with channels last, or shrink them.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "mica/nn/module.h"

namespace mica::nn {

enum class UpsampleMode { nearest, linear, cubic };

// One factor for all spatial axes, or one for each: `2`, `{2, 1.5}`.
struct ScaleFactor {
  std::vector<double> values;
  bool one = false;

  ScaleFactor(double value) : values{value}, one(true) {}
  ScaleFactor(std::initializer_list<double> each) : values(each) {}
};

struct UpsampleOptions {
  UpsampleMode mode = UpsampleMode::nearest;
  bool align_corners = false;  // the ends of input and output coincide
  bool antialias = false;      // kernels as wide as the output's distances; not with the above
};

// Each spatial axis of N elements becomes one of floor(scale N), interpolated: by the nearest
// element, linearly, or by cubic convolution (a = -0.75; with antialias -0.5).
struct Upsample : Module {
  using Options = UpsampleOptions;
  ScaleFactor scale_factor;
  Options options;
  MICA_MODULE(Upsample)

  explicit Upsample(ScaleFactor scale_factor, const Options& options = {});
  virtual array operator()(const array& x) const;  // x: (N, spatial..., C)
  std::string extra_repr() const override;
};

}  // namespace mica::nn
