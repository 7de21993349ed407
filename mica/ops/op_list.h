// The enumerators of OpId, for the files that name primitives or make tables of all of them.
#pragma once

#include "mica/ops/op_id.h"

namespace mica {

enum class OpId : uint16_t {
#define MICA_ELEMENTWISE(Type) Type,
#define MICA_OP(Type) Type,
#include "mica/ops/ops.def"
  count
};

}  // namespace mica
