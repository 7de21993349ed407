// Small public helpers around shapes, axes and dtypes, under MLX's names.
#pragma once

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "mica/array/array.h"

namespace mica {

// The dtype to which the arrays promote together; bool_ for none.
inline Dtype result_type(const array& a, const array& b) {
  return promote_types(a.dtype(), b.dtype());
}
inline Dtype result_type(const array& a, const array& b, const array& c) {
  return promote_types(result_type(a, b), c.dtype());
}
inline Dtype result_type(const std::vector<array>& arrays) {
  Dtype type = bool_;
  for (const array& a : arrays) type = promote_types(type, a.dtype());
  return type;
}

// The shape to which both broadcast; throws std::invalid_argument where there is none.
Shape broadcast_shapes(const Shape& a, const Shape& b);

// The axis in [0, ndim), counted from the end where negative; throws std::invalid_argument, with
// the text behind the prefix.
int normalize_axis_index(int axis, int ndim, const std::string& msg_prefix = "");

namespace detail {
[[noreturn]] void throw_dimension_overflow(int64_t dim, std::string_view op);
}

// A dimension as a ShapeElem; throws std::overflow_error where it does not fit.
template <class T>
ShapeElem safe_cast(T dim, std::string_view op = "") {
  const auto wide = static_cast<int64_t>(dim);
  if (wide < std::numeric_limits<ShapeElem>::min() ||
      wide > std::numeric_limits<ShapeElem>::max()) {
    detail::throw_dimension_overflow(wide, op);
  }
  return static_cast<ShapeElem>(wide);
}

constexpr bool is_power_of_2(int n) { return n != 0 && (n & (n - 1)) == 0; }

// The smallest power of two that is at least n; 1 for n below 1.
constexpr int next_power_of_2(int n) {
  int power = 1;
  while (power < n) power *= 2;
  return power;
}

// Limits of a floating-point dtype; of a complex one, those of its parts.
struct finfo {
  explicit finfo(Dtype dtype);  // throws std::invalid_argument for other dtypes
  Dtype dtype;
  int bits;
  double min;
  double max;
  double eps;              // from 1 to the next larger value
  double smallest_normal;  // above 0
};

// Limits of an integer dtype.
struct iinfo {
  explicit iinfo(Dtype dtype);  // throws std::invalid_argument for other dtypes
  Dtype dtype;
  int64_t min;
  uint64_t max;
};

// How arrays are printed.
struct PrintOptions {
  int precision = -1;  // digits behind the point; -1: as the stream is set
};

// Prints the elements of an array.
struct PrintFormatter {
  void print(std::ostream& os, bool value) const;
  void print(std::ostream& os, int16_t value) const;
  void print(std::ostream& os, uint16_t value) const;
  void print(std::ostream& os, int32_t value) const;
  void print(std::ostream& os, uint32_t value) const;
  void print(std::ostream& os, int64_t value) const;
  void print(std::ostream& os, uint64_t value) const;
  void print(std::ostream& os, float16_t value) const;
  void print(std::ostream& os, bfloat16_t value) const;
  void print(std::ostream& os, float value) const;
  void print(std::ostream& os, double value) const;
  void print(std::ostream& os, complex64_t value) const;

  bool capitalize_bool = false;
  PrintOptions format_options;
};

// What operator<< of an array prints with, everywhere in the process. Not to be changed while
// another thread prints.
PrintFormatter& get_global_formatter();
void set_printoptions(PrintOptions options);

// "(1,2,3)", as shapes are printed.
template <class T>
std::ostream& operator<<(std::ostream& os, const std::vector<T>& values) {
  os << '(';
  for (size_t i = 0; i < values.size(); ++i) os << (i ? "," : "") << values[i];
  return os << ')';
}

std::ostream& operator<<(std::ostream& os, const float16_t& value);
std::ostream& operator<<(std::ostream& os, const bfloat16_t& value);
std::ostream& operator<<(std::ostream& os, const complex64_t& value);  // 1-2j

}  // namespace mica
