// Checks of arguments that ops share, and the text of their errors.
#pragma once

#include <string>
#include <vector>

#include "mica/array/shape.h"

namespace mica {

// "(2, 3)", "(2,)", "()": shapes as errors spell them.
std::string to_string(const Shape& shape);

namespace ops {

// Throws std::invalid_argument: "op: expected ..., got ...".
[[noreturn]] void throw_expected(const char* op, const std::string& expected,
                                 const std::string& got);

// The axis counted from 0. Throws std::invalid_argument outside [-ndim, ndim):
// "squeeze: expected axis in [-2, 2), got 3".
int normalize_axis(int axis, int ndim, const char* op);
// Several axes counted from 0, sorted; one given twice is an error too.
std::vector<int> normalize_axes(const std::vector<int>& axes, int ndim, const char* op);
// All of them: 0, 1, ..., ndim - 1.
std::vector<int> all_axes(int ndim);

// Whether an array of shape `from` can be broadcast to shape `to`.
bool broadcasts_to(const Shape& from, const Shape& to);
// The shape to which both broadcast. Throws std::invalid_argument where there is none:
// "add: expected shapes that broadcast together, got (2, 3) and (4,)".
Shape broadcast_together(const char* op, const Shape& a, const Shape& b);
// Throws std::invalid_argument where one is negative.
void check_dimensions(const char* op, const Shape& shape);

}  // namespace ops
}  // namespace mica
