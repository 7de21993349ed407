// Batch normalization in one op, forward and backward, gives what its composition gives.
#include "mica/fast/batch_norm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "mica/engine/cpu/parallel.h"
#include "mica/engine/node.h"
#include "mica/mica.h"
#include "mica/ops/op_list.h"
#include "tests/golden.h"

namespace mica {
namespace {

using Arrays = std::vector<array>;

// Errors are relative to the largest value, or to 1, which is what operands are like: sums cancel.
void expect_all_close(const Arrays& got, const Arrays& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    const double largest = std::max(1.0, max(abs(astype(expected[i], float32))).item<double>());
    golden::expect_close(got[i], astype(expected[i], got[i].dtype()), 0, tolerance * largest);
  }
}

Arrays in_doubles(const Arrays& x) {
  Arrays wide;
  for (const array& each : x) wide.push_back(astype(each, float64));
  return wide;
}

// y, mean and variance of x[0] with weight x[1] and bias x[2] where there are such.
Arrays normalized(const Arrays& x, bool relu, double eps) {
  const auto at = [&](size_t i) { return i < x.size() ? std::optional(x[i]) : std::nullopt; };
  const auto [y, mean, var] = ops::batch_normalize(x[0], at(1), at(2), eps);
  return {relu ? nn::relu(y) : y, mean, var};
}

// The results, then the gradients of all operands.
Arrays with_gradients(const Arrays& x, const array& cotangent, bool relu, double eps = 1e-5) {
  const auto f = [&](const Arrays& of) { return normalized(of, relu, eps); };
  const Shape channels{x[0].shape(-1)};
  const array none = zeros(channels, x[0].dtype());
  auto [results, gradients] = vjp(f, x, Arrays{cotangent, none, none});
  results.insert(results.end(), gradients.begin(), gradients.end());
  eval(results);
  return results;
}

class BatchNorm : public ::testing::Test {
 protected:
  BatchNorm() { random::seed(3); }
  ~BatchNorm() override { engine::set_num_threads(threads_); }

  static array made(const Shape& shape, double mean = 0.5) {
    array x = random::normal(shape) + static_cast<float>(mean);
    x.eval();
    return x;
  }
  static Arrays operands(const Shape& shape, bool affine, double mean = 0.5) {
    Arrays x{made(shape, mean)};
    if (affine) x.insert(x.end(), {made({shape.back()}, 1), made({shape.back()})});
    return x;
  }

