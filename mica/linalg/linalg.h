// Linear algebra: norms, decompositions, systems of equations. This folder holds them one family a
// set of neighbours; LAPACK computes them on the CPU.
//
// Matrices are the last two axes; the axes before them are a batch. Decompositions and solvers take
// float32 and float64; svd, eig, eigh and their values also complex64. Each function has vjp, jvp
// and vmap. A matrix that LAPACK cannot factor, or a singular one, is an error of eval, which names
// the op and its shapes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/stream.h"

namespace mica::linalg {

// The norm over one axis (of vectors) or two (of matrices); without axes, of the whole array, which
// then has one or two axes. ord, of vectors: any number p, (sum |x|^p)^(1/p), with 0 (elements that
// are not 0), inf and -inf (largest and smallest |x|); of matrices: 1 and -1 (largest and smallest
// column sum of |x|), inf and -inf (row sum), 2 and -2 (singular value). Gradients are 0 where a
// vector's norm is 0.
array norm(const array& a, const double ord,
           const std::optional<std::vector<int>>& axis = std::nullopt, bool keepdims = false,
           StreamOrDevice s = {});
inline array norm(const array& a, const double ord, int axis, bool keepdims = false,
                  StreamOrDevice s = {}) {
  return norm(a, ord, std::vector<int>{axis}, keepdims, s);
}
// Of matrices: "fro" or "f", the root of the sum of squares; "nuc", the sum of singular values.
array norm(const array& a, const std::string& ord,
           const std::optional<std::vector<int>>& axis = std::nullopt, bool keepdims = false,
           StreamOrDevice s = {});
inline array norm(const array& a, const std::string& ord, int axis, bool keepdims = false,
                  StreamOrDevice s = {}) {
  return norm(a, ord, std::vector<int>{axis}, keepdims, s);
}
// The root of the sum of squares over up to two axes, or of the whole array.
array norm(const array& a, const std::optional<std::vector<int>>& axis = std::nullopt,
           bool keepdims = false, StreamOrDevice s = {});
inline array norm(const array& a, int axis, bool keepdims = false, StreamOrDevice s = {}) {
  return norm(a, std::vector<int>{axis}, keepdims, s);
}

// Q (..., m, k) with orthonormal columns and the upper triangular R (..., k, n) with Q R = a; k is
// the smaller of m and n.
std::pair<array, array> qr(const array& a, StreamOrDevice s = {});

// {U (..., m, m), S (..., k), Vt (..., n, n)} with U diag(S) Vt = a, S descending; {S} alone where
// not compute_uv. Gradients hold for functions that do not depend on the phases of the vectors, nor
// on which vectors span the space of equal singular values.
std::vector<array> svd(const array& a, bool compute_uv, StreamOrDevice s);
inline std::vector<array> svd(const array& a, StreamOrDevice s = {}) { return svd(a, true, s); }

array inv(const array& a, StreamOrDevice s = {});
// The inverse of a triangular matrix, whose other half is not read.
array tri_inv(const array& a, bool upper = false, StreamOrDevice s = {});
// The lower triangular L with L L^T = a, or U with U^T U = a where upper. a is positive definite;
// the other half is not read. Gradients are symmetric.
array cholesky(const array& a, bool upper = false, StreamOrDevice s = {});
// The Moore-Penrose inverse; singular values up to 10 max(m, n) eps times the largest count as 0.
array pinv(const array& a, StreamOrDevice s = {});
// The inverse of the matrix whose Cholesky factor a is.
array cholesky_inv(const array& a, bool upper = false, StreamOrDevice s = {});

// {P, L, U}: the rows P (..., m), uint32, of L U are those of a.
std::vector<array> lu(const array& a, StreamOrDevice s = {});
// LAPACK's packed factors, and its pivots (uint32) counted from 0: row i was swapped with
// pivots[i].
std::pair<array, array> lu_factor(const array& a, StreamOrDevice s = {});

// x with a x = b; b is (n,) or (..., n, k), and batches broadcast.
array solve(const array& a, const array& b, StreamOrDevice s = {});
// As solve, for a triangular a, whose other half is not read.
array solve_triangular(const array& a, const array& b, bool upper = false, StreamOrDevice s = {});

// The cross product of vectors of 3 or 2 elements along axis; those of 2 have a third of 0. The
// product has 3 elements.
array cross(const array& a, const array& b, int axis = -1, StreamOrDevice s = {});

// The eigenvalues (..., n), in no order, and eigenvectors, the columns of (..., n, n), of length 1;
// complex64. Gradients need distinct eigenvalues, and functions that do not depend on the phases of
// the vectors.
std::pair<array, array> eig(const array& a, StreamOrDevice s = {});
array eigvals(const array& a, StreamOrDevice s = {});

// The real eigenvalues, ascending, and orthonormal eigenvectors of a Hermitian matrix, of which the
// lower ("L") or upper ("U") half is read. Gradients are Hermitian; those of vectors hold as svd's.
array eigvalsh(const array& a, std::string UPLO = "L", StreamOrDevice s = {});
std::pair<array, array> eigh(const array& a, std::string UPLO = "L", StreamOrDevice s = {});

// The determinant, and its sign with the logarithm of its absolute value; of real numbers, integers
// as float32. 0 has the sign 0 and the logarithm -inf.
array det(const array& a, StreamOrDevice s = {});
std::pair<array, array> slogdet(const array& a, StreamOrDevice s = {});

}  // namespace mica::linalg
