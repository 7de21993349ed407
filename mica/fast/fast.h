// Fused layers: one pass over memory where a composition would take several. Each equals its
// composed definition up to rounding, and has derivatives of every order.
#pragma once

#include <optional>

#include "mica/array/array.h"
#include "mica/stream.h"

namespace mica::fast {

// x * rsqrt(mean(x^2) + eps) over the last axis, times weight (n); computed in at least float32.
array rms_norm(const array& x, const std::optional<array>& weight, float eps,
               StreamOrDevice s = {});

// (x - mean(x)) * rsqrt(var(x) + eps) over the last axis, times weight (n), plus bias (n); computed
// in at least float32.
array layer_norm(const array& x, const std::optional<array>& weight,
                 const std::optional<array>& bias, float eps, StreamOrDevice s = {});

}  // namespace mica::fast
