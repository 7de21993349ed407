#include "mica/linalg/svd.h"

#include <algorithm>

#include "mica/linalg/linalg.h"
#include "mica/linalg/matrices.h"
#include "mica/ops/ops.h"
#include "mica/transforms/custom_function.h"
#include "mica/utils.h"

namespace mica {
namespace ops {
namespace {

// The factors as the rules use them: the k vectors of each side and, where there are more, the
// rest.
struct Factors {
  int m, n, k;
  array u, s, v;            // (m, k), (k), (n, k)
  array u_rest, v_rest;     // (m, 0 or m - k), (n, 0 or n - k)
  array value_differences;  // (i, j): s[j]^2 - s[i]^2; 1 on the diagonal

  Factors(const array& a, const array& u_all, const array& s_in, const array& vt_all)
      : m(a.shape(-2)),
        n(a.shape(-1)),
        k(std::min(m, n)),
        u(columns(u_all, 0, k)),
        s(s_in),
        v(columns(adjoint(vt_all), 0, k)),
        u_rest(columns(u_all, k, u_all.shape(-1))),
        v_rest(columns(adjoint(vt_all), k, vt_all.shape(-2))),
        value_differences(differences(square(s_in))) {}
  // x diag(1/s)
  array over_values(const array& x) const { return ratio(x, expand_dims(s, -2)); }
};

Factors factors_of(SingularVectors vectors, const array& a, std::span<const array> outputs) {
  if (vectors != SingularVectors::none) return {a, outputs[0], outputs[1], outputs[2]};
  const std::vector<array> usv = singular_values(a, SingularVectors::thin);
  return {a, usv[0], usv[1], usv[2]};
}

// i Im(diagonal) / 2s of a complex x, as a diagonal matrix: how a phase that U and V share moves.
array phases(const Factors& f, const array& x) {
  const array half = ratio(imag(diagonal_of(x)), f.s) * array(0.5f);
  return diagonal_matrix(array(complex64_t(0, 1)) * half);
}

array pseudo_inverse(const array& a, const StreamOrDevice& s) {
  const std::vector<array> usv = singular_values(a, SingularVectors::thin, s);
  const double limit = 10.0 * std::max(a.shape(-1), a.shape(-2)) * finfo(a.dtype()).eps;
  const array kept =
      greater(usv[1], multiply(max(usv[1], -1, true, s), array(limit, a.dtype())), s);
  const array inverted =
      where(kept, reciprocal(where(kept, usv[1], ones_like(usv[1]), s), s), zeros_like(usv[1]), s);
  const array v = swapaxes(usv[2], -1, -2, s), ut = swapaxes(usv[0], -1, -2, s);
  return matmul(multiply(v, expand_dims(inverted, -2, s), s), ut, s);
}

// The part of x outside of the span of a p's columns, x - a p x; and x (I - p a).
array outside(const array& a, const array& p, const array& x) {
  return x - matmul(a, matmul(p, x));
}

// With P the inverse of A, at constant rank (Golub and Pereyra, 1973):
// dP = -P dA P + P P^T dA^T (I - A P) + (I - P A) dA^T P^T P.
array pseudo_inverse_tangent(const array& a, const array& p, const array& t) {
  const array tt = adjoint(t), pt = adjoint(p);
  const array left = adjoint(outside(a, p, adjoint(matmul(matmul(p, pt), tt))));
  const array right = outside(p, a, matmul(tt, matmul(pt, p)));
  return left + right - matmul(p, matmul(t, p));
}

array pseudo_inverse_cotangent(const array& a, const array& p, const array& g) {
  const array gt = adjoint(g), pt = adjoint(p);
  const array left = outside(a, p, matmul(gt, matmul(p, pt)));
  const array right = adjoint(outside(p, a, adjoint(matmul(matmul(pt, p), gt))));
  return left + right - matmul(pt, matmul(g, pt));
}

}  // namespace

std::vector<array> singular_values(const array& a, SingularVectors vectors,
                                   const StreamOrDevice& s) {
  const int m = a.shape(-2), n = a.shape(-1), k = std::min(m, n);
  const bool full = vectors == SingularVectors::full;
  const engine::OutputSpec values{with_batch(a, {k, 1}), real_dtype(a.dtype())};
  std::vector<engine::OutputSpec> outputs{values};
  outputs[0].shape.pop_back();
  if (vectors != SingularVectors::none) {
    outputs.insert(outputs.begin(), {with_batch(a, {m, full ? m : k}), a.dtype()});
    outputs.push_back({with_batch(a, {full ? n : k, n}), a.dtype()});
  }
  return engine::apply_many(SVD{vectors}, {a}, std::move(outputs), s);
}

// With P = U^H da V, the columns of U turn by U^H dU = (P S + S P^H) / differences and those of V
// by V^H dV = (S P + P^H S) / differences, dS is P's diagonal; (da V - U P) / S leaves the span of
// U's first k columns, and the others turn against it, so that those span the same as before.
std::vector<array> SVD::jvp(const engine::JvpArgs& args) const {
  const array &a = args.primals[0], &t = args.tangents[0];
  const Factors f = factors_of(vectors, a, args.outputs);
  const array tv = matmul(t, f.v), tu = matmul(adjoint(t), f.u);
  const array p = matmul(adjoint(f.u), tv), ph = adjoint(p);
  const array ds = diagonal_of(real(p));
  if (vectors == SingularVectors::none) return {ds};
  const array turn_u = scale_columns(p, f.s) + scale_rows(ph, f.s);
  const array turn_v = scale_rows(p, f.s) + scale_columns(ph, f.s);
  array wu = ratio(without_diagonal(turn_u), f.value_differences);
  array wv = ratio(without_diagonal(turn_v), f.value_differences);
  if (a.dtype() == complex64) {
    const array turn = phases(f, p);
    wu = wu + turn;
    wv = wv - turn;
  }
  array du = matmul(f.u, wu), dv = matmul(f.v, wv);
  if (f.m > f.k) du = du + f.over_values(tv - matmul(f.u, p));
  if (f.n > f.k) dv = dv + f.over_values(tu - matmul(f.v, ph));
  if (vectors == SingularVectors::full && f.m > f.k) {
    const array rest = matmul(f.u, adjoint(f.over_values(matmul(adjoint(f.u_rest), tv))));
    du = concatenate({du, -rest}, -1);
  }
  if (vectors == SingularVectors::full && f.n > f.k) {
    const array rest = matmul(f.v, adjoint(f.over_values(matmul(adjoint(f.v_rest), tu))));
    dv = concatenate({dv, -rest}, -1);
  }
  return {du, ds, adjoint(dv)};
}

std::vector<array> SVD::vjp(const engine::VjpArgs& args) const {
  const array& a = args.primals[0];
  const Factors f = factors_of(vectors, a, args.outputs);
  const array uh = adjoint(f.u), vh = adjoint(f.v);
  if (vectors == SingularVectors::none) {
    return {matmul(scale_columns(f.u, args.cotangents[0]), vh)};
  }
  const array gu = columns(args.cotangents[0], 0, f.k);
  const array gvt = adjoint(args.cotangents[2]), gv = columns(gvt, 0, f.k);
  const array x = matmul(uh, gu), y = matmul(vh, gv);
  const array wu = ratio(without_diagonal(x - adjoint(x)), f.value_differences);
  const array wv = ratio(without_diagonal(y - adjoint(y)), f.value_differences);
  array inner = scale_columns(wu, f.s) + scale_rows(wv, f.s) + diagonal_matrix(args.cotangents[1]);
  if (a.dtype() == complex64) inner = inner + phases(f, x - y);
  array out = matmul(f.u, matmul(inner, vh));
  if (f.m > f.k) {
    array of_u = gu - matmul(f.u, x);
    if (vectors == SingularVectors::full) {
      const array rest = columns(args.cotangents[0], f.k, f.m);
      of_u = of_u - matmul(f.u_rest, matmul(adjoint(rest), f.u));
    }
    out = out + matmul(f.over_values(of_u), vh);
  }
  if (f.n > f.k) {
    array of_v = gv - matmul(f.v, y);
    if (vectors == SingularVectors::full) {
      of_v = of_v - matmul(f.v_rest, matmul(adjoint(columns(gvt, f.k, f.n)), f.v));
    }
    out = out + matmul(f.u, adjoint(f.over_values(of_v)));
  }
  return {out};
}

engine::Batched SVD::vmap(const engine::VmapArgs& args) const {
  return map_matrices(args,
                      [&](const std::vector<array>& x) { return singular_values(x[0], vectors); });
}

}  // namespace ops

namespace linalg {

std::vector<array> svd(const array& a, bool compute_uv, StreamOrDevice s) {
  ops::check_matrix_dtype("svd", a, ops::MatrixDtypes::real_or_complex);
  ops::check_matrix("svd", a);
  return ops::singular_values(
      a, compute_uv ? ops::SingularVectors::full : ops::SingularVectors::none, s);
}

// The rules are the inverse's own: those of svd would divide by the differences of equal values.
array pinv(const array& a, StreamOrDevice s) {
  ops::check_matrix_dtype("pinv", a, ops::MatrixDtypes::real);
  ops::check_matrix("pinv", a);
  if (a.size() == 0) return zeros(ops::with_batch(a, {a.shape(-1), a.shape(-2)}), a.dtype(), s);
  using Arrays = std::vector<array>;
  const auto inverse = custom_function(
      [s](const Arrays& x) { return Arrays{ops::pseudo_inverse(x[0], s)}; },
      [](const Arrays& x, const Arrays& cotangents, const Arrays& outputs) {
        return Arrays{ops::pseudo_inverse_cotangent(x[0], outputs[0], cotangents[0])};
      },
      [s](const Arrays& x, const Arrays& tangents, const std::vector<int>&) {
        return Arrays{ops::pseudo_inverse_tangent(x[0], linalg::pinv(x[0], s), tangents[0])};
      });
  return inverse({a})[0];
}

}  // namespace linalg
}  // namespace mica
