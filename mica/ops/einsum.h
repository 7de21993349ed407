// Einstein summation: products of arrays summed over named axes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mica/array/array.h"
#include "mica/stream.h"

namespace mica {

// subscripts name the axes of each operand by letters and, behind "->", those of the result:
// "bij,bjk->bik". An axis that the result lacks is summed over; a letter twice in one operand takes
// the diagonal; "..." stands for any axes, which broadcast. Without "->" the result has the axes of
// "...", then the letters that occur once, in order. Operands are contracted two at a time, in an
// order that keeps the cost small.
array einsum(const std::string& subscripts, const std::vector<array>& operands,
             StreamOrDevice s = {});

// That order: the positions contracted in each step, whose result becomes the last operand; and a
// text about its cost.
std::pair<std::vector<std::vector<int>>, std::string> einsum_path(
    const std::string& subscripts, const std::vector<array>& operands);

}  // namespace mica
