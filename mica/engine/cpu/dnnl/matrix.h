// Operands of a matrix product: strides, copies to a layout that libraries take, the epilogue.
// Internal to this folder.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "mica/array/half.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/cpu/parallel.h"

namespace mica::cpu {

// Elements that are worth a thread of their own, and rows of `length` elements.
constexpr int64_t worth_a_thread = 16384;
inline int64_t rows_each(int64_t length) {
  return worth_a_thread / std::max<int64_t>(length, 1) + 1;
}

struct Operand {
  const void* data;
  int64_t row, col;  // strides in elements
  std::array<int64_t, 3> batch;
};

// Rows, or columns where `transposed`, contiguous and `leading` elements apart.
struct Layout {
  bool transposed;
  int64_t leading;
};

// The layout of a matrix that libraries can read in place, if it has one.
inline bool find_layout(int64_t rows, int64_t cols, int64_t row, int64_t col, Layout& layout) {
  if ((col == 1 || cols == 1) && (row >= cols || rows == 1)) {
    layout = {false, rows == 1 ? cols : row};
    return true;
  }
  if ((row == 1 || rows == 1) && (col >= rows || cols == 1)) {
    layout = {true, cols == 1 ? rows : col};
    return true;
  }
  return false;
}

inline int64_t batch_count(const MatmulProblem& p) { return p.batch[0] * p.batch[1] * p.batch[2]; }

// Elements between the first matrix of an operand and the one of a batch's flat index.
inline int64_t batch_offset(const MatmulProblem& p, const std::array<int64_t, 3>& strides,
                            int64_t index) {
  int64_t offset = 0;
  for (int axis = 2; axis >= 0; --axis) {
    offset += index % p.batch[axis] * strides[axis];
    index /= p.batch[axis];
  }
  return offset;
}

// How many elements materialise() writes: every matrix once, repeats left out.
inline int64_t materialised_size(const MatmulProblem& p, const Operand& x, int64_t rows,
                                 int64_t cols) {
  int64_t size = rows * cols;
  for (int axis = 0; axis < 3; ++axis) {
    if (x.batch[axis] != 0) size *= p.batch[axis];
  }
  return size;
}

// Copies an operand into contiguous matrices at `to`, column by column if `transposed`, and
// returns it.
template <class From, class To>
Operand materialise(const MatmulProblem& p, const Operand& x, int64_t rows, int64_t cols,
                    bool transposed, To* to) {
  const int64_t lines = transposed ? cols : rows, length = transposed ? rows : cols;
  const int64_t line_stride = transposed ? x.col : x.row, stride = transposed ? x.row : x.col;
  Operand result{to, transposed ? 1 : cols, transposed ? rows : 1, {0, 0, 0}};
  std::array<int64_t, 3> extents{1, 1, 1};
  int64_t step = lines * length;
  for (int axis = 2; axis >= 0; --axis) {
    if (x.batch[axis] == 0) continue;
    extents[axis] = p.batch[axis];
    result.batch[axis] = step;
    step *= extents[axis];
  }
  const int64_t total = step / length;
  const ElementwiseKernel cast = cast_kernel(dtype_of<From>(), dtype_of<To>());
  engine::parallel_for(total, rows_each(length), [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const int64_t matrix = line / lines;
      const int64_t i2 = matrix % extents[2], i1 = matrix / extents[2] % extents[1],
                    i0 = matrix / extents[2] / extents[1];
      const From* from = static_cast<const From*>(x.data) + line % lines * line_stride +
                         i0 * x.batch[0] + i1 * x.batch[1] + i2 * x.batch[2];
      To* target = to + line * length;
      if (stride == 1) {
        cast(target, from, nullptr, nullptr, length);
      } else {
        for (int64_t i = 0; i < length; ++i) target[i] = static_cast<To>(from[i * stride]);
      }
    }
  });
  return result;
}

// Whether to copy a matrix column by column: the order in which reading it is cheaper.
inline bool by_columns(const Operand& x) { return std::abs(x.row) < std::abs(x.col); }

template <class T>
T wrapping_add(T x, T y) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(x) + static_cast<uint64_t>(y));
  } else {
    return x + y;
  }
}

