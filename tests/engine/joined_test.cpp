// Independent products of few rows, which run as one kernel.
#include <gtest/gtest.h>

#include "mica/mica.h"

namespace mica {
namespace {

uint64_t kernels_of(std::vector<array> outputs) {
  reset_counters();
  eval(outputs);
  return counters().kernels;
}

// As `products`, each evaluated on its own.
template <class F>
void expect_equals_separate(F&& products) {
  std::vector<array> together = products(), separate = products();
  eval(together);
  for (size_t i = 0; i < together.size(); ++i) {
    separate[i].eval();
    EXPECT_TRUE(array_equal(together[i], separate[i]).item<bool>()) << i;
  }
}

std::vector<array> weights(Dtype dtype) {
  std::vector<array> result;
  for (const Shape& shape : {Shape{300, 257}, Shape{1, 257}, Shape{640, 257}, Shape{33, 257}}) {
    result.push_back(astype(random::normal(shape), dtype));
  }
  eval(result);
  return result;
}

TEST(Joined, ProductsOfOneRowRunAsOneKernelAndChangeNoBit) {
  random::seed(1);
  for (const Dtype dtype : {float32, bfloat16, float16}) {
    const std::vector<array> w = weights(dtype);
    const array x = astype(random::normal({1, 257}), dtype);
    const array y = astype(random::normal({16, 257}), dtype);
    eval(x, y);
    const auto products = [&] {
      std::vector<array> result;
      for (const array& each : w) {
        result.push_back(matmul(x, each.T()));
        result.push_back(matmul(y, each.T()));
      }
      return result;
    };
    EXPECT_EQ(kernels_of(products()), 1);
    expect_equals_separate(products);
  }
}

TEST(Joined, ProductsWithBiasesRunAsOneKernelWhereTheirFactorsAreEqual) {
  random::seed(2);
  const std::vector<array> w = weights(float32);
  const array x = random::normal({2, 257});
  std::vector<array> biases;
  for (const array& each : w) biases.push_back(random::normal({each.shape(0)}));
  eval(x, biases);
  const auto products = [&](float factor) {
    std::vector<array> result;
    for (size_t i = 0; i < w.size(); ++i) {
      result.push_back(addmm(biases[i], x, w[i].T(), i == 0 ? factor : 1.0f));
    }
    return result;
  };
  EXPECT_EQ(kernels_of(products(1)), 1);
  EXPECT_EQ(kernels_of(products(2)), 2);
  expect_equals_separate([&] { return products(1); });
  expect_equals_separate([&] { return products(2); });
}

TEST(Joined, QuantizedProductsRunAsOneKernelAndChangeNoBit) {
  random::seed(3);
  for (const Dtype dtype : {float32, bfloat16}) {
    const array x = astype(random::normal({3, 256}), dtype);
    std::vector<std::vector<array>> w;
    for (const int rows : {300, 1, 640}) {
      w.push_back(quantize(astype(random::normal({rows, 256}), dtype), 64, 4));
      eval(w.back());
    }
    x.eval();
    const auto products = [&] {
      std::vector<array> result;
      for (const auto& q : w) {
        result.push_back(quantized_matmul(x, q[0], q[1], q[2], true, 64, 4));
      }
      return result;
    };
    EXPECT_EQ(kernels_of(products()), 1);
    expect_equals_separate(products);
  }
}

// Three products read the same; what is done with the first waits until all have run.
TEST(Joined, ProductsThatAreReadyRunBeforeWhatFollowsTheFirst) {
  random::seed(4);
  const array x = random::normal({1, 64}), q = random::normal({64, 64});
  const array k = random::normal({64, 64}), v = random::normal({64, 64});
  eval(x, q, k, v);
  const auto block = [&] {
    return softmax(matmul(x, q)) + softmax(matmul(x, k)) + softmax(matmul(x, v));
  };
  // The products, three softmaxes and their sum.
  EXPECT_EQ(kernels_of({block()}), 5);
  const auto step = [](const array& a) {
    array result = a;
    result.eval();
    return result;
  };
  const array expected =
      softmax(step(matmul(x, q))) + softmax(step(matmul(x, k))) + softmax(step(matmul(x, v)));
  EXPECT_TRUE(array_equal(block(), expected).item<bool>());
}

TEST(Joined, AProductThatReadsAnotherRunsAfterIt) {
  random::seed(5);
  const array x = random::normal({2, 32}), w = random::normal({32, 32});
  eval(x, w);
  const array first = matmul(x, w), view = reshape(first, {2, 32});
  const array second = matmul(view, w);
  EXPECT_EQ(kernels_of({second}), 2);
  EXPECT_TRUE(allclose(second, matmul(x, matmul(w, w)), 1e-4, 1e-4).item<bool>());
}

// The products are the last to read a temporary, which frees it.
TEST(Joined, ProductsOfATemporaryAreFollowedByOthers) {
  random::seed(6);
  const array x = random::normal({1, 64}), w = random::normal({64, 64});
  const array v = random::normal({64, 64});
  eval(x, w, v);
  const array y = softmax(x), a = matmul(y, w), b = matmul(y, v);
  const array result = matmul(a, v) + matmul(b, w);
  EXPECT_EQ(kernels_of({result}), 4);
  const array expected = matmul(matmul(softmax(x), w), v) + matmul(matmul(softmax(x), v), w);
  EXPECT_TRUE(allclose(result, expected, 1e-5, 1e-5).item<bool>());
}

TEST(Joined, ProductsOfManyRowsStayApart) {
  const array x = ones({17, 32}), w = ones({32, 32}), v = full({32, 32}, 2.0f);
  eval(x, w, v);
  EXPECT_EQ(kernels_of({matmul(x, w), matmul(x, v)}), 2);
}

TEST(Joined, EmptyProductsAreZero) {
  const array x = zeros({1, 0}), w = zeros({0, 5}), y = ones({1, 4}), v = ones({4, 5});
  eval(x, w, y, v);
  std::vector<array> results{matmul(x, w), matmul(y, v)};
  eval(results);
  EXPECT_TRUE(array_equal(results[0], zeros({1, 5})).item<bool>());
  EXPECT_TRUE(array_equal(results[1], full({1, 5}, 4.0f)).item<bool>());
}

}  // namespace
}  // namespace mica
