// Linear algebra against mlx: values where they are unique, vectors up to their signs, and factors
// by what they multiply to.
#include "mica/linalg/linalg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using namespace linalg;
using test::expect_error;

array transposed(const array& x) { return swapaxes(x, -1, -2); }
array columns(const array& x, int count) { return take(x, arange(count), -1); }
array diagonal_matrix(const array& x) { return expand_dims(x, -1) * eye(x.shape(-1), x.dtype()); }

Tolerance tolerance_of(Dtype dtype) {
  return dtype == float64 ? Tolerance{1e-10, 1e-11} : Tolerance{2e-4, 3e-5};
}

// Each column, or its negative, is the expected one.
void expect_columns(const array& actual, const array& expected, Tolerance tolerance) {
  const array turned = sign(sum(actual * expected, -2, true));
  expect_close(actual * turned, expected, tolerance);
}

class Decompositions : public ::testing::TestWithParam<std::string> {
 protected:
  array at(const std::string& name) const { return file_.at(GetParam() + "." + name); }
  bool is_square() const {
    return GetParam().starts_with("square") || GetParam().starts_with("batch");
  }

  const Goldens file_ = golden::load("linalg/decompositions");
  const array x_ = at("input");
  const int m_ = x_.shape(-2), n_ = x_.shape(-1), k_ = std::min(m_, n_);
  const Tolerance tolerance_ = tolerance_of(x_.dtype());
};

TEST_P(Decompositions, Qr) {
  const auto [q, r] = qr(x_);
  expect_columns(q, at("qr.q"), tolerance_);
  expect_columns(transposed(r), transposed(at("qr.r")), tolerance_);
  expect_close(matmul(q, r), x_, tolerance_);
}

TEST_P(Decompositions, Svd) {
  const std::vector<array> usv = svd(x_);
  expect_close(usv[1], at("svd.s"), tolerance_);
  expect_close(svd(x_, false, {})[0], at("svd_values"), tolerance_);
  expect_columns(columns(usv[0], k_), columns(at("svd.u"), k_), tolerance_);
  const array v = transposed(usv[2]);
  expect_columns(columns(v, k_), columns(transposed(at("svd.vt")), k_), tolerance_);
  const array product =
      matmul(columns(usv[0], k_), matmul(diagonal_matrix(usv[1]), transposed(columns(v, k_))));
  expect_close(product, x_, tolerance_);
  for (const array& vectors : {usv[0], v}) {
    const array one = broadcast_to(eye(vectors.shape(-1), x_.dtype()), vectors.shape());
    expect_close(matmul(transposed(vectors), vectors), one, tolerance_);
  }
}

TEST_P(Decompositions, Pinv) { expect_close(pinv(x_), at("pinv"), tolerance_); }

TEST_P(Decompositions, Lu) {
  const std::vector<array> plu = lu(x_);
  golden::expect_same(plu[0], at("lu.p"));
  expect_close(plu[1], at("lu.l"), tolerance_);
  expect_close(plu[2], at("lu.u"), tolerance_);
  const array rows = broadcast_to(expand_dims(plu[0], -1), x_.shape());
  expect_close(take_along_axis(matmul(plu[1], plu[2]), rows, -2), x_, tolerance_);
  const auto [factors, pivots] = lu_factor(x_);
  expect_close(factors, at("lu_factor.factors"), tolerance_);
  golden::expect_same(pivots, at("lu_factor.pivots"));
}

TEST_P(Decompositions, Inverses) {
  if (!is_square()) return;
  expect_close(inv(x_), at("inv"), tolerance_);
  expect_close(tri_inv(x_), at("tri_inv"), tolerance_);
  expect_close(tri_inv(x_, true), at("tri_inv_upper"), tolerance_);
}

