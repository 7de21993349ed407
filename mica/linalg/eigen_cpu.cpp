#include "mica/linalg/eigen.h"

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/lapack.h"

namespace mica::ops {
namespace {

namespace lapack = cpu::lapack;

[[noreturn]] void fail_not_finite(int64_t index) {
  lapack::fail(index, "expected finite elements, got an infinity or NaN");
}

}  // namespace

void Eig::cpu(const cpu::Call& call) const {
  const cpu::Tensor& a = call.inputs[0];
  const int n = a.shape.end()[-1];
  const int64_t square = int64_t{n} * n;
  auto* values = call.outputs[0].as<complex64_t>();
  auto* out = vectors ? call.outputs[1].as<complex64_t>() : nullptr;
  lapack::visit_matrix_type(a.dtype, [&]<class T>() {
    const double flops = 25.0 * n * n * n;
    lapack::for_each_matrix(lapack::matrix_count(a), flops, [&](int64_t begin, int64_t end) {
      std::vector<T> matrix(static_cast<size_t>(square));
      std::vector<complex64_t> found(vectors ? static_cast<size_t>(square) : 0);
      for (int64_t i = begin; i < end; ++i) {
        if (!lapack::all_finite(a.as<T>() + i * square, square)) fail_not_finite(i);
        lapack::transpose(a.as<T>() + i * square, n, n, matrix.data());
        if (lapack::geev(n, matrix.data(), values + i * n, out ? found.data() : nullptr) != 0) {
          lapack::fail(i, "the eigenvalues did not converge");
        }
        if (out) lapack::transpose(found.data(), n, n, out + i * square);
      }
    });
  });
}

// LAPACK sees a^T, the conjugate of a, whose eigenvectors are the conjugates of a's; the half that
// is read is the other one to it.
void Eigh::cpu(const cpu::Call& call) const {
  const cpu::Tensor& a = call.inputs[0];
  const int n = a.shape.end()[-1];
  const int64_t square = int64_t{n} * n;
  lapack::visit_matrix_type(a.dtype, [&]<class T>() {
    auto* values = call.outputs[0].template as<lapack::Real<T>>();
    T* out = vectors ? call.outputs[1].template as<T>() : nullptr;
    const double flops = 9.0 * n * n * n;
    lapack::for_each_matrix(lapack::matrix_count(a), flops, [&](int64_t begin, int64_t end) {
      std::vector<T> matrix(static_cast<size_t>(square));
      for (int64_t i = begin; i < end; ++i) {
        std::copy_n(a.as<T>() + i * square, square, matrix.data());
        for (int64_t j = 0; j < n; ++j) {
          const T* row = matrix.data() + j * n;
          if (!lapack::all_finite(upper ? row + j : row, upper ? n - j : j + 1)) fail_not_finite(i);
        }
        if (lapack::heevd(vectors ? 'V' : 'N', upper ? 'L' : 'U', n, matrix.data(),
                          values + i * n) != 0) {
          lapack::fail(i, "the eigenvalues did not converge");
        }
        if (!out) continue;
        lapack::transpose(matrix.data(), n, n, out + i * square);
        if constexpr (std::is_same_v<T, complex64_t>) {
          for (int64_t j = 0; j < square; ++j) out[i * square + j] = std::conj(out[i * square + j]);
        }
      }
    });
  });
}

}  // namespace mica::ops
