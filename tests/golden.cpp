#include "tests/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <sstream>
#include <vector>

#include "mica/io/io.h"
#include "mica/ops/ops.h"

namespace mica::golden {

namespace {

// The elements in row-major order, complex ones as two numbers.
std::vector<double> elements(const array& a) {
  const array dense = contiguous(a.dtype() == complex64 ? a : astype(a, float64));
  dense.eval();
  if (a.dtype() != complex64) {
    return std::vector<double>(dense.data<double>(), dense.data<double>() + a.size());
  }
  std::vector<double> parts;
  for (size_t i = 0; i < a.size(); ++i) {
    parts.push_back(dense.data<complex64_t>()[i].real());
    parts.push_back(dense.data<complex64_t>()[i].imag());
  }
  return parts;
}

// "[1, 2]": the place of a row-major element.
std::string index_text(size_t i, const Shape& shape) {
  std::vector<size_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = i % static_cast<size_t>(shape[axis]);
    i /= static_cast<size_t>(shape[axis]);
  }
  std::ostringstream text;
  text << '[';
  for (size_t axis = 0; axis < index.size(); ++axis) text << (axis ? ", " : "") << index[axis];
  text << ']';
  return text.str();
}

bool same_kind(const array& actual, const array& expected, const char* file, int line) {
  if (actual.shape() == expected.shape() && actual.dtype() == expected.dtype()) return true;
  ADD_FAILURE_AT(file, line) << "expected " << expected.shape() << ' ' << expected.dtype()
                             << ", got " << actual.shape() << ' ' << actual.dtype();
  return false;
}

}  // namespace

std::unordered_map<std::string, array> load(const std::string& name) {
  return load_safetensors(MICA_SOURCE_DIR "/tests/golden/" + name + ".safetensors").first;
}

void expect_close(const array& actual, const array& expected, double rtol, double atol,
                  const char* file, int line) {
  if (!same_kind(actual, expected, file, line)) return;
  const std::vector<double> got = elements(actual), wanted = elements(expected);
  const size_t parts = expected.dtype() == complex64 ? 2 : 1;
  size_t outside = 0, first = 0, worst = 0;
  double largest = -1;
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i] == wanted[i] || (std::isnan(got[i]) && std::isnan(wanted[i]))) continue;
    double error = std::abs(got[i] - wanted[i]);
    if (std::isnan(error)) error = INFINITY;
    if (error > largest) largest = error, worst = i;
    const double allowed = std::isinf(wanted[i]) ? 0 : atol + rtol * std::abs(wanted[i]);
    if (error > allowed && outside++ == 0) first = i;
  }
  if (outside == 0) return;
  auto element = [&](size_t i) {
    std::ostringstream text;
    text.precision(9);
    text << index_text(i / parts, expected.shape()) << (i % parts ? ".imag" : "") << ": expected "
         << wanted[i] << ", got " << got[i];
    return text.str();
  };
  ADD_FAILURE_AT(file, line) << outside << " of " << got.size() << " elements are off by more than "
                             << atol << " + " << rtol << " * |expected|\n  largest error "
                             << largest << " at " << element(worst) << "\n  first at "
                             << element(first);
}

void expect_same(const array& actual, const array& expected, const char* file, int line) {
  if (!same_kind(actual, expected, file, line)) return;
  const array a = contiguous(actual), b = contiguous(expected);
  a.eval();
  b.eval();
  const size_t size = a.itemsize();
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(a.data<char>() + i * size, b.data<char>() + i * size, size) == 0) continue;
    ADD_FAILURE_AT(file, line) << "the bits differ first at " << index_text(i, expected.shape());
    return expect_close(actual, expected, 0, 0, file, line);
  }
}

}  // namespace mica::golden
