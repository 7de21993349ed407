// LAPACK over column-major matrices, one overload an element type, and the loop over a batch.
// The routines return LAPACK's info and find their workspace themselves.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

// What lapacke.h calls complex numbers; C's otherwise.
#define lapack_complex_float std::complex<float>
#define lapack_complex_double std::complex<double>
#include <lapacke.h>

#include <cblas.h>

#include "mica/array/dtype.h"
#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/parallel.h"

namespace mica::cpu::lapack {

// The matrices in a batch; 0 where they have no elements.
inline int64_t matrix_count(const Tensor& a) {
  const int64_t size = int64_t{a.shape.end()[-2]} * a.shape.end()[-1];
  return size == 0 ? 0 : static_cast<int64_t>(a.size) / size;
}

// In an error of one matrix of a batch.
[[noreturn]] inline void fail(int64_t index, const std::string& text) {
  throw std::runtime_error("matrix " + std::to_string(index) + " of the batch: " + text);
}

// Calls f(begin, end) on parts of a batch side by side, each with one thread; or, where there are
// few and large matrices, on all of them with the threads of LAPACK, which below cost more than
// they save. flops: about what one matrix takes.
template <class F>
void for_each_matrix(int64_t batch, double flops, F&& f) {
  constexpr double small = 1e5, large = 4e9;
  if (flops > large && batch < engine::num_threads()) {
    const engine::ThreadCountScope threads;
    f(int64_t{0}, batch);
    return;
  }
  const auto grain = static_cast<int64_t>(small / std::max(flops, 1.0));
  engine::parallel_for(batch, std::max<int64_t>(1, grain), [&](int64_t begin, int64_t end) {
    const engine::ThreadCountScope one_thread(1);
    f(begin, end);
  });
}

// A row-major (rows, columns) matrix as a column-major one, or the other way round with the sizes
// exchanged.
template <class T, class U>
void transpose(const T* in, int64_t rows, int64_t columns, U* out) {
  constexpr int64_t block = 32;
  for (int64_t i0 = 0; i0 < rows; i0 += block) {
    for (int64_t j0 = 0; j0 < columns; j0 += block) {
      for (int64_t i = i0; i < std::min(rows, i0 + block); ++i) {
        for (int64_t j = j0; j < std::min(columns, j0 + block); ++j) {
          out[j * rows + i] = in[i * columns + j];
        }
      }
    }
  }
}

template <class T>
bool all_finite(const T* data, int64_t size) {
  return std::all_of(data, data + size, [](const T& x) {
    return std::isfinite(std::real(x)) && std::isfinite(std::imag(x));
  });
}

// Calls f.operator()<T>() with float, double or complex64_t.
template <class F>
void visit_matrix_type(Dtype dtype, F&& f) {
  if (dtype == float32) return f.template operator()<float>();
  if (dtype == float64) return f.template operator()<double>();
  if (dtype == complex64) return f.template operator()<complex64_t>();
  throw std::logic_error("LAPACK has no routine for " + std::string(dtype_name(dtype)));
}

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
template <class T>
using Real = typename RealOf<T>::type;

// Calls routine(work, size) twice: for the size that is best, and with a workspace of it.
template <class T, class F>
int with_workspace(F&& routine) {
  T best{};
  const int info = routine(&best, -1);
  if (info != 0) return info;
  std::vector<T> work(static_cast<size_t>(std::max(Real<T>(1), std::real(best))));
  return routine(work.data(), static_cast<int>(work.size()));
}

inline int potrf(char uplo, int n, float* a) {
  return LAPACKE_spotrf_work(LAPACK_COL_MAJOR, uplo, n, a, n);
}
inline int potrf(char uplo, int n, double* a) {
  return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, uplo, n, a, n);
}

