#include "mica/linalg/eigen.h"

#include <stdexcept>

#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/linalg/solvers.h"
#include "mica/ops/ops.h"

namespace mica {
namespace ops {
namespace {

std::vector<array> apply_eig(Eig op, const array& a, const StreamOrDevice& s) {
  Shape values = with_batch(a, {a.shape(-1)});
  std::vector<engine::OutputSpec> outputs{{values, complex64}};
  if (op.vectors) outputs.push_back({a.shape(), complex64});
  return engine::apply_many(op, {a}, std::move(outputs), s);
}

std::vector<array> apply_eigh(Eigh op, const array& a, const StreamOrDevice& s) {
  Shape values = with_batch(a, {a.shape(-1)});
  std::vector<engine::OutputSpec> outputs{{values, real_dtype(a.dtype())}};
  if (op.vectors) outputs.push_back({a.shape(), a.dtype()});
  return engine::apply_many(op, {a}, std::move(outputs), s);
}

// What the rules of both ops work with; vectors are computed where the op has not done so.
struct Eigen {
  array values, vectors;
};

Eigen eigen_of(const Eig& op, const array& a, std::span<const array> outputs) {
  if (op.vectors) return {outputs[0], outputs[1]};
  const std::vector<array> found = apply_eig({.vectors = true}, a, {});
  return {found[0], found[1]};
}

Eigen eigen_of(const Eigh& op, const array& a, std::span<const array> outputs) {
  if (op.vectors) return {outputs[0], outputs[1]};
  const std::vector<array> found = apply_eigh({.vectors = true, .upper = op.upper}, a, {});
  return {found[0], found[1]};
}

// A cotangent or tangent in complex64 as one of a's dtype.
array as_like(const array& x, const array& a) {
  return a.dtype() == complex64 ? x : astype(real(x), a.dtype());
}

bool is_upper(const char* name, const std::string& half) {
  if (half == "L" || half == "l") return false;
  if (half == "U" || half == "u") return true;
  throw std::invalid_argument("linalg::" + std::string(name) +
                              ": expected UPLO \"L\" or \"U\", got \"" + half + "\"");
}

}  // namespace

// With P = V^-1 da V and W = P / differences off the diagonal: dvalues is P's diagonal, and
// dV = V W - V diag(Re(V^H V W)), which keeps each vector's length.
std::vector<array> Eig::jvp(const engine::JvpArgs& args) const {
  const array& a = args.primals[0];
  const auto [values, v] = eigen_of(*this, a, args.outputs);
  const array p = solve_matrices(v, matmul(astype(args.tangents[0], complex64), v));
  if (!vectors) return {diagonal_of(p)};
  const array moved = matmul(v, ratio(without_diagonal(p), differences(values)));
  const array along = real(sum(conjugate(v) * moved, -2));
  return {diagonal_of(p), moved - scale_columns(v, along)};
}

std::vector<array> Eig::vjp(const engine::VjpArgs& args) const {
  const array& a = args.primals[0];
  const auto [values, v] = eigen_of(*this, a, args.outputs);
  const array vh = adjoint(v);
  array inner = diagonal_matrix(args.cotangents[0]);
  if (vectors) {
    const array x = matmul(vh, args.cotangents[1]);
    const array along = scale_columns(matmul(vh, v), real(diagonal_of(x)));
    inner = inner + ratio(without_diagonal(x - along), conjugate(differences(values)));
  }
  return {as_like(solve_matrices(vh, matmul(inner, vh)), a)};
}

engine::Batched Eig::vmap(const engine::VmapArgs& args) const {
  return map_matrices(args,
                      [&](const std::vector<array>& x) { return apply_eig(*this, x[0], {}); });
}

// With P = V^H da V for a Hermitian da: dvalues is P's diagonal, dV = V (P / differences).
std::vector<array> Eigh::jvp(const engine::JvpArgs& args) const {
  const auto [values, v] = eigen_of(*this, args.primals[0], args.outputs);
  const array p = matmul(adjoint(v), matmul(hermitian_part(args.tangents[0]), v));
  const array dvalues = diagonal_of(real(p));
  if (!vectors) return {dvalues};
  return {dvalues, matmul(v, ratio(without_diagonal(p), differences(values)))};
}

std::vector<array> Eigh::vjp(const engine::VjpArgs& args) const {
  const auto [values, v] = eigen_of(*this, args.primals[0], args.outputs);
  const array vh = adjoint(v);
  array inner = diagonal_matrix(args.cotangents[0]);
  if (vectors) {
    const array x = matmul(vh, args.cotangents[1]);
    inner = inner + ratio(without_diagonal(x), differences(values));
  }
  return {hermitian_part(matmul(v, matmul(inner, vh)))};
}

engine::Batched Eigh::vmap(const engine::VmapArgs& args) const {
  return map_matrices(args,
                      [&](const std::vector<array>& x) { return apply_eigh(*this, x[0], {}); });
}

}  // namespace ops

namespace linalg {

std::pair<array, array> eig(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("eig", a, ops::MatrixDtypes::real_or_complex);
  ops::check_square("eig", a);
  const std::vector<array> found = ops::apply_eig({.vectors = true}, a, s);
  return {found[0], found[1]};
}

array eigvals(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("eigvals", a, ops::MatrixDtypes::real_or_complex);
  ops::check_square("eigvals", a);
  return ops::apply_eig({.vectors = false}, a, s)[0];
}

std::pair<array, array> eigh(const array& a, std::string UPLO, StreamOrDevice s) {
  ops::check_matrix_dtype("eigh", a, ops::MatrixDtypes::real_or_complex);
  ops::check_square("eigh", a);
  const std::vector<array> found =
      ops::apply_eigh({.vectors = true, .upper = ops::is_upper("eigh", UPLO)}, a, s);
  return {found[0], found[1]};
}

array eigvalsh(const array& a, std::string UPLO, StreamOrDevice s) {
  ops::check_matrix_dtype("eigvalsh", a, ops::MatrixDtypes::real_or_complex);
  ops::check_square("eigvalsh", a);
  return ops::apply_eigh({.vectors = false, .upper = ops::is_upper("eigvalsh", UPLO)}, a, s)[0];
}

}  // namespace linalg
}  // namespace mica
