// Comparing arrays in the tests of transforms.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "mica/array/array.h"
#include "mica/ops/ops.h"

namespace mica::testing {

inline ::testing::AssertionResult equal_values(const array& got, const array& want) {
  if (got.shape() == want.shape() && got.dtype() == want.dtype() &&
      array_equal(got, want).item<bool>()) {
    return ::testing::AssertionSuccess();
  }
  std::ostringstream text;
  text << "got " << got << " " << got.shape() << " " << got.dtype() << ", want " << want << " "
       << want.shape() << " " << want.dtype();
  return ::testing::AssertionFailure() << text.str();
}

inline ::testing::AssertionResult close_values(const array& got, const array& want,
                                               double tolerance = 1e-5) {
  if (got.shape() == want.shape() && got.dtype() == want.dtype() &&
      allclose(got, want, tolerance, tolerance).item<bool>()) {
    return ::testing::AssertionSuccess();
  }
  std::ostringstream text;
  text << "got " << got << " " << got.shape() << " " << got.dtype() << ", want " << want << " "
       << want.shape() << " " << want.dtype();
  return ::testing::AssertionFailure() << text.str();
}

// The text of the std::invalid_argument that f throws.
inline std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace mica::testing
