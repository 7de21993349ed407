// Kernels over contiguous tiles, chosen for this machine's instruction set: elementwise ops, casts,
// fills and horizontal reductions. The results of an element do not depend on its place in the
// tile.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mica/array/dtype.h"
#include "mica/ops/op_id.h"

namespace mica::cpu {

// dst[i] = op(a[i], b[i], c[i]) for i < n; operands beyond the op's arity are ignored. Pointers
// need their elements' alignment only. dst may equal an operand's pointer where dst's elements are
// no larger than that operand's.
using ElementwiseKernel = void (*)(void* dst, const void* a, const void* b, const void* c,
                                   size_t n);

// Null where there is no native kernel: always for AsType (see cast_kernel), and for float16 and
// bfloat16, which are computed in float32 and rounded after each op (Select has them). The operand
// is the dtype of the op's inputs; for Select, of x and y, whose condition a is bool.
ElementwiseKernel elementwise_kernel(OpId op, Dtype operand);

// Any dtype to any other; b and c are ignored.
ElementwiseKernel cast_kernel(Dtype from, Dtype to);

// n copies of one element.
void fill_kernel(void* dst, const void* value, size_t itemsize, size_t n);

enum class ReduceOp { sum, prod, min, max, all, any };
inline constexpr int reduce_op_count = 6;

// acc[0] = acc[0] op x[0] op ... op x[n-1], in an order that depends on n only. Sums and products
// of floats run over 32 lanes or more, which are added pairwise. Minima and maxima of floats are
// NaN where an element is.
using ReduceKernel = void (*)(void* acc, const void* x, size_t n);

// The accumulator has the elements' dtype. Null where there is no native kernel: for float16 and
// bfloat16, for sum and prod of bool, for all and any of anything but bool. Complex numbers are
// ordered by real part, then by imaginary part.
ReduceKernel reduce_kernel(ReduceOp op, Dtype dtype);

// acc[j] = acc[j] op x[0][j] op ... op x[rows - 1][j] in this order for j < n, where x[i] begins
// row_stride elements behind x[i - 1]. Groups of rows are read side by side: one row after another
// comes from memory at half the rate. For the dtypes of ReduceKernel.
using ReduceRowsKernel = void (*)(void* acc, const void* x, int64_t row_stride, size_t rows,
                                  size_t n);
ReduceRowsKernel reduce_rows_kernel(ReduceOp op, Dtype dtype);

// The value that leaves others unchanged: 0, 1, the largest, the smallest, true, false.
void reduce_identity(ReduceOp op, Dtype dtype, void* out);

}  // namespace mica::cpu
