#include <array>

#include "mica/engine/joined.h"
#include "mica/engine/op.h"
#include "mica/ops/elementwise/elementwise.h"
#include "mica/ops/elementwise/rules.h"
#include "mica/ops/op_list.h"
#include "mica/ops/primitives.h"

namespace mica {
namespace {

template <class T>
struct IdOf;
#define MICA_ELEMENTWISE(Type)             \
  template <>                              \
  struct IdOf<ops::Type> {                 \
    static constexpr OpId id = OpId::Type; \
  };
#define MICA_OP(Type) MICA_ELEMENTWISE(Type)
#include "mica/ops/ops.def"

}  // namespace

template <class T>
OpId op_id() {
  return IdOf<T>::id;
}
#define MICA_ELEMENTWISE(Type) template OpId op_id<ops::Type>();
#define MICA_OP(Type) MICA_ELEMENTWISE(Type)
#include "mica/ops/ops.def"

}  // namespace mica

namespace mica::engine {
namespace {

template <class T>
OpInfo elementwise_info() {
  OpInfo info{};
  info.name = T::name;
  info.elementwise = true;
  info.strided_inputs = true;
  info.reuse_input = -1;
  info.vjp = [](const Op&, const VjpArgs& args) { return ops::elementwise_vjp<T>(args); };
  info.jvp = [](const Op&, const JvpArgs& args) { return ops::elementwise_jvp<T>(args); };
  info.vmap = [](const Op& op, const VmapArgs& args) { return ops::elementwise_vmap<T>(op, args); };
  // What an elementwise op's attributes say, its output's dtype, is in the key already.
  info.add_to_key = [](const Op&, Key&) {};
  return info;
}

template <class T>
OpInfo op_info_of() {
  OpInfo info{};
  info.name = T::name;
  if constexpr (requires { T::strided_inputs; }) info.strided_inputs = T::strided_inputs;
  info.reuse_input = -1;
  if constexpr (requires { T::reuse_input; }) info.reuse_input = T::reuse_input;
  if constexpr (requires { &T::view; }) {
    info.view = [](const Op& op, const Layout& in, const Shape& shape, Strides& out) {
      return attributes<T>(op).view(in, shape, out);
    };
  }
  if constexpr (requires { &T::view_offset; }) {
    info.view_offset = [](const Op& op, const Strides& in, int output) {
      return attributes<T>(op).view_offset(in, output);
    };
  }
  info.vjp = [](const Op& op, const VjpArgs& args) { return attributes<T>(op).vjp(args); };
  info.jvp = [](const Op& op, const JvpArgs& args) { return attributes<T>(op).jvp(args); };
  info.vmap = [](const Op& op, const VmapArgs& args) { return attributes<T>(op).vmap(args); };
  if constexpr (!requires { T::run_by_engine; }) {
    info.cpu = [](const Op& op, const cpu::Call& call) { attributes<T>(op).cpu(call); };
  }
  info.add_to_key = [](const Op& op, Key& key) { add_attributes(attributes<T>(op), key); };
  return info;
}

template <class T>
JoinedInfo joined_info_of() {
  JoinedInfo info{};
  if constexpr (requires { &T::joins; }) {
    info.joins = T::joins;
    info.cpu = [](const Op& op, std::span<const cpu::Call> calls) {
      attributes<T>(op).cpu_joined(calls);
    };
  }
  return info;
}

}  // namespace

const OpInfo& op_info(OpId id) {
  static const std::array<OpInfo, static_cast<size_t>(OpId::count)> table = {
#define MICA_ELEMENTWISE(Type) elementwise_info<ops::Type>(),
#define MICA_OP(Type) op_info_of<ops::Type>(),
#include "mica/ops/ops.def"
  };
  return table[static_cast<size_t>(id)];
}

const JoinedInfo& joined_info(OpId id) {
  static const std::array<JoinedInfo, static_cast<size_t>(OpId::count)> table = {
#define MICA_ELEMENTWISE(Type) joined_info_of<ops::Type>(),
#define MICA_OP(Type) MICA_ELEMENTWISE(Type)
#include "mica/ops/ops.def"
  };
  return table[static_cast<size_t>(id)];
}

}  // namespace mica::engine
