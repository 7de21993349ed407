// Elementary functions of float64, complex64 and, where there are no vectors, float32: the C++
// library's.
#include "mica/engine/cpu/targets.h"

#include "mica/engine/cpu/loops-inl.h"

namespace mica::cpu {

void add_scalar_math_kernels(KernelTables& tables) {
  HWY_NAMESPACE::InexactLoops::add<ops::Exp, ops::Expm1, ops::Log, ops::Log2, ops::Log10,
                                   ops::Log1p, ops::Sin, ops::Cos, ops::Tan, ops::ArcSin,
                                   ops::ArcCos, ops::ArcTan, ops::Sinh, ops::Cosh, ops::Tanh,
                                   ops::ArcSinh, ops::ArcCosh, ops::ArcTanh, ops::Erf, ops::ErfInv,
                                   ops::Sigmoid, ops::ArcTan2, ops::LogAddExp, ops::Power>(tables);
}

}  // namespace mica::cpu
