#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <thread>
#include <vector>

#include "mica/engine/cpu/dnnl/dnnl.h"
#include "tests/engine/cpu/dnnl/values.h"

namespace mica::cpu {
namespace {

Wide epilogue(const MatmulProblem& p, Wide sum, Wide old) {
  const double x = sum.real();
  switch (p.epilogue) {
    case Epilogue::none:
      return sum;
    case Epilogue::relu:
      return std::max(x, 0.0);
    case Epilogue::gelu_erf:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Epilogue::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case Epilogue::accumulate:
      return sum + p.beta * old;
  }
  return sum;
}

// Runs the problem on pseudo-random data and compares with a sum in double. `origin` is where
// element (0, 0, ..., 0) of an operand sits within its buffer (strides may be negative).
template <class T>
void expect_product(const MatmulProblem& p, bool with_bias = false, int64_t a_origin = 0,
                    int64_t b_origin = 0) {
  const auto extent = [&](const std::array<int64_t, 3>& batch, int64_t rows, int64_t row,
                          int64_t cols, int64_t col) {
    int64_t last = std::max<int64_t>(rows - 1, 0) * std::max<int64_t>(row, 0) +
                   std::max<int64_t>(cols - 1, 0) * std::max<int64_t>(col, 0);
    for (int i = 0; i < 3; ++i) last += std::max<int64_t>(p.batch[i] - 1, 0) * batch[i];
    return static_cast<size_t>(last + 1);
  };
  const auto a = values<T>(a_origin + extent(p.a_batch, p.m, p.a_row, p.k, p.a_col), 1);
  const auto b = values<T>(b_origin + extent(p.b_batch, p.k, p.b_row, p.n, p.b_col), 2);
  const auto bias = values<T>(p.n, 3);
  const size_t size = p.batch[0] * p.batch[1] * p.batch[2] * p.m * p.n;
  const auto old = values<T>(size, 4);
  std::vector<T> out = old;
  matmul(p, a.data() + a_origin, b.data() + b_origin, with_bias ? bias.data() : nullptr,
         out.data());

  size_t at = 0;
  for (int64_t x = 0; x < p.batch[0]; ++x)
    for (int64_t y = 0; y < p.batch[1]; ++y)
      for (int64_t z = 0; z < p.batch[2]; ++z)
        for (int64_t i = 0; i < p.m; ++i)
          for (int64_t j = 0; j < p.n; ++j, ++at) {
            const int64_t from_a =
                a_origin + x * p.a_batch[0] + y * p.a_batch[1] + z * p.a_batch[2] + i * p.a_row;
            const int64_t from_b =
                b_origin + x * p.b_batch[0] + y * p.b_batch[1] + z * p.b_batch[2] + j * p.b_col;
            Wide sum = 0;
            for (int64_t k = 0; k < p.k; ++k) {
              sum += widen(a[from_a + k * p.a_col]) * widen(b[from_b + k * p.b_row]);
            }
            sum *= p.alpha;
            if (with_bias) sum += widen(bias[j]);
            const Wide expected = epilogue(p, sum, widen(old[at]));
            ASSERT_LE(std::abs(expected - widen(out[at])), tolerance<T>(expected, p.k))
                << dtype_name(Dtype(p.dtype, sizeof(T))) << " m " << p.m << " n " << p.n << " k "
                << p.k << " at flat index " << at << ": expected " << expected << ", got "
                << widen(out[at]);
          }
}

template <class T>
MatmulProblem plain(int64_t m, int64_t n, int64_t k) {
  MatmulProblem p;
  p.dtype = dtype_of<T>();
  p.m = m, p.n = n, p.k = k;
  p.a_row = k, p.a_col = 1, p.b_row = n, p.b_col = 1;
  return p;
}

template <class T>
MatmulProblem with_layout(int64_t m, int64_t n, int64_t k, bool a_transposed, bool b_transposed) {
  MatmulProblem p = plain<T>(m, n, k);
  if (a_transposed) p.a_row = 1, p.a_col = m;
  if (b_transposed) p.b_row = 1, p.b_col = k;
  return p;
}

template <class T>
class MatmulTest : public ::testing::Test {};
using AllTypes = ::testing::Types<float, bfloat16_t, float16_t, double, complex64_t, uint8_t,
                                  uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t>;
TYPED_TEST_SUITE(MatmulTest, AllTypes);

// Every sum of an integer test fits its dtype, except where a test says otherwise.
template <class T>
int64_t depth(int64_t k) {
  return sizeof(T) == 1 ? std::min<int64_t>(k, 1) : k;
}

TYPED_TEST(MatmulTest, ShapesAndTransposes) {
  const int64_t shapes[][3] = {{1, 1, 1},    {4, 4, 4},    {1, 33, 17},  {33, 1, 17},
                               {7, 5, 1},    {16, 16, 16}, {31, 65, 47}, {128, 96, 70},
                               {1, 130, 64}, {130, 1, 64}};
  for (const auto& [m, n, k] : shapes) {
    for (int layout = 0; layout < 4; ++layout) {
      expect_product<TypeParam>(
          with_layout<TypeParam>(m, n, depth<TypeParam>(k), layout & 1, layout & 2));
    }
  }
}

TYPED_TEST(MatmulTest, EmptyExtents) {
  const int64_t shapes[][3] = {{0, 3, 4}, {3, 0, 4}, {3, 4, 0}};
  for (const auto& [m, n, k] : shapes) {
    expect_product<TypeParam>(plain<TypeParam>(m, n, k));
    expect_product<TypeParam>(plain<TypeParam>(m, n, k), true);
  }
  MatmulProblem p = plain<TypeParam>(2, 3, 0);
  p.epilogue = Epilogue::accumulate;
  p.beta = 2;
  expect_product<TypeParam>(p, true);
  p.batch = {2, 0, 3};
  expect_product<TypeParam>(p);
}

TYPED_TEST(MatmulTest, UnusualStrides) {
  const int64_t k = depth<TypeParam>(6);
  MatmulProblem p = plain<TypeParam>(5, 7, k);
  p.a_row = 31, p.a_col = 3, p.b_row = 40, p.b_col = 2;  // no unit stride
  expect_product<TypeParam>(p);
  p = plain<TypeParam>(5, 7, k);
  p.a_row = k + 9, p.b_row = 12;  // rows with gaps
  expect_product<TypeParam>(p);
  p.a_row = 0, p.b_row = 0;  // one row, repeated
  expect_product<TypeParam>(p);
  p = plain<TypeParam>(5, 7, k);
  p.a_row = 0, p.a_col = 0, p.b_col = 0, p.b_row = 0;
  expect_product<TypeParam>(p);
  p = plain<TypeParam>(5, 7, k);
  p.a_col = -1, p.b_row = -7, p.b_col = -1;  // reversed
  expect_product<TypeParam>(p, false, 100, 100);
  p = plain<TypeParam>(5, 7, k);
  p.a_row = 1, p.a_col = 1;  // overlapping windows
  expect_product<TypeParam>(p);
}

TYPED_TEST(MatmulTest, BatchesBroadcast) {
  const int64_t k = depth<TypeParam>(9), m = 6, n = 8;
  MatmulProblem p = plain<TypeParam>(m, n, k);
  p.batch = {2, 3, 4};
  p.a_batch = {12 * m * k, 4 * m * k, m * k};
  p.b_batch = {12 * k * n, 4 * k * n, k * n};
  expect_product<TypeParam>(p, true);
  p.b_batch = {0, 0, 0};  // folds into rows
  expect_product<TypeParam>(p, true);
  p.a_batch = {0, 0, 0};
  p.b_batch = {12 * k * n, 4 * k * n, k * n};
  expect_product<TypeParam>(p);
  p.a_batch = {0, m * k, 0};
  p.b_batch = {4 * k * n, 0, k * n};
  expect_product<TypeParam>(p);
  p.m = 1;
  expect_product<TypeParam>(p);
  // Heads side by side in a row, as attention has them: (batch, length, heads, size).
  p = plain<TypeParam>(m, n, k);
  p.batch = {2, 1, 3};
  p.a_row = 3 * k, p.a_batch = {m * 3 * k, 0, k};
  p.b_col = 3 * k, p.b_row = 1, p.b_batch = {n * 3 * k, 0, k};
  expect_product<TypeParam>(p);
  // No matrix can be read in place.
  p.a_col = 2, p.a_row = 6 * k, p.a_batch = {m * 6 * k, 0, 2 * k};
  expect_product<TypeParam>(p);
}

TYPED_TEST(MatmulTest, Epilogues) {
  const bool complex = std::is_same_v<TypeParam, complex64_t>;
  const bool integer = std::is_integral_v<TypeParam>;
  for (const Epilogue e : {Epilogue::none, Epilogue::relu, Epilogue::gelu_erf, Epilogue::gelu_tanh,
                           Epilogue::accumulate}) {
    const bool gelu = e == Epilogue::gelu_erf || e == Epilogue::gelu_tanh;
    for (const double alpha : {1.0, 2.0}) {
      for (const bool bias : {false, true}) {
        MatmulProblem p = plain<TypeParam>(9, 20, depth<TypeParam>(12));
        p.batch[1] = 3;
        p.a_batch[1] = 9 * p.k;
        p.b_batch[1] = p.k * 20;
        p.epilogue = e;
        p.alpha = sizeof(TypeParam) == 1 ? 1.0 : alpha;
        p.beta = integer ? 1 : 0.5;
        if ((gelu && (integer || complex)) || (e == Epilogue::relu && complex)) {
          const std::vector<TypeParam> x(1000), out(1000);
          EXPECT_THROW(matmul(p, x.data(), x.data(), nullptr, nullptr), std::invalid_argument);
          continue;
        }
        expect_product<TypeParam>(p, bias);
      }
    }
  }
}

TEST(Matmul, IntegersWrapAround) {
  MatmulProblem p = plain<int32_t>(1, 2, 2);
  const int32_t a[] = {2147483647, 3}, b[] = {2, 1, 0, 1000000000};
  int32_t out[2];
  matmul(p, a, b, nullptr, out);
  EXPECT_EQ(out[0], -2);
  EXPECT_EQ(out[1], static_cast<int32_t>(2147483647 + 3 * int64_t{1000000000}));
}

TEST(Matmul, UnsignedReluKeepsLargeValues) {
  MatmulProblem p = plain<uint8_t>(1, 1, 0);
  p.epilogue = Epilogue::relu;
  const uint8_t bias = 200;
  uint8_t out = 0;
  matmul(p, &bias, &bias, &bias, &out);
  EXPECT_EQ(out, 200);
}

TEST(Matmul, LargeProducts) {
  expect_product<float>(plain<float>(1030, 1100, 1040));  // the route of large cubes
  expect_product<float>(with_layout<float>(1, 700, 900, false, true), true);
  expect_product<float>(with_layout<float>(900, 1, 700, true, false));
  expect_product<bfloat16_t>(with_layout<bfloat16_t>(256, 128, 784, false, true), true);
}

// The right operand of such products is packed first. They are compared with those in float32.
TEST(Matmul, LargeBfloat16Products) {
  constexpr int64_t m = 1030, n = 1027, k = 1041;
  const auto a = values<bfloat16_t>(m * k, 1), b = values<bfloat16_t>(k * n, 2);
  const auto bias = values<bfloat16_t>(n, 3), old = values<bfloat16_t>(m * n, 4);
  const auto wide = [](const std::vector<bfloat16_t>& x) {
    return std::vector<float>(x.begin(), x.end());
  };
  for (const Epilogue epilogue : {Epilogue::none, Epilogue::relu, Epilogue::accumulate}) {
    MatmulProblem p = plain<bfloat16_t>(m, n, k), q = plain<float>(m, n, k);
    p.epilogue = q.epilogue = epilogue;
    const bool with_bias = epilogue == Epilogue::relu;
    std::vector<bfloat16_t> out = old;
    std::vector<float> expected = wide(old);
    for (int times = 0; times < 2; ++times) {  // the second finds what the first has made
      out = old;
      matmul(p, a.data(), b.data(), with_bias ? bias.data() : nullptr, out.data());
    }
    matmul(q, wide(a).data(), wide(b).data(), with_bias ? wide(bias).data() : nullptr,
           expected.data());
    for (size_t i = 0; i < out.size(); ++i) {
      const double x = expected[i];
      ASSERT_LE(std::abs(x - static_cast<double>(static_cast<float>(out[i]))),
                tolerance<bfloat16_t>(x, k))
          << "epilogue " << static_cast<int>(epilogue) << " at " << i << ": expected " << x;
    }
  }
}

TEST(Matmul, WrongDescriptions) {
  MatmulProblem p = plain<float>(1, 1, 1);
  p.dtype = Dtype::Val::bool_;
  EXPECT_THROW(matmul(p, nullptr, nullptr, nullptr, nullptr), std::invalid_argument);
  p = plain<float>(1, -1, 1);
  EXPECT_THROW(matmul(p, nullptr, nullptr, nullptr, nullptr), std::invalid_argument);
}

TEST(Matmul, ManyThreadsAndShapes) {
  const auto work = [](int64_t first) {
    for (int64_t i = 0; i < 40; ++i) {
      const int64_t n = (first + i) % 23 + 1;
      expect_product<float>(with_layout<float>(n, n + 3, n + 1, i & 1, i & 2), i & 4);
    }
  };
  std::vector<std::thread> threads;
  for (int64_t i = 0; i < 4; ++i) threads.emplace_back(work, i * 5);
  for (auto& thread : threads) thread.join();
}

TEST(Matmul, InsideParallelRegion) {
#pragma omp parallel for
  for (int64_t n = 1; n < 40; ++n) expect_product<float>(plain<float>(n, 2 * n, 64));
}

TEST(Matmul, MoreShapesThanTheCacheHolds) {
  for (int64_t n = 1; n < 700; ++n) expect_product<float>(plain<float>(2, n, 3));
  for (int64_t n = 1; n < 10; ++n) expect_product<float>(plain<float>(2, n, 3));
}

}  // namespace
}  // namespace mica::cpu
