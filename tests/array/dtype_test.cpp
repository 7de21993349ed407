#include "mica/array/dtype.h"

#include <gtest/gtest.h>

#include <array>
#include <sstream>
#include <string>

namespace mica {
namespace {

constexpr std::array<Dtype, dtype_count> all = {
    bool_, uint8, uint16,  uint32,  uint64,  int8,     int16,
    int32, int64, float16, float32, float64, bfloat16, complex64,
};

constexpr std::array<Dtype::Category, 8> categories = {
    complexfloating, floating, inexact, signedinteger, unsignedinteger, integer, number, generic,
};

template <class T>
std::string printed(const T& value) {
  std::ostringstream os;
  os << value;
  return os.str();
}

TEST(Dtype, AreInOrderOfTheirValues) {
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(static_cast<size_t>(all[i].val()), i);
}

TEST(Dtype, PromotesAsMlx) {
  // mlx 0.32.4: (mx.zeros(2, row) + mx.zeros(2, column)).dtype, both in the order of `all`.
  constexpr auto b1 = bool_;
  constexpr auto u1 = uint8, u2 = uint16, u4 = uint32, u8 = uint64;
  constexpr auto i1 = int8, i2 = int16, i4 = int32, i8 = int64;
  constexpr auto f2 = float16, f4 = float32, f8 = float64, bf = bfloat16, c8 = complex64;
  // clang-format off
  constexpr Dtype expected[dtype_count][dtype_count] = {
    {b1, u1, u2, u4, u8, i1, i2, i4, i8, f2, f4, f8, bf, c8},
    {u1, u1, u2, u4, u8, i2, i2, i4, i8, f2, f4, f8, bf, c8},
    {u2, u2, u2, u4, u8, i4, i4, i4, i8, f2, f4, f8, bf, c8},
    {u4, u4, u4, u4, u8, i8, i8, i8, i8, f2, f4, f8, bf, c8},
    {u8, u8, u8, u8, u8, f4, f4, f4, f4, f2, f4, f8, bf, c8},
    {i1, i2, i4, i8, f4, i1, i2, i4, i8, f2, f4, f8, bf, c8},
    {i2, i2, i4, i8, f4, i2, i2, i4, i8, f2, f4, f8, bf, c8},
    {i4, i4, i4, i8, f4, i4, i4, i4, i8, f2, f4, f8, bf, c8},
    {i8, i8, i8, i8, f4, i8, i8, i8, i8, f2, f4, f8, bf, c8},
    {f2, f2, f2, f2, f2, f2, f2, f2, f2, f2, f4, f8, f4, c8},
    {f4, f4, f4, f4, f4, f4, f4, f4, f4, f4, f4, f8, f4, c8},
    {f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, c8},
    {bf, bf, bf, bf, bf, bf, bf, bf, bf, f4, f4, f8, bf, c8},
    {c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8},
  };
  // clang-format on
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < all.size(); ++j) {
      EXPECT_EQ(promote_types(all[i], all[j]), expected[i][j]) << all[i] << " with " << all[j];
    }
  }
}

TEST(Dtype, IsASubtypeOfItselfOnly) {
  for (const Dtype& a : all) {
    for (const Dtype& b : all) EXPECT_EQ(issubdtype(a, b), a.val() == b.val()) << a << ", " << b;
    for (const auto& c : categories) EXPECT_FALSE(issubdtype(c, a));
  }
}

TEST(Dtype, BelongsToCategories) {
  // mlx 0.32.4: mx.issubdtype(row, column), the columns in the order of `categories`.
  const auto check = [](const auto& type, const std::string& expected) {
    for (size_t i = 0; i < categories.size(); ++i) {
      EXPECT_EQ(issubdtype(type, categories[i]), expected[i] == '1') << "category " << i;
    }
  };
  check(bool_, "00000001");
  check(uint8, "00001111");
  check(uint16, "00001111");
  check(uint32, "00001111");
  check(uint64, "00001111");
  check(int8, "00010111");
  check(int16, "00010111");
  check(int32, "00010111");
  check(int64, "00010111");
  check(float16, "01100011");
  check(float32, "01100011");
  check(float64, "01100011");
  check(bfloat16, "01100011");
  check(complex64, "10100011");
  check(complexfloating, "10100011");
  check(floating, "01100011");
  check(inexact, "00100011");
  check(signedinteger, "00010111");
  check(unsignedinteger, "00001111");
  check(integer, "00000111");
  check(number, "00000011");
  check(generic, "00000001");
}

TEST(Dtype, PrintsItsNameAndKind) {
  const std::array<std::string, dtype_count> names = {
      "bool",  "uint8", "uint16",  "uint32",  "uint64",  "int8",     "int16",
      "int32", "int64", "float16", "float32", "float64", "bfloat16", "complex64",
  };
  const std::string kinds = "buuuuiiiifffVc";
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(printed(all[i]), names[i]);
    EXPECT_EQ(dtype_name(all[i]), names[i]);
    EXPECT_EQ(printed(kindof(all[i])), std::string(1, kinds[i]));
  }
}

TEST(Dtype, SizesAreInBytes) {
  const std::array<size_t, dtype_count> sizes = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 4, 8, 2, 8};
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(size_of(all[i]), sizes[i]) << all[i];
}

TEST(Dtype, OfCppTypes) {
  EXPECT_EQ(dtype_of<bool>(), bool_);
  EXPECT_EQ(dtype_of<uint8_t>(), uint8);
  EXPECT_EQ(dtype_of<uint16_t>(), uint16);
  EXPECT_EQ(dtype_of<uint32_t>(), uint32);
  EXPECT_EQ(dtype_of<uint64_t>(), uint64);
  EXPECT_EQ(dtype_of<int8_t>(), int8);
  EXPECT_EQ(dtype_of<int16_t>(), int16);
  EXPECT_EQ(dtype_of<int32_t>(), int32);
  EXPECT_EQ(dtype_of<int64_t>(), int64);
  EXPECT_EQ(dtype_of<long long>(), int64);
  EXPECT_EQ(dtype_of<float16_t>(), float16);
  EXPECT_EQ(dtype_of<bfloat16_t>(), bfloat16);
  EXPECT_EQ(dtype_of<float>(), float32);
  EXPECT_EQ(dtype_of<double>(), float64);
  EXPECT_EQ(dtype_of<complex64_t>(), complex64);
}

TEST(Dtype, OfAValueGivenWithoutOne) {
  EXPECT_EQ(Dtype(TypeToDtype<double>()), float32);
  EXPECT_EQ(Dtype(TypeToDtype<float>()), float32);
  EXPECT_EQ(Dtype(TypeToDtype<int>()), int32);
  EXPECT_EQ(Dtype(TypeToDtype<bool>()), bool_);
  EXPECT_EQ(Dtype(TypeToDtype<complex64_t>()), complex64);
}

}  // namespace
}  // namespace mica
