#include "mica/ops/creation.h"

#include <bit>
#include <limits>

#include "mica/memory.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_array;
using test::expect_error;
using Floats = std::vector<float>;
using Ints = std::vector<int>;

TEST(Arange, SizesAndSteps) {
  expect_array(arange(4), {4}, Ints{0, 1, 2, 3});
  expect_array(arange(2, 5), {3}, Ints{2, 3, 4});
  expect_array(arange(5, 0, -2), {3}, Ints{5, 3, 1});
  expect_array(arange(5, 0), {0}, Ints{});
  expect_array(arange(3.0), {3}, Floats{0, 1, 2});
  expect_array(arange(1.0, 2.0, 0.25), {4}, Floats{1, 1.25, 1.5, 1.75});
  expect_array(arange(0.0, 2.5), {3}, Floats{0, 1, 2});
  expect_array(arange(0.0, 5.0, std::numeric_limits<double>::infinity()), {1}, Floats{0});
  expect_array(arange(100001), {100001}, [] {
    Ints expected(100001);
    for (size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<int>(i);
    return expected;
  }());
}

TEST(Arange, Dtypes) {
  // Start and step are rounded to the dtype first.
  expect_array(arange(1.5, 9.7, 2.6, int32), {4}, Ints{1, 4, 7, 10});
  expect_array(arange(0.0, 300.0, 100.0, uint8), {3}, std::vector<uint8_t>{0, 100, 200});
  expect_array(arange(-1.0, 3.0, 1.0, uint8), {4}, std::vector<uint8_t>{255, 0, 1, 2});
  expect_array(arange(0.0, 3.0, int64), {3}, std::vector<int64_t>{0, 1, 2});
  expect_array(arange(0.0, 1.0, 0.5, float64), {2}, std::vector<double>{0, 0.5});
  expect_array(arange(3.0, complex64), {3}, std::vector<complex64_t>{0, 1, 2});
  expect_array(astype(arange(1.0, 3.0, 0.5, float16), float32), {4}, Floats{1, 1.5, 2, 2.5});
  expect_array(astype(arange(0.0, 3.0, bfloat16), float32), {3}, Floats{0, 1, 2});
  // Each element is rounded once: the error does not grow with the index.
  const array a = arange(0.0, 1000.0, 0.1);
  EXPECT_NEAR(test::values<float>(a)[9999], 999.9f, 1e-4f);
}

// Start and step are no part of a plan's key.
TEST(Arange, PlansServeEveryStart) {
  for (int start : {0, 0, 3, 1}) {
    expect_array(add(arange(start, start + 2), arange(2)), {2}, Ints{start, start + 2});
  }
}

TEST(Arange, Errors) {
  const double infinity = std::numeric_limits<double>::infinity();
  expect_error([] { arange(0.0, 5.0, 0.0); },
               "arange: expected a step other than 0, got start 0, stop 5, step 0");
  expect_error([=] { arange(0.0, infinity, 1.0); },
               "arange: expected finite bounds, got start 0, stop inf, step 1");
  expect_error([] { arange(std::nan(""), 5.0, 1.0); },
               "arange: expected numbers, got start nan, stop 5, step 1");
  expect_error([] { arange(0.0, 1e12, 1.0); },
               "arange: expected at most 2147483647 elements, got start 0, stop 1000000000000, "
               "step 1");
  expect_error([] { arange(0.0, 1.0, bool_); }, "arange: expected a dtype of numbers, got bool");
}

// Bits from the mlx wheel.
TEST(Linspace, BitsOfMlx) {
  const auto bits = [](const array& a) {
    std::vector<uint32_t> out;
    for (float x : test::values<float>(a)) out.push_back(std::bit_cast<uint32_t>(x));
    return out;
  };
  EXPECT_EQ(bits(linspace(0.3, 7.7, 9)),
            (std::vector<uint32_t>{1050253722, 1067240653, 1074370969, 1078250700, 1082130432,
                                   1084070298, 1086010162, 1087950028, 1089889894}));
  EXPECT_EQ(bits(linspace(-1, 1, 7, false, float32)),
            (std::vector<uint32_t>{3212836864, 3208043374, 3202051511, 3188869410, 1041385768,
                                   1054567864, 1060559726}));
  expect_array(linspace(0, 10, 7, int32), {7}, Ints{0, 1, 3, 5, 6, 8, 10});
  expect_array(astype(linspace(0, 10, 3, float16), float32), {3}, Floats{0, 5, 10});
  expect_array(linspace(2, 5, 1), {1}, Floats{2});
  expect_array(linspace(2, 5, 0), {0}, Floats{});
  expect_error([] { linspace(0, 1, -1); }, "linspace: expected num of at least 0, got -1");
}

TEST(Full, Broadcasts) {
  expect_array(full({2, 2}, array({1.0f, 2.0f})), {2, 2}, Floats{1, 2, 1, 2});
  expect_array(full({2}, 3.7, int32), {2}, Ints{3, 3});
  expect_array(full_like(arange(2), 1.5), {2}, Ints{1, 1});
  expect_array(full_like(arange(2), 1.5, float32), {2}, Floats{1.5, 1.5});
  expect_array(zeros({2}, bool_), {2}, std::vector<bool>{false, false});
  expect_array(ones({1, 2}), {1, 2}, Floats{1, 1});
  expect_array(ones({}), {}, Floats{1});
  expect_array(zeros_like(arange(2)), {2}, Ints{0, 0});
  expect_array(ones_like(arange(2), float32), {2}, Floats{1, 1});
  // What nobody keeps takes no memory.
  reset_peak_memory();
  const array part = slice(ones({1 << 20, 1 << 10}), {5, 5}, {6, 7});
  expect_array(part, {1, 2}, Floats{1, 1});
  EXPECT_LE(get_peak_memory(), size_t{1} << 30);
  expect_error([] { zeros({2, -1}); }, "zeros: expected dimensions of at least 0, got (2, -1)");
  expect_error([] { full({2}, arange(3)); },
               "full: expected vals that broadcast to (2,), got (3,)");
}

TEST(Matrices, Diagonals) {
  expect_array(eye(2), {2, 2}, Floats{1, 0, 0, 1});
  expect_array(eye(3, 4, -1), {3, 4}, Floats{0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0});
  expect_array(eye(2, 3, 5), {2, 3}, Floats{0, 0, 0, 0, 0, 0});
  expect_array(identity(2, int32), {2, 2}, Ints{1, 0, 0, 1});
  expect_array(tri(2, 4, 1, float32), {2, 4}, Floats{1, 1, 0, 0, 1, 1, 1, 0});
  expect_array(tri(2, int32), {2, 2}, Ints{1, 0, 1, 1});
  expect_array(eye(0), {0, 0}, Floats{});
  expect_error([] { eye(-1); }, "eye: expected n and m of at least 0, got -1 and -1");
}

TEST(Matrices, Triangles) {
  const array a = reshape(arange(12), {3, 4});
  expect_array(tril(a, 1), {3, 4}, Ints{0, 1, 0, 0, 4, 5, 6, 0, 8, 9, 10, 11});
  expect_array(triu(a, -1), {3, 4}, Ints{0, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11});
  const array b = ones({2, 2, 3});
  expect_array(triu(b, -9), {2, 2, 3}, Floats(12, 1));
  expect_array(tril(b, 9), {2, 2, 3}, Floats(12, 1));
  expect_array(triu(b, 9), {2, 2, 3}, Floats(12, 0));
  expect_array(tril(b), {2, 2, 3}, Floats{1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0});
  expect_error([] { tril(arange(3)); }, "tril: expected x with at least 2 axes, got (3,)");
  expect_error([] { triu(arange(3)); }, "triu: expected x with at least 2 axes, got (3,)");
}

}  // namespace
}  // namespace mica
