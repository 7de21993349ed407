// Reductions of contiguous elements to one, and of rows to one.
#include <algorithm>
#include <limits>

#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/reduce.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Combinations of floats: one element and vectors of them. min and max are written so that NaN
// stays in the accumulator a once it is there, or comes from x.
struct Sum {
  template <class T>
  static T identity() {
    return 0;
  }
  template <class T>
  static T apply(T a, T x) {
    return a + x;
  }
  template <class V>
  static HWY_INLINE V combine(V a, V x) {
    return hn::Add(a, x);
  }
};

struct Prod {
  template <class T>
  static T identity() {
    return 1;
  }
  template <class T>
  static T apply(T a, T x) {
    return a * x;
  }
  template <class V>
  static HWY_INLINE V combine(V a, V x) {
    return hn::Mul(a, x);
  }
};

struct Max {
  template <class T>
  static T identity() {
    return -std::numeric_limits<T>::infinity();
  }
  template <class T>
  static T apply(T a, T x) {
    return x > a || x != x ? x : a;
  }
  template <class V>
  static HWY_INLINE V combine(V a, V x) {
    return hn::IfThenElse(hn::Or(hn::Gt(x, a), hn::IsNaN(x)), x, a);
  }
};

struct Min {
  template <class T>
  static T identity() {
    return std::numeric_limits<T>::infinity();
  }
  template <class T>
  static T apply(T a, T x) {
    return x < a || x != x ? x : a;
  }
  template <class V>
  static HWY_INLINE V combine(V a, V x) {
    return hn::IfThenElse(hn::Or(hn::Lt(x, a), hn::IsNaN(x)), x, a);
  }
};

// Elements that go through one set of accumulators; longer runs are halved, so that rounding errors
// grow with the logarithm of the length.
inline constexpr size_t max_run = 4096;

// Four vectors of accumulators, of at least eight floats each, then halves added pairwise. The
// elements behind the last whole vector are padded with the identity. `stride` 2 keeps even and odd
// places apart (the parts of complex numbers): out[0], out[1].
template <class Op, size_t stride, class T>
void reduce_run(const T* x, size_t n, T* out) {
  const hn::CappedTag<T, 64 / sizeof(T)> d;
  const size_t lanes = hn::Lanes(d);
  constexpr size_t max_lanes = hn::MaxLanes(d);
  // As many vectors as make 32 lanes, four at least.
  constexpr size_t vectors = max_lanes * 4 >= 32 || sizeof(T) == 8 ? 4 : 32 / max_lanes;
  HWY_ALIGN T sums[vectors * max_lanes];
  size_t i = 0;
  if constexpr (vectors == 4) {
    auto a0 = hn::Set(d, Op::template identity<T>());
    auto a1 = a0, a2 = a0, a3 = a0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
      a0 = Op::combine(a0, hn::LoadU(d, x + i));
      a1 = Op::combine(a1, hn::LoadU(d, x + i + lanes));
      a2 = Op::combine(a2, hn::LoadU(d, x + i + 2 * lanes));
      a3 = Op::combine(a3, hn::LoadU(d, x + i + 3 * lanes));
    }
    for (; i + lanes <= n; i += lanes) a0 = Op::combine(a0, hn::LoadU(d, x + i));
    if (i < n) {
      HWY_ALIGN T rest[max_lanes];
      std::fill_n(rest, lanes, Op::template identity<T>());
      std::copy(x + i, x + n, rest);
      a1 = Op::combine(a1, hn::Load(d, rest));
    }
    a0 = Op::combine(Op::combine(a0, a1), Op::combine(a2, a3));
    hn::Store(a0, d, sums);
    for (size_t half = lanes / 2; half >= stride; half /= 2) {
      for (size_t k = 0; k < half; ++k) sums[k] = Op::apply(sums[k], sums[k + half]);
    }
  } else {
    constexpr size_t count = vectors * max_lanes;
    std::fill_n(sums, count, Op::template identity<T>());
    for (; i + count <= n; i += count) {
      for (size_t k = 0; k < count; ++k) sums[k] = Op::apply(sums[k], x[i + k]);
    }
    for (size_t k = 0; i < n; ++i, ++k) sums[k] = Op::apply(sums[k], x[i]);
    for (size_t half = count / 2; half >= stride; half /= 2) {
      for (size_t k = 0; k < half; ++k) sums[k] = Op::apply(sums[k], sums[k + half]);
    }
  }
  std::copy_n(sums, stride, out);
}

template <class Op, size_t stride, class T>
void reduce_halves(const T* x, size_t n, T* out) {
  if (n <= max_run) return reduce_run<Op, stride>(x, n, out);
  const size_t half = (n / 2 + max_run - 1) / max_run * max_run;
  T other[stride];
  reduce_halves<Op, stride>(x, half, out);
  reduce_halves<Op, stride>(x + half, n - half, other);
  for (size_t k = 0; k < stride; ++k) out[k] = Op::apply(out[k], other[k]);
}

template <class Op, class T>
void reduce_floats(void* acc, const void* x, size_t n) {
  T total;
  reduce_halves<Op, 1>(static_cast<const T*>(x), n, &total);
  auto* a = static_cast<T*>(acc);
  *a = Op::apply(*a, total);
}

