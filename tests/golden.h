// What the peers computed, as tests/golden/generate.py wrote it, and comparisons of arrays.
#pragma once

#include <string>
#include <unordered_map>

#include "mica/array/array.h"

namespace mica::golden {

// The arrays of tests/golden/NAME.safetensors: load("nn/mlp_weights").at("layers.0.weight").
std::unordered_map<std::string, array> load(const std::string& name);

// Expects the same shape and dtype, and each element within atol + rtol * |expected|; NaN is close
// to NaN, and an infinity to itself. A failure, at the caller's line, prints the largest error with
// its index and both values, and the first element that is outside.
void expect_close(const array& actual, const array& expected, double rtol = 1e-5,
                  double atol = 1e-6, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE());

// Expects the same shape, dtype and bits.
void expect_same(const array& actual, const array& expected, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE());

}  // namespace mica::golden
