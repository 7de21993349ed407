// What losses share.
#pragma once

#include <optional>

#include "mica/nn/losses.h"

namespace mica::nn::losses {

array reduced(const array& loss, Reduction reduction);
// The same for losses that are 0 where not counted: these don't enter the mean, which is 0 where
// none is.
array reduced(const array& loss, Reduction reduction, const std::optional<array>& counted);

// Throws std::invalid_argument "op: expected what (4, 5), got (5, 4)".
void check_shape(const char* op, const char* what, const array& a, const Shape& expected);
// That both broadcast.
void check_broadcast(const char* op, const char* what, const array& a, const array& other);

// (C,) as an operand of arrays of ndim axes with C classes along one of them.
array along(const array& a, int axis, size_t ndim);

}  // namespace mica::nn::losses