inline int getrf(int m, int n, float* a, int* pivots) {
  return LAPACKE_sgetrf_work(LAPACK_COL_MAJOR, m, n, a, m, pivots);
}
inline int getrf(int m, int n, double* a, int* pivots) {
  return LAPACKE_dgetrf_work(LAPACK_COL_MAJOR, m, n, a, m, pivots);
}
inline int getrf(int m, int n, complex64_t* a, int* pivots) {
  return LAPACKE_cgetrf_work(LAPACK_COL_MAJOR, m, n, a, m, pivots);
}

// The inverse of what getrf factored.
inline int getri(int n, float* a, const int* pivots) {
  return with_workspace<float>([&](float* work, int size) {
    return LAPACKE_sgetri_work(LAPACK_COL_MAJOR, n, a, n, pivots, work, size);
  });
}
inline int getri(int n, double* a, const int* pivots) {
  return with_workspace<double>([&](double* work, int size) {
    return LAPACKE_dgetri_work(LAPACK_COL_MAJOR, n, a, n, pivots, work, size);
  });
}
inline int getri(int n, complex64_t* a, const int* pivots) {
  return with_workspace<complex64_t>([&](complex64_t* work, int size) {
    return LAPACKE_cgetri_work(LAPACK_COL_MAJOR, n, a, n, pivots, work, size);
  });
}

// Solves with the transpose of what getrf factored.
inline int getrs_transposed(int n, int k, const float* a, const int* pivots, float* b) {
  return LAPACKE_sgetrs_work(LAPACK_COL_MAJOR, 'T', n, k, a, n, pivots, b, n);
}
inline int getrs_transposed(int n, int k, const double* a, const int* pivots, double* b) {
  return LAPACKE_dgetrs_work(LAPACK_COL_MAJOR, 'T', n, k, a, n, pivots, b, n);
}
inline int getrs_transposed(int n, int k, const complex64_t* a, const int* pivots, complex64_t* b) {
  return LAPACKE_cgetrs_work(LAPACK_COL_MAJOR, 'T', n, k, a, n, pivots, b, n);
}

// b = a^-1 b for row-major matrices, a (n, n) triangular, b (n, k).
inline void trsm(bool upper, int n, int k, const float* a, float* b) {
  cblas_strsm(CblasRowMajor, CblasLeft, upper ? CblasUpper : CblasLower, CblasNoTrans, CblasNonUnit,
              n, k, 1.0f, a, n, b, k);
}
inline void trsm(bool upper, int n, int k, const double* a, double* b) {
  cblas_dtrsm(CblasRowMajor, CblasLeft, upper ? CblasUpper : CblasLower, CblasNoTrans, CblasNonUnit,
              n, k, 1.0, a, n, b, k);
}
inline void trsm(bool upper, int n, int k, const complex64_t* a, complex64_t* b) {
  const complex64_t one = 1;
  cblas_ctrsm(CblasRowMajor, CblasLeft, upper ? CblasUpper : CblasLower, CblasNoTrans, CblasNonUnit,
              n, k, &one, a, n, b, k);
}

// a (m, n), m <= n, becomes L in its lower half; Q follows from it and tau (m) by orglq.
inline int gelqf(int m, int n, float* a, float* tau) {
  return with_workspace<float>([&](float* work, int size) {
    return LAPACKE_sgelqf_work(LAPACK_COL_MAJOR, m, n, a, m, tau, work, size);
  });
}
inline int gelqf(int m, int n, double* a, double* tau) {
  return with_workspace<double>([&](double* work, int size) {
    return LAPACKE_dgelqf_work(LAPACK_COL_MAJOR, m, n, a, m, tau, work, size);
  });
}
inline int orglq(int m, int n, float* a, const float* tau) {
  return with_workspace<float>([&](float* work, int size) {
    return LAPACKE_sorglq_work(LAPACK_COL_MAJOR, m, n, m, a, m, tau, work, size);
  });
}
inline int orglq(int m, int n, double* a, const double* tau) {
  return with_workspace<double>([&](double* work, int size) {
    return LAPACKE_dorglq_work(LAPACK_COL_MAJOR, m, n, m, a, m, tau, work, size);
  });
}

