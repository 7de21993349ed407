// Every expected text is what MLX's operator<< prints.
#include <gtest/gtest.h>

#include <iomanip>
#include <limits>
#include <sstream>
#include <string>

#include "mica/array/array.h"
#include "mica/ops/ops.h"
#include "mica/utils.h"

namespace mica {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

template <class T>
std::string printed(const T& value) {
  std::ostringstream os;
  os << value;
  return os.str();
}

// Restores the global formatter.
class Printing : public testing::Test {
 protected:
  ~Printing() override { get_global_formatter() = PrintFormatter{}; }
};

TEST_F(Printing, Scalars) {
  EXPECT_EQ(printed(array(2.5f)), "array(2.5, dtype=float32)");
  EXPECT_EQ(printed(array(3)), "array(3, dtype=int32)");
  EXPECT_EQ(printed(array(true)), "array(true, dtype=bool)");
  EXPECT_EQ(printed(array(complex64_t{1.5f, -2.f})), "array(1.5-2j, dtype=complex64)");
}

TEST_F(Printing, Floats) {
  EXPECT_EQ(printed(array({1.0f, 0.1f, 1e-10f, 1e10f, 123456.f, 1234567.f})),
            "array([1, 0.1, 1e-10, 1e+10, 123456, 1.23457e+06], dtype=float32)");
  EXPECT_EQ(printed(array({nan, -nan, inf, -inf, -0.0f})),
            "array([nan, -nan, inf, -inf, -0], dtype=float32)");
  EXPECT_EQ(printed(array({0.1, 3.14159265358979, 1e300}, float64)),
            "array([0.1, 3.14159, 1e+300], dtype=float64)");
  EXPECT_EQ(printed(array({0.1f, 3.14159265f, 65504.f, 1e-5f}, float16)),
            "array([0.0999756, 3.14062, 65504, 1.00136e-05], dtype=float16)");
  EXPECT_EQ(printed(array({0.1f, 3.14159265f, 65504.f, 1e-5f}, bfloat16)),
            "array([0.100098, 3.14062, 65536, 1.00136e-05], dtype=bfloat16)");
}

TEST_F(Printing, Complex) {
  EXPECT_EQ(
      printed(array({complex64_t{1.f, 0.f}, complex64_t{-1.25f, -0.0f}, complex64_t{nan, inf},
                     complex64_t{0.f, -inf}, complex64_t{1e-10f, 1e10f}, complex64_t{nan, -nan}})),
      "array([1+0j, -1.25+-0j, nan+infj, 0-infj, 1e-10+1e+10j, nan+-nanj], dtype=complex64)");
}

TEST_F(Printing, IntegersAndBools) {
  EXPECT_EQ(printed(array({true, false})), "array([true, false], dtype=bool)");
  EXPECT_EQ(printed(array({0, 1, 65, 255}, uint8)), "array([0, 1, 65, 255], dtype=uint8)");
  EXPECT_EQ(printed(array({0, 65535}, uint16)), "array([0, 65535], dtype=uint16)");
  EXPECT_EQ(printed(array({std::numeric_limits<uint32_t>::max()})),
            "array([4294967295], dtype=uint32)");
  EXPECT_EQ(printed(array({std::numeric_limits<uint64_t>::max()})),
            "array([18446744073709551615], dtype=uint64)");
  EXPECT_EQ(printed(array({-128, 65, 127}, int8)), "array([-128, 65, 127], dtype=int8)");
  EXPECT_EQ(printed(array({-32768, 32767}, int16)), "array([-32768, 32767], dtype=int16)");
  EXPECT_EQ(printed(array({-1, 7})), "array([-1, 7], dtype=int32)");
  EXPECT_EQ(printed(array({std::numeric_limits<int64_t>::min()})),
            "array([-9223372036854775808], dtype=int64)");
}

TEST_F(Printing, NestedAxes) {
  EXPECT_EQ(printed(reshape(arange(6), {2, 3})),
            "array([[0, 1, 2],\n"
            "       [3, 4, 5]], dtype=int32)");
  EXPECT_EQ(printed(reshape(arange(12), {2, 3, 2})),
            "array([[[0, 1],\n"
            "        [2, 3],\n"
            "        [4, 5]],\n"
            "       [[6, 7],\n"
            "        [8, 9],\n"
            "        [10, 11]]], dtype=int32)");
  EXPECT_EQ(printed(reshape(array({1.5f}), {1, 1, 1, 1})), "array([[[[1.5]]]], dtype=float32)");
}

TEST_F(Printing, Views) {
  EXPECT_EQ(printed(transpose(reshape(arange(6), {2, 3}))),
            "array([[0, 3],\n"
            "       [1, 4],\n"
            "       [2, 5]], dtype=int32)");
  EXPECT_EQ(printed(slice(arange(10), {8}, {2}, {-2})), "array([8, 6, 4], dtype=int32)");
  EXPECT_EQ(printed(broadcast_to(array({1, 2}), {2, 2})),
            "array([[1, 2],\n"
            "       [1, 2]], dtype=int32)");
}

TEST_F(Printing, LongAxes) {
  EXPECT_EQ(printed(arange(6)), "array([0, 1, 2, 3, 4, 5], dtype=int32)");
  EXPECT_EQ(printed(arange(7)), "array([0, 1, 2, ..., 4, 5, 6], dtype=int32)");
  EXPECT_EQ(printed(reshape(arange(49), {7, 7})),
            "array([[0, 1, 2, ..., 4, 5, 6],\n"
            "       [7, 8, 9, ..., 11, 12, 13],\n"
            "       [14, 15, 16, ..., 18, 19, 20],\n"
            "       ...,\n"
            "       [28, 29, 30, ..., 32, 33, 34],\n"
            "       [35, 36, 37, ..., 39, 40, 41],\n"
            "       [42, 43, 44, ..., 46, 47, 48]], dtype=int32)");
  EXPECT_EQ(printed(reshape(arange(16), {1, 8, 2})),
            "array([[[0, 1],\n"
            "        [2, 3],\n"
            "        [4, 5],\n"
            "        ...,\n"
            "        [10, 11],\n"
            "        [12, 13],\n"
            "        [14, 15]]], dtype=int32)");
}

TEST_F(Printing, Empty) {
  EXPECT_EQ(printed(array(std::initializer_list<float>{})), "array([], dtype=float32)");
  EXPECT_EQ(printed(zeros({0, 3})), "array([], dtype=float32)");
  EXPECT_EQ(printed(zeros({2, 0, 2})),
            "array([[],\n"
            "       []], dtype=float32)");
  EXPECT_EQ(printed(zeros({7, 0})),
            "array([[],\n"
            "       [],\n"
            "       [],\n"
            "       ...,\n"
            "       [],\n"
            "       [],\n"
            "       []], dtype=float32)");
}

TEST_F(Printing, Precision) {
  set_printoptions({3});
  EXPECT_EQ(printed(array({0.1f, 3.14159265f, 1e-10f, 123456.f, nan, inf})),
            "array([0.100, 3.142, 0.000, 123456.000, nan, inf], dtype=float32)");
  EXPECT_EQ(printed(array({3.14159265f}, float16)), "array([3.141], dtype=float16)");
  EXPECT_EQ(printed(array({0.1, 3.14159265358979}, float64)),
            "array([0.100, 3.142], dtype=float64)");
  EXPECT_EQ(printed(array({complex64_t{3.14159265f, -0.0f}})),
            "array([3.142+-0.000j], dtype=complex64)");
  EXPECT_EQ(printed(array({1, 2})), "array([1, 2], dtype=int32)");
  set_printoptions({0});
  EXPECT_EQ(printed(array({1.0f, 0.1f, 3.6f})), "array([1, 0, 4], dtype=float32)");
}

TEST_F(Printing, CapitalizedBools) {
  get_global_formatter().capitalize_bool = true;
  EXPECT_EQ(printed(array({true, false})), "array([True, False], dtype=bool)");
}

TEST_F(Printing, UsesTheStreamsFormat) {
  std::ostringstream os;
  os << std::setprecision(12) << array({0.1f});
  EXPECT_EQ(os.str(), "array([0.10000000149], dtype=float32)");
  os.str("");
  os << std::fixed << std::setprecision(2) << array({0.1f}) << std::hex << array({255, 16});
  EXPECT_EQ(os.str(), "array([0.10], dtype=float32)array([ff, 10], dtype=int32)");
}

// MLX leaves the precision and boolalpha behind.
TEST_F(Printing, LeavesTheStreamAsItWas) {
  set_printoptions({3});
  std::ostringstream os;
  os << std::boolalpha << array({0.5f}) << array(true) << 3.14159 << true;
  EXPECT_EQ(os.str(), "array([0.500], dtype=float32)array(true, dtype=bool)3.14159true");
}

TEST_F(Printing, Elements) {
  EXPECT_EQ(printed(float16_t(0.1f)), "0.0999756");
  EXPECT_EQ(printed(bfloat16_t(0.1f)), "0.100098");
  std::ostringstream os;
  os << complex64_t{1.f, -2.f} << ' ' << complex64_t{1.f, 2.f};
  EXPECT_EQ(os.str(), "1-2j 1+2j");
  os.str("");
  get_global_formatter().print(os, true);
  EXPECT_EQ(os.str(), "true");
}

}  // namespace
}  // namespace mica
