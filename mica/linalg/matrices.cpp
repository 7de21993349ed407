#include "mica/linalg/matrices.h"

#include <stdexcept>
#include <string>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"

namespace mica::ops {

namespace {

[[noreturn]] void fail(const char* name, const std::string& expected, const std::string& got) {
  throw std::invalid_argument("linalg::" + std::string(name) + ": expected a " + expected +
                              ", got " + got);
}

// eye(n) of x's dtype, or of the real one where x is complex.
array eye_like(const array& x) { return eye(x.shape(-2), x.shape(-1), 0, real_dtype(x.dtype())); }

}  // namespace

void check_matrix_dtype(const char* name, const array& a, MatrixDtypes dtypes) {
  const bool complex = dtypes == MatrixDtypes::real_or_complex;
  if (a.dtype() == float32 || a.dtype() == float64 || (complex && a.dtype() == complex64)) return;
  fail(name, complex ? "of float32, float64 or complex64" : "of float32 or float64",
       dtype_name(a.dtype()));
}

void check_matrix(const char* name, const array& a) {
  if (a.ndim() < 2) fail(name, "(..., m, n)", to_string(a.shape()));
}

void check_square(const char* name, const array& a) {
  if (a.ndim() < 2 || a.shape(-1) != a.shape(-2)) fail(name, "(..., n, n)", to_string(a.shape()));
}

Shape with_batch(const array& a, std::initializer_list<int> matrix) {
  Shape shape(a.shape().begin(), a.shape().end() - 2);
  shape.insert(shape.end(), matrix.begin(), matrix.end());
  return shape;
}

Dtype real_dtype(Dtype dtype) { return dtype == complex64 ? float32 : dtype; }

array scale_rows(const array& x, const array& by) { return x * expand_dims(by, -1); }
array scale_columns(const array& x, const array& by) { return x * expand_dims(by, -2); }

array diagonal_of(const array& x) { return diagonal(x, 0, -2, -1); }

array diagonal_matrix(const array& x) {
  return expand_dims(x, -1) * eye(x.shape(-1), real_dtype(x.dtype()));
}

array without_diagonal(const array& x) { return where(eye_like(x) == array(0), x, zeros_like(x)); }

array rows(const array& x, int begin, int end) {
  Shape start(x.ndim(), 0), stop = x.shape();
  start[x.ndim() - 2] = begin;
  stop[x.ndim() - 2] = end;
  return slice(x, start, stop);
}

array columns(const array& x, int begin, int end) {
  Shape start(x.ndim(), 0), stop = x.shape();
  start[x.ndim() - 1] = begin;
  stop[x.ndim() - 1] = end;
  return slice(x, start, stop);
}

array hermitian_part(const array& x) { return (x + adjoint(x)) * array(0.5f); }

array ratio(const array& x, const array& by) {
  const array both = logical_and(x == array(0), by == array(0));
  return x / where(both, ones_like(by), by);
}

array differences(const array& x) {
  return expand_dims(x, -2) - expand_dims(x, -1) + eye(x.shape(-1), real_dtype(x.dtype()));
}

}  // namespace mica::ops
