// Kernel sizes, strides and paddings of convolutions and pooling: one number for all spatial axes,
// or one for each.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

namespace mica::nn {

template <size_t n>
struct Sizes {
  std::array<int, n> values{};
  bool one = true;  // given as one number

  Sizes(int value) { values.fill(value); }
  template <std::same_as<int>... I>
  requires(sizeof...(I) == n && n > 1) Sizes(I... each) : values{each...}, one(false) {}

  int operator[](size_t i) const { return values[i]; }
  bool operator==(const Sizes& other) const { return values == other.values; }
  bool all_at_least(int least) const {
    for (const int value : values)
      if (value < least) return false;
    return true;
  }
  // As a Python tuple: "(2, 2)", "(2,)".
  std::string repr() const {
    std::string text = "(";
    for (size_t i = 0; i < n; ++i) text += (i ? ", " : "") + std::to_string(values[i]);
    return text + (n == 1 ? ",)" : ")");
  }
  // The one number, or a tuple.
  std::string short_repr() const { return one ? std::to_string(values[0]) : repr(); }
  // A tuple, but the number itself in one dimension.
  std::string text() const { return n == 1 ? std::to_string(values[0]) : repr(); }
  std::vector<int> to_vector() const { return {values.begin(), values.end()}; }
};

}  // namespace mica::nn
