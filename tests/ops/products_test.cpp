// What the rows of products, convolutions, pooling and norms leave out: dtypes, errors, values of
// MLX 0.32.4.
#include "mica/fast/fast.h"
#include "mica/ops/pooling.h"
#include "mica/transforms/transforms.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::counting;
using test::expect_array;
using test::expect_error;
using test::values;

void expect_near(const array& a, const Shape& shape, const std::vector<float>& expected,
                 float tolerance = 1e-5f) {
  EXPECT_EQ(to_string(a.shape()), to_string(shape));
  const auto got = values<float>(a);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], tolerance * (1 + std::abs(expected[i]))) << "element " << i;
  }
}

TEST(Matmul, Promotes) {
  EXPECT_EQ(matmul(ones({2, 3}, float16), ones({3, 2}, bfloat16)).dtype(), float32);
  const array z = matmul(full({1, 2}, array(complex64_t(1, 1))), full({2, 1}, array(2.0f)));
  EXPECT_EQ(z.dtype(), complex64);
  EXPECT_EQ(real(z).item<float>(), 4);
  EXPECT_EQ(imag(z).item<float>(), 4);
}

TEST(Matmul, OfSlicesAndNegativeStrides) {
  const array x = counting({4, 6});
  const array every_second = slice(x, Shape{0, 0}, Shape{4, 6}, Shape{2, 2});  // (2, 3)
  expect_array<float>(matmul(every_second, flip(transpose(every_second), 0)), {2, 2},
                      {19, 127, 127, 667});
}

TEST(Matmul, GradientOfATransposeHasTheLayoutOfWhatItIsAViewOf) {
  const array x = counting({4, 3}), t = counting({4, 2});
  const auto loss = [&](const array& w) { return sum(matmul(x, transpose(w)) * t); };
  const array gradient = grad(loss)(counting({2, 3}));
  expect_array<float>(gradient, {2, 3}, {118, 134, 150, 140, 160, 180});
  EXPECT_TRUE(gradient.flags().row_contiguous);
}

TEST(Matmul, ConjugatesInComplexGradients) {
  const auto part = [](const array& x, int i) { return take(flatten(x), i).item<complex64_t>(); };
  const array a = reshape(array({complex64_t(1, 2), complex64_t(0, 3)}), {1, 2});
  const array b = reshape(array({complex64_t(1, -1), complex64_t(2, 1)}), {2, 1});
  const auto f = [](const std::vector<array>& x) { return std::vector<array>{matmul(x[0], x[1])}; };
  const array cotangent = reshape(array(complex64_t(1, 1)), {1, 1});
  const auto gradients = vjp(f, {a, b}, {cotangent}).second;
  EXPECT_EQ(part(gradients[0], 0), complex64_t(0, 2));
  EXPECT_EQ(part(gradients[0], 1), complex64_t(3, 1));
  EXPECT_EQ(part(gradients[1], 0), complex64_t(3, -1));
  EXPECT_EQ(part(gradients[1], 1), complex64_t(3, -3));
}

TEST(Matmul, Errors) {
  expect_error(
      [] {
        matmul(ones({2, 3}), ones({2, 3}));
      },
      "matmul: expected b (..., 3, n) for a (2, 3), got (2, 3)");
  expect_error(
      [] {
        matmul(ones({2, 3}), ones({2}));
      },
      "matmul: expected b (3,) for a (2, 3), got (2,)");
  expect_error([] { matmul(array(1.0f), ones({3})); },
               "matmul: expected a with at least one dimension, got ()");
  expect_error(
      [] {
        matmul(ones({2, 3}, int32), ones({3, 2}, bool_));
      },
      "matmul: expected floating or complex operands, got int32 and bool");
  EXPECT_THROW(matmul(ones({2, 2, 3}), ones({3, 3, 4})), std::invalid_argument);
  expect_error(
      [] {
        addmm(ones({3}), ones({2, 3}), ones({3, 2}));
      },
      "addmm: expected c that broadcasts to (2, 2), got (3,)");
  expect_error(
      [] {
        addmm(ones({4, 2, 2}), ones({2, 3}), ones({3, 2}));
      },
      "addmm: expected c that broadcasts to (2, 2), got (4, 2, 2)");
  expect_error(
      [] {
        tensordot(ones({2, 3}), ones({4, 3}), 1);
      },
      "tensordot: expected equal sizes of the contracted axes, got a (2, 3) and b (4, 3)");
  expect_error([] { inner(ones({2, 3}), ones({4, 2})); }, "inner: expected b (..., 3), got (4, 2)");
}