  int threads_ = engine::num_threads();
};

// Few channels, many, none that fill vectors; fewer rows than a vector has room for.
const Shape shapes[] = {{64, 6, 7, 3}, {1000, 70}, {4, 9, 16}, {37, 300},
                        {5, 7},        {9, 1},     {900, 1},   {40, 9, 32}};

TEST_F(BatchNorm, IsItsComposition) {
  for (const Shape& shape : shapes) {
    for (const auto& [affine, relu] :
         {std::pair(true, true), {true, false}, {false, true}, {false, false}}) {
      SCOPED_TRACE(::testing::PrintToString(shape) + (affine ? " affine" : "") +
                   (relu ? " relu" : ""));
      const Arrays x = operands(shape, affine);
      const array cotangent = made(shape);
      const Arrays expected = with_gradients(in_doubles(x), astype(cotangent, float64), relu);
      for (const int threads : {1, 3}) {
        engine::set_num_threads(threads);
        expect_all_close(with_gradients(x, cotangent, relu), expected, 5e-6);
      }
    }
  }
}

// Large offsets cancel: the deviations keep what precision x has.
TEST_F(BatchNorm, IsExactFarFromZero) {
  for (const Shape& shape : {Shape{64, 8, 8, 5}, {3000, 48}}) {
    for (const double mean : {1e3, -1e5}) {
      SCOPED_TRACE(::testing::PrintToString(shape) + " at " + std::to_string(mean));
      const Arrays x = operands(shape, true, mean);
      array cotangent = made(shape);
      std::vector<int> rows(shape.size() - 1);
      std::iota(rows.begin(), rows.end(), 0);
      cotangent = cotangent - mica::mean(cotangent, rows, true);
      const Arrays expected = with_gradients(in_doubles(x), astype(cotangent, float64), false);
      const Arrays got = with_gradients(x, cotangent, false);
      // The mean is rounded to a float: each deviation is off by up to 4e-8 mean. All are off
      // alike, which the sum for the weight of a cotangent without a mean does not see.
      const double tolerance = 2e-6 + 1e-7 * std::abs(mean);
      expect_all_close({got[0], got[3], got[4]}, {expected[0], expected[3], expected[4]},
                       tolerance);
      expect_all_close({got[1], got[2]}, {expected[1], expected[2]}, 1e-6);
    }
  }
}

TEST_F(BatchNorm, ReadsEps) {
  const Arrays x = operands({50, 12}, true);
  const array cotangent = made({50, 12});
  const Arrays expected = with_gradients(in_doubles(x), astype(cotangent, float64), true, 0.7);
  expect_all_close(with_gradients(x, cotangent, true, 0.7), expected, 5e-6);
}

TEST_F(BatchNorm, HasDerivativesAndBatches) {
  const Arrays x = operands({6, 5, 4}, true);
  const array direction = made({6, 5, 4});
  for (const bool relu : {false, true}) {
    const auto values = [&](const Arrays& x, const array& direction) {
      const auto total = [&](const array& of) {
        const Arrays all = normalized({of, x[1], x[2]}, relu, 1e-3);
        return sum(square(all[0]) * sin(of)) + sum(all[1] * all[2]);
      };
      const auto slope = [&](const array& of) { return sum(grad(total)(of) * direction); };
      const auto [y, tangent] = jvp(total, x[0], direction);
      return Arrays{y,
                    tangent,
                    grad(slope)(x[0]),
                    jvp(grad(total), x[0], direction).second,
                    vmap(total)(x[0]),
                    vmap(grad(total))(x[0])};
    };
    expect_all_close(values(x, direction), values(in_doubles(x), astype(direction, float64)), 2e-5);
  }
}

TEST_F(BatchNorm, OfOtherDtypesKeepsThem) {
  for (const Dtype dtype : {float16, bfloat16}) {
    const Arrays x{astype(made({40, 6}), dtype)};
    const array y = normalized(x, true, 1e-5)[0];
    EXPECT_EQ(y.dtype(), dtype);
    expect_all_close({y}, {normalized(in_doubles(x), true, 1e-5)[0]}, 2e-2);
  }
}

// Not a number in a channel stays in it; relu passes it on, and its gradient is 0.
TEST_F(BatchNorm, KeepsNotANumberInItsChannel) {
  const array x({{1.0f, NAN}, {2.0f, 3.0f}, {4.0f, 5.0f}});
  const Arrays got = with_gradients({x}, ones({3, 2}), true);
  EXPECT_TRUE(all(isnan(take(got[0], 1, 1))).item<bool>());
  EXPECT_FALSE(any(isnan(take(got[0], 0, 1))).item<bool>());
  EXPECT_FALSE(any(isnan(take(got[3], 0, 1))).item<bool>());
}

TEST_F(BatchNorm, TakesInTheReluOfADifferentiatedFunction) {
  const Arrays x = operands({8, 4}, true);
  const auto kernels = [&](const auto& relu) {
    const auto f = [&](const Arrays& of) {
      return Arrays{relu(ops::batch_normalize(of[0], x[1], x[2], 1e-5).y)};
    };
    Arrays results = vjp(f, Arrays{x[0]}, Arrays{x[0]}).first;
    reset_counters();
    eval(results);
    return counters().kernels;
  };
  EXPECT_EQ(kernels([](const array& y) { return nn::relu(y); }), 2u);
  EXPECT_EQ(kernels([](const array& y) { return maximum(y, array(0.0f)); }), 3u);
}

// What is before the relu may be used as well.
TEST_F(BatchNorm, IsThereBesideItsRelu) {
  const Arrays x = operands({30, 5}, true);
  const auto gradient = [](const Arrays& x) {
    const auto total = [&](const array& of) {
      const array y = ops::batch_normalize(of, x[1], x[2], 1e-5).y;
      return sum(nn::relu(y) * sin(y));
    };
    return Arrays{grad(total)(x[0])};
  };
  expect_all_close(gradient(x), gradient(in_doubles(x)), 5e-6);
}

// A layer's statistics, and the gradients of weight and bias, may be held for long.
TEST_F(BatchNorm, OfALayerKeepsNothingLargeInMemory) {
  const array x = made({1024, 256});
  nn::BatchNorm layer(256);
  const auto total =
      nn::value_and_grad(layer, [&](const array& x) { return sum(square(layer(x))); });
  const size_t before = get_active_memory();
  const auto [value, gradients] = total(x);
  eval(value, gradients, layer.state());
  EXPECT_LT(get_active_memory(), before + x.nbytes() / 8);
}

}  // namespace
}  // namespace mica
