// The tables behind elementwise.h, filled by one function a group of kernels.
#pragma once

#include <array>
#include <map>

#include "mica/engine/cpu/elementwise.h"
#include "mica/ops/elementwise/base.h"

namespace mica::cpu {

class KernelTables {
 public:
  ElementwiseKernel& elementwise(OpId op, Dtype operand) {
    return elementwise_[op][index(operand)];
  }
  ElementwiseKernel& cast(Dtype from, Dtype to) { return cast_[index(from)][index(to)]; }
  ReduceKernel& reduce(ReduceOp op, Dtype dtype) {
    return reduce_[static_cast<size_t>(op)][index(dtype)];
  }
  ReduceRowsKernel& reduce_rows(ReduceOp op, Dtype dtype) {
    return reduce_rows_[static_cast<size_t>(op)][index(dtype)];
  }

 private:
  static size_t index(Dtype d) { return static_cast<size_t>(d.val()); }

  template <class Kernel>
  using Row = std::array<Kernel, dtype_count>;
  std::map<OpId, Row<ElementwiseKernel>> elementwise_;
  std::array<Row<ElementwiseKernel>, dtype_count> cast_{};
  std::array<Row<ReduceKernel>, reduce_op_count> reduce_{};
  std::array<Row<ReduceRowsKernel>, reduce_op_count> reduce_rows_{};
};

// The files that share the elementwise ops of one and two operands.
enum class KernelGroup { arithmetic, comparison, library };

template <class Op>
constexpr KernelGroup kernel_group() {
  if (Op::result == ResultDtype::boolean) return KernelGroup::comparison;
  return Op::library ? KernelGroup::library : KernelGroup::arithmetic;
}

// Each fills in the kernels of its file, for the best instruction set of this machine.
void add_arithmetic_kernels(KernelTables& tables);
void add_integer_kernels(KernelTables& tables);
void add_compare_kernels(KernelTables& tables);
void add_scalar_math_kernels(KernelTables& tables);
void add_vector_math_kernels(KernelTables& tables);  // replaces the scalar ones of float32
void add_cast_kernels(KernelTables& tables);
void add_reduce_kernels(KernelTables& tables);

KernelTables make_kernel_tables();

}  // namespace mica::cpu
