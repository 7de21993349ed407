#include "mica/linalg/factorizations.h"

#include <numeric>
#include <utility>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/lapack.h"

namespace mica::ops {
namespace {

namespace lapack = cpu::lapack;

// Calls f.operator()<T>() with float or double.
template <class F>
void visit_real_type(Dtype dtype, F&& f) {
  lapack::visit_matrix_type(dtype, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      f.template operator()<T>();
    } else {
      throw std::logic_error("expected real numbers");
    }
  });
}

// Zeros above the diagonal of a row-major (n, n) matrix.
template <class T>
void clear_above(T* matrix, int64_t n) {
  for (int64_t i = 0; i < n; ++i) std::fill(matrix + i * n + i + 1, matrix + (i + 1) * n, T(0));
}

}  // namespace

// L in the lower half of a row-major matrix is U of U^T U in the upper half of LAPACK's.
void Cholesky::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &out = call.outputs[0];
  const int n = out.shape.end()[-1];
  const int64_t square = int64_t{n} * n;
  visit_real_type(out.dtype, [&]<class T>() {
    const double flops = 1.0 / 3 * n * n * n;
    lapack::for_each_matrix(lapack::matrix_count(out), flops, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        T* factor = out.as<T>() + i * square;
        if (out.data != a.data) std::copy_n(a.as<T>() + i * square, square, factor);
        if (const int order = lapack::potrf('U', n, factor); order > 0) {
          lapack::fail(i, "expected a positive definite matrix; its leading minor of order " +
                              std::to_string(order) + " is not positive");
        }
        clear_above(factor, n);
      }
    });
  });
}

void LU::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &factors = call.outputs[0];
  const int m = a.shape.end()[-2], n = a.shape.end()[-1], k = std::min(m, n);
  const int64_t size = int64_t{m} * n;
  auto* pivots_out = call.outputs[1].as<uint32_t>();
  auto* indices_out = call.outputs[2].as<uint32_t>();
  if (size == 0) {
    for (size_t i = 0; i < call.outputs[2].size; ++i) {
      indices_out[i] = static_cast<uint32_t>(i % static_cast<size_t>(m));
    }
    return;
  }
  visit_real_type(a.dtype, [&]<class T>() {
    const double flops = 1.0 * m * n * k;
    lapack::for_each_matrix(lapack::matrix_count(a), flops, [&](int64_t begin, int64_t end) {
      std::vector<T> matrix(static_cast<size_t>(size));
      std::vector<int> pivots(static_cast<size_t>(k));
      std::vector<uint32_t> order(static_cast<size_t>(m));
      for (int64_t i = begin; i < end; ++i) {
        lapack::transpose(a.as<T>() + i * size, m, n, matrix.data());
        lapack::getrf(m, n, matrix.data(), pivots.data());  // U of a singular matrix has a zero
        lapack::transpose(matrix.data(), n, m, factors.as<T>() + i * size);
        // Row j of L U is row order[j] of a.
        std::iota(order.begin(), order.end(), 0u);
        for (int64_t j = 0; j < k; ++j) {
          const int pivot = pivots[static_cast<size_t>(j)] - 1;
          std::swap(order[static_cast<size_t>(j)], order[static_cast<size_t>(pivot)]);
          pivots_out[i * k + j] = static_cast<uint32_t>(pivot);
        }
        for (int64_t j = 0; j < m; ++j) {
          indices_out[i * m + order[static_cast<size_t>(j)]] = static_cast<uint32_t>(j);
        }
      }
    });
  });
}

// The QR factors of a are those of LQ of the transpose that LAPACK sees, transposed.
void QR::cpu(const cpu::Call& call) const {
  const cpu::Tensor &a = call.inputs[0], &q = call.outputs[0], &r = call.outputs[1];
  const int m = a.shape.end()[-2], n = a.shape.end()[-1];
  const int64_t size = int64_t{m} * n, square = int64_t{n} * n;
  visit_real_type(a.dtype, [&]<class T>() {
    const double flops = 4.0 * m * n * n;
    lapack::for_each_matrix(lapack::matrix_count(a), flops, [&](int64_t begin, int64_t end) {
      std::vector<T> tau(static_cast<size_t>(n));
      for (int64_t i = begin; i < end; ++i) {
        T *matrix = q.as<T>() + i * size, *upper = r.as<T>() + i * square;
        std::copy_n(a.as<T>() + i * size, size, matrix);
        lapack::gelqf(n, m, matrix, tau.data());
        for (int64_t j = 0; j < n; ++j) {
          for (int64_t row = 0; row < n; ++row) {
            upper[row * n + j] = row <= j ? matrix[row * n + j] : T(0);
          }
        }
        lapack::orglq(n, m, matrix, tau.data());
      }
    });
  });
}

}  // namespace mica::ops
