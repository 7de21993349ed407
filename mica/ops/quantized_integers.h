// Products of many rows with quantized weights whose codes stand for integers. Rows of x are
// rounded to 16 bits, each group to a share of its largest magnitude, so that they meet the codes
// in integer dot products: exact sums, scaled once a group. An element of x is off by up to 2^-16
// of the largest in its group.
#pragma once

#include <cstdint>

namespace mica::ops {

// A row of x: `values` in the order of the unpacked codes; for each group what a value is
// multiplied with, and the sum of the rounded elements.
struct IntegerRow {
  int16_t* values;
  float *scales, *sums;
};

// Rounded rows below each other: k values each, and a scale and a sum for each group. Elements
// [first, first + count), whole groups, are multiplied.
struct IntegerRows {
  int64_t m, k;
  int group_size;
  const int16_t* values;
  const float *scales, *sums;
  int64_t first, count;
};

// Codes as they lie in memory: four bits, of integers or E2M1 floats (which stand for twice their
// value), or bytes.
enum class IntegerCodes : uint8_t { nibbles, doubled_e2m1, bytes };

// The same elements of `columns` rows of weights, unpacked.
struct IntegerPanel {
  const int16_t* codes;          // count * columns, as unpack() leaves them
  const float *scales, *biases;  // (groups, columns); biases may be null
};

struct IntegerKernels {
  // Rows of weights in a panel; 0 where the instruction set has no products of 16-bit integers.
  int64_t columns;
  // Rounds a row of k elements, in groups of at most 128 that are multiples of 16. False where an
  // element is not finite, or all of a group are too small for a scale; the row is then unusable.
  bool (*round)(const float* x, int64_t k, int group_size, IntegerCodes order,
                const IntegerRow& row);
  // Unpacks `count` <= columns rows of k codes, `stride` bytes apart; the rest of the panel is 0.
  void (*unpack)(const uint8_t* codes, int64_t stride, int64_t count, int64_t k, IntegerCodes kind,
                 int16_t* panel);
  // The products of all rows with a panel, (m, columns), are written, or added to what is there.
  void (*multiply)(const IntegerRows& x, const IntegerPanel& panel, bool add, float* sums);
};

// For this machine's instruction set: made anew, and made once.
IntegerKernels make_integer_kernels();
const IntegerKernels& integer_kernels();

}  // namespace mica::ops
