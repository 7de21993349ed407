#include "mica/utils.h"

#include <gtest/gtest.h>

#include <functional>

#include "mica/ops/checks.h"

namespace mica {
namespace {

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "no error";
}

TEST(Checks, ShapeText) {
  EXPECT_EQ(to_string(Shape{}), "()");
  EXPECT_EQ(to_string(Shape{4}), "(4,)");
  EXPECT_EQ(to_string(Shape{2, 3}), "(2, 3)");
}

TEST(Checks, Axes) {
  EXPECT_EQ(ops::normalize_axis(-1, 3, "sum"), 2);
  EXPECT_EQ(ops::normalize_axes({-1, 0}, 3, "sum"), (std::vector<int>{0, 2}));
  EXPECT_EQ(error_of([] { ops::normalize_axis(3, 2, "squeeze"); }),
            "squeeze: expected axis in [-2, 2), got 3");
  EXPECT_EQ(error_of([] { ops::normalize_axis(0, 0, "squeeze"); }),
            "squeeze: expected an array with axes, got axis 0 of a scalar");
  EXPECT_EQ(error_of([] {
              ops::normalize_axes({1, -1}, 2, "sum");
            }),
            "sum: expected each axis once, got axis 1 twice");
}

TEST(Utils, BroadcastShapes) {
  EXPECT_EQ(broadcast_shapes({2, 3}, {3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({3}, {2, 1}), (Shape{2, 3}));
  EXPECT_EQ(broadcast_shapes({}, {4, 1}), (Shape{4, 1}));
  EXPECT_EQ(broadcast_shapes({0}, {1}), (Shape{0}));
  EXPECT_EQ(error_of([] {
              broadcast_shapes({2, 3}, {4});
            }),
            "broadcast_shapes: shapes (2, 3) and (4,) cannot be broadcast");
  EXPECT_EQ(error_of([] {
              broadcast_shapes({4}, {2, 3});
            }),
            "broadcast_shapes: shapes (4,) and (2, 3) cannot be broadcast");
}

TEST(Utils, NormalizeAxisIndex) {
  EXPECT_EQ(normalize_axis_index(-2, 2), 0);
  EXPECT_EQ(error_of([] { normalize_axis_index(2, 2, "f: "); }),
            "f: expected axis in [-2, 2), got 2");
}

TEST(Utils, SafeCast) {
  EXPECT_EQ(safe_cast(int64_t{7}), 7);
  EXPECT_THROW(safe_cast(int64_t{1} << 31, "arange"), std::overflow_error);
}

TEST(Utils, PowersOf2) {
  EXPECT_TRUE(is_power_of_2(64));
  EXPECT_FALSE(is_power_of_2(0));
  EXPECT_FALSE(is_power_of_2(6));
  EXPECT_EQ(next_power_of_2(5), 8);
  EXPECT_EQ(next_power_of_2(8), 8);
}

TEST(Utils, Limits) {
  EXPECT_EQ(finfo(float16).max, 65504.0);
  EXPECT_EQ(finfo(bfloat16).eps, 0.0078125);
  EXPECT_EQ(finfo(float32).max, std::numeric_limits<float>::max());
  EXPECT_EQ(finfo(float64).smallest_normal, std::numeric_limits<double>::min());
  EXPECT_EQ(finfo(complex64).bits, 32);
  EXPECT_EQ(iinfo(int64).min, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(iinfo(uint64).max, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(iinfo(int8).max, 127u);
  EXPECT_THROW(iinfo{float32}, std::invalid_argument);
  EXPECT_THROW(finfo{int32}, std::invalid_argument);
}

}  // namespace
}  // namespace mica
