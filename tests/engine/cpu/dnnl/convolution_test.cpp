#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <thread>
#include <vector>

#include "mica/engine/cpu/dnnl/dnnl.h"
#include "tests/engine/cpu/dnnl/values.h"

namespace mica::cpu {
namespace {

using Extents = std::array<int64_t, 3>;

int64_t spatial(const ConvProblem& p, const Extents& x) {
  int64_t result = 1;
  for (int i = 0; i < p.rank; ++i) result *= x[i];
  return result;
}

// Calls f(input element, weight element, output element) for every product of the convolution.
template <class F>
void for_each_product(const ConvProblem& p, F&& f) {
  const Extents out = p.output();
  const int64_t taps = spatial(p, p.kernel), channels = p.in_channels / p.groups,
                filters = p.out_channels / p.groups;
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t position = 0; position < spatial(p, out); ++position)
      for (int64_t tap = 0; tap < taps; ++tap) {
        int64_t rest = position, rest_tap = p.flip ? taps - 1 - tap : tap, at = 0, step = 1;
        bool inside = true;
        for (int i = p.rank - 1; i >= 0; --i) {
          const int64_t x = rest % out[i] * p.stride[i] + rest_tap % p.kernel[i] * p.dilation[i] -
                            p.padding_lo[i];
          rest /= out[i];
          rest_tap /= p.kernel[i];
          inside = inside && x >= 0 && x % p.input_dilation[i] == 0 &&
                   x / p.input_dilation[i] < p.input[i];
          at += x / p.input_dilation[i] * step;
          step *= p.input[i];
        }
        if (!inside) continue;
        for (int64_t o = 0; o < p.out_channels; ++o)
          for (int64_t c = 0; c < channels; ++c) {
            f((n * step + at) * p.in_channels + o / filters * channels + c,
              (o * taps + tap) * channels + c,
              (n * spatial(p, out) + position) * p.out_channels + o);
          }
      }
}

template <class T>
void expect_near(const char* what, const std::vector<Wide>& expected, const std::vector<T>& got,
                 double terms, double slack) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_LE(std::abs(expected[i] - widen(got[i])), slack * tolerance<T>(expected[i], terms))
        << what << " at flat index " << i << ": expected " << expected[i] << ", got "
        << widen(got[i]);
  }
}

// Compares all three passes with sums in double. `slack` widens the tolerance where the algorithm
// is a less accurate one.
template <class T>
void expect_convolution(ConvProblem p, double slack = 1) {
  p.dtype = dtype_of<T>();
  const size_t in_size = p.batch * spatial(p, p.input) * p.in_channels;
  const size_t weight_size = p.out_channels * spatial(p, p.kernel) * (p.in_channels / p.groups);
  const size_t out_size = p.batch * spatial(p, p.output()) * p.out_channels;
  const auto input = values<T>(in_size, 1), weight = values<T>(weight_size, 2);
  const auto grad = values<T>(out_size, 3), bias = values<T>(p.out_channels, 4);
  std::vector<Wide> output(out_size), grad_input(in_size), grad_weight(weight_size),
      grad_bias(p.out_channels);
  for_each_product(p, [&](int64_t i, int64_t w, int64_t o) {
    output[o] += widen(input[i]) * widen(weight[w]);
    grad_input[i] += widen(grad[o]) * widen(weight[w]);
    grad_weight[w] += widen(grad[o]) * widen(input[i]);
  });
  for (size_t i = 0; i < out_size; ++i) grad_bias[i % p.out_channels] += widen(grad[i]);
  auto with_bias = output;
  for (size_t i = 0; i < out_size; ++i) {
    with_bias[i] += widen(bias[i % p.out_channels]);
    if (p.epilogue == Epilogue::relu) {
      output[i] = std::max(output[i].real(), 0.0);
      with_bias[i] = std::max(with_bias[i].real(), 0.0);
    }
  }
  const double depth = weight_size / std::max<double>(p.out_channels, 1);
  const double positions = out_size / std::max<double>(p.out_channels, 1);

  std::vector<T> out(out_size, T(7)), dx(in_size, T(7)), dw(weight_size, T(7)),
      db(p.out_channels, T(7));
  conv_forward(p, input.data(), weight.data(), nullptr, out.data());
  expect_near("output", output, out, depth, slack);
  conv_forward(p, input.data(), weight.data(), bias.data(), out.data());
  expect_near("output with bias", with_bias, out, depth, slack);
  conv_backward_data(p, grad.data(), weight.data(), dx.data());
  expect_near("input's gradient", grad_input, dx, depth * p.out_channels, slack);
  conv_backward_weights(p, input.data(), grad.data(), dw.data(), nullptr);
  expect_near("weight's gradient", grad_weight, dw, positions, slack);
  std::fill(dw.begin(), dw.end(), T(7));
  conv_backward_weights(p, input.data(), grad.data(), dw.data(), db.data());
  expect_near("weight's gradient", grad_weight, dw, positions, slack);
  expect_near("bias's gradient", grad_bias, db, positions, slack);
}

