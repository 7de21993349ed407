// Comparing arrays with values, and functions with what their derivatives and vmap must be.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "mica/array/array.h"
#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::test {

// A test that draws the same random numbers each time.
class Seeded : public ::testing::Test {
 protected:
  Seeded() { random::seed(0); }
};

// The elements in row-major order, read through the strides.
template <class T>
std::vector<T> values(array a) {
  a.eval();
  std::vector<T> out;
  out.reserve(a.size());
  std::vector<int> index(a.ndim(), 0);
  const T* data = a.data<T>();
  for (size_t n = a.size(); n > 0; --n) {
    int64_t at = 0;
    for (size_t d = 0; d < index.size(); ++d) at += index[d] * a.strides()[d];
    out.push_back(data[at]);
    for (size_t d = index.size(); d-- > 0;) {
      if (++index[d] < a.shape()[d]) break;
      index[d] = 0;
    }
  }
  return out;
}

template <class T>
void expect_array(const array& a, const Shape& shape, const std::vector<T>& expected) {
  EXPECT_EQ(to_string(a.shape()), to_string(shape));
  EXPECT_STREQ(dtype_name(a.dtype()), dtype_name(dtype_of<T>()));
  if (a.dtype() != dtype_of<T>()) return;
  EXPECT_EQ(values<T>(a), expected);
}

template <class E = std::invalid_argument, class F>
void expect_error(F&& f, const std::string& text) {
  try {
    f();
    ADD_FAILURE() << "no error, expected: " << text;
  } catch (const E& e) {
    EXPECT_EQ(e.what(), text);
  }
}

// 1, 2, 3, ... as float32.
inline array counting(const Shape& shape, float first = 1) {
  size_t size = 1;
  for (int dim : shape) size *= static_cast<size_t>(dim);
  std::vector<float> data(size);
  for (size_t i = 0; i < size; ++i) data[i] = first + static_cast<float>(i);
  return array(data.begin(), shape, float32);
}

}  // namespace mica::test
