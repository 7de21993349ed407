// Elementary functions of float64, complex64 and, where there are no vectors, float32: the C++
// library's.
#include "mica/engine/cpu/targets.h"

#include "mica/engine/cpu/loops-inl.h"

namespace mica::cpu {

void add_scalar_math_kernels(KernelTables& tables) {
  HWY_NAMESPACE::add_inexact_loops<KernelGroup::library>(tables);
}

}  // namespace mica::cpu
