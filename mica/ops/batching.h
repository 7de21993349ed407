// Helpers for the vmap rules of ops.
#pragma once

#include "mica/array/array.h"
#include "mica/engine/op.h"

namespace mica::ops {

// x with its batch axis moved to the front; without one (-1), broadcast along a new first axis.
array batch_first(const array& x, int axis, int batch);
// x with its batch axis moved to the front; without one, with a first axis of size 1.
array batch_first_or_one(const array& x, int axis);
// All inputs with the batch axis in front.
std::vector<array> all_batch_first(const engine::VmapArgs& args);
// The axis, given without the batch, once the batch is in front: axis + 1.
std::vector<int> shift_axes(const std::vector<int>& axes);

}  // namespace mica::ops
