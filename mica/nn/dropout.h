// Layers that zero parts of their input while training, and scale the rest so that its mean stays.
#pragma once

#include <string>

#include "mica/nn/module.h"

namespace mica::nn {

// Zeroes each element with probability p.
struct Dropout : Module {
  MICA_MODULE(Dropout)
  explicit Dropout(double p = 0.5) : Dropout("Dropout", p) {}  // in [0, 1)
  virtual array operator()(const array& x) const;
  std::string extra_repr() const override;

 protected:
  Dropout(const char* type, double p);
  array drop(const array& x, const Shape& mask_shape) const;
  double keep_;  // 1 - p
};

// Zeroes whole channels. x: (H, W, C) or (N, H, W, C).
struct Dropout2d : Dropout {
  MICA_MODULE(Dropout2d)
  explicit Dropout2d(double p = 0.5) : Dropout("Dropout2d", p) {}
  array operator()(const array& x) const override;
};

// Zeroes whole channels. x: (D, H, W, C) or (N, D, H, W, C).
struct Dropout3d : Dropout {
  MICA_MODULE(Dropout3d)
  explicit Dropout3d(double p = 0.5) : Dropout("Dropout3d", p) {}
  array operator()(const array& x) const override;
};

}  // namespace mica::nn
