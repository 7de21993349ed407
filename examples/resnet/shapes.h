// A small set of pictures that the program draws itself, to have something to learn where CIFAR-10
// is not at hand.
#pragma once

#include <array>
#include <cstdint>

#include "mica/data/data.h"

namespace resnet {

inline constexpr std::array<const char*, 10> shape_classes = {
    "disc", "ring", "square", "frame", "triangle", "cross", "saltire", "diamond", "bars", "dots"};

// `count` pictures (32, 32, 3) of uint8 with labels below 10, each class as often as the others: a
// shape of random size, place and light colour on a dark background, with noise. Picture i
// depends on seed and i alone.
mica::data::Dataset draw_shapes(size_t count, uint64_t seed);

}  // namespace resnet
