// What the rules of linear algebra share: checks, and small functions of matrices.
#pragma once

#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/engine/op.h"
#include "mica/ops/batching.h"
#include "mica/ops/matmul.h"

namespace mica::ops {

// The dtypes of a function of matrices.
enum class MatrixDtypes { real, real_or_complex };

// Each throws std::invalid_argument, which starts with "linalg::NAME: expected a ...".
void check_matrix_dtype(const char* name, const array& a, MatrixDtypes dtypes);
void check_matrix(const char* name, const array& a);  // two axes or more
void check_square(const char* name, const array& a);

// The shape of a's batch, followed by `matrix`.
Shape with_batch(const array& a, std::initializer_list<int> matrix);
// The dtype of absolute values.
Dtype real_dtype(Dtype dtype);

// diag(by) x and x diag(by).
array scale_rows(const array& x, const array& by);
array scale_columns(const array& x, const array& by);
// The diagonal (..., k) of a matrix, and the diagonal matrix (..., k, k) of a vector.
array diagonal_of(const array& x);
array diagonal_matrix(const array& x);
// x with zeros on the diagonal.
array without_diagonal(const array& x);
// Rows or columns [begin, end).
array rows(const array& x, int begin, int end);
array columns(const array& x, int begin, int end);
// (x + x^H) / 2
array hermitian_part(const array& x);
// x / by, and 0 where both are 0: what does not depend on a direction stays finite where another
// would have an infinite derivative.
array ratio(const array& x, const array& by);
// (..., i, j): x[j] - x[i] off the diagonal, 1 on it.
array differences(const array& x);

// f of the inputs with their batches in front, for the vmap of an op that takes batches.
template <class F>
engine::Batched map_matrices(const engine::VmapArgs& args, F&& f) {
  std::vector<array> outputs = f(all_batch_first(args));
  std::vector<int> axes(outputs.size(), 0);
  return {std::move(outputs), std::move(axes)};
}

}  // namespace mica::ops
