// Initialisers: each makes a function from an array to a new one of its shape, for Module::apply
// and for setting parameters: linear.weight = nn::init::he_normal()(linear.weight).
#pragma once

#include <functional>

#include "mica/array/array.h"

namespace mica::nn::init {

using Initializer = std::function<array(const array&)>;

Initializer constant(double value, Dtype dtype = float32);
Initializer normal(double mean = 0.0, double std = 1.0, Dtype dtype = float32);
Initializer uniform(double low = 0.0, double high = 1.0, Dtype dtype = float32);
// Normal, conditioned on [low, high].
Initializer truncated_normal(double mean = 0.0, double std = 1.0, double low = -2.0,
                             double high = 2.0, Dtype dtype = float32);
// The identity matrix; of a square matrix only.
Initializer identity(Dtype dtype = float32);
// Normal, with ceil(sparsity * columns) elements of each row of a matrix set to zero.
Initializer sparse(double sparsity, double mean = 0.0, double std = 1.0, Dtype dtype = float32);
// gain times a part of a random orthogonal matrix: the rows or columns of a matrix, whichever are
// fewer, are orthogonal.
Initializer orthogonal(double gain = 1.0, Dtype dtype = float32);

// Glorot and He need two axes or more: (out, ..., in). The axes between count for both fans.
enum class Fan { fan_in, fan_out };

// Standard deviation gain * sqrt(2 / (fan_in + fan_out)).
struct glorot_normal {
  explicit glorot_normal(Dtype dtype = float32) : dtype(dtype) {}
  array operator()(const array& a, double gain = 1.0) const;
  Dtype dtype;
};
// In ± gain * sqrt(6 / (fan_in + fan_out)).
struct glorot_uniform {
  explicit glorot_uniform(Dtype dtype = float32) : dtype(dtype) {}
  array operator()(const array& a, double gain = 1.0) const;
  Dtype dtype;
};
// Standard deviation gain / sqrt(fan).
struct he_normal {
  explicit he_normal(Dtype dtype = float32) : dtype(dtype) {}
  array operator()(const array& a, Fan mode = Fan::fan_in, double gain = 1.0) const;
  Dtype dtype;
};
// In ± gain * sqrt(3 / fan).
struct he_uniform {
  explicit he_uniform(Dtype dtype = float32) : dtype(dtype) {}
  array operator()(const array& a, Fan mode = Fan::fan_in, double gain = 1.0) const;
  Dtype dtype;
};

}  // namespace mica::nn::init
