// Checks of arguments that the functions of quantized arrays share. All throw
// std::invalid_argument.
#pragma once

#include <optional>

#include "mica/array/array.h"
#include "mica/ops/quantized.h"

namespace mica::ops {

// Only in mode nvfp4, and float32.
void check_global_scale(const char* op, const QuantFormat& format,
                        const std::optional<array>& global_scale, const char* argument);
// Of one element too.
void check_one_global_scale(const char* op, const QuantFormat& format,
                            const std::optional<array>& global_scale, const char* argument);

// Packed w with the scales and, in mode affine alone, biases that the format asks for.
void check_quantized(const char* op, const QuantFormat& format, const array& w, const array& scales,
                     const std::optional<array>& biases);

}  // namespace mica::ops
