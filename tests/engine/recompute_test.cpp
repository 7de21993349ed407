// Values that programs compute again rather than keep.
#include <gtest/gtest.h>

#include <cmath>

#include "mica/mica.h"

namespace mica {
namespace {

// Evaluates the loss's gradient, and returns it with the bytes that temporaries took at most.
std::pair<array, size_t> gradient_and_peak(const array& x, const array& w) {
  const auto loss = [&](const array& x) { return sum(square(matmul(nn::gelu(x), w))); };
  array warm = grad(loss)(x);
  warm.eval();
  reset_peak_memory();
  const size_t before = get_active_memory();
  array gradient = grad(loss)(x);
  gradient.eval();
  return {gradient, get_peak_memory() - before};
}

TEST(Recompute, GeluKeepsOnlyItsInput) {
  random::seed(1);
  const array x = random::normal({512, 512}), w = random::normal({512, 512});
  eval(x, w);
  const auto [gradient, peak] = gradient_and_peak(x, w);
  // The activation, the product and its gradient, and the result: neither the error function nor
  // what it is taken of.
  EXPECT_LE(peak, 4 * x.nbytes() + (size_t{1} << 20));

  // The same, one evaluation an op: nothing can be computed twice.
  const auto cut = [](const array& a) {
    array out = a;
    out.eval();
    return out;
  };
  const array scaled = cut(x / array(std::sqrt(2.0f)));
  const array normal_cdf = cut((cut(erf(scaled)) + array(1.0f)) / array(2.0f));
  const array product = cut(matmul(cut(x * normal_cdf), w));
  const array upstream = cut(matmul(cut(product * array(2.0f)), transpose(w)));
  const array density =
      cut(exp(cut(square(x) * array(-0.5f))) / array(std::sqrt(2 * M_PI), float32));
  const array expected = upstream * (normal_cdf + x * density);
  EXPECT_TRUE(allclose(gradient, expected, 1e-4, 1e-3).item<bool>());
}

TEST(Recompute, ChangesNoBit) {
  random::seed(2);
  const array x = random::normal({300, 700});
  x.eval();
  // exp(x) + 1 is read before and after the sum of its rows.
  const auto fused = [&] {
    const array e = exp(x) + array(1.0f);
    const array y = e / sum(e, -1, true);
    return std::vector<array>{y, e * log(y)};
  };
  std::vector<array> together = fused();
  eval(together);
  array e = exp(x);
  e.eval();
  e = e + array(1.0f);
  e.eval();
  array total = sum(e, -1, true);
  total.eval();
  array y = e / total;
  y.eval();
  array last = e * log(y);
  EXPECT_TRUE(array_equal(together[0], y).item<bool>());
  EXPECT_TRUE(array_equal(together[1], last).item<bool>());
}

// A weight's gradient is the last to read the cotangent behind its layer, which is freed before the
// next layer's is computed.
TEST(Order, CotangentsOfLayersDoNotPileUp) {
  const int layers = 8;
  std::vector<array> weights(layers, random::normal({64, 64}) * array(0.1f));
  const array x = random::normal({4096, 64});
  eval(weights, x);
  const auto loss = [&](const std::vector<array>& weights) {
    array y = x;
    for (const array& w : weights) y = tanh(matmul(y, w));
    return sum(y);
  };
  std::vector<int> all(layers);
  for (int i = 0; i < layers; ++i) all[static_cast<size_t>(i)] = i;
  reset_peak_memory();
  const size_t before = get_active_memory();
  eval(grad(loss, all)(weights));
  const size_t peak = get_peak_memory() - before;
  // What every layer gives and two cotangents; without the order a cotangent more for each layer.
  EXPECT_LE(peak, (layers + 4) * x.nbytes());
}

}  // namespace
}  // namespace mica
