// Windows for signals.
#include <cmath>

#include "mica/ops/ops.h"

namespace mica {
namespace {

// f(p) at M points p from 0 to 1, their ends included; one point has the value 1.
template <class F>
array window(int M, const StreamOrDevice& s, F&& f) {
  if (M < 1) return zeros({0}, float32, s);
  if (M == 1) return ones({1}, float32, s);
  return f(multiply(arange(0.0, M, float32, s), array(1.0f / static_cast<float>(M - 1)), s));
}

array scaled_cos(const array& position, double turns, double factor, const StreamOrDevice& s) {
  return multiply(cos(multiply(position, array(turns * 2 * M_PI), s), s), array(factor), s);
}

}  // namespace

array hanning(int M, StreamOrDevice s) {
  return window(M, s, [&](const array& position) {
    return square(sin(multiply(position, array(M_PI), s), s), s);
  });
}

array hamming(int M, StreamOrDevice s) {
  return window(M, s, [&](const array& position) {
    return add(array(0.54f), scaled_cos(position, 1, -0.46, s), s);
  });
}

array bartlett(int M, StreamOrDevice s) {
  return window(M, s, [&](const array& position) {
    const array slope = subtract(multiply(position, array(2.0f), s), array(1.0f), s);
    return subtract(array(1.0f), abs(slope, s), s);
  });
}

array blackman(int M, StreamOrDevice s) {
  return window(M, s, [&](const array& position) {
    const array sum = add(scaled_cos(position, 1, -0.5, s), scaled_cos(position, 2, 0.08, s), s);
    return add(array(0.42f), sum, s);
  });
}

}  // namespace mica
