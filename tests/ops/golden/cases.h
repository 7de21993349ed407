// Tables of functions, each compared with what mlx computed for the calls of the same name in a
// file of tests/golden/cases.py. One line here and one there make a case.
#pragma once

#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica::golden {

// What a function of a table returns, in one type.
struct Outputs {
  Outputs(array a) : arrays{std::move(a)} {}
  Outputs(std::vector<array> a) : arrays(std::move(a)) {}
  Outputs(const std::pair<array, array>& a) : arrays{a.first, a.second} {}
  Outputs(const std::tuple<array, array>& a) : arrays{std::get<0>(a), std::get<1>(a)} {}
  Outputs(const std::tuple<array, array, array>& a)
      : arrays{std::get<0>(a), std::get<1>(a), std::get<2>(a)} {}

  std::vector<array> arrays;
};

using Inputs = const std::vector<array>&;

// How far a value may be from mlx's: `ulps` units in the last place of float32, float64 and
// complex64 elements (of a complex number's absolute value), `half_ulps` of float16 and bfloat16
// ones, and beside these `absolute`. Derivatives may be twice as far, for they are composed
// of several roundings. Bool and integer results are equal.
struct Tolerance {
  double ulps = 4;
  double half_ulps = 1;
  double absolute = 0;
};

struct Case {
  const char* name;
  Outputs (*function)(Inputs);
  Tolerance tolerance = {};
  bool reads_values = false;  // of its inputs, so that it can't be compiled or mapped
};

// Expects of every call in tests/golden/NAME.safetensors what the file holds: results and
// derivatives, for inputs of several layouts, compiled, fused and mapped, or std::invalid_argument
// (std::out_of_range, std::overflow_error). Fails where a call has no case, or a case no call.
void expect_cases(const std::string& name, std::span<const Case> cases);

}  // namespace mica::golden
