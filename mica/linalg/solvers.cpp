#include "mica/linalg/solvers.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

// With a x = b: da x + a dx = db. `solve` solves with a, `half` is what a's op reads of a.
template <class SolveA, class Half>
std::vector<array> solution_tangent(const engine::JvpArgs& args, SolveA&& solve, Half&& half) {
  array right = zeros_like(args.outputs[0]);
  for (size_t i = 0; i < args.argnums.size(); ++i) {
    right = args.argnums[i] == 0 ? right - matmul(half(args.tangents[i]), args.outputs[0])
                                 : right + args.tangents[i];
  }
  return {solve(right)};
}

template <class SolveAdjoint, class Half>
std::vector<array> solution_cotangents(const engine::VjpArgs& args, SolveAdjoint&& solve,
                                       Half&& half) {
  const array of_b = solve(args.cotangents[0]);
  std::vector<array> cotangents;
  for (int argnum : args.argnums) {
    cotangents.push_back(argnum == 1 ? of_b : half(-matmul(of_b, adjoint(args.outputs[0]))));
  }
  return cotangents;
}

array whole(const array& x) { return x; }

// A single a is factored once, and the batch of b solved as further columns.
template <class F>
engine::Batched map_solution(const engine::VmapArgs& args, F&& solve) {
  if (args.axes[0] >= 0) {
    return map_matrices(
        args, [&](const std::vector<array>& x) { return std::vector<array>{solve(x[0], x[1])}; });
  }
  const array b = moveaxis(args.inputs[1], args.axes[1], -1);
  const int last = static_cast<int>(b.ndim()) - 1;
  Shape columns(b.shape().begin(), b.shape().end() - 2);
  columns.push_back(safe_cast(int64_t{b.shape(-2)} * b.shape(-1), "linalg::solve"));
  return {{reshape(solve(args.inputs[0], reshape(b, columns)), b.shape())}, {last}};
}

array inverse(const array& a, const StreamOrDevice& s) {
  return engine::apply(Inverse{}, {a}, a.shape(), a.dtype(), s);
}

// Calls solve(a, b) with operands of one dtype and batch, b a matrix. A single a is factored once:
// the batch of b is solved as further columns.
template <class F>
array with_operands(const char* name, const array& a, const array& b, const StreamOrDevice& s,
                    F&& solve) {
  const std::string op = "linalg::" + std::string(name);
  check_square(name, a);
  const Dtype dtype = result_type(a, b);
  if (dtype != float32 && dtype != float64) {
    throw std::invalid_argument(op + ": expected a and b that promote to float32 or float64, got " +
                                dtype_name(a.dtype()) + " and " + dtype_name(b.dtype()));
  }
  const int n = a.shape(-1);
  const bool is_vector = b.ndim() == 1;
  if (b.ndim() == 0 || b.shape(is_vector ? 0 : -2) != n) {
    const std::string size = std::to_string(n);
    throw std::invalid_argument(op + ": expected b (" + size + ",) or (..., " + size +
                                ", k) for a " + to_string(a.shape()) + ", got " +
                                to_string(b.shape()));
  }
  const array right = is_vector ? expand_dims(b, 1, s) : b;
  if (a.ndim() == 2 && right.ndim() > 2) {
    const array rows = moveaxis(astype(right, dtype, s), -2, 0, s);
    const int width = safe_cast(static_cast<int64_t>(right.size()) / std::max(n, 1), op);
    const array x = solve(astype(a, dtype, s), reshape(rows, {n, width}, s));
    return moveaxis(reshape(x, rows.shape(), s), 0, -2, s);
  }
  const Shape batch = broadcast_shapes(with_batch(a, {}), with_batch(right, {}));
  const auto operand = [&](const array& x) {
    Shape shape = batch;
    shape.insert(shape.end(), x.shape().end() - 2, x.shape().end());
    return broadcast_to(astype(x, dtype, s), shape, s);
  };
  const array x = solve(operand(a), operand(right));
  return is_vector ? squeeze(x, -1, s) : x;
}

}  // namespace

