#include "mica/linalg/factorizations.h"

#include <algorithm>

#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/linalg/solvers.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

array lower_factor(const array& a, const StreamOrDevice& s) {
  return engine::apply(Cholesky{}, {a}, a.shape(), a.dtype(), s);
}

std::vector<array> tall_qr(const array& a, const StreamOrDevice& s) {
  const int n = a.shape(-1);
  return engine::apply_many(QR{}, {a}, {{a.shape(), a.dtype()}, {with_batch(a, {n, n}), a.dtype()}},
                            s);
}

// x a^-1 for a triangular a.
array divide_right(const array& x, const array& a, bool upper) {
  return adjoint(solve_triangular_matrices(adjoint(a), adjoint(x), !upper));
}

// The lower half with half the diagonal: of a Hermitian x, what gives x when its adjoint is added.
array half_of(const array& x) { return (tril(x) + tril(x, -1)) * array(0.5f); }

// The rows row_indices (..., m) of x (..., m, n).
array take_rows(const array& x, const array& row_indices) {
  return take_along_axis(x, broadcast_to(expand_dims(row_indices, -1), x.shape()), -2);
}

// L and U of factors (..., m, n), cut at k = min(m, n): l1 and u1 are (k, k), l2 the rows below, u2
// the columns behind. A pivot that is 0 counts as eps times the largest one, so that what is linear
// in each pivot, as a determinant, keeps its derivative.
struct Parts {
  int m, n, k;
  array l1, l2, u1, u2;

  explicit Parts(const array& factors)
      : m(factors.shape(-2)),
        n(factors.shape(-1)),
        k(std::min(m, n)),
        l1(tril(square(factors), -1) + eye(k, factors.dtype())),
        l2(rows(factors, k, m)),
        u1(triu(square(factors))),
        u2(columns(factors, k, n)) {
    const array pivots = diagonal_of(u1);
    const array largest = max(abs(pivots), -1, true) * array(finfo(u1.dtype()).eps, u1.dtype());
    const array least = where(largest == array(0), ones_like(largest), largest);
    u1 = u1 + diagonal_matrix(where(pivots == array(0), least, zeros_like(pivots)));
  }
  array square(const array& x) const { return columns(rows(x, 0, k), 0, k); }
  bool is_tall() const { return m > n; }
  bool is_wide() const { return m < n; }
};

}  // namespace

std::vector<array> lu_factors(const array& a, const StreamOrDevice& s) {
  const int m = a.shape(-2), k = std::min(m, a.shape(-1));
  Shape pivots = with_batch(a, {k}), indices = with_batch(a, {m});
  return engine::apply_many(LU{}, {a},
                            {{a.shape(), a.dtype()}, {pivots, uint32}, {indices, uint32}}, s);
}

// With P(x) = half_of(x): dL = L P(L^-1 da L^-T), for a symmetric da.
std::vector<array> Cholesky::vjp(const engine::VjpArgs& args) const {
  const array& l = args.outputs[0];
  const array inner = half_of(matmul(adjoint(l), args.cotangents[0]));
  const array left = solve_triangular_matrices(adjoint(l), inner, true);
  return {hermitian_part(divide_right(left, l, false))};
}

std::vector<array> Cholesky::jvp(const engine::JvpArgs& args) const {
  const array& l = args.outputs[0];
  const array left = solve_triangular_matrices(l, hermitian_part(args.tangents[0]), false);
  return {matmul(l, half_of(divide_right(left, adjoint(l), true)))};
}

engine::Batched Cholesky::vmap(const engine::VmapArgs& args) const {
  return map_matrices(
      args, [](const std::vector<array>& x) { return std::vector<array>{lower_factor(x[0], {})}; });
}

// With rows in the order of L U, and strict lower and upper half of M = L1^-1 da1 U1^-1:
// dL1 = L1 lower(M), dU1 = upper(M) U1, dU2 = L1^-1 (da2 - dL1 U2), dL2 = (da2 - L2 dU1) U1^-1.
std::vector<array> LU::vjp(const engine::VjpArgs& args) const {
  if (args.primals[0].size() == 0) return {zeros_like(args.primals[0])};
  const Parts parts(args.outputs[0]);
  const auto& [m, n, k, l1, l2, u1, u2] = parts;
  const array& t = args.cotangents[0];
  array lower = matmul(adjoint(l1), tril(parts.square(t), -1));
  array upper = matmul(triu(parts.square(t)), adjoint(u1));
  if (parts.is_wide()) lower = lower - matmul(columns(t, k, n), adjoint(u2));
  if (parts.is_tall()) upper = upper - matmul(adjoint(l2), rows(t, k, m));
  const array inner = divide_right(tril(lower, -1) + triu(upper), adjoint(u1), false);
  array out = solve_triangular_matrices(adjoint(l1), inner, true);
  if (parts.is_wide()) {
    const array rest = solve_triangular_matrices(adjoint(l1), columns(t, k, n), true);
    out = concatenate({out, rest}, -1);
  }
  if (parts.is_tall()) {
    out = concatenate({out, divide_right(rows(t, k, m), adjoint(u1), false)}, -2);
  }
  return {take_rows(out, args.outputs[2])};
}