// Sums the rows of a contiguous matrix, floating ones in double.
template <class T>
void sum_rows(const T* matrix, int64_t rows, int64_t cols, T* sum) {
  using Sum = std::conditional_t<
      std::is_integral_v<T>, T,
      std::conditional_t<std::is_same_v<T, std::complex<float>>, std::complex<double>, double>>;
  std::vector<Sum> sums(cols);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      sums[j] = wrapping_add(sums[j], static_cast<Sum>(matrix[i * cols + j]));
    }
  }
  for (int64_t j = 0; j < cols; ++j) sum[j] = static_cast<T>(sums[j]);
}

template <class T>
T apply_epilogue(Epilogue epilogue, T x) {
  if constexpr (!std::is_same_v<T, std::complex<float>>) {
    if (epilogue == Epilogue::relu) return x < T(0) ? T(0) : x;
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (epilogue == Epilogue::gelu_erf) {
      return T(0.5) * x * (T(1) + std::erf(x * T(0.70710678118654752)));
    }
    if (epilogue == Epilogue::gelu_tanh) {
      const T inner = T(0.79788456080286536) * (x + T(0.044715) * x * x * x);  // sqrt(2/pi)
      return T(0.5) * x * (T(1) + std::tanh(inner));
    }
  }
  return x;
}

// Scales products, adds bias and old values, and stores them as `T`. `sums` may be `out` itself
// unless the problem accumulates; null stands for zeros. Integers wrap around.
template <class T, class Sum>
void finish(const MatmulProblem& p, double alpha, const Sum* sums, const T* bias, T* out) {
  using Wide = std::conditional_t<std::is_integral_v<Sum>, uint64_t, Sum>;
  const auto factor = [](double x) {
    if constexpr (std::is_integral_v<Sum>)
      return static_cast<Wide>(static_cast<int64_t>(x));
    else
      return static_cast<Wide>(x);
  };
  const Wide scale = factor(alpha), keep = factor(p.beta);
  const bool accumulate = p.epilogue == Epilogue::accumulate;
  const int64_t rows = batch_count(p) * p.m;
  const bool plain = !bias && sums && alpha == 1 && p.epilogue == Epilogue::none;
  const ElementwiseKernel cast = cast_kernel(dtype_of<Sum>(), dtype_of<T>());
  engine::parallel_for(rows, rows_each(p.n), [&](int64_t begin, int64_t end) {
    if (plain) {
      return cast(out + begin * p.n, sums + begin * p.n, nullptr, nullptr, (end - begin) * p.n);
    }
    for (int64_t row = begin; row < end; ++row) {
      const Sum* from = sums ? sums + row * p.n : nullptr;
      T* to = out + row * p.n;
      for (int64_t j = 0; j < p.n; ++j) {
        Wide x = from ? scale * static_cast<Wide>(from[j]) : Wide(0);
        if (bias) x += static_cast<Wide>(bias[j]);
        if (accumulate) x += keep * static_cast<Wide>(to[j]);
        to[j] = static_cast<T>(apply_epilogue(p.epilogue, static_cast<Sum>(x)));
      }
    }
  });
}

// Calls `f` with a value of an integer dtype's type.
template <class F>
void visit_integer(Dtype::Val dtype, F&& f) {
  switch (dtype) {
    case Dtype::Val::uint8:
      return f(uint8_t{});
    case Dtype::Val::uint16:
      return f(uint16_t{});
    case Dtype::Val::uint32:
      return f(uint32_t{});
    case Dtype::Val::uint64:
      return f(uint64_t{});
    case Dtype::Val::int8:
      return f(int8_t{});
    case Dtype::Val::int16:
      return f(int16_t{});
    case Dtype::Val::int32:
      return f(int32_t{});
    default:
      return f(int64_t{});
  }
}

// float64 and complex64, through CBLAS.
void matmul_blas(const MatmulProblem& problem, const Operand& a, const Operand& b, const void* bias,
                 void* out);

// The integer dtypes; sums wrap around.
void matmul_integer(const MatmulProblem& problem, const Operand& a, const Operand& b,
                    const void* bias, void* out);

}  // namespace mica::cpu