array solve_matrices(const array& a, const array& b, const StreamOrDevice& s) {
  return engine::apply(Solve{}, {a, b}, b.shape(), b.dtype(), s);
}

array solve_triangular_matrices(const array& a, const array& b, bool upper,
                                const StreamOrDevice& s) {
  return engine::apply(SolveTriangular{upper}, {a, b}, b.shape(), b.dtype(), s);
}

std::vector<array> Solve::vjp(const engine::VjpArgs& args) const {
  const auto solve = [&](const array& b) { return solve_matrices(adjoint(args.primals[0]), b); };
  return solution_cotangents(args, solve, whole);
}

std::vector<array> Solve::jvp(const engine::JvpArgs& args) const {
  const auto solve = [&](const array& b) { return solve_matrices(args.primals[0], b); };
  return solution_tangent(args, solve, whole);
}

engine::Batched Solve::vmap(const engine::VmapArgs& args) const {
  return map_solution(args, [](const array& a, const array& b) { return solve_matrices(a, b); });
}

std::vector<array> SolveTriangular::vjp(const engine::VjpArgs& args) const {
  const array a = adjoint(args.primals[0]);
  const auto solve = [&](const array& b) { return solve_triangular_matrices(a, b, !upper); };
  return solution_cotangents(args, solve,
                             [&](const array& x) { return upper ? triu(x) : tril(x); });
}

std::vector<array> SolveTriangular::jvp(const engine::JvpArgs& args) const {
  const array& a = args.primals[0];
  const auto solve = [&](const array& b) { return solve_triangular_matrices(a, b, upper); };
  return solution_tangent(args, solve, [&](const array& x) { return upper ? triu(x) : tril(x); });
}

engine::Batched SolveTriangular::vmap(const engine::VmapArgs& args) const {
  return map_solution(
      args, [&](const array& a, const array& b) { return solve_triangular_matrices(a, b, upper); });
}

// d(a^-1) = -a^-1 da a^-1
std::vector<array> Inverse::vjp(const engine::VjpArgs& args) const {
  const array y = adjoint(args.outputs[0]);
  return {-matmul(matmul(y, args.cotangents[0]), y)};
}

std::vector<array> Inverse::jvp(const engine::JvpArgs& args) const {
  const array& y = args.outputs[0];
  return {-matmul(matmul(y, args.tangents[0]), y)};
}

engine::Batched Inverse::vmap(const engine::VmapArgs& args) const {
  return map_matrices(
      args, [](const std::vector<array>& x) { return std::vector<array>{inverse(x[0], {})}; });
}

}  // namespace ops

namespace linalg {

array solve(const array& a, const array& b, StreamOrDevice s) {
  return ops::with_operands("solve", a, b, s, [&](const array& left, const array& right) {
    return ops::solve_matrices(left, right, s);
  });
}

array solve_triangular(const array& a, const array& b, bool upper, StreamOrDevice s) {
  return ops::with_operands("solve_triangular", a, b, s,
                            [&](const array& left, const array& right) {
                              return ops::solve_triangular_matrices(left, right, upper, s);
                            });
}

array inv(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("inv", a, ops::MatrixDtypes::real);
  ops::check_square("inv", a);
  return ops::inverse(a, s);
}

array tri_inv(const array& a, bool upper, StreamOrDevice s) {
  ops::check_matrix_dtype("tri_inv", a, ops::MatrixDtypes::real);
  ops::check_square("tri_inv", a);
  const array one = broadcast_to(eye(a.shape(-1), a.dtype(), s), a.shape(), s);
  return ops::solve_triangular_matrices(a, one, upper, s);
}

array cholesky_inv(const array& a, bool upper, StreamOrDevice s) {
  ops::check_matrix_dtype("cholesky_inv", a, ops::MatrixDtypes::real);
  ops::check_square("cholesky_inv", a);
  const array inverse = tri_inv(a, upper, s), transposed = swapaxes(inverse, -1, -2, s);
  return upper ? matmul(inverse, transposed, s) : matmul(transposed, inverse, s);
}

}  // namespace linalg
}  // namespace mica
