#include "mica/linalg/solvers.h"

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/lapack.h"

namespace mica::ops {
namespace {

namespace lapack = cpu::lapack;

}  // namespace

// In memory a is a^T to LAPACK: that is factored, and solved with transposed.
void Solve::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &b = call.inputs[1], &out = call.outputs[0];
  const int n = out.shape.end()[-2], k = out.shape.end()[-1];
  const int64_t square = int64_t{n} * n, columns = int64_t{n} * k;
  lapack::visit_matrix_type(out.dtype, [&]<class T>() {
    const double flops = 2.0 * n * n * (n / 3.0 + k);
    lapack::for_each_matrix(lapack::matrix_count(out), flops, [&](int64_t begin, int64_t end) {
      std::vector<T> factors(static_cast<size_t>(square)), right(static_cast<size_t>(columns));
      std::vector<int> pivots(static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        std::copy_n(a.as<T>() + i * square, square, factors.data());
        lapack::transpose(b.as<T>() + i * columns, n, k, right.data());
        if (const int zero = lapack::getrf(n, n, factors.data(), pivots.data()); zero > 0) {
          lapack::fail(i, "expected a matrix that is not singular");
        }
        lapack::getrs_transposed(n, k, factors.data(), pivots.data(), right.data());
        lapack::transpose(right.data(), k, n, out.as<T>() + i * columns);
      }
    });
  });
}

void SolveTriangular::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &b = call.inputs[1], &out = call.outputs[0];
  const int n = out.shape.end()[-2], k = out.shape.end()[-1];
  const int64_t square = int64_t{n} * n, columns = int64_t{n} * k;
  lapack::visit_matrix_type(out.dtype, [&]<class T>() {
    lapack::for_each_matrix(
        lapack::matrix_count(out), 1.0 * n * n * k, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            const T* matrix = a.as<T>() + i * square;
            for (int64_t j = 0; j < n; ++j) {
              if (matrix[j * n + j] == T(0)) {
                lapack::fail(
                    i, "expected a diagonal without zeros, got 0 in row " + std::to_string(j));
              }
            }
            std::copy_n(b.as<T>() + i * columns, columns, out.as<T>() + i * columns);
            lapack::trsm(upper, n, k, matrix, out.as<T>() + i * columns);
          }
        });
  });
}

// The inverse of the transpose that LAPACK sees is the transpose of the inverse.
void Inverse::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &out = call.outputs[0];
  const int n = out.shape.end()[-1];
  const int64_t square = int64_t{n} * n;
  lapack::visit_matrix_type(out.dtype, [&]<class T>() {
    lapack::for_each_matrix(
        lapack::matrix_count(out), 2.0 * n * n * n, [&](int64_t begin, int64_t end) {
          std::vector<int> pivots(static_cast<size_t>(n));
          for (int64_t i = begin; i < end; ++i) {
            T* inverse = out.as<T>() + i * square;
            if (out.data != a.data) std::copy_n(a.as<T>() + i * square, square, inverse);
            if (const int zero = lapack::getrf(n, n, inverse, pivots.data()); zero > 0) {
              lapack::fail(i, "expected a matrix that is not singular");
            }
            lapack::getri(n, inverse, pivots.data());
          }
        });
  });
}

}  // namespace mica::ops