ConvProblem image(int64_t batch, int64_t height, int64_t width, int64_t in, int64_t out,
                  int64_t kernel) {
  ConvProblem p;
  p.batch = batch, p.in_channels = in, p.out_channels = out;
  p.input = {height, width, 1};
  p.kernel = {kernel, kernel, 1};
  return p;
}

template <class T>
class ConvolutionTest : public ::testing::Test {};
using Types =
    ::testing::Types<float, bfloat16_t, float16_t, double, complex64_t, int32_t, uint64_t>;
TYPED_TEST_SUITE(ConvolutionTest, Types);

TYPED_TEST(ConvolutionTest, Plain) {
  for (const int64_t channels : {1, 3, 5, 16}) {
    for (const int64_t kernel : {1, 2, 3}) {
      ConvProblem p = image(2, 7, 9, channels, 6, kernel);
      expect_convolution<TypeParam>(p);
      p.padding_lo = p.padding_hi = {1, 1, 0};
      expect_convolution<TypeParam>(p);
      p.stride = {2, 3, 1};
      expect_convolution<TypeParam>(p);
    }
  }
}

TYPED_TEST(ConvolutionTest, PaddingDilationGroups) {
  ConvProblem p = image(2, 11, 10, 8, 12, 3);
  p.kernel = {3, 2, 1};
  p.padding_lo = {2, 0, 0};
  p.padding_hi = {1, 3, 0};
  expect_convolution<TypeParam>(p);
  p.dilation = {2, 3, 1};
  expect_convolution<TypeParam>(p);
  p.groups = 4;
  expect_convolution<TypeParam>(p);
  p.groups = 2;
  p.stride = {2, 1, 1};
  expect_convolution<TypeParam>(p);
  p.groups = 1;
  p.padding_lo = {-1, -2, 0};
  p.padding_hi = {3, -1, 0};
  expect_convolution<TypeParam>(p);
  p.dilation = {5, 9, 1};
  p.padding_lo = {6, 4, 0};
  p.padding_hi = {6, 7, 0};
  expect_convolution<TypeParam>(p);
}

TYPED_TEST(ConvolutionTest, Depthwise) {
  ConvProblem p = image(2, 8, 8, 18, 18, 3);
  p.groups = 18;
  p.padding_lo = p.padding_hi = {1, 1, 0};
  expect_convolution<TypeParam>(p);
  p.out_channels = 36;
  expect_convolution<TypeParam>(p);
}

TYPED_TEST(ConvolutionTest, Transposed) {
  ConvProblem p = image(2, 6, 5, 8, 4, 3);
  p.input_dilation = {2, 3, 1};
  p.padding_lo = p.padding_hi = {1, 1, 0};
  for (const bool flip : {false, true}) {
    for (const int64_t groups : {1, 2}) {
      p.flip = flip;
      p.groups = groups;
      p.stride = {1, 1, 1};
      expect_convolution<TypeParam>(p);
      p.padding_lo[0] = 3;  // more than the kernel: crops in the transposed problem
      expect_convolution<TypeParam>(p);
      p.padding_lo[0] = 1;
      p.padding_hi = {2, 0, 0};
      expect_convolution<TypeParam>(p);
      p.stride = {2, 1, 1};
      expect_convolution<TypeParam>(p);
    }
  }
  p = image(2, 6, 5, 8, 4, 3);
  p.flip = true;
  expect_convolution<TypeParam>(p);
}

TYPED_TEST(ConvolutionTest, OneAndThreeAxes) {
  ConvProblem p;
  p.rank = 1;
  p.batch = 3, p.in_channels = 6, p.out_channels = 8;
  p.input[0] = 13;
  p.kernel[0] = 4;
  p.padding_lo[0] = 2, p.padding_hi[0] = 1;
  expect_convolution<TypeParam>(p);
  p.stride[0] = 2, p.dilation[0] = 2, p.groups = 2;
  expect_convolution<TypeParam>(p);
  p.rank = 3;
  p.input = {5, 6, 7};
  p.kernel = {2, 3, 3};
  p.padding_lo = {1, 0, 2};
  p.padding_hi = {0, 1, 1};
  p.stride = {1, 2, 1};
  p.dilation = {1, 1, 2};
  expect_convolution<TypeParam>(p);
  p.groups = 1;
  expect_convolution<TypeParam>(p);
  p.flip = true;
  p.stride = {1, 1, 1};
  p.input_dilation = {1, 2, 2};
  expect_convolution<TypeParam>(p);
}

