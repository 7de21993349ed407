// Pooling over some channels of one image, for this machine's instruction set. Internal to this
// folder.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

namespace mica::cpu {

// Three spatial axes; those a problem does not have are 1.
struct PoolImage {
  std::array<int64_t, 3> input, output, kernel, stride;
  std::array<int64_t, 3> padding;  // below
  int64_t channels;                // of the image, all of which lie side by side
  int64_t begin, end;              // the channels to work on
};

template <class T>
struct PoolKernels {
  void (*max_forward)(const PoolImage& image, const T* x, T* y);
  // Null for integers. The gradient of the image is written whole.
  void (*max_backward)(const PoolImage& image, const T* x, const T* y, const T* dy, T* dx);
  void (*average_forward)(const PoolImage& image, const T* x, T* y);
  void (*average_backward)(const PoolImage& image, const T* dy, T* dx);
};

using PoolTable =
    std::tuple<PoolKernels<float>, PoolKernels<double>, PoolKernels<uint8_t>, PoolKernels<uint16_t>,
               PoolKernels<uint32_t>, PoolKernels<uint64_t>, PoolKernels<int8_t>,
               PoolKernels<int16_t>, PoolKernels<int32_t>, PoolKernels<int64_t>>;

const PoolTable& pool_table();

}  // namespace mica::cpu
