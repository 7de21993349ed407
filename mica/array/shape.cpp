#include "mica/array/shape.h"

#include <ostream>

namespace mica {

namespace {

template <class T>
std::ostream& print(std::ostream& os, const SmallVector<T>& values) {
  os << '(';
  for (size_t i = 0; i < values.size(); ++i) os << (i ? "," : "") << values[i];
  return os << ')';
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Shape& shape) { return print(os, shape); }
std::ostream& operator<<(std::ostream& os, const Strides& strides) { return print(os, strides); }

}  // namespace mica