TEST(Products, VecdotAndKron) {
  const array a = counting({2, 3}, 0);
  expect_array<float>(vecdot(a, a), {2}, {5, 50});
  expect_array<float>(vecdot(a, a, 0), {3}, {9, 17, 29});
  expect_array<int>(vecdot(astype(a, int32), astype(a, int32)), {2}, {5, 50});
  const array z = vecdot(array({complex64_t(1, 2)}), array({complex64_t(3, 4)}));
  EXPECT_EQ(z.item<complex64_t>(), complex64_t(11, -2));
  expect_array<float>(kron(a, array({1.0f, 2.0f})), {2, 6}, {0, 0, 1, 2, 2, 4, 3, 6, 4, 8, 5, 10});
  expect_array<float>(kron(array(2.0f), a), {2, 3}, {0, 2, 4, 6, 8, 10});
  expect_error([&] { vecdot(a, ones({3})); },
               "vecdot: expected b with 3 elements along axis 1, got (3,)");
  expect_error(
      [&] {
        vecdot(a, ones({2, 1}));
      },
      "vecdot: expected b with 3 elements along axis 1, got (2, 1)");
  expect_error(
      [&] {
        kron(zeros({0, 2}), a);
      },
      "kron: expected non-empty a and b, got (0, 2) and (2, 3)");
}

array conv_input() { return reshape(arange(2.0 * 7 * 6 * 4), {2, 7, 6, 4}) / array(100.0f); }
array conv_weight() { return reshape(sin(arange(8.0 * 3 * 2 * 4)), {8, 3, 2, 4}); }

TEST(Convolution, ValuesOfMlx) {
  expect_near(conv2d(conv_input(), conv_weight()), {2, 5, 5, 8},
              {-0.0791242f, 0.672923f, 0.650004f, -0.121487f, -0.753068f, -0.517384f}, 2e-5f);
  expect_near(conv2d(conv_input(), conv_weight(), {2, 2}, {1, 2}, {2, 2}), {2, 3, 4, 8},
              {1.03626f, 1.33228f, 0.0939842f, -1.25254f, -1.15659f, 0.271342f}, 2e-5f);
  expect_near(
      conv_general(conv_input(), conv_weight(), {1, 2}, {1, 0}, {2, 1}, {1, 2}, {2, 1}, 1, true),
      {2, 14, 3, 8}, {-0.00463926f, 0.16832f, 0.147435f, -0.0432425f, -0.18412f, -0.112957f},
      2e-5f);
  expect_near(conv_transpose2d(conv_input(), conv_weight(), {2, 2}, {1, 1}, {1, 1}, {1, 1}),
              {2, 14, 11, 8},
              {0.0435225f, 0.0284059f, -0.0194241f, -0.0448845f, -0.018654f, 0.0290592f}, 2e-5f);
  EXPECT_EQ(conv2d(conv_input(), astype(conv_weight(), float16)).dtype(), float32);
  EXPECT_EQ(to_string(conv1d(ones({7, 6, 4}), ones({5, 3, 4})).shape()), "(7, 4, 5)");
  EXPECT_EQ(conv2d(zeros({0, 7, 6, 4}), conv_weight()).size(), 0u);
}