// job: 'A' for all vectors, 'S' for min(m, n) of each, 'N' for none; vt has `rank` rows.
inline int gesdd(char job, int m, int n, float* a, float* s, float* u, float* vt, int rank) {
  return LAPACKE_sgesdd(LAPACK_COL_MAJOR, job, m, n, a, m, s, u, m, vt, rank);
}
inline int gesdd(char job, int m, int n, double* a, double* s, double* u, double* vt, int rank) {
  return LAPACKE_dgesdd(LAPACK_COL_MAJOR, job, m, n, a, m, s, u, m, vt, rank);
}
inline int gesdd(char job, int m, int n, complex64_t* a, float* s, complex64_t* u, complex64_t* vt,
                 int rank) {
  return LAPACKE_cgesdd(LAPACK_COL_MAJOR, job, m, n, a, m, s, u, m, vt, rank);
}

// Eigenvalues of a Hermitian matrix; with job 'V', a becomes the eigenvectors.
inline int heevd(char job, char uplo, int n, float* a, float* values) {
  return LAPACKE_ssyevd(LAPACK_COL_MAJOR, job, uplo, n, a, n, values);
}
inline int heevd(char job, char uplo, int n, double* a, double* values) {
  return LAPACKE_dsyevd(LAPACK_COL_MAJOR, job, uplo, n, a, n, values);
}
inline int heevd(char job, char uplo, int n, complex64_t* a, float* values) {
  return LAPACKE_cheevd(LAPACK_COL_MAJOR, job, uplo, n, a, n, values);
}

// Eigenvalues and, where vectors has room for (n, n), the right eigenvectors, column-major.
template <class T, class F>
int geev_of_real(int n, T* a, complex64_t* values, complex64_t* vectors, F&& routine) {
  const auto size = static_cast<size_t>(n);
  std::vector<T> real(size), imag(size), packed(vectors ? size * size : 1);
  const int info = routine(vectors ? 'V' : 'N', a, real.data(), imag.data(), packed.data());
  for (size_t j = 0; j < size; ++j) {
    values[j] = {static_cast<float>(real[j]), static_cast<float>(imag[j])};
    if (!vectors) continue;
    // A pair of conjugate eigenvectors is stored as their real and imaginary part.
    const bool first = imag[j] > 0, second = imag[j] < 0;
    const T* re = &packed[(second ? j - 1 : j) * size];
    const T* im = &packed[(first ? j + 1 : j) * size];
    for (size_t i = 0; i < size; ++i) {
      const T imaginary = first ? im[i] : second ? -im[i] : T(0);
      vectors[j * size + i] = {static_cast<float>(re[i]), static_cast<float>(imaginary)};
    }
  }
  return info;
}
inline int geev(int n, float* a, complex64_t* values, complex64_t* vectors) {
  return geev_of_real(
      n, a, values, vectors, [n](char job, float* x, float* re, float* im, float* v) {
        return LAPACKE_sgeev(LAPACK_COL_MAJOR, 'N', job, n, x, n, re, im, nullptr, 1, v, n);
      });
}
inline int geev(int n, double* a, complex64_t* values, complex64_t* vectors) {
  return geev_of_real(
      n, a, values, vectors, [n](char job, double* x, double* re, double* im, double* v) {
        return LAPACKE_dgeev(LAPACK_COL_MAJOR, 'N', job, n, x, n, re, im, nullptr, 1, v, n);
      });
}
inline int geev(int n, complex64_t* a, complex64_t* values, complex64_t* vectors) {
  return LAPACKE_cgeev(LAPACK_COL_MAJOR, 'N', vectors ? 'V' : 'N', n, a, n, values, nullptr, 1,
                       vectors, n);
}

}  // namespace mica::cpu::lapack
