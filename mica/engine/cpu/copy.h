// Copies between layouts: what materializes views, and what ops that move elements are made of.
#pragma once

#include <cstddef>

#include "mica/array/shape.h"
#include "mica/engine/cpu/call.h"

namespace mica::cpu {

// Copies the elements of shape, itemsize (1, 2, 4 or 8) bytes each. The pointers are to the first
// elements; strides are in elements, of either sign, and those of `in` may be 0 (broadcast). The
// memory read and the memory written must not overlap. Runs on the pool's threads where large.
void copy_strided(const void* in, const Strides& in_strides, void* out, const Strides& out_strides,
                  const Shape& shape, size_t itemsize);

// Copies the elements of `in` to `out` in row-major order.
void copy_strided(const Tensor& in, void* out);

// Copies bytes that are contiguous on both sides.
void copy_contiguous(const void* in, void* out, size_t bytes);

}  // namespace mica::cpu
