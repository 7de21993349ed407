// The transforms of Winograd's F(4x4, 3x3) and of its transpose, F(3x3, 4x4), for this machine's
// instruction set: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", with the
// points 0, 1, -1, 2, -2 and infinity. Internal to this folder.
#pragma once

#include <cstdint>

namespace mica::cpu {

// A square of places, row by row, and its transform; each place has n floats, channels side by
// side. Nothing written is read. n is at least 16.
using WinogradTransform = void (*)(const float* const* from, float* const* to, int64_t n);

struct WinogradTransforms {
  WinogradTransform input;            // 6x6 -> 6x6
  WinogradTransform filter;           // 3x3 -> 6x6
  WinogradTransform tile;             // 4x4 -> 6x6, of an output's gradient
  WinogradTransform filter_gradient;  // 6x6 -> 3x3
  // 6x6 -> 4x4; adds bias (n) unless null.
  void (*output)(const float* const* from, float* const* to, const float* bias, bool relu,
                 int64_t n);
};

const WinogradTransforms& winograd_transforms();

}  // namespace mica::cpu
