// The parts of complex numbers.
#pragma once

#include "mica/ops/elementwise/base.h"

namespace mica::ops {

struct Conjugate : Elementwise<1, complex_only> {
  static constexpr const char* name = "conjugate";
  template <class T>
  static T apply(T x) {
    return std::conj(x);
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Real : Elementwise<1, complex_only, ResultDtype::real> {
  static constexpr const char* name = "real";
  template <class T>
  static auto apply(T x) {
    return x.real();
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

struct Imag : Elementwise<1, complex_only, ResultDtype::real> {
  static constexpr const char* name = "imag";
  template <class T>
  static auto apply(T x) {
    return x.imag();
  }
  static array derivative(int argnum, std::span<const array> x, const array& y, const array& t);
};

}  // namespace mica::ops
