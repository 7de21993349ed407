// Arithmetic, bitwise and logical ops of integers and bools.
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/elementwise_integer.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "mica/engine/cpu/loops-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

void add_integer_kernels_for_target(KernelTables& tables) {
  add_integer_loops<KernelGroup::arithmetic>(tables);
  add_integer_loops<KernelGroup::library>(tables);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {

HWY_EXPORT(add_integer_kernels_for_target);

void add_integer_kernels(KernelTables& tables) {
  HWY_DYNAMIC_DISPATCH(add_integer_kernels_for_target)(tables);
}

}  // namespace mica::cpu
#endif
