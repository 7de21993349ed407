#include "mica/linalg/svd.h"

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/lapack.h"

namespace mica::ops {

namespace {

// The identity, as the vectors of a matrix without elements.
template <class T>
void fill_identity(const cpu::Tensor& out) {
  std::fill_n(out.as<T>(), out.size, T(0));
  const int64_t n = out.shape.end()[-1], count = cpu::lapack::matrix_count(out);
  for (int64_t i = 0; i < count * n; ++i) out.as<T>()[i / n * n * n + i % n * (n + 1)] = T(1);
}

}  // namespace

// LAPACK sees a^T = conj(V) S U^T, and what it calls U and Vt, column-major, are Vt and U.
void SVD::cpu(const cpu::Call& call) const {
  namespace lapack = cpu::lapack;
  const cpu::Tensor& a = call.inputs[0];
  const int m = a.shape.end()[-2], n = a.shape.end()[-1], k = std::min(m, n);
  const bool with_vectors = vectors != SingularVectors::none;
  const bool full = vectors == SingularVectors::full;
  const char job = !with_vectors ? 'N' : full ? 'A' : 'S';
  const int64_t size = int64_t{m} * n;
  const int64_t u_size = int64_t{m} * (full ? m : k), vt_size = int64_t{n} * (full ? n : k);
  lapack::visit_matrix_type(a.dtype, [&]<class T>() {
    if (size == 0) {
      if (full) fill_identity<T>(call.outputs[0]), fill_identity<T>(call.outputs[2]);
      return;
    }
    auto* values = call.outputs[with_vectors ? 1 : 0].template as<lapack::Real<T>>();
    T* u = with_vectors ? call.outputs[0].template as<T>() : nullptr;
    T* vt = with_vectors ? call.outputs[2].template as<T>() : nullptr;
    const double flops = 20.0 * m * n * k;
    lapack::for_each_matrix(lapack::matrix_count(a), flops, [&](int64_t begin, int64_t end) {
      std::vector<T> matrix(static_cast<size_t>(size));
      for (int64_t i = begin; i < end; ++i) {
        std::copy_n(a.as<T>() + i * size, size, matrix.data());
        if (!lapack::all_finite(matrix.data(), size)) {
          lapack::fail(i, "expected finite elements, got an infinity or NaN");
        }
        const int info =
            lapack::gesdd(job, n, m, matrix.data(), values + i * k, vt ? vt + i * vt_size : nullptr,
                          u ? u + i * u_size : nullptr, full ? m : k);
        if (info != 0) lapack::fail(i, "the singular values did not converge");
      }
    });
  });
}

}  // namespace mica::ops