TEST(Convolution, Errors) {
  const array x = conv_input(), w = conv_weight();
  expect_error(
      [&] {
        conv2d(ones({7, 6, 4}), w);
      },
      "conv2d: expected input (N, H, W, C), got (7, 6, 4)");
  expect_error(
      [&] {
        conv2d(x, ones({8, 3, 2, 3}));
      },
      "conv2d: expected weight (out_channels, ..., 4) for input (2, 7, 6, 4) in 1 groups, "
      "got (8, 3, 2, 3)");
  expect_error(
      [&] {
        conv2d(x, ones({7, 3, 2, 2}), {1, 1}, {0, 0}, {1, 1}, 2);
      },
      "conv2d: expected out_channels divisible by groups 2, got weight (7, 3, 2, 2)");
  expect_error([&] { conv2d(x, w, {0, 1}); }, "conv2d: expected strides of at least 1, got 0");
  expect_error(
      [&] {
        conv2d(x, w, {1, 1}, {0, 0}, {1, 1}, 0);
      },
      "conv2d: expected groups of at least 1, got 0");
  expect_error(
      [&] {
        conv2d(x, ones({8, 9, 2, 4}));
      },
      "conv2d: expected a weight that fits into the padded input (2, 7, 6, 4) along axis 1, "
      "got (8, 9, 2, 4)");
  expect_error([&] { conv2d(astype(x, int32), astype(w, int32)); },
               "conv2d: expected a floating input, got int32");
}

TEST(Pooling, EqualMaximaShareTheGradient) {
  const auto f = [](const array& x) {
    return sum(max_pool(x, {2}, {2}, {0}) * reshape(array({6.0f, 8.0f}), {2, 1}));
  };
  const array x = reshape(array({1.0f, 1.0f, 2.0f, 0.0f}), {1, 4, 1});
  expect_array<float>(grad(f)(x), {1, 4, 1}, {3, 3, 8, 0});
}

TEST(Pooling, IntegersAndErrors) {
  expect_array<int>(max_pool(reshape(array({-3, -1, -2, -4}, int32), {1, 4, 1}), {2}, {2}, {0}),
                    {1, 2, 1}, {-1, -2});
  expect_error(
      [] {
        max_pool(ones({2, 4, 1}), {2, 2}, {1, 1}, {0, 0});
      },
      "max_pool: expected x (N, ..., C) with 2 spatial axes of 1 to 3, got (2, 4, 1)");
  expect_error(
      [] {
        avg_pool(ones({2, 4, 1}), {2}, {0}, {0});
      },
      "avg_pool: expected 1 strides of at least 1, got (0,)");
  expect_error(
      [] {
        avg_pool(ones({2, 4, 1}), {5}, {1}, {0});
      },
      "avg_pool: expected kernel (5,) within the padded x, got (2, 4, 1)");
}

TEST(Norms, ValuesOfMlx) {
  const array x = reshape(sin(arange(12.0)), {3, 4});
  const array weight({1, 2, 3, 4}), bias({0.1f, 0.2f, 0.3f, 0.4f});
  expect_near(fast::layer_norm(x, weight, bias, 1e-5f), {3, 4},
              {-1.06434f, 2.01431f, 3.52238f, -2.86776f, -0.577387f, -1.80325f, 0.565284f, 6.76235f,
               1.41248f, 1.34668f, -1.65294f, -4.53936f});
  expect_near(fast::rms_norm(x, weight, 1e-5f), {3, 4},
              {0, 2.69932f, 4.37535f, 0.905387f, -1.06974f, -2.71087f, -1.18486f, 3.71459f,
               1.26554f, 1.05432f, -2.08765f, -5.11655f});
  const auto weighted = [&](const array& y) {
    return sum(fast::layer_norm(y, weight, bias, 1e-5f) * cos(y));
  };
  expect_near(grad(weighted)(x), {3, 4},
              {-3.41323f, -2.55202f, -2.44916f, 4.53644f, -1.41765f, -1.34612f, 1.47335f, -4.5562f,
               -1.67406f, 0.00247502f, -0.379897f, -4.34355f},
              5e-5f);
}

TEST(Norms, Errors) {
  const array x = ones({3, 4});
  expect_error([&] { fast::layer_norm(x, ones({3}), std::nullopt, 1e-5f); },
               "layer_norm: expected weight (4,), got (3,)");
  expect_error([&] { fast::layer_norm(x, std::nullopt, ones({3}), 1e-5f); },
               "layer_norm: expected bias (4,), got (3,)");
  expect_error([&] { fast::rms_norm(array(1.0f), std::nullopt, 1e-5f); },
               "rms_norm: expected x with at least one dimension, got ()");
  expect_error([&] { fast::rms_norm(astype(x, int32), std::nullopt, 1e-5f); },
               "rms_norm: expected x of a floating dtype, got int32");
}

}  // namespace
}  // namespace mica
