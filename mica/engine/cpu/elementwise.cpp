#include "mica/engine/cpu/elementwise.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>

#include "mica/engine/cpu/kernel_tables.h"

namespace mica::cpu {
namespace {

KernelTables& tables() {
  static KernelTables tables = make_kernel_tables();
  return tables;
}

template <class T>
void fill(void* dst, const void* value, size_t n) {
  T element;
  std::memcpy(&element, value, sizeof(T));
  std::fill_n(static_cast<T*>(dst), n, element);
}

template <class T>
T identity(ReduceOp op) {
  using Limits = std::numeric_limits<T>;
  switch (op) {
    case ReduceOp::sum:
    case ReduceOp::any:
      return T(0);
    case ReduceOp::prod:
    case ReduceOp::all:
      return T(1);
    case ReduceOp::min:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    case ReduceOp::max:
      return Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
  }
  return T(0);
}

template <class T>
void write_identity(ReduceOp op, void* out) {
  T value;
  if constexpr (std::is_same_v<T, complex64_t>) {
    const float part = identity<float>(op);
    value = op == ReduceOp::min || op == ReduceOp::max ? T(part, part) : T(part);
  } else if constexpr (std::is_class_v<T>) {
    value = T(identity<float>(op));
  } else {
    value = identity<T>(op);
  }
  std::memcpy(out, &value, sizeof(T));
}

}  // namespace

KernelTables make_kernel_tables() {
  KernelTables tables;
  add_arithmetic_kernels(tables);
  add_integer_kernels(tables);
  add_compare_kernels(tables);
  add_scalar_math_kernels(tables);
  add_vector_math_kernels(tables);
  add_cast_kernels(tables);
  add_reduce_kernels(tables);
  return tables;
}

ElementwiseKernel elementwise_kernel(OpId op, Dtype operand) {
  return tables().elementwise(op, operand);
}

ElementwiseKernel cast_kernel(Dtype from, Dtype to) { return tables().cast(from, to); }

ReduceKernel reduce_kernel(ReduceOp op, Dtype dtype) { return tables().reduce(op, dtype); }

ReduceRowsKernel reduce_rows_kernel(ReduceOp op, Dtype dtype) {
  return tables().reduce_rows(op, dtype);
}

void fill_kernel(void* dst, const void* value, size_t itemsize, size_t n) {
  switch (itemsize) {
    case 1:
      return fill<uint8_t>(dst, value, n);
    case 2:
      return fill<uint16_t>(dst, value, n);
    case 4:
      return fill<uint32_t>(dst, value, n);
    default:
      return fill<uint64_t>(dst, value, n);
  }
}

void reduce_identity(ReduceOp op, Dtype dtype, void* out) {
  switch (dtype) {
    case Dtype::Val::bool_:
      return write_identity<bool>(op, out);
    case Dtype::Val::uint8:
      return write_identity<uint8_t>(op, out);
    case Dtype::Val::uint16:
      return write_identity<uint16_t>(op, out);
    case Dtype::Val::uint32:
      return write_identity<uint32_t>(op, out);
    case Dtype::Val::uint64:
      return write_identity<uint64_t>(op, out);
    case Dtype::Val::int8:
      return write_identity<int8_t>(op, out);
    case Dtype::Val::int16:
      return write_identity<int16_t>(op, out);
    case Dtype::Val::int32:
      return write_identity<int32_t>(op, out);
    case Dtype::Val::int64:
      return write_identity<int64_t>(op, out);
    case Dtype::Val::float16:
      return write_identity<float16_t>(op, out);
    case Dtype::Val::bfloat16:
      return write_identity<bfloat16_t>(op, out);
    case Dtype::Val::float32:
      return write_identity<float>(op, out);
    case Dtype::Val::float64:
      return write_identity<double>(op, out);
    case Dtype::Val::complex64:
      return write_identity<complex64_t>(op, out);
  }
}

}  // namespace mica::cpu
