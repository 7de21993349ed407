#include "tests/engine/cpu/kernel_test.h"

namespace mica::cpu {
namespace {

class CastKernels : public KernelTest {};
INSTANTIATE_TEST_SUITE_P(Targets, CastKernels, testing::ValuesIn(kernel_targets()));

template <class T>
inline constexpr bool is_half = std::is_same_v<T, float16_t> || std::is_same_v<T, bfloat16_t>;

template <class To, class From>
To expected_cast(From x) {
  if constexpr (std::is_same_v<From, To>) {
    return x;
  } else if constexpr (std::is_same_v<From, complex64_t>) {
    return std::is_same_v<To, bool> ? To(x != From(0)) : expected_cast<To>(x.real());
  } else if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (is_half<From>) {
    return expected_cast<To>(static_cast<float>(x));
  } else if constexpr (is_half<To> || std::is_same_v<To, complex64_t>) {
    return To(static_cast<float>(x));
  } else {
    return static_cast<To>(x);
  }
}

// Values whose conversion to any dtype is defined: small numbers with fractions, and for integers,
// which wrap, anything.
template <class From, class To>
Buffer<From> cast_operand(size_t n) {
  if constexpr (std::is_integral_v<From>) {
    return make_operand<From>(0, n, 5);
  } else {
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform(std::is_unsigned_v<To> ? 0.0f : -120.0f, 120);
    Buffer<From> values(n);
    for (size_t i = 0; i < n; ++i) values[i] = From(i % 7 ? uniform(random) : 0.0f);
    return values;
  }
}

template <class From, class To>
void expect_cast(ElementwiseKernel kernel) {
  SCOPED_TRACE(std::string(dtype_name(dtype_of<From>())) + " to " + dtype_name(dtype_of<To>()));
  ASSERT_NE(kernel, nullptr);
  for (size_t n : {0, 1, 3, 31, 64, 1201}) {
    const auto x = cast_operand<From, To>(n + 1);
    Buffer<To> y(n + 1, To(1));
    kernel(y.data(), x.data() + 1, nullptr, nullptr, n);
    for (size_t i = 0; i < n; ++i) {
      const To expected = expected_cast<To>(x[i + 1]);
      ASSERT_EQ(std::memcmp(&y[i], &expected, sizeof(To)), 0) << "element " << i << " of " << n;
    }
    EXPECT_TRUE(y[n] == To(1));
  }
}

template <class From, class... Tos>
void expect_casts_from(KernelTables& tables) {
  (expect_cast<From, Tos>(tables.cast(dtype_of<From>(), dtype_of<Tos>())), ...);
}

template <class... Ts>
void expect_casts(KernelTables& tables) {
  (expect_casts_from<Ts, Ts...>(tables), ...);
}

TEST_P(CastKernels, ConvertEveryPair) {
  expect_casts<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t, int16_t, int32_t, int64_t,
               float16_t, bfloat16_t, float, double, complex64_t>(tables);
}

TEST_P(CastKernels, WidenEveryHalf) {
  Buffer<uint16_t> bits(65536);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  Buffer<float> values(bits.size());
  tables.cast(float16, float32)(values.data(), bits.data(), nullptr, nullptr, bits.size());
  for (size_t i = 0; i < bits.size(); ++i) {
    ASSERT_TRUE(same_bits(values[i], detail::half_bits_to_float(bits[i]))) << i;
  }
  tables.cast(bfloat16, float32)(values.data(), bits.data(), nullptr, nullptr, bits.size());
  for (size_t i = 0; i < bits.size(); ++i) {
    ASSERT_TRUE(same_bits(values[i], detail::bfloat_bits_to_float(bits[i]))) << i;
  }
}

TEST_P(CastKernels, RoundFloatsToHalves) {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 8191) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (value == value) values.push_back(value);
  }
  const Buffer<float> x(values);
  Buffer<uint16_t> y(x.size());
  tables.cast(float32, float16)(y.data(), x.data(), nullptr, nullptr, x.size());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], detail::float_to_half_bits(x[i])) << x[i];
  tables.cast(float32, bfloat16)(y.data(), x.data(), nullptr, nullptr, x.size());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], detail::float_to_bfloat_bits(x[i])) << x[i];
}

TEST_P(CastKernels, KeepNan) {
  const Buffer<float> x(37, std::numeric_limits<float>::quiet_NaN());
  Buffer<uint16_t> half(37);
  Buffer<bool> flags(37);
  tables.cast(float32, float16)(half.data(), x.data(), nullptr, nullptr, 37);
  for (size_t i = 0; i < 37; ++i) EXPECT_TRUE(std::isnan(detail::half_bits_to_float(half[i])));
  tables.cast(float32, bfloat16)(half.data(), x.data(), nullptr, nullptr, 37);
  for (size_t i = 0; i < 37; ++i) EXPECT_TRUE(std::isnan(detail::bfloat_bits_to_float(half[i])));
  tables.cast(float32, bool_)(flags.data(), x.data(), nullptr, nullptr, 37);
  for (size_t i = 0; i < 37; ++i) EXPECT_TRUE(flags[i]);
}

// Beyond an integer's range the place in the tile does not matter either.
TEST_P(CastKernels, AgreeAcrossATile) {
  const auto x = make_operand<float>(0, 999, 2);
  for (Dtype to : {uint8, uint16, uint32, uint64, int8, int16, int32, int64}) {
    Buffer<uint64_t> whole(999), one(1);
    tables.cast(float32, to)(whole.data(), x.data(), nullptr, nullptr, 999);
    for (size_t i = 0; i < 999; ++i) {
      tables.cast(float32, to)(one.data(), x.data() + i, nullptr, nullptr, 1);
      const auto* bytes = reinterpret_cast<const char*>(whole.data()) + i * to.size();
      ASSERT_EQ(std::memcmp(bytes, one.data(), to.size()), 0) << x[i] << " to " << dtype_name(to);
    }
  }
}

}  // namespace
}  // namespace mica::cpu
