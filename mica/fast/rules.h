// Rules of fused ops that follow from their composed definition: a function that computes the op's
// outputs from its inputs in public functions.
#pragma once

#include <functional>
#include <vector>

#include "mica/array/array.h"
#include "mica/engine/op.h"

namespace mica::ops {

using Composition = std::function<std::vector<array>(const std::vector<array>&)>;

std::vector<array> composed_vjp(const Composition& composition, const engine::VjpArgs& args);
std::vector<array> composed_jvp(const Composition& composition, const engine::JvpArgs& args);
engine::Batched composed_vmap(const Composition& composition, const engine::VmapArgs& args);

// The dtype in which a fused op of a floating dtype computes.
inline Dtype at_least_float32(Dtype dtype) { return dtype == float64 ? float64 : float32; }

}  // namespace mica::ops