void sum_complex(void* acc, const void* x, size_t n) {
  float total[2];
  reduce_halves<Sum, 2>(static_cast<const float*>(x), 2 * n, total);
  *static_cast<complex64_t*>(acc) += complex64_t(total[0], total[1]);
}

// In order: integers are exact, products and extrema of complex numbers are rare.
template <class Op, class T>
void reduce_in_order(void* acc, const void* x, size_t n) {
  const auto* elements = static_cast<const T*>(x);
  T a = *static_cast<T*>(acc);
  for (size_t i = 0; i < n; ++i) a = Op::apply(a, elements[i]);
  *static_cast<T*>(acc) = a;
}

// Rows read side by side.
inline constexpr size_t row_group = 8;

template <size_t rows, class Op, class T>
void reduce_group(T* acc, const T* x, int64_t stride, size_t n) {
  size_t j = 0;
  if constexpr (requires(hn::Vec<hn::ScalableTag<T>> v) { Op::combine(v, v); }) {
    const hn::ScalableTag<T> d;
    for (; j + hn::Lanes(d) <= n; j += hn::Lanes(d)) {
      auto a = hn::LoadU(d, acc + j);
      for (size_t r = 0; r < rows; ++r) {
        a = Op::combine(a, hn::LoadU(d, x + static_cast<int64_t>(r) * stride + j));
      }
      hn::StoreU(a, d, acc + j);
    }
  }
  for (; j < n; ++j) {
    T a = acc[j];
    for (size_t r = 0; r < rows; ++r) a = Op::apply(a, x[static_cast<int64_t>(r) * stride + j]);
    acc[j] = a;
  }
}

template <class Op, class T>
void reduce_rows(void* acc, const void* x, int64_t stride, size_t rows, size_t n) {
  auto* a = static_cast<T*>(acc);
  const auto* row = static_cast<const T*>(x);
  for (; rows >= row_group; rows -= row_group, row += row_group * stride) {
    reduce_group<row_group, Op>(a, row, stride, n);
  }
  for (; rows > 0; --rows, row += stride) reduce_group<1, Op>(a, row, stride, n);
}

template <class Op, class T>
void add_reduction(KernelTables& tables, ReduceOp op, Dtype dtype, ReduceKernel kernel) {
  tables.reduce(op, dtype) = kernel;
  tables.reduce_rows(op, dtype) = reduce_rows<Op, T>;
}

template <class Op, class T>
void add_float_reduction(KernelTables& tables, ReduceOp op) {
  add_reduction<Op, T>(tables, op, dtype_of<T>(), reduce_floats<Op, T>);
}

template <class T>
void add_float_reductions(KernelTables& tables) {
  add_float_reduction<Sum, T>(tables, ReduceOp::sum);
  add_float_reduction<Prod, T>(tables, ReduceOp::prod);
  add_float_reduction<Min, T>(tables, ReduceOp::min);
  add_float_reduction<Max, T>(tables, ReduceOp::max);
}

template <class Op, class T>
void add_ordered_reduction(KernelTables& tables, ReduceOp op, Dtype dtype) {
  add_reduction<Op, T>(tables, op, dtype, reduce_in_order<Op, T>);
}

template <class T>
void add_integer_reductions(KernelTables& tables) {
  constexpr Dtype d = dtype_of<T>();
  if constexpr (d != bool_) {
    using U = std::make_unsigned_t<T>;
    add_ordered_reduction<ops::Add, U>(tables, ReduceOp::sum, d);
    add_ordered_reduction<ops::Multiply, U>(tables, ReduceOp::prod, d);
  }
  using Element = std::conditional_t<d == bool_, uint8_t, T>;
  add_ordered_reduction<ops::Minimum, Element>(tables, ReduceOp::min, d);
  add_ordered_reduction<ops::Maximum, Element>(tables, ReduceOp::max, d);
}

template <class... Ts>
void add_all_integer_reductions(KernelTables& tables) {
  (add_integer_reductions<Ts>(tables), ...);
}

void add_reduce_kernels_for_target(KernelTables& tables) {
  add_float_reductions<float>(tables);
  add_float_reductions<double>(tables);
  add_all_integer_reductions<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t,
                             int64_t>(tables);
  using C = complex64_t;
  add_reduction<ops::Add, C>(tables, ReduceOp::sum, complex64, sum_complex);
  add_ordered_reduction<ops::Multiply, C>(tables, ReduceOp::prod, complex64);
  add_ordered_reduction<ops::Minimum, C>(tables, ReduceOp::min, complex64);
  add_ordered_reduction<ops::Maximum, C>(tables, ReduceOp::max, complex64);
  add_ordered_reduction<ops::BitwiseAnd, uint8_t>(tables, ReduceOp::all, bool_);
  add_ordered_reduction<ops::BitwiseOr, uint8_t>(tables, ReduceOp::any, bool_);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {

HWY_EXPORT(add_reduce_kernels_for_target);

void add_reduce_kernels(KernelTables& tables) {
  HWY_DYNAMIC_DISPATCH(add_reduce_kernels_for_target)(tables);
}

}  // namespace mica::cpu
#endif