TYPED_TEST(ConvolutionTest, Empty) {
  ConvProblem p = image(0, 5, 5, 2, 3, 3);
  expect_convolution<TypeParam>(p);
  p = image(2, 2, 5, 2, 3, 3);  // the kernel does not fit
  EXPECT_EQ(p.output(), (Extents{0, 3, 1}));
  expect_convolution<TypeParam>(p);
  p = image(2, 5, 5, 0, 3, 3);
  expect_convolution<TypeParam>(p);
  p = image(2, 5, 5, 2, 0, 3);
  expect_convolution<TypeParam>(p);
  p = image(2, 0, 0, 2, 3, 3);
  p.padding_lo = p.padding_hi = {2, 2, 0};  // nothing but padding
  expect_convolution<TypeParam>(p);
}

// Problems of each layout that oneDNN is asked for.
TEST(Convolution, Winograd) {
  ConvProblem p = image(11, 14, 11, 32, 48, 3);
  p.padding_lo = p.padding_hi = {1, 1, 0};
  expect_convolution<float>(p, 20);
  p.padding_hi = {0, 1, 0};
  expect_convolution<float>(p, 20);
  p = image(33, 7, 7, 33, 40, 3);
  expect_convolution<float>(p, 20);
  // More padding than kernel on one side, none on the other, and less than none.
  p = image(24, 9, 6, 32, 33, 3);
  p.padding_lo = {3, -1, 0}, p.padding_hi = {0, 2, 0};
  p.epilogue = Epilogue::relu;
  expect_convolution<float>(p, 20);
  // Several blocks of tiles for each thread.
  expect_convolution<float>(image(50, 14, 10, 32, 32, 3), 20);
  // Turned kernels and dilated inputs take other ways.
  p = image(50, 6, 6, 32, 32, 3);
  p.padding_lo = p.padding_hi = {1, 1, 0};
  p.flip = true;
  expect_convolution<float>(p, 20);
  p.flip = false;
  p.input_dilation = {2, 1, 1};
  expect_convolution<float>(p, 20);
}

TEST(Convolution, MostlyWeight) {
  ConvProblem p = image(1, 4, 4, 340, 350, 3);
  p.padding_lo = p.padding_hi = {1, 1, 0};
  expect_convolution<float>(p);
}

TEST(Convolution, BlocksOfChannels) {
  ConvProblem p = image(2, 9, 9, 64, 32, 3);
  p.groups = 2;
  expect_convolution<float>(p);
  expect_convolution<bfloat16_t>(p);
  p.groups = 1;
  p.stride = {2, 2, 1};
  expect_convolution<float>(p);
  p = image(4, 12, 12, 1, 16, 5);
  expect_convolution<float>(p);
  expect_convolution<bfloat16_t>(p);
}

TEST(Convolution, Epilogue) {
  ConvProblem p = image(2, 9, 9, 5, 16, 3);
  p.epilogue = Epilogue::relu;
  expect_convolution<float>(p);
  expect_convolution<bfloat16_t>(p);
  expect_convolution<double>(p);
  p.groups = 1;
  p.flip = true;
  p.input_dilation = {2, 2, 1};
  expect_convolution<float>(p);
  expect_convolution<bfloat16_t>(p);
  p = image(2, 9, 9, 6, 16, 3);
  p.groups = 2;
  p.epilogue = Epilogue::relu;
  expect_convolution<double>(p);
  expect_convolution<float16_t>(p);
  p = image(2, 9, 9, 5, 16, 1);
  p.epilogue = Epilogue::relu;
  expect_convolution<float>(p);
}

TEST(Convolution, ManyThreads) {
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < 3; ++i) {
    threads.emplace_back([i] {
      for (int64_t n = 1; n < 6; ++n) expect_convolution<float>(image(n, 8, 8 + i, 4, 8, 3));
    });
  }
  for (auto& thread : threads) thread.join();
}

void expect_refused(const ConvProblem& p, const std::string& message) {
  try {
    conv_forward(p, nullptr, nullptr, nullptr, nullptr);
    FAIL() << "nothing thrown, expected: " << message;
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(error.what(), message);
  }
}

TEST(Convolution, WrongDescriptions) {
  ConvProblem p = image(1, 5, 5, 4, 6, 3);
  p.groups = 3;
  expect_refused(p, "convolution: expected in_channels divisible by 3 groups, got 4");
  p = image(1, 5, 5, 4, 6, 3);
  p.stride[1] = 0;
  expect_refused(p, "convolution: expected strides of at least 1, got 0");
  p = image(1, 5, 5, 4, 6, 3);
  p.dtype = Dtype::Val::bool_;
  expect_refused(p, "convolution: expected a numeric dtype, got bool");
  p = image(1, 5, 5, 4, 6, 3);
  p.epilogue = Epilogue::accumulate;
  expect_refused(p, "convolution: the epilogue cannot accumulate");
}

}  // namespace
}  // namespace mica::cpu
