// OpId numbers the primitives of ops.def. It is opaque here, so that a new primitive recompiles
// only what includes op_list.h.
#pragma once

#include <cstdint>

namespace mica {

enum class OpId : uint16_t;

// The id of a struct of ops.def; defined in engine/op_table.cpp.
template <class T>
OpId op_id();

}  // namespace mica
