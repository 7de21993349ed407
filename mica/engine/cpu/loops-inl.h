// Loops over an elementwise op's scalar function, vectorized by the compiler. Included once for
// each target.
#include <cstddef>

#include "mica/engine/cpu/kernel_tables.h"
#include "mica/ops/elementwise/elementwise.h"

#if defined(MICA_ENGINE_CPU_LOOPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MICA_ENGINE_CPU_LOOPS_INL_H_
#undef MICA_ENGINE_CPU_LOOPS_INL_H_
#else
#define MICA_ENGINE_CPU_LOOPS_INL_H_
#endif

#include "hwy/highway.h"

// dst may equal an operand, which carries nothing from one iteration to another.
#ifdef __clang__
#define MICA_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#else
#define MICA_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#endif

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

template <class Op, class T>
void unary_loop(void* dst, const void* a, const void*, const void*, size_t n) {
  auto* y = static_cast<decltype(Op::apply(T{}))*>(dst);
  const auto* x = static_cast<const T*>(a);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = Op::apply(x[i]);
}

template <class Op, class T>
void binary_loop(void* dst, const void* a, const void* b, const void*, size_t n) {
  auto* y = static_cast<decltype(Op::apply(T{}, T{}))*>(dst);
  const auto* x0 = static_cast<const T*>(a);
  const auto* x1 = static_cast<const T*>(b);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) y[i] = Op::apply(x0[i], x1[i]);
}

template <class Op, class T>
void add_loop(KernelTables& tables) {
  constexpr Dtype dtype = dtype_of<T>();
  if constexpr (Op::operands.has(dtype)) {
    auto& kernel = tables.elementwise(op_id<Op>(), dtype);
    if constexpr (Op::arity == 1) {
      kernel = unary_loop<Op, T>;
    } else {
      kernel = binary_loop<Op, T>;
    }
  }
}

// Adds the kernels of each op for those of the types that it takes.
template <class... Types>
struct LoopsOver {
  template <class... Ops>
  static void add(KernelTables& tables) {
    (add_types<Ops>(tables), ...);
  }

 private:
  template <class Op>
  static void add_types(KernelTables& tables) {
    (add_loop<Op, Types>(tables), ...);
  }
};

using InexactLoops = LoopsOver<float, double, complex64_t>;
using IntegerLoops =
    LoopsOver<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>;

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#endif
