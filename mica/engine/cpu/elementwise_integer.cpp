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
  IntegerLoops::add<ops::Abs, ops::Negative, ops::Sign, ops::Square, ops::Add, ops::Subtract,
                    ops::Multiply, ops::FloorDivide, ops::Remainder, ops::Maximum, ops::Minimum,
                    ops::Power, ops::BitwiseInvert, ops::BitwiseAnd, ops::BitwiseOr,
                    ops::BitwiseXor, ops::LeftShift, ops::RightShift, ops::LogicalNot,
                    ops::LogicalAnd, ops::LogicalOr>(tables);
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
