// Numbers as Python prints them, for modules' extra_repr(), and Python's weak scalars.
#pragma once

#include <string>

#include "mica/array/array.h"

namespace mica::nn {

// "True", "False"
std::string repr(bool value);
// The shortest digits that give the value back: "0.1", "1e-05", "1.0".
std::string repr(double value);
std::string repr(int value);

// Whether the last axis has this size; and "(..., 128)", for errors where it has not.
bool ends_in(const array& x, int size);
std::string with_last(int size);

// A C++ number as an operand that does not change x's dtype; only a fraction with integers makes
// them float32.
array weak(int value, const array& x);
array weak(double value, const array& x);

}  // namespace mica::nn
