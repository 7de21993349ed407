// The names of the primitives of ops.def, as graphs are printed and stored with.
#pragma once

#include <optional>
#include <string_view>

#include "mica/ops/op_id.h"

namespace mica {

// "Softmax", of the struct ops::Softmax.
std::string_view op_name(OpId id);
std::optional<OpId> find_op(std::string_view name);

}  // namespace mica
