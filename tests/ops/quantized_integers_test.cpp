// Integer products, for each instruction set that has them, against plain loops.
#define HWY_WANT_AVX3_DL
#include "mica/ops/quantized_integers.h"

#include <cmath>
#include <limits>
#include <random>
#include <utility>

#include "tests/engine/cpu/kernel_test.h"

namespace mica::ops {
namespace {

class QuantizedIntegers : public cpu::KernelTest {
 protected:
  void SetUp() override {
    if (kernels_.columns == 0) GTEST_SKIP() << "this instruction set multiplies no integers";
  }

  const IntegerKernels kernels_ = make_integer_kernels();
};
INSTANTIATE_TEST_SUITE_P(Targets, QuantizedIntegers, testing::ValuesIn(cpu::kernel_targets()));

constexpr IntegerCodes kinds[] = {IntegerCodes::nibbles, IntegerCodes::doubled_e2m1,
                                  IntegerCodes::bytes};

int plain_value(IntegerCodes kind, const uint8_t* codes, int64_t index) {
  if (kind == IntegerCodes::bytes) return codes[index];
  const int code = codes[index / 2] >> (index % 2 * 4) & 15;
  if (kind == IntegerCodes::nibbles) return code;
  constexpr int doubled[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  return code < 8 ? doubled[code] : -doubled[code - 8];
}

std::vector<float> random_floats(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-3, 3);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(random);
  return values;
}

struct Rounded {
  std::vector<int16_t> values;
  std::vector<float> scales, sums;
};

// Each row of x on its own, and sums of the exact products of what rounding left.
TEST_P(QuantizedIntegers, MultiplyWithinTheRoundingOfGroups) {
  constexpr int64_t k = 384, most_rows = 13;
  const auto x = random_floats(most_rows * k, 1);
  for (const IntegerCodes kind : kinds) {
    for (const int group_size : {16, 64, 128}) {
      const int64_t groups = k / group_size, count = kernels_.columns - 3;
      const int64_t stride = kind == IntegerCodes::bytes ? k : k / 2;
      std::mt19937 random(2);
      std::vector<uint8_t> codes(static_cast<size_t>(count * stride));
      for (uint8_t& byte : codes) byte = static_cast<uint8_t>(random());
      std::vector<int16_t> panel(static_cast<size_t>(kernels_.columns * k));
      constexpr int64_t part = 128;  // of each row, unpacked on its own
      for (int64_t first = 0; first < k; first += part) {
        kernels_.unpack(codes.data() + first * stride / k, stride, count, part, kind,
                        panel.data() + first * kernels_.columns);
      }
      const auto of_panel = static_cast<size_t>(groups * kernels_.columns);
      const auto scales = random_floats(of_panel, 3), biases = random_floats(of_panel, 4);
      Rounded rounded{std::vector<int16_t>(most_rows * k),
                      std::vector<float>(static_cast<size_t>(most_rows * groups)),
                      std::vector<float>(static_cast<size_t>(most_rows * groups))};
      for (int64_t i = 0; i < most_rows; ++i) {
        ASSERT_TRUE(
            kernels_.round(x.data() + i * k, k, group_size, kind,
                           {rounded.values.data() + i * k, rounded.scales.data() + i * groups,
                            rounded.sums.data() + i * groups}));
      }
      for (const int64_t m : {1, 2, 5, 6, 13}) {
        for (const bool biased : {false, true}) {
          std::vector<float> out(static_cast<size_t>(m * kernels_.columns), 7);
          for (const auto& [first, length] : {std::pair{0, 256}, std::pair{256, 128}}) {
            const int64_t parameter = first / group_size * kernels_.columns;
            kernels_.multiply({m, k, group_size, rounded.values.data(), rounded.scales.data(),
                               rounded.sums.data(), first, length},
                              {panel.data() + first * kernels_.columns, scales.data() + parameter,
                               biased ? biases.data() + parameter : nullptr},
                              first > 0, out.data());
          }
          for (int64_t i = 0; i < m; ++i) {
            for (int64_t j = 0; j < count; ++j) {
              const float got = out[static_cast<size_t>(i * kernels_.columns + j)];
              double sum = 0, bound = 0;
              for (int64_t l = 0; l < k; ++l) {
                const auto at = static_cast<size_t>(l / group_size * kernels_.columns + j);
                const double weight = static_cast<double>(scales[at]) *
                                          plain_value(kind, codes.data() + j * stride, l) +
                                      (biased ? biases[at] : 0.0f);
                const double value = x[static_cast<size_t>(i * k + l)];
                sum += value * weight;
                bound += std::abs(weight) * 3 / 65534 + std::abs(value * weight) * 1e-6;
              }
              ASSERT_NEAR(got, sum, bound) << i << ", " << j << ", groups of " << group_size;
            }
          }
        }
      }
    }
  }
}

// Values that 16 bits hold are not rounded, and neither are their sums.
TEST_P(QuantizedIntegers, KeepIntegers) {
  constexpr int64_t k = 32;
  std::vector<float> x(k);
  for (int i = 0; i < k; ++i) x[static_cast<size_t>(i)] = static_cast<float>(32767 - 1000 * i);
  std::vector<int16_t> values(k);
  float scale = 0, sum = 0;
  ASSERT_TRUE(kernels_.round(x.data(), k, k, IntegerCodes::nibbles, {values.data(), &scale, &sum}));
  EXPECT_EQ(scale, 1);
  EXPECT_EQ(sum, 32 * 32767 - 1000 * 31 * 16);
  constexpr int places[8] = {0, 4, 1, 5, 2, 6, 3, 7};
  for (int i = 0; i < k; ++i) {
    EXPECT_EQ(values[static_cast<size_t>(i)], 32767 - 1000 * (i / 8 * 8 + places[i % 8]));
  }
}

TEST_P(QuantizedIntegers, RefuseWhatHasNoScale) {
  constexpr int64_t k = 64;
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<int16_t> values(k);
  float scales[2], sums[2];
  const auto round = [&](float special) {
    std::vector<float> x(k, special == 1e-38f ? special : 1.0f);
    x[37] = special;
    return kernels_.round(x.data(), k, 32, IntegerCodes::bytes, {values.data(), scales, sums});
  };
  EXPECT_TRUE(round(0));
  EXPECT_FALSE(round(infinity));
  EXPECT_FALSE(round(-infinity));
  EXPECT_FALSE(round(std::numeric_limits<float>::quiet_NaN()));
  EXPECT_FALSE(round(1e-38f));
  const std::vector<float> zeros(k);
  EXPECT_TRUE(
      kernels_.round(zeros.data(), k, 32, IntegerCodes::bytes, {values.data(), scales, sums}));
  EXPECT_EQ(scales[0], 0);
  EXPECT_EQ(sums[1], 0);
}

}  // namespace
}  // namespace mica::ops
