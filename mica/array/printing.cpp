// How arrays and their elements are printed.
#include <iomanip>
#include <ostream>

#include "mica/array/array.h"
#include "mica/utils.h"

namespace mica {

namespace {

// Of a longer axis only this many elements are printed at each end, with "..." between them.
constexpr int edge = 3;

// The stream's flags and precision are as before once this ends.
class SavedFormat {
 public:
  explicit SavedFormat(std::ostream& os)
      : os_(os), flags_(os.flags()), precision_(os.precision()) {}
  ~SavedFormat() {
    os_.flags(flags_);
    os_.precision(precision_);
  }
  SavedFormat(const SavedFormat&) = delete;
  SavedFormat& operator=(const SavedFormat&) = delete;

 private:
  std::ostream& os_;
  std::ios_base::fmtflags flags_;
  std::streamsize precision_;
};

template <class T>
void print_float(std::ostream& os, T value, const PrintOptions& options) {
  SavedFormat saved(os);
  if (options.precision >= 0) os << std::fixed << std::setprecision(options.precision);
  os << value;
}

// Axes `axis`... of the part of an array that begins at data.
template <class T>
void print_part(std::ostream& os, const array& a, const T* data, size_t axis) {
  if (axis == a.ndim()) {
    get_global_formatter().print(os, *data);
    return;
  }
  const bool innermost = axis + 1 == a.ndim();
  const int size = a.shape()[axis];
  os << '[';
  for (int i = 0; i < size; ++i) {
    if (i > 0 && innermost) os << ", ";
    if (i > 0 && !innermost) os << ",\n" << std::string(sizeof("array(") + axis, ' ');
    if (i == edge && size > 2 * edge) {
      os << "...";
      i = size - edge - 1;
    } else {
      print_part(os, a, data + i * a.strides()[axis], axis + 1);
    }
  }
  os << ']';
}

template <class T>
void print_elements(std::ostream& os, const array& a) {
  print_part(os, a, a.data<T>(), 0);
}

void print_elements(std::ostream& os, const array& a) {
  switch (a.dtype().val()) {
    case Dtype::Val::bool_:
      return print_elements<bool>(os, a);
    case Dtype::Val::uint8:
      return print_elements<uint8_t>(os, a);
    case Dtype::Val::uint16:
      return print_elements<uint16_t>(os, a);
    case Dtype::Val::uint32:
      return print_elements<uint32_t>(os, a);
    case Dtype::Val::uint64:
      return print_elements<uint64_t>(os, a);
    case Dtype::Val::int8:
      return print_elements<int8_t>(os, a);
    case Dtype::Val::int16:
      return print_elements<int16_t>(os, a);
    case Dtype::Val::int32:
      return print_elements<int32_t>(os, a);
    case Dtype::Val::int64:
      return print_elements<int64_t>(os, a);
    case Dtype::Val::float16:
      return print_elements<float16_t>(os, a);
    case Dtype::Val::float32:
      return print_elements<float>(os, a);
    case Dtype::Val::float64:
      return print_elements<double>(os, a);
    case Dtype::Val::bfloat16:
      return print_elements<bfloat16_t>(os, a);
    case Dtype::Val::complex64:
      return print_elements<complex64_t>(os, a);
  }
}

}  // namespace

PrintFormatter& get_global_formatter() {
  static PrintFormatter formatter;
  return formatter;
}

void set_printoptions(PrintOptions options) { get_global_formatter().format_options = options; }

void PrintFormatter::print(std::ostream& os, bool value) const {
  if (capitalize_bool) {
    os << (value ? "True" : "False");
  } else {
    os << (value ? "true" : "false");
  }
}
void PrintFormatter::print(std::ostream& os, int16_t value) const { os << value; }
void PrintFormatter::print(std::ostream& os, uint16_t value) const { os << value; }
void PrintFormatter::print(std::ostream& os, int32_t value) const { os << value; }
void PrintFormatter::print(std::ostream& os, uint32_t value) const { os << value; }
void PrintFormatter::print(std::ostream& os, int64_t value) const { os << value; }
void PrintFormatter::print(std::ostream& os, uint64_t value) const { os << value; }
void PrintFormatter::print(std::ostream& os, float16_t value) const {
  print(os, static_cast<float>(value));
}
void PrintFormatter::print(std::ostream& os, bfloat16_t value) const {
  print(os, static_cast<float>(value));
}
void PrintFormatter::print(std::ostream& os, float value) const {
  print_float(os, value, format_options);
}
void PrintFormatter::print(std::ostream& os, double value) const {
  print_float(os, value, format_options);
}
// The sign of a negative zero or NaN is printed by the number itself, behind the plus.
void PrintFormatter::print(std::ostream& os, complex64_t value) const {
  print(os, value.real());
  if (!(value.imag() < 0)) os << '+';
  print(os, value.imag());
  os << 'j';
}

std::ostream& operator<<(std::ostream& os, const float16_t& value) {
  return os << static_cast<float>(value);
}
std::ostream& operator<<(std::ostream& os, const bfloat16_t& value) {
  return os << static_cast<float>(value);
}
std::ostream& operator<<(std::ostream& os, const complex64_t& value) {
  return os << value.real() << (value.imag() >= 0 ? "+" : "") << value.imag() << 'j';
}

std::ostream& operator<<(std::ostream& os, const array& a) {
  a.eval();
  os << "array(";
  print_elements(os, a);
  return os << ", dtype=" << a.dtype() << ')';
}

}  // namespace mica
