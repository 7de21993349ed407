// Rows of linear algebra. What decomposes is compared with LAPACK's definition in
// tests/linalg/linalg_test.cpp; the rows test derivatives, batches and layouts.
#include <algorithm>
#include <cmath>
#include <limits>

#include "mica/linalg/linalg.h"
#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"
#include "tests/ops/references.h"

namespace mica::testing {
namespace {

using namespace linalg;

using Cases = std::vector<std::vector<Operand>>;

const std::vector<Shape> square_shapes = {{1, 1}, {3, 3},    {2, 4, 4}, {2, 1, 2, 2},
                                          {0, 0}, {2, 0, 0}, {0, 3, 3}};
const std::vector<Shape> matrix_shapes = {{1, 1}, {3, 3}, {4, 2},    {2, 4},    {2, 5, 3},
                                          {3, 5}, {0, 0}, {2, 3, 0}, {2, 0, 3}, {0, 3, 2}};

Cases cases_of(const std::vector<Shape>& shapes) {
  Cases cases;
  for (const Shape& shape : shapes) cases.push_back({{shape}});
  return cases;
}

OpRow row(std::string name, std::function<Arrays(const Arrays&)> fun, Cases cases,
          double tolerance = 10) {
  OpRow out{std::move(name), std::move(fun), std::move(cases)};
  out.dtypes = {float64, float32};
  out.tolerance = tolerance;
  return out;
}

// Single precision for what has no other.
OpRow single_row(std::string name, std::function<Arrays(const Arrays&)> fun, Cases cases) {
  OpRow out = row(std::move(name), std::move(fun), std::move(cases), 50);
  out.dtypes = {float32};
  out.derivatives = float32;
  out.second_order = false;
  return out;
}

// Matrices far from singular, and positive definite ones.
array regular(const array& x) { return x + 5 * eye(x.shape(-1), x.dtype()); }
array transposed(const array& x) { return swapaxes(x, -1, -2); }
array definite(const array& x) { return matmul(x, transposed(x)) + eye(x.shape(-1), x.dtype()); }
array symmetric(const array& x) { return x + transposed(x); }
// Diagonals that rise by more than the elements, so that eigenvalues are apart.
array spread(const array& x) {
  const int n = x.shape(-1);
  return x + eye(n, x.dtype()) * (5 * arange(0.0, n, 1.0, x.dtype()));
}
array complex_of(const array& re, const array& im) { return re + im * array(complex64_t(0, 1)); }
array hermitian(const array& re, const array& im) {
  const array z = complex_of(re, im);
  return spread(z + conjugate(transposed(z)));
}

void add_solver_rows(std::vector<OpRow>& rows) {
  rows.push_back(row(
      "inv", [](const Arrays& x) { return Arrays{inv(regular(x[0]))}; }, cases_of(square_shapes)));
  rows.push_back(row(
      "tri_inv", [](const Arrays& x) { return Arrays{tri_inv(regular(x[0]))}; },
      cases_of(square_shapes)));
  rows.push_back(row(
      "tri_inv_upper", [](const Arrays& x) { return Arrays{tri_inv(regular(x[0]), true)}; },
      cases_of({{3, 3}})));
  const Cases systems = {
      {{{3, 3}}, {{3}}},       {{{3, 3}}, {{3, 2}}},          {{{2, 3, 3}}, {{3, 1}}},
      {{{3, 3}}, {{2, 3, 2}}}, {{{2, 1, 2, 2}}, {{3, 2, 2}}}, {{{2, 2}}, {{2, 0}}},
      {{{0, 0}}, {{0}}},       {{{0, 2, 2}}, {{0, 2, 3}}}};
  rows.push_back(row(
      "solve", [](const Arrays& x) { return Arrays{solve(regular(x[0]), x[1])}; }, systems));
  rows.push_back(row(
      "solve_triangular",
      [](const Arrays& x) { return Arrays{solve_triangular(regular(x[0]), x[1])}; }, systems));
  rows.push_back(
      row("solve_triangular_upper",
          [](const Arrays& x) { return Arrays{solve_triangular(regular(x[0]), x[1], true)}; },
          {{{{3, 3}}, {{3, 2}}}}));
}

void add_factor_rows(std::vector<OpRow>& rows) {
  rows.push_back(row(
      "cholesky", [](const Arrays& x) { return Arrays{cholesky(definite(x[0]))}; },
      cases_of(square_shapes)));
  rows.push_back(row(
      "cholesky_upper", [](const Arrays& x) { return Arrays{cholesky(definite(x[0]), true)}; },
      cases_of({{3, 3}})));
  rows.push_back(row(
      "cholesky_inv", [](const Arrays& x) { return Arrays{cholesky_inv(regular(x[0]))}; },
      cases_of(square_shapes)));
  rows.push_back(row(
      "cholesky_inv_upper",
      [](const Arrays& x) { return Arrays{cholesky_inv(regular(x[0]), true)}; },
      cases_of({{3, 3}})));
  rows.push_back(row(
      "lu", [](const Arrays& x) { return lu(x[0]); }, cases_of(matrix_shapes), 100));
  rows.push_back(row(
      "lu_factor",
      [](const Arrays& x) {
        const auto [factors, pivots] = lu_factor(x[0]);
        return Arrays{factors, pivots};
      },
      cases_of(matrix_shapes), 100));
  rows.push_back(row(
      "qr",
      [](const Arrays& x) {
        const auto [q, r] = qr(x[0]);
        return Arrays{q, r};
      },
      cases_of(matrix_shapes), 100));
  rows.push_back(row(
      "det", [](const Arrays& x) { return Arrays{det(x[0])}; }, cases_of(square_shapes), 10));
  rows.push_back(row(
      "slogdet",
      [](const Arrays& x) {
        const auto [sign, logarithm] = slogdet(regular(x[0]));
        return Arrays{sign, logarithm};
      },
      cases_of(square_shapes)));
}

// Vectors of no values are determined up to a rotation among them: their projection is.
Arrays svd_projections(const array& a) {
  const Arrays usv = svd(a);
  const int m = a.shape(-2), n = a.shape(-1), k = std::min(m, n);
  const auto columns = [](const array& x, int begin, int end) {
    return take(x, arange(begin, end), -1);
  };
  const array v = transposed(usv[2]);
  const array u_rest = columns(usv[0], k, m), v_rest = columns(v, k, n);
  return {columns(usv[0], 0, k), usv[1], columns(v, 0, k), matmul(u_rest, transposed(u_rest)),
          matmul(v_rest, transposed(v_rest))};
}

void add_spectral_rows(std::vector<OpRow>& rows) {
  rows.push_back(row(
      "svd", [](const Arrays& x) { return svd_projections(x[0]); },
      cases_of({{1, 1}, {3, 3}, {5, 2}, {2, 5}, {2, 4, 3}, {0, 2, 2}}), 100));
  rows.push_back(row(
      "svd_values", [](const Arrays& x) { return svd(x[0], false, {}); }, cases_of(matrix_shapes),
      100));
  rows.push_back(row(
      "pinv", [](const Arrays& x) { return Arrays{pinv(x[0])}; },
      cases_of({{1, 1}, {3, 3}, {4, 2}, {2, 4}, {2, 5, 3}, {0, 0}, {2, 3, 0}}), 100));
  rows.push_back(row(
      "pinv_of_low_rank",
      [](const Arrays& x) { return Arrays{pinv(matmul(x[0], transposed(x[0])))}; },
      cases_of({{4, 2}}), 1000));
  rows.push_back(row(
      "eigh",
      [](const Arrays& x) {
        const auto [values, vectors] = eigh(spread(symmetric(x[0])));
        return Arrays{values, vectors};
      },
      cases_of(square_shapes), 10));
  rows.push_back(row(
      "eigh_upper",
      [](const Arrays& x) {
        const auto [values, vectors] = eigh(spread(symmetric(x[0])), "U");
        return Arrays{values, vectors};
      },
      cases_of({{3, 3}}), 10));
  rows.push_back(row(
      "eigvalsh", [](const Arrays& x) { return Arrays{eigvalsh(spread(symmetric(x[0])))}; },
      cases_of(square_shapes), 10));
  // Of vectors the lengths of elements, which do not depend on the phases.
  const Cases complex_cases = {{{{3, 3}}, {{3, 3}}}, {{{2, 2, 2}}, {{2, 2, 2}}}};
  rows.push_back(single_row(
      "eigh_complex",
      [](const Arrays& x) {
        const auto [values, v] = eigh(hermitian(x[0], x[1]));
        return Arrays{values, abs(v)};
      },
      complex_cases));
  rows.push_back(single_row(
      "svd_complex",
      [](const Arrays& x) {
        const array a = complex_of(spread(x[0]), x[1]);
        const Arrays usv = svd(a);
        const array polar = matmul(usv[0], usv[2]);
        return Arrays{abs(usv[0]), usv[1],      abs(usv[2]),
                      real(polar), imag(polar), svd(a, false, {})[0]};
      },
      complex_cases));
  rows.push_back(single_row(
      "eig",
      [](const Arrays& x) {
        const auto [values, v] = eig(spread(x[0]));
        return Arrays{real(values), imag(values), abs(v)};
      },
      cases_of({{1, 1}, {3, 3}, {2, 2, 2}, {0, 0}, {0, 2, 2}})));
  rows.push_back(single_row(
      "eig_complex",
      [](const Arrays& x) {
        const array a = complex_of(spread(x[0]), x[1]);
        const auto [values, v] = eig(a);
        return Arrays{real(values), imag(values), abs(v), real(eigvals(a))};
      },
      complex_cases));
}

double sum_of_powers(const Line& x, double p) {
  double sum = 0;
  for (double v : x) sum += std::pow(std::abs(v), p);
  return std::pow(sum, 1 / p);
}

void add_norm_rows(std::vector<OpRow>& rows) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto vector_row = [&](std::string name, double ord,
                              std::function<double(const Line&)> reference) {
    OpRow out{"norm_" + name,
              [ord](const Arrays& x) { return Arrays{norm(x[0], ord, -1)}; },
              {{{{7}, {-2, 2, 0.1}}}, {{{3, 5}, {-2, 2, 0.1}}}, {{{0, 3}}}}};
    out.reference = [reference](const std::vector<Tensor>& x) {
      const int last = static_cast<int>(x[0].shape.size()) - 1;
      return std::vector<Tensor>{reduce_axes(x[0], {last}, false, reference)};
    };
    out.tolerance = 10;
    rows.push_back(std::move(out));
  };
  const auto largest = [](const Line& x) {
    double out = 0;
    for (double v : x) out = std::max(out, std::abs(v));
    return out;
  };
  const auto smallest = [](const Line& x) {
    double out = std::abs(x[0]);
    for (double v : x) out = std::min(out, std::abs(v));
    return out;
  };
  for (const auto& [name, p] : {std::pair("1", 1.0),
                                {"2", 2.0},
                                {"3", 3.0},
                                {"half", 0.5},
                                {"minus_1", -1.0},
                                {"minus_2", -2.0}}) {
    vector_row(name, p, [p = p](const Line& x) { return sum_of_powers(x, p); });
  }
  vector_row("inf", inf, largest);
  vector_row("minus_inf", -inf, smallest);
  const Cases matrices = cases_of({{3, 4}, {2, 4, 3}});
  for (const auto& [name, ord] : {std::pair("1", 1.0),
                                  {"minus_1", -1.0},
                                  {"2", 2.0},
                                  {"minus_2", -2.0},
                                  {"inf", inf},
                                  {"minus_inf", -inf}}) {
    rows.push_back(row(
        std::string("norm_of_matrices_") + name,
        [ord = ord](const Arrays& x) {
          return Arrays{norm(x[0], ord, std::vector<int>{-1, -2}, true)};
        },
        matrices, 100));
  }
  rows.push_back(row(
      "norm_nuclear",
      [](const Arrays& x) {
        return Arrays{norm(x[0], "nuc", std::vector<int>{-2, -1}), norm(x[0])};
      },
      matrices, 100));
  rows.push_back(single_row("norm_complex",
                            [](const Arrays& x) {
                              const array z = complex_of(x[0], x[1]);
                              return Arrays{norm(z), real(norm(z, 3.0, 0)), norm(z, "nuc")};
                            },
                            {{{{3, 2}}, {{3, 2}}}}));
  rows.push_back(row(
      "cross", [](const Arrays& x) { return Arrays{cross(x[0], x[1])}; },
      {{{{3}}, {{3}}}, {{{2, 3}}, {{3}}}, {{{2}}, {{4, 3}}}, {{{2}}, {{2}}}}, 10));
}

}  // namespace

std::vector<OpRow> linalg_rows() {
  std::vector<OpRow> rows;
  add_solver_rows(rows);
  add_factor_rows(rows);
  add_spectral_rows(rows);
  add_norm_rows(rows);
  return rows;
}

}  // namespace mica::testing