std::vector<array> LU::jvp(const engine::JvpArgs& args) const {
  const array no_pivots = zeros_like(args.outputs[1]), no_indices = zeros_like(args.outputs[2]);
  if (args.primals[0].size() == 0) return {zeros_like(args.outputs[0]), no_pivots, no_indices};
  const Parts parts(args.outputs[0]);
  const auto& [m, n, k, l1, l2, u1, u2] = parts;
  const array t = take_rows(args.tangents[0], argsort(args.outputs[2], -1));
  const array left = solve_triangular_matrices(l1, parts.square(t), false);
  const array inner = divide_right(left, u1, true);
  const array dl1 = matmul(l1, tril(inner, -1)), du1 = matmul(triu(inner), u1);
  array out = dl1 + du1;
  if (parts.is_wide()) {
    const array right = columns(t, k, n) - matmul(dl1, u2);
    out = concatenate({out, solve_triangular_matrices(l1, right, false)}, -1);
  }
  if (parts.is_tall()) {
    out = concatenate({out, divide_right(rows(t, k, m) - matmul(l2, du1), u1, true)}, -2);
  }
  return {out, no_pivots, no_indices};
}

engine::Batched LU::vmap(const engine::VmapArgs& args) const {
  return map_matrices(args, [](const std::vector<array>& x) { return lu_factors(x[0]); });
}

// With C = Q^T da R^-1 and the skew W that equals C below the diagonal: dR = (C - W) R and
// dQ = da R^-1 - Q (C - W).
std::vector<array> QR::vjp(const engine::VjpArgs& args) const {
  const array &q = args.outputs[0], &r = args.outputs[1];
  const array inner =
      matmul(r, adjoint(args.cotangents[1])) - matmul(adjoint(args.cotangents[0]), q);
  const array symmetric = tril(inner) + adjoint(tril(inner, -1));
  return {divide_right(args.cotangents[0] + matmul(q, symmetric), adjoint(r), false)};
}

std::vector<array> QR::jvp(const engine::JvpArgs& args) const {
  const array &q = args.outputs[0], &r = args.outputs[1];
  const array t = divide_right(args.tangents[0], r, true);
  const array inner = matmul(adjoint(q), t);
  const array upper = triu(inner) + adjoint(tril(inner, -1));
  return {t - matmul(q, upper), matmul(upper, r)};
}

engine::Batched QR::vmap(const engine::VmapArgs& args) const {
  return map_matrices(args, [](const std::vector<array>& x) { return tall_qr(x[0], {}); });
}

}  // namespace ops

namespace linalg {

array cholesky(const array& a, bool upper, StreamOrDevice s) {
  ops::check_matrix_dtype("cholesky", a, ops::MatrixDtypes::real);
  ops::check_square("cholesky", a);
  if (!upper) return ops::lower_factor(a, s);
  return swapaxes(ops::lower_factor(swapaxes(a, -1, -2, s), s), -1, -2, s);
}

std::pair<array, array> lu_factor(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("lu_factor", a, ops::MatrixDtypes::real);
  ops::check_matrix("lu_factor", a);
  const std::vector<array> factors = ops::lu_factors(a, s);
  return {factors[0], factors[1]};
}

std::vector<array> lu(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("lu", a, ops::MatrixDtypes::real);
  ops::check_matrix("lu", a);
  const std::vector<array> factors = ops::lu_factors(a, s);
  const int m = a.shape(-2), k = std::min(m, a.shape(-1));
  const array l = add(tril(ops::columns(factors[0], 0, k), -1, s), eye(m, k, 0, a.dtype(), s), s);
  return {factors[2], l, triu(ops::rows(factors[0], 0, k), 0, s)};
}

// The first m of more columns give Q.
std::pair<array, array> qr(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("qr", a, ops::MatrixDtypes::real);
  ops::check_matrix("qr", a);
  const int m = a.shape(-2), n = a.shape(-1);
  if (m >= n) {
    const std::vector<array> factors = ops::tall_qr(a, s);
    return {factors[0], factors[1]};
  }
  const std::vector<array> factors = ops::tall_qr(ops::columns(a, 0, m), s);
  const array rest = matmul(swapaxes(factors[0], -1, -2, s), ops::columns(a, m, n), s);
  return {factors[0], concatenate({factors[1], rest}, -1, s)};
}

}  // namespace linalg
}  // namespace mica
