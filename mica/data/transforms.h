// Transforms of samples whose first array is a picture (height, width, channels); the rest stays.
// Those that draw random numbers are for training.
#pragma once

#include <vector>

#include "mica/data/dataset.h"

namespace mica::data {

// Left and right exchanged, with this probability.
Transform random_flip(double probability = 0.5);
// Moved by up to `padding` pixels along each side, zeros where nothing is.
Transform random_crop(int padding);
// uint8 as float32, (x / 255 - mean) / deviation; one number a channel, or one for all.
Transform normalize(std::vector<float> mean, std::vector<float> deviation);

}  // namespace mica::data
