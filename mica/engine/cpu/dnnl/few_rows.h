// Products of a few rows with a matrix, bound by reading the matrix once. For this folder and for
// kernels of ops.
#pragma once

#include <cstdint>
#include <tuple>

#include "mica/array/half.h"

namespace mica::cpu {

constexpr int64_t most_rows = 8;

// out[i * out_row + j] = sum a[i * k + l] * b(l, j) over l < k, for i < m and begin <= j < end.
template <class T>
using FewRowsKernel = void (*)(const float* a, int64_t m, int64_t k, const T* b, int64_t leading,
                               int64_t begin, int64_t end, float* out, int64_t out_row);

template <class T>
struct FewRowsKernels {
  FewRowsKernel<T> columns;  // b's columns are contiguous, `leading` elements apart
  FewRowsKernel<T> rows;     // its rows are
};

using FewRowsTable =
    std::tuple<FewRowsKernels<float>, FewRowsKernels<bfloat16_t>, FewRowsKernels<float16_t>>;

// Kernels for this machine's instruction set.
const FewRowsTable& few_rows_table();

}  // namespace mica::cpu
