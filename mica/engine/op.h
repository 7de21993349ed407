// What the engine and the transforms know about an op: its rules and kernels behind one interface.
// ops.def lists the ops; op_table.cpp makes the table from their structs.
//
// An op is an aggregate of attributes with these members, each defined beside the op:
//   static constexpr const char* name;
//   bool operator==(const Op&) const = default;
//   std::vector<array> vjp(const VjpArgs&) const;       cotangent of each argnum, in order
//   std::vector<array> jvp(const JvpArgs&) const;       tangent of each output
//   Batched vmap(const VmapArgs&) const;                outputs and their batch axes
//   void cpu(const cpu::Call&) const;                   the kernel
// and, where it applies:
//   bool view(const Layout& in, const Shape& shape, Strides& out) const;
//       output i re-reads input i, or the only input: gives the output's strides, or false where it
//       must copy (then cpu() runs);
//   int64_t view_offset(const Strides& in, int output) const;
//       elements to skip, may depend on Runtime fields
//   static constexpr bool strided_inputs = true;
//       the kernel reads any strides; otherwise inputs arrive row-contiguous
//   static constexpr int reuse_input = i;
//       output 0 may take input i's buffer; the kernel then finds both pointers equal
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/engine/fields.h"
#include "mica/ops/op_id.h"
#include "mica/stream.h"

namespace mica {

namespace cpu {
struct Call;
}

namespace engine {

struct Layout {
  const Shape& shape;
  const Strides& strides;
};

struct VjpArgs {
  std::span<const array> primals;
  std::span<const array> cotangents;  // one for each output
  std::span<const int> argnums;       // the primals whose cotangents are wanted
  std::span<const array> outputs;
};

struct JvpArgs {
  std::span<const array> primals;
  std::span<const array> tangents;  // one for each argnum
  std::span<const int> argnums;
  std::span<const array> outputs;
};

struct VmapArgs {
  std::span<const array> inputs;
  std::span<const int> axes;  // the batch axis of each input, -1 for none
  int batch = 1;              // its size
};

struct Batched {
  std::vector<array> outputs;
  std::vector<int> axes;
};

struct OpInfo {
  const char* name;
  bool elementwise;  // the engine runs it from its opcode; there is no cpu()
  bool strided_inputs;
  int reuse_input;                                                 // -1 for none
  bool (*view)(const Op&, const Layout&, const Shape&, Strides&);  // null where never a view
  int64_t (*view_offset)(const Op&, const Strides&, int output);
  std::vector<array> (*vjp)(const Op&, const VjpArgs&);
  std::vector<array> (*jvp)(const Op&, const JvpArgs&);
  Batched (*vmap)(const Op&, const VmapArgs&);
  void (*cpu)(const Op&, const cpu::Call&);
  void (*add_to_key)(const Op&, Key&);
};

const OpInfo& op_info(OpId id);

// An op's attributes, type-erased and shared by the nodes made from copies of them.
class Op {
 public:
  explicit Op(OpId op_id) : id(op_id) {}
  virtual ~Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  const OpInfo& info() const { return op_info(id); }

  const OpId id;
  std::atomic<uint32_t> refs{1};
};

template <class T>
struct OpOf final : Op {
  OpOf(OpId op_id, T a) : Op(op_id), attributes(std::move(a)) {}
  T attributes;
};

class OpRef {
 public:
  OpRef() = default;
  explicit OpRef(Op* op) : op_(op) {}  // takes over one reference
  OpRef(const OpRef& o) : op_(o.op_) {
    if (op_) op_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  OpRef(OpRef&& o) noexcept : op_(std::exchange(o.op_, nullptr)) {}
  OpRef& operator=(OpRef o) noexcept {
    std::swap(op_, o.op_);
    return *this;
  }
  ~OpRef() {
    if (op_ && op_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) delete op_;
  }
  static OpRef share(const Op& op) {
    Op* shared = const_cast<Op*>(&op);
    shared->refs.fetch_add(1, std::memory_order_relaxed);
    return OpRef(shared);
  }
  const Op* get() const { return op_; }
  const Op& operator*() const { return *op_; }
  const Op* operator->() const { return op_; }
  explicit operator bool() const { return op_ != nullptr; }

 private:
  Op* op_ = nullptr;
};

template <class T>
const T& attributes(const Op& op) {
  return static_cast<const OpOf<T>&>(op).attributes;
}

template <class T>
OpRef make_op(T op) {
  if constexpr (std::is_empty_v<T>) {
    static const OpRef shared(new OpOf<T>(op_id<T>(), op));
    return shared;
  } else {
    return OpRef(new OpOf<T>(op_id<T>(), std::move(op)));
  }
}

struct OutputSpec {
  Shape shape;
  Dtype dtype;
};

array make_array(OpRef op, std::span<const array> inputs, Shape shape, Dtype dtype, Stream stream);
std::vector<array> make_arrays(OpRef op, std::span<const array> inputs,
                               std::vector<OutputSpec> outputs, Stream stream);

// The usual way to apply an op: apply(Softmax{.precise = true}, {a}, shape, dtype, s).
template <class T>
array apply(T op, std::initializer_list<array> inputs, Shape shape, Dtype dtype,
            const StreamOrDevice& s) {
  return make_array(make_op(std::move(op)), std::span<const array>(inputs.begin(), inputs.size()),
                    std::move(shape), dtype, to_stream(s));
}
template <class T>
array apply(T op, const std::vector<array>& inputs, Shape shape, Dtype dtype,
            const StreamOrDevice& s) {
  return make_array(make_op(std::move(op)), inputs, std::move(shape), dtype, to_stream(s));
}
template <class T>
std::vector<array> apply_many(T op, const std::vector<array>& inputs,
                              std::vector<OutputSpec> outputs, const StreamOrDevice& s) {
  return make_arrays(make_op(std::move(op)), inputs, std::move(outputs), to_stream(s));
}

}  // namespace engine
}  // namespace mica
