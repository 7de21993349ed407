// Layers that give their input another shape.
#pragma once

#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

struct FlattenOptions {
  int start_axis = 1;
  int end_axis = -1;
};

// The axes from start_axis to end_axis made one.
struct Flatten : Module {
  using Options = FlattenOptions;
  Options options;
  MICA_MODULE(Flatten)

  explicit Flatten(const Options& options = {}) : options(options) {}
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;
};

// (N, H, W, C r²) to (N, r H, r W, C): channel c r² + i r + j goes to row i, column j of c's block.
struct PixelShuffle : Module {
  int upscale_factor;  // r
  MICA_MODULE(PixelShuffle)

  explicit PixelShuffle(int upscale_factor);
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;
};

}  // namespace mica::nn
