// Arithmetic of floats and complex numbers.
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/elementwise_arithmetic.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

void add_arithmetic_kernels_for_target(KernelTables& tables) {
  add_inexact_loops<KernelGroup::arithmetic>(tables);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {

HWY_EXPORT(add_arithmetic_kernels_for_target);

void add_arithmetic_kernels(KernelTables& tables) {
  HWY_DYNAMIC_DISPATCH(add_arithmetic_kernels_for_target)(tables);
}

}  // namespace mica::cpu
#endif
