// The UCI handwritten digits: images of 8 by 8 pixels and the digits they show.
#pragma once

#include <string>
#include <utility>

#include "mica/mica.h"

namespace digits {

inline constexpr int side = 8;      // of an image, in pixels
inline constexpr int classes = 10;  // the digits 0 to 9

struct Dataset {
  mica::array images;  // (n, side, side, 1), float32 in [0, 1]
  mica::array labels;  // (n,), int32 in [0, classes)

  int size() const { return images.shape(0); }
};

// Reads lines of side * side grey values from 0 to 16 and a label, separated by commas, from a file
// that may be compressed by gzip. Throws std::system_error where it can't be read,
// std::invalid_argument naming the file, the line, what was expected there and what there is.
Dataset read_dataset(const std::string& path);

// All rows but the last `held_out`, and those. Throws std::invalid_argument where one of the two
// would be empty.
std::pair<Dataset, Dataset> split(const Dataset& dataset, int held_out);

}  // namespace digits
