// Inputs that are the same numbers here and in benchmarks/peers/inputs.py, so that outputs can be
// compared: each element is a hash of its place and a seed.
#pragma once

#include <cstdint>

#include "mica/mica.h"

namespace benchmarks {

using mica::array;

// Evaluated float32 values, spread evenly over [-2, 2).
array values(uint32_t seed, const mica::Shape& shape);

// Evaluated int32 labels in [0, classes).
array labels(uint32_t seed, const mica::Shape& shape, uint32_t classes);

// Gives every trainable parameter values that depend on its place among them: biases are 0 and
// other vectors 1, the rest is values(place, shape) / sqrt(size / shape[0]).
void initialise(mica::nn::Module& model);

}  // namespace benchmarks
