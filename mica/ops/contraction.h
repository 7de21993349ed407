// The subscripts of einsum, parsed, and the order in which operands are contracted.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica::ops {

// The names of axes: letters, and numbers above them for the axes of "...".
using Labels = std::vector<int>;

struct Contraction {
  std::vector<Labels> inputs;
  Labels output;
  std::map<int, int> sizes;  // of the axes, once broadcast
};

// Throws std::invalid_argument in the name of op where subscripts don't fit the operands.
Contraction parse_contraction(const char* op, const std::string& subscripts,
                              const std::vector<array>& operands);

// The positions contracted in each step. They leave the list, and the result goes to its end.
using ContractionPath = std::vector<std::vector<int>>;

struct PathCost {
  double flops = 0;    // multiplications and additions
  size_t scaling = 0;  // axes of the largest loop
};

// With more than two operands, greedy: in each step the pair whose contraction frees most elements,
// then the cheapest, among those that share an axis if there are any; without these, pairs with the
// latest result. No intermediate is larger than the largest of the operands and the result, and the
// whole not dearer than one loop. Where no pair is left, the rest is contracted at once.
std::pair<ContractionPath, PathCost> contraction_path(const Contraction& contraction);

// Of contracting all operands in one loop.
PathCost naive_cost(const Contraction& contraction);

// The labels that a contraction of the inputs at positions keeps: those that the output or another
// input has.
std::set<int> kept_labels(const std::vector<Labels>& inputs, const std::vector<int>& positions,
                          const Labels& output);

}  // namespace mica::ops