TEST_P(Decompositions, Cholesky) {
  if (!is_square()) return;
  const array p = at("definite"), lower = cholesky(p), upper = cholesky(p, true);
  expect_close(lower, at("cholesky"), tolerance_);
  expect_close(upper, at("cholesky_upper"), tolerance_);
  expect_close(cholesky(tril(p)), lower, tolerance_);
  expect_close(cholesky(triu(p), true), upper, tolerance_);
  expect_close(cholesky_inv(lower), at("cholesky_inv"), tolerance_);
  expect_close(cholesky_inv(upper, true), at("cholesky_inv_upper"), tolerance_);
}

TEST_P(Decompositions, Eigh) {
  if (!is_square()) return;
  for (const char* half : {"L", "U"}) {
    const std::string end = half[0] == 'L' ? "" : "_upper";
    const auto [values, vectors] = eigh(x_, half);
    expect_close(values, at("eigh" + end + ".values"), tolerance_);
    expect_columns(vectors, at("eigh" + end + ".vectors"), tolerance_);
    expect_close(eigvalsh(x_, half), at("eigvalsh" + end), tolerance_);
    const array part = half[0] == 'L' ? tril(x_) : triu(x_);
    const array whole = part + transposed(part) - diagonal_matrix(diagonal(x_, 0, -2, -1));
    expect_close(matmul(whole, vectors), vectors * expand_dims(values, -2), tolerance_);
  }
  expect_close(eigvalsh(x_, "u"), eigvalsh(x_, "U"), tolerance_);
}

TEST_P(Decompositions, Eig) {
  if (!is_square()) return;
  const Tolerance single = tolerance_of(float32);
  const auto [values, vectors] = eig(x_);
  expect_close(sort(values, -1), sort(at("eig.values"), -1), single);
  expect_close(sort(eigvals(x_), -1), sort(at("eigvals"), -1), single);
  const array z = astype(x_, complex64);
  expect_close(matmul(z, vectors), vectors * expand_dims(values, -2), single);
  expect_close(norm(vectors, -2), ones(values.shape()), single);
}

TEST_P(Decompositions, Determinant) {
  if (!is_square()) return;
  expect_close(det(x_), at("det"), tolerance_of(float32));  // mlx's has no more digits than that
  const auto [sign, logarithm] = slogdet(x_);
  expect_close(sign, at("slogdet.sign"), tolerance_);
  expect_close(logarithm, at("slogdet.logarithm"), tolerance_);
  expect_close(sign * exp(logarithm), det(x_), tolerance_);
}

