// What the loops over rows of batch normalization take. Internal to this folder.
#pragma once

namespace mica::ops {

// For each column of the rows: y = (x - mean) * scale + shift.
struct BatchColumns {
  const float *mean, *scale, *shift;
};

}  // namespace mica::ops
