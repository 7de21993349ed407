// The kernels over rows of codes, for each instruction set, against one code at a time.
#include "mica/ops/quantized_kernels.h"

#include <cmath>
#include <random>

#include "mica/ops/small_floats.h"
#include "tests/engine/cpu/kernel_test.h"

namespace mica::ops {
namespace {

class QuantizedKernels : public cpu::KernelTest {
 protected:
  const QuantRowTable table_ = make_quant_row_table();
};
INSTANTIATE_TEST_SUITE_P(Targets, QuantizedKernels, testing::ValuesIn(cpu::kernel_targets()));

struct Width {
  CodeKind kind;
  int bits;
};
constexpr Width widths[] = {{CodeKind::integer, 1}, {CodeKind::integer, 2}, {CodeKind::integer, 3},
                            {CodeKind::integer, 4}, {CodeKind::integer, 5}, {CodeKind::integer, 6},
                            {CodeKind::integer, 8}, {CodeKind::e2m1, 4},    {CodeKind::e4m3, 8}};

// Any bits but E4M3's NaN, and bytes that may be read ahead.
std::vector<uint8_t> random_codes(Width width, int64_t count) {
  std::mt19937 random(static_cast<uint32_t>(width.bits));
  std::vector<uint8_t> codes(static_cast<size_t>(count * width.bits / 8 + read_ahead));
  for (uint8_t& byte : codes) {
    byte = static_cast<uint8_t>(random());
    if (width.kind == CodeKind::e4m3 && (byte & 0x7f) == 0x7f) byte = 0;
  }
  return codes;
}

float plain_value(Width width, const uint8_t* codes, int64_t index) {
  uint8_t code = 0;
  for (int bit = 0; bit < width.bits; ++bit) {
    const int64_t at = index * width.bits + bit;
    code = static_cast<uint8_t>(code | (codes[at / 8] >> (at % 8) & 1) << bit);
  }
  if (width.kind == CodeKind::e2m1) return e2m1_to_float(code);
  return width.kind == CodeKind::e4m3 ? e4m3_to_float(code) : static_cast<float>(code);
}

TEST_P(QuantizedKernels, Unpack) {
  constexpr int64_t count = 272;
  for (const Width width : widths) {
    SCOPED_TRACE(width.bits);
    const auto codes = random_codes(width, count);
    std::vector<float> values(count);
    table_[static_cast<size_t>(width.kind)][width.bits].unpack(codes.data(), count, values.data());
    for (int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(values[static_cast<size_t>(i)], plain_value(width, codes.data(), i)) << i;
    }
    if (width.kind != CodeKind::integer) continue;
    std::vector<uint8_t> bytes(count);
    table_[static_cast<size_t>(width.kind)][width.bits].unpack_bytes(codes.data(), count,
                                                                     bytes.data());
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(static_cast<float>(bytes[i]), values[i]) << i;
  }
  const uint8_t nan[read_ahead] = {0x7f, 0xff};
  float values[read_ahead];
  table_[static_cast<size_t>(CodeKind::e4m3)][8].unpack(nan, read_ahead, values);
  EXPECT_TRUE(std::isnan(values[0]) && std::isnan(values[1]));
}

TEST_P(QuantizedKernels, Dequantize) {
  constexpr int64_t k = 256, first = 64, count = 128;
  std::vector<float> scales(k / 32), biases(k / 32), out(count);
  for (size_t i = 0; i < scales.size(); ++i) {
    scales[i] = 0.3f * static_cast<float>(i + 1);
    biases[i] = 1.5f - static_cast<float>(i);
  }
  for (const Width width : widths) {
    const auto codes = random_codes(width, k);
    const bool biased = width.kind == CodeKind::integer;
    const QuantRows row{1, codes.data(), 0, scales.data(), biased ? biases.data() : nullptr, 0};
    table_[static_cast<size_t>(width.kind)][width.bits].dequantize(row, first, count, 32,
                                                                   out.data());
    for (int64_t i = 0; i < count; ++i) {
      const auto group = static_cast<size_t>((first + i) / 32);
      const float value = plain_value(width, codes.data(), first + i);
      const float expected = scales[group] * value + (biased ? biases[group] : 0.0f);
      ASSERT_NEAR(out[static_cast<size_t>(i)], expected, 1e-6 * (1 + std::abs(expected)))
          << width.bits << " bits, " << i;
    }
  }
}

TEST_P(QuantizedKernels, Dot) {
  constexpr int64_t k = 256;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> x(most_dot_inputs * k), scales(most_dot_rows * k / 16), biases(scales.size());
  for (auto* values : {&x, &scales, &biases}) {
    for (float& value : *values) value = uniform(random);
  }
  for (const Width width : widths) {
    const auto codes = random_codes(width, most_dot_rows * k);
    const QuantRowKernels& kernels = table_[static_cast<size_t>(width.kind)][width.bits];
    const bool biased = width.kind == CodeKind::integer;
    for (const int group_size : {16, 32, 128}) {
      if (group_size == 16 && width.kind != CodeKind::e2m1) continue;
      const int64_t x_row = prepared_size(k, group_size);
      std::vector<float> prepared(static_cast<size_t>(most_dot_inputs * x_row));
      for (int64_t i = 0; i < most_dot_inputs; ++i) {
        kernels.prepare(x.data() + i * k, k, group_size, prepared.data() + i * x_row);
      }
      for (int m = 1; m <= most_dot_inputs; ++m) {
        for (int count = 1; count <= most_dot_rows; ++count) {
          const QuantRows rows{count,
                               codes.data(),
                               k * width.bits / 8,
                               scales.data(),
                               biased ? biases.data() : nullptr,
                               k / group_size};
          constexpr int64_t out_row = most_dot_rows + 1;
          float out[most_dot_inputs * out_row];
          kernels.dot(prepared.data(), m, k, rows, group_size, out, out_row);
          for (int i = 0; i < m; ++i) {
            for (int j = 0; j < count; ++j) {
              double sum = 0, size = 0;
              for (int64_t l = 0; l < k; ++l) {
                const auto group = static_cast<size_t>(j * (k / group_size) + l / group_size);
                const double weight =
                    static_cast<double>(scales[group]) *
                        plain_value(width, codes.data() + j * rows.code_stride, l) +
                    (biased ? biases[group] : 0.0f);
                const double term = x[static_cast<size_t>(i * k + l)] * weight;
                sum += term;
                size += std::abs(term);
              }
              ASSERT_NEAR(out[i * out_row + j], sum, 1e-6 * size)
                  << width.bits << " bits, " << m << " by " << count;
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace mica::ops
