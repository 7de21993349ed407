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

// Adds the kernels of a group's ops, for those of the types that each takes.
template <KernelGroup group, class... Types>
void add_loops(KernelTables& tables) {
  for_each_elementwise([&]<class Op>() {
    if constexpr (Op::arity <= 2 && Op::result != ResultDtype::attribute) {
      if constexpr (kernel_group<Op>() == group) (add_loop<Op, Types>(tables), ...);
    }
  });
}

template <KernelGroup group>
void add_inexact_loops(KernelTables& tables) {
  add_loops<group, float, double, complex64_t>(tables);
}

template <KernelGroup group>
void add_integer_loops(KernelTables& tables) {
  add_loops<group, bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>(
      tables);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#endif
