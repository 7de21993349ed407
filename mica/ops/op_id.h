// OpId numbers the primitives of ops.def.
#pragma once

#include <cstdint>

namespace mica {

enum class OpId : uint16_t {
#define MICA_ELEMENTWISE(Type) Type,
#define MICA_OP(Type) Type,
#include "mica/ops/ops.def"
  count
};

namespace ops {
#define MICA_ELEMENTWISE(Type) struct Type;
#define MICA_OP(Type) struct Type;
#include "mica/ops/ops.def"
}  // namespace ops

namespace detail {
template <class T>
struct OpIdOf;
#define MICA_ELEMENTWISE(Type)             \
  template <>                              \
  struct OpIdOf<ops::Type> {               \
    static constexpr OpId id = OpId::Type; \
  };
#define MICA_OP(Type) MICA_ELEMENTWISE(Type)
#include "mica/ops/ops.def"
}  // namespace detail

template <class T>
constexpr OpId op_id() {
  return detail::OpIdOf<T>::id;
}

}  // namespace mica
