// Ops as bytes: an op's attributes are written and read field by field, as they enter keys.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "mica/engine/op.h"
#include "mica/transforms/export.h"

namespace mica::engine {

// The attributes as bytes. Throws std::invalid_argument for an op that holds functions.
std::string write_attributes(const Op& op);
// The op again; null where the bytes are not those of such an op's attributes.
OpRef read_attributes(OpId id, std::span<const std::byte> bytes);
// The attributes one by one, those of nested structs and lists of them in line.
std::vector<StateT> attribute_values(const Op& op);

}  // namespace mica::engine
