// What the tests of the public functions share: each function of MLX's headers exists with MLX's
// type.
#pragma once

#include <gtest/gtest.h>

#include "mlx/array.h"
#include "mlx/utils.h"

namespace mx = mlx::core;
using mx::array;
using mx::Device;
using mx::Dtype;
using mx::Shape;
using mx::Stream;
using mx::Strides;
using S = mx::StreamOrDevice;

// Names an overload by its type, so that one that is missing or other does not compile.
template <class Function>
void has(Function* function) {
  EXPECT_NE(function, nullptr);
}