INSTANTIATE_TEST_SUITE_P(All, Decompositions,
                         ::testing::Values("square.float32", "square.float64", "batch.float32",
                                           "batch.float64", "tall.float32", "tall.float64",
                                           "wide.float32", "wide.float64"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST(Linalg, ComplexMatrices) {
  const Goldens file = golden::load("linalg/decompositions");
  const array z = file.at("complex.input"), h = file.at("complex.hermitian");
  const Tolerance tolerance = tolerance_of(float32);
  const std::vector<array> usv = svd(z);
  expect_close(usv[1], file.at("complex.svd_values"), tolerance);
  expect_close(matmul(usv[0] * expand_dims(usv[1], -2), usv[2]), z, tolerance);
  expect_close(eigvalsh(h), file.at("complex.eigvalsh"), tolerance);
  for (const char* half : {"L", "U"}) {
    const auto [values, vectors] = eigh(h, half);
    expect_close(matmul(h, vectors), vectors * expand_dims(values, -2), tolerance);
  }
  expect_close(sort(eigvals(z), -1), sort(file.at("complex.eigvals"), -1), tolerance);
  const auto [values, vectors] = eig(z);
  expect_close(matmul(z, vectors), vectors * expand_dims(values, -2), tolerance);
}

TEST(Linalg, DeterminantsOfOtherDtypes) {
  const Goldens file = golden::load("linalg/decompositions");
  const array x = array({{2, 1}, {4, 5}});
  for (Dtype dtype : {int32, float16, bfloat16}) {
    const std::string name = dtype_name(dtype);
    expect_close(det(astype(x, dtype)), file.at("det." + name), half_tolerance(dtype));
    expect_close(slogdet(astype(x, dtype)).second, file.at("slogdet." + name),
                 half_tolerance(dtype));
  }
}

TEST(Linalg, PseudoInversesOfLowRank) {
  const Goldens file = golden::load("linalg/decompositions");
  expect_close(pinv(file.at("pinv.low")), file.at("pinv.low_pinv"), {1e-3, 1e-4});
  expect_close(pinv(file.at("pinv.steep")), file.at("pinv.steep_pinv"), {2e-2, 2e-2});
}

TEST(Linalg, Systems) {
  const Goldens file = golden::load("linalg/systems");
  for (const std::string name :
       {"vector", "matrix", "batches", "float64", "vectors", "broadcast"}) {
    SCOPED_TRACE(name);
    const array a = file.at(name + ".a"), b = file.at(name + ".b");
    const Tolerance tolerance{1e-4, 1e-5};
    expect_close(solve_triangular(a, b), file.at(name + ".lower"), tolerance);
    expect_close(solve_triangular(a, b, true), file.at(name + ".upper"), tolerance);
    const array x = solve(a, b);
    if (file.contains(name + ".solve")) expect_close(x, file.at(name + ".solve"), tolerance);
    const array column = b.ndim() == 1 ? expand_dims(x, -1) : x;
    const array product = matmul(a, column);
    const array right = b.ndim() == 1 ? expand_dims(b, -1) : b;
    expect_close(product, astype(broadcast_to(right, product.shape()), product.dtype()), tolerance);
  }
}

TEST(Linalg, TransposedInputs) {
  const array x = golden::load("linalg/systems").at("matrix.a");
  const array t = transposed(contiguous(transposed(x)));
  expect_close(inv(t), inv(x), {});
  expect_close(solve(t, t), eye(3), {1e-5, 1e-5});
  expect_close(cholesky(matmul(t, transposed(t))), cholesky(matmul(x, transposed(x))),
               {1e-4, 1e-4});
}

TEST(Linalg, ManyAndLargeMatrices) {
  const array many = random::normal({300, 6, 6}, random::key(1)) + 4 * eye(6);
  expect_close(matmul(many, inv(many)), broadcast_to(eye(6), {300, 6, 6}), {1e-4, 1e-4});
  const array large = random::normal({2, 200, 200}, random::key(2)) + 20 * eye(200);
  expect_close(matmul(large, inv(large)), broadcast_to(eye(200), {2, 200, 200}), {1e-3, 1e-3});
  const auto [values, vectors] = eigh(large + transposed(large));
  expect_close(matmul(vectors * expand_dims(values, -2), transposed(vectors)),
               large + transposed(large), {1e-3, 1e-2});
}

TEST(Linalg, MatricesWithoutElements) {
  for (const Shape& shape : {Shape{0, 0}, Shape{2, 0, 0}, Shape{0, 3, 3}}) {
    const array x = zeros(shape);
    for (const array& y : {inv(x), tri_inv(x), cholesky(x), cholesky_inv(x), pinv(x), qr(x).first,
                           eigh(x).second, lu(x)[1], svd(x)[0]}) {
      eval(y);
      EXPECT_EQ(y.shape(), shape);
    }
  }
  golden::expect_same(det(zeros({2, 0, 0})), ones({2}));
  golden::expect_same(slogdet(zeros({0, 0})).second, zeros({}));
  golden::expect_same(svd(zeros({3, 0}))[0], eye(3));
  golden::expect_same(lu(zeros({3, 0}))[0], arange(0, 3, 1, uint32));
  EXPECT_EQ(solve(eye(3), zeros({3, 0})).shape(), (Shape{3, 0}));
}

TEST(Linalg, SingularMatricesAreErrorsOfEval) {
  const auto expect_eval_error = [](const array& x, const std::string& text) {
    expect_error<std::runtime_error>([&] { eval(x); }, text);
  };
  const array singular = array({{1.0f, 2.0f}, {2.0f, 4.0f}});
  const std::string of = " of (2, 2): matrix 0 of the batch: ";
  expect_eval_error(inv(singular), "inverse" + of + "expected a matrix that is not singular");
  expect_eval_error(solve(stack({eye(2), singular}), ones({2, 2, 1})),
                    "solve of (2, 2, 2), (2, 2, 1): matrix 1 of the batch: expected a matrix that "
                    "is not singular");
  expect_eval_error(solve_triangular(singular - eye(2), ones({2})),
                    "solve_triangular of (2, 2), (2, 1): matrix 0 of the batch: expected a "
                    "diagonal without zeros, got 0 in row 0");
  expect_eval_error(cholesky(-singular),
                    "cholesky" + of +
                        "expected a positive definite matrix; its leading minor of "
                        "order 1 is not positive");
  const std::string finite = "expected finite elements, got an infinity or NaN";
  const array wrong = singular / array(0.0f);
  expect_eval_error(svd(wrong)[1], "svd" + of + finite);
  expect_eval_error(eig(wrong).first, "eig" + of + finite);
  expect_eval_error(eigvalsh(wrong), "eigh" + of + finite);
  expect_close(inv(eye(2)), eye(2), {});  // the process goes on
}

TEST(Linalg, RefusesWhatMlxRefuses) {
  const array matrix = ones({2, 3}), square = eye(3), ints = astype(square, int32);
  expect_error([&] { inv(matrix); }, "linalg::inv: expected a (..., n, n), got (2, 3)");
  expect_error([&] { inv(ones({3})); }, "linalg::inv: expected a (..., n, n), got (3,)");
  expect_error([&] { inv(ints); }, "linalg::inv: expected a of float32 or float64, got int32");
  expect_error([&] { cholesky(astype(square, complex64)); },
               "linalg::cholesky: expected a of float32 or float64, got complex64");
  expect_error([&] { qr(ones({3})); }, "linalg::qr: expected a (..., m, n), got (3,)");
  expect_error([&] { svd(astype(square, float16)); },
               "linalg::svd: expected a of float32, float64 or complex64, got float16");
  expect_error([&] { eigh(square, "X"); }, "linalg::eigh: expected UPLO \"L\" or \"U\", got \"X\"");
  expect_error([&] { det(matrix); }, "linalg::det: expected a (..., n, n), got (2, 3)");
  expect_error([&] { slogdet(astype(square, complex64)); },
               "linalg::slogdet: expected a of real numbers, got complex64");
  expect_error(
      [&] {
        solve(square, ones({4, 2}));
      },
      "linalg::solve: expected b (3,) or (..., 3, k) for a (3, 3), got (4, 2)");
  expect_error([&] { solve_triangular(square, array(1.0f)); },
               "linalg::solve_triangular: expected b (3,) or (..., 3, k) for a (3, 3), got ()");
  expect_error([&] { solve(ints, ints); },
               "linalg::solve: expected a and b that promote to float32 or float64, got int32 and "
               "int32");
  expect_error([&] { cross(ones({4}), ones({4})); },
               "linalg::cross: expected a and b with 2 or 3 elements along axis -1, got (4,) and "
               "(4,)");
  expect_error(
      [&] {
        norm(ones({2, 3, 4}), 2.0);
      },
      "linalg::norm: expected 1 or 2 axes with ord, got 3");
  expect_error([&] { norm(matrix, 3.0); },
               "linalg::norm: expected ord 1, -1, 2, -2, inf or -inf for a matrix, got 3");
  expect_error([&] { norm(matrix, "bad"); },
               "linalg::norm: expected ord \"fro\", \"f\" or \"nuc\", got \"bad\"");
  expect_error([&] { norm(matrix, "fro", 0); },
               "linalg::norm: expected 2 axes with ord \"fro\", got 1");
  expect_error([&] { norm(astype(matrix, float16), "nuc"); },
               "linalg::norm: expected a of float32, float64 or complex64, got float16");
}

// Derivatives where the formulas' divisors vanish.

array gradient_of(const std::function<array(const array&)>& f, const array& x) {
  return vjp([&](const std::vector<array>& in) { return std::vector<array>{sum(f(in[0]))}; }, {x},
             {array(1.0, x.dtype())})
      .second[0];
}

TEST(LinalgDerivatives, DeterminantsOfSingularMatrices) {
  const array rank_2 = array({{1.0f, 2.0f, 3.0f}, {4.0f, 5.0f, 6.0f}, {5.0f, 7.0f, 9.0f}});
  const array cofactors = array({{3.0f, -6.0f, 3.0f}, {3.0f, -6.0f, 3.0f}, {-3.0f, 6.0f, -3.0f}});
  const auto f = [](const array& x) { return det(x); };
  expect_close(gradient_of(f, rank_2), cofactors, {1e-5, 1e-5});
  expect_close(gradient_of(f, zeros({3, 3})), zeros({3, 3}), {});
  expect_close(gradient_of(f, zeros({1, 1})), ones({1, 1}), {});
}

TEST(LinalgDerivatives, NormsOfZeros) {
  const array x = array({0.0f, 3.0f, 0.0f});
  const double inf = std::numeric_limits<double>::infinity();
  for (double ord : {0.0, 0.5, 1.0, 1.5, 2.0, 3.0, -1.0}) {
    SCOPED_TRACE(ord);
    const auto f = [&](const array& v) { return norm(v, ord); };
    expect_close(gradient_of(f, zeros({3})), zeros({3}), {});
    const float slope = ord > 0 ? 1.0f : 0.0f;
    expect_close(gradient_of(f, x), array({0.0f, slope, 0.0f}), {});
  }
  const auto largest = [&](const array& v) { return norm(v, inf); };
  expect_close(gradient_of(largest, array({-3.0f, 3.0f, 1.0f})), array({-0.5f, 0.5f, 0.0f}), {});
  const auto frobenius = [](const array& v) { return norm(v); };
  expect_close(gradient_of(frobenius, zeros({2, 2})), zeros({2, 2}), {});
  expect_close(gradient_of(frobenius, zeros({2}, complex64)), zeros({2}, complex64), {});
}

TEST(LinalgDerivatives, EqualValues) {
  const auto values = [](const array& x) { return eigvalsh(x); };
  expect_close(gradient_of(values, eye(3)), eye(3), {});
  const auto with_vectors = [](const array& x) { return eigh(x).first; };
  expect_close(gradient_of(with_vectors, eye(3)), eye(3), {});
  const auto singular = [](const array& x) { return svd(x)[1]; };
  expect_close(gradient_of(singular, eye(3)), eye(3), {1e-5, 1e-5});
  const auto inverse = [](const array& x) { return pinv(x); };
  expect_close(gradient_of(inverse, eye(3)), -ones({3, 3}), {1e-5, 1e-5});
}

TEST(LinalgDerivatives, TwiceAndMapped) {
  const array x = random::normal({4, 3, 3}, random::key(3)) + 4 * eye(3);
  // The sum of squared eigenvalues is the trace of the square.
  const auto f = [](const array& v) { return sum(real(square(eigvals(v)))); };
  const auto gradient = grad(f);
  expect_close(vmap(gradient)(x), 2 * transposed(x), {1e-4, 1e-4});
  const auto g = [&](const array& v) { return sum(gradient(v) * v * v); };
  const array second = vmap(grad(g))(x);
  expect_close(second, 2 * transposed(x * x) + 4 * x * transposed(x), {1e-3, 1e-3});
  // The logarithm of the determinant, twice.
  const auto h = [](const array& v) { return slogdet(v).second; };
  const auto slope = [&](const array& v) { return sum(grad(h)(v)); };
  const array y = transposed(inv(x)), rows = sum(y, -1, true), total = sum(y, -2, true);
  expect_close(vmap(grad(slope))(x), -matmul(rows, total), {1e-3, 1e-4});
}

}  // namespace
}  // namespace mica
