// What a CPU kernel receives.
#pragma once

#include <span>

#include "mica/array/dtype.h"
#include "mica/array/shape.h"

namespace mica::cpu {

// An operand in memory; strides are in elements.
struct Tensor {
  void* data;
  const Shape& shape;
  const Strides& strides;
  Dtype dtype;
  size_t size;  // elements

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// Inputs are row-contiguous unless the op says strided_inputs; outputs are always fresh and
// row-contiguous.
struct Call {
  std::span<const Tensor> inputs;
  std::span<const Tensor> outputs;
};

}  // namespace mica::cpu
