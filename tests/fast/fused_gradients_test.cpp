// The gradients of layer_norm, rms_norm and softmax in one pass give what their composed
// definitions give.
#include <gtest/gtest.h>

#include "mica/engine/cpu/parallel.h"
#include "mica/fast/norms.h"
#include "mica/mica.h"
#include "tests/golden.h"

namespace mica {
namespace {

using Arrays = std::vector<array>;
using Function = std::function<array(const Arrays&)>;

Arrays cotangents(const Function& f, const Arrays& primals, const array& cotangent) {
  const auto many = [&](const Arrays& x) { return Arrays{f(x)}; };
  Arrays found = vjp(many, primals, {cotangent}).second;
  eval(found);
  return found;
}

// Errors are relative to the largest value: sums cancel.
void expect_all_close(const Arrays& got, const Arrays& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    const double largest = max(abs(astype(expected[i], float32))).item<double>();
    golden::expect_close(got[i], expected[i], 0, tolerance * largest);
  }
}

struct Case {
  int rows, size;
  Dtype dtype;
  double tolerance;
};

const Case cases[] = {{5, 7, float32, 2e-6},
                      {1000, 70, float32, 2e-6},
                      {3, 5000, float32, 2e-6},
                      {200, 64, bfloat16, 8e-3},
                      {40, 33, float16, 1e-3}};

class FusedGradients : public ::testing::Test {
 protected:
  ~FusedGradients() override { engine::set_num_threads(threads_); }

  static array made(const Shape& shape, Dtype dtype) {
    array x = astype(random::normal(shape) + 0.5f, dtype);
    x.eval();
    return x;
  }

  int threads_ = engine::num_threads();
};

TEST_F(FusedGradients, OfNormsAreTheirCompositions) {
  for (const Case& c : cases) {
    for (const auto& [centered, weighted, biased] : {std::tuple(true, true, true),
                                                     {true, false, false},
                                                     {true, false, true},
                                                     {false, true, false},
                                                     {false, false, false}}) {
      SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.size) + ", " +
                   std::to_string(centered) + std::to_string(weighted) + std::to_string(biased));
      const ops::NormalizeBackward op{centered, weighted, biased, 1e-5f};
      Arrays primals{made({c.rows, c.size}, c.dtype)};
      if (weighted) primals.push_back(made({c.size}, c.dtype));
      if (biased) primals.push_back(made({c.size}, c.dtype));
      const array cotangent = made({c.rows, c.size}, c.dtype);
      const Function f = [&, centered = centered, weighted = weighted,
                          biased = biased](const Arrays& x) {
        const auto weight = weighted ? std::optional(x[1]) : std::nullopt;
        const auto bias = biased ? std::optional(x.back()) : std::nullopt;
        return centered ? fast::layer_norm(x[0], weight, bias, 1e-5f)
                        : fast::rms_norm(x[0], weight, 1e-5f);
      };
      Arrays inputs{primals[0], cotangent};
      if (weighted) inputs.push_back(primals[1]);
      Arrays expected = op.composed(inputs);
      for (size_t i = 1; i < expected.size(); ++i) expected[i] = squeeze(expected[i], 0);
      for (const int threads : {1, 3}) {
        engine::set_num_threads(threads);
        expect_all_close(cotangents(f, primals, cotangent), expected, c.tolerance);
      }
    }
  }
}

TEST_F(FusedGradients, OfNormsOfNoRowsAreZero) {
  const Function f = [](const Arrays& x) { return fast::layer_norm(x[0], x[1], x[2], 1e-5f); };
  const Arrays found = cotangents(f, {zeros({0, 4}), ones({4}), ones({4})}, zeros({0, 4}));
  golden::expect_same(found[1], zeros({4}));
  golden::expect_same(found[2], zeros({4}));
}

// The gradient of a norm's weight may be held for long; that of its input is as large as the input.
TEST_F(FusedGradients, OfNormsKeepNoOtherInMemory) {
  const array x = made({512, 1024}, float32), weight = made({1024}, float32);
  const auto f = [](const Arrays& x) {
    return Arrays{fast::layer_norm(x[0], x[1], std::nullopt, 1e-5f)};
  };
  Arrays found = vjp(f, Arrays{x, weight}, Arrays{x}).second;
  array total = sum(square(found[0]));
  const array held = found[1];
  found.clear();
  const size_t before = get_active_memory();
  eval(total, held);
  EXPECT_LT(get_active_memory(), before + x.nbytes() / 8);
}

TEST_F(FusedGradients, OfNormsHaveDerivativesAndBatches) {
  const array x = made({4, 6, 8}, float32), weight = made({8}, float32);
  const array direction = made({4, 6, 8}, float32);
  const auto of_rows = [&](const array& x, bool fused) {
    const array y = fused ? fast::layer_norm(x, weight, std::nullopt, 1e-5f)
                          : (x - mean(x, -1, true)) * rsqrt(var(x, -1, true) + 1e-5f) * weight;
    return sum(square(y) * sin(x));
  };
  const auto values = [&](bool fused) {
    const auto total = [&](const array& x) { return of_rows(x, fused); };
    const auto slope = [&](const array& x) { return sum(grad(total)(x) * direction); };
    return Arrays{grad(slope)(x), jvp(grad(total), x, direction).second, vmap(grad(total))(x)};
  };
  expect_all_close(values(true), values(false), 1e-5);
}

TEST_F(FusedGradients, OfSoftmaxAreTheirCompositions) {
  const Function f = [](const Arrays& x) { return softmax(x[0], -1); };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.size));
    const array x = made({c.rows, c.size}, c.dtype), cotangent = made({c.rows, c.size}, c.dtype);
    const array y = astype(softmax(x, -1), float32), weighted = astype(cotangent, float32) * y;
    const array expected = astype(weighted - y * sum(weighted, -1, true), c.dtype);
    expect_all_close(cotangents(f, {x}, cotangent), {expected}, c.tolerance);
  }
}

TEST_F(FusedGradients, OfSoftmaxHaveDerivativesAndBatches) {
  const array x = made({4, 6, 8}, float32), direction = made({4, 6, 8}, float32);
  const auto values = [&](bool fused) {
    const auto total = [&](const array& x) {
      const array e = exp(x), y = fused ? softmax(x, -1) : e / sum(e, -1, true);
      return sum(square(y) * sin(x));
    };
    const auto slope = [&](const array& x) { return sum(grad(total)(x) * direction); };
    return Arrays{grad(slope)(x), jvp(grad(total), x, direction).second, vmap(grad(total))(x)};
  };
  expect_all_close(values(true), values(false), 1e-5);
}

}  // namespace
}  // namespace mica
