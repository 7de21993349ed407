// Comparisons and selection.
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/elementwise_compare.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

// ops::Select by the elements' bits: T is the unsigned integer of their size. Compilers make a
// branch of a choice between loads, and don't vectorize what reads a bool; one is stored as 0 or 1.
template <class T>
void select(void* dst, const void* a, const void* b, const void* c, size_t n) {
  const auto* condition = static_cast<const uint8_t*>(a);
  const auto* x = static_cast<const T*>(b);
  const auto* y = static_cast<const T*>(c);
  auto* to = static_cast<T*>(dst);
  MICA_INDEPENDENT_ITERATIONS
  for (size_t i = 0; i < n; ++i) {
    const T mask = static_cast<T>(-static_cast<T>(condition[i]));
    to[i] = static_cast<T>((x[i] & mask) | (y[i] & static_cast<T>(~mask)));
  }
}

void add_selects(KernelTables& tables) {
  for (Dtype d : {bool_, uint8, int8})
    tables.elementwise(op_id<ops::Select>(), d) = select<uint8_t>;
  for (Dtype d : {uint16, int16, float16, bfloat16}) {
    tables.elementwise(op_id<ops::Select>(), d) = select<uint16_t>;
  }
  for (Dtype d : {uint32, int32, float32})
    tables.elementwise(op_id<ops::Select>(), d) = select<uint32_t>;
  for (Dtype d : {uint64, int64, float64, complex64}) {
    tables.elementwise(op_id<ops::Select>(), d) = select<uint64_t>;
  }
}

void add_compare_kernels_for_target(KernelTables& tables) {
  add_inexact_loops<KernelGroup::comparison>(tables);
  add_integer_loops<KernelGroup::comparison>(tables);
  add_selects(tables);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {

HWY_EXPORT(add_compare_kernels_for_target);

void add_compare_kernels(KernelTables& tables) {
  HWY_DYNAMIC_DISPATCH(add_compare_kernels_for_target)(tables);
}

}  // namespace mica::cpu
#endif
