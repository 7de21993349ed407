// A float32 matrix laid out for many products with a few rows each, as of a recurrent layer's
// weight with the states of each step: packed once, for this machine's instruction set.
#pragma once

#include <cstdint>

#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {

class PackedMatrix {
 public:
  // b: (k, n), its strides in elements.
  PackedMatrix(const float* b, int64_t row_stride, int64_t column_stride, int64_t k, int64_t n);

  // Columns that are computed together: a panel.
  static int64_t panel();
  static int64_t panels(int64_t columns) { return (columns + panel() - 1) / panel(); }

  // The columns of panels [begin, end) of a (m, k) times b, into the same columns of out (m, n).
  // Rows of a and of out are a_row and out_row elements apart. For several threads at once.
  void multiply(const float* a, int64_t a_row, int64_t m, int64_t begin, int64_t end, float* out,
                int64_t out_row) const;

 private:
  int64_t k_, n_;
  Scratch panels_;
};

}  // namespace mica::cpu
