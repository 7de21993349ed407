#include "mica/ops/joining.h"

#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::counting;
using test::expect_array;
using test::expect_error;
using Floats = std::vector<float>;
using Ints = std::vector<int>;

TEST(Concatenate, Values) {
  const array a = counting({2, 2});
  const array b = counting({2, 1}, 10);
  expect_array(concatenate({a, b}, 1), {2, 3}, Floats{1, 2, 10, 3, 4, 11});
  expect_array(concatenate({transpose(a), transpose(b)}, 0), {3, 2}, Floats{1, 3, 2, 4, 10, 11});
  expect_array(concatenate({a, zeros({0, 2}), a}, -2), {4, 2}, Floats{1, 2, 3, 4, 1, 2, 3, 4});
  expect_array(concatenate({a, b}), {6}, Floats{1, 2, 3, 4, 10, 11});
  expect_array(concatenate({arange(2), ones({1})}), {3}, Floats{0, 1, 1});
  EXPECT_EQ(concatenate({a}, 0).id(), a.id());
  expect_error([] { concatenate({}, 0); }, "concatenate: expected at least one array, got none");
  expect_error(
      [] {
        concatenate({zeros({2, 3}), zeros({2})}, 0);
      },
      "concatenate: expected arrays that differ along axis 0 only, got (2, 3) and (2,)");
  expect_error(
      [] {
        concatenate({zeros({2, 3}), zeros({2, 4})}, 0);
      },
      "concatenate: expected arrays that differ along axis 0 only, got (2, 3) and (2, 4)");
  expect_error([&] { concatenate({a, b}, 2); }, "concatenate: expected axis in [-2, 2), got 2");
}

TEST(Stack, Values) {
  expect_array(stack({counting({2}), counting({2}, 5)}), {2, 2}, Floats{1, 2, 5, 6});
  expect_array(stack({counting({2}), counting({2}, 5)}, -1), {2, 2}, Floats{1, 5, 2, 6});
  expect_array(stack({array(1), array(2)}), {2}, Ints{1, 2});
  expect_error([] { stack({}); }, "stack: expected at least one array, got none");
  expect_error(
      [] {
        stack({zeros({2}), zeros({3})});
      },
      "stack: expected arrays of one shape, got (2,) and (3,)");
  expect_error([] { stack({zeros({2})}, 5); }, "stack: expected axis in [-2, 2), got 5");
}

TEST(Pad, Constant) {
  expect_array(pad(arange(3), 1), {5}, Ints{0, 0, 1, 2, 0});
  expect_array(pad(counting({1, 2}), {{0, 1}, {2, 0}}, array(9)), {2, 4},
               Floats{9, 9, 1, 2, 9, 9, 9, 9});
  expect_array(pad(counting({1, 2}), std::vector<int>{-1}, Shape{1}, Shape{0}), {1, 3},
               Floats{0, 1, 2});
  const array a = arange(3);
  EXPECT_EQ(pad(a, 0).id(), a.id());
}

// As the mlx wheel gives them.
TEST(Pad, OwnElements) {
  const array a = arange(3);
  const auto both = [](int low, int high) { return std::pair<int, int>{low, high}; };
  expect_array(pad(a, both(2, 2), array(0), "edge"), {7}, Ints{0, 0, 0, 1, 2, 2, 2});
  expect_array(pad(a, both(2, 2), array(0), "reflect"), {7}, Ints{2, 1, 0, 1, 2, 1, 0});
  expect_array(pad(a, both(4, 5), array(0), "reflect"), {12},
               Ints{0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1});
  expect_array(pad(a, both(3, 3), array(0), "symmetric"), {9}, Ints{2, 1, 0, 0, 1, 2, 2, 1, 0});
  expect_array(pad(a, both(4, 4), array(0), "symmetric"), {11},
               Ints{2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0});
  expect_array(pad(arange(1), 1, array(0), "reflect"), {3}, Ints{0, 0, 0});
  expect_array(pad(reshape(arange(4), {2, 2}), {{1, 0}, {0, 2}}, array(0), "edge"), {3, 4},
               Ints{0, 1, 1, 1, 0, 1, 1, 1, 2, 3, 3, 3});
}

TEST(Pad, Errors) {
  const array a = arange(4);
  expect_error([&] { pad(a, 1, array(0), "wrap"); },
               "pad: expected mode constant, edge, reflect or symmetric, got 'wrap'");
  expect_error([&] { pad(a, {{-1, 2}}); }, "pad: expected sizes of at least 0, got (-1, 2)");
  expect_error(
      [&] {
        pad(a, {{1, 1}, {1, 1}});
      },
      "pad: expected 1 pairs of sizes for a (4,), got 2");
  expect_error(
      [&] {
        pad(a, std::vector<int>{0, 0}, Shape{1, 1}, Shape{1, 1});
      },
      "pad: expected each axis once, got axis 0 twice");
  expect_error(
      [&] {
        pad(a, std::vector<int>{0}, Shape{1, 1}, Shape{1});
      },
      "pad: expected a low and a high size for each of 1 axes, got 2 and 1");
  expect_error([&] { pad(zeros({0}), 1, array(0), "edge"); },
               "pad: expected axis 0 not to be empty for mode edge, got (0,)");
}

}  // namespace
}  // namespace mica
