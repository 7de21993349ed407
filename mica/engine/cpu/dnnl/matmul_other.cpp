// Matrix products of the dtypes that oneDNN has none for.
#include <cblas.h>

#include <vector>

#include "mica/engine/cpu/dnnl/matrix.h"
#include "mica/engine/cpu/scratch.h"

namespace mica::cpu {
namespace {

void gemm(const MatmulProblem& p, double alpha, double beta, const double* a, Layout la,
          const double* b, Layout lb, double* out) {
  cblas_dgemm(CblasRowMajor, la.transposed ? CblasTrans : CblasNoTrans,
              lb.transposed ? CblasTrans : CblasNoTrans, static_cast<blasint>(p.m),
              static_cast<blasint>(p.n), static_cast<blasint>(p.k), alpha, a,
              static_cast<blasint>(la.leading), b, static_cast<blasint>(lb.leading), beta, out,
              static_cast<blasint>(p.n));
}

void gemm(const MatmulProblem& p, double alpha, double beta, const complex64_t* a, Layout la,
          const complex64_t* b, Layout lb, complex64_t* out) {
  const complex64_t scale(static_cast<float>(alpha)), keep(static_cast<float>(beta));
  cblas_cgemm(CblasRowMajor, la.transposed ? CblasTrans : CblasNoTrans,
              lb.transposed ? CblasTrans : CblasNoTrans, static_cast<blasint>(p.m),
              static_cast<blasint>(p.n), static_cast<blasint>(p.k), &scale, a,
              static_cast<blasint>(la.leading), b, static_cast<blasint>(lb.leading), &keep, out,
              static_cast<blasint>(p.n));
}

template <class T>
void blas(const MatmulProblem& p, Operand a, Operand b, const T* bias, T* out) {
  Layout la, lb;
  const bool copy_a = !find_layout(p.m, p.k, a.row, a.col, la);
  const bool copy_b = !find_layout(p.k, p.n, b.row, b.col, lb);
  const Scratch a_copy(copy_a ? materialised_size(p, a, p.m, p.k) * sizeof(T) : 0);
  const Scratch b_copy(copy_b ? materialised_size(p, b, p.k, p.n) * sizeof(T) : 0);
  if (copy_a) {
    a = materialise<T>(p, a, p.m, p.k, by_columns(a), a_copy.as<T>());
    find_layout(p.m, p.k, a.row, a.col, la);
  }
  if (copy_b) {
    b = materialise<T>(p, b, p.k, p.n, by_columns(b), b_copy.as<T>());
    find_layout(p.k, p.n, b.row, b.col, lb);
  }
  const double beta = p.epilogue == Epilogue::accumulate ? p.beta : 0;
  const int64_t count = batch_count(p);
  // Small matrices are shared out among the threads, large ones among the threads of the library.
  const int64_t work = p.m * p.n * p.k;
  const bool small = count > 1 && work <= 128 * 128 * 128;
  engine::parallel_for(count, small ? rows_each(work) : count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      gemm(p, p.alpha, beta, static_cast<const T*>(a.data) + batch_offset(p, a.batch, i), la,
           static_cast<const T*>(b.data) + batch_offset(p, b.batch, i), lb, out + i * p.m * p.n);
    }
  });
  if (p.epilogue == Epilogue::accumulate) {
    if (bias == nullptr) return;
    MatmulProblem add_bias = p;
    add_bias.epilogue = Epilogue::none;
    finish<T>(add_bias, 1, out, bias, out);
  } else if (bias != nullptr || p.epilogue != Epilogue::none) {
    finish<T>(p, 1, out, bias, out);
  }
}

template <class T>
void integer(const MatmulProblem& p, const Operand& a, Operand b, const T* bias, T* out) {
  // Sums wrap around: they are formed in an unsigned type that is never promoted to int.
  using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  const bool copy_b = b.col != 1 && p.n > 1;  // rows of b are read whole
  const Scratch b_copy(copy_b ? materialised_size(p, b, p.k, p.n) * sizeof(T) : 0);
  if (copy_b) b = materialise<T>(p, b, p.k, p.n, false, b_copy.as<T>());
  const bool separate = p.alpha != 1 || bias != nullptr || p.epilogue != Epilogue::none;
  const int64_t rows = batch_count(p) * p.m;
  const Scratch sums(separate ? rows * p.n * sizeof(T) : 0);
  T* const to = separate ? sums.as<T>() : out;
  engine::parallel_for(rows, rows_each(p.n * p.k), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t matrix = row / p.m;
      const T* x =
          static_cast<const T*>(a.data) + batch_offset(p, a.batch, matrix) + row % p.m * a.row;
      const T* y = static_cast<const T*>(b.data) + batch_offset(p, b.batch, matrix);
      T* sum = to + row * p.n;
      for (int64_t j = 0; j < p.n; ++j) sum[j] = 0;
      for (int64_t k = 0; k < p.k; ++k) {
        const U factor = static_cast<U>(x[k * a.col]);
        const T* line = y + k * b.row;
        for (int64_t j = 0; j < p.n; ++j) {
          sum[j] = static_cast<T>(static_cast<U>(sum[j]) + factor * static_cast<U>(line[j]));
        }
      }
    }
  });
  if (separate) finish<T>(p, p.alpha, to, bias, out);
}

}  // namespace

void matmul_blas(const MatmulProblem& problem, const Operand& a, const Operand& b, const void* bias,
                 void* out) {
  if (problem.dtype == Dtype::Val::float64) {
    blas(problem, a, b, static_cast<const double*>(bias), static_cast<double*>(out));
  } else {
    blas(problem, a, b, static_cast<const complex64_t*>(bias), static_cast<complex64_t*>(out));
  }
}

void matmul_integer(const MatmulProblem& problem, const Operand& a, const Operand& b,
                    const void* bias, void* out) {
  visit_integer(problem.dtype, [&]<class T>(T) {
    integer(problem, a, b, static_cast<const T*>(bias), static_cast<T*>(out));
  });
}

}  // namespace mica::cpu
