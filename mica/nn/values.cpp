#include "mica/nn/values.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

namespace mica::nn {

std::string repr(bool value) { return value ? "True" : "False"; }

std::string repr(int value) { return std::to_string(value); }

std::string repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value, std::chars_format::scientific);
  std::string digits;  // without sign and point
  const char* next = text;
  std::string sign = *next == '-' ? "-" : "";
  for (next += sign.size(); next != end.ptr && *next != 'e'; ++next)
    if (*next != '.') digits += *next;
  const int exponent = std::atoi(std::string(next + 1, static_cast<const char*>(end.ptr)).c_str());
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits[0];
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out += exponent < 0 ? "e-" : "e+";
    if (std::abs(exponent) < 10) out += '0';
    return out += std::to_string(std::abs(exponent));
  }
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

bool ends_in(const array& x, int size) { return x.ndim() > 0 && x.shape(-1) == size; }

std::string with_last(int size) { return "(..., " + std::to_string(size) + ")"; }

array weak(int value, const array& x) {
  return x.dtype() == bool_ ? array(value) : array(value, x.dtype());
}

array weak(double value, const array& x) {
  return array(value, issubdtype(x.dtype(), inexact) ? x.dtype() : float32);
}

}  // namespace mica::nn
