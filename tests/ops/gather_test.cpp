// What the rows of gather and scatter leave out: repeated and bad indices, large arrays, ties.
#include <stdexcept>

#include "mica/transforms/transforms.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::counting;
using test::expect_array;
using test::expect_error;
using test::values;

array integers(std::initializer_list<int> values) { return array(values, int32); }

TEST(Take, ScalarAndFlattened) {
  const array x = counting({2, 3});
  expect_array<float>(take(x, 1, 0), {3}, {4, 5, 6});
  expect_array<float>(take(x, -1, 1), {2}, {3, 6});
  EXPECT_EQ(take(x, 5).item<float>(), 6);
  expect_array<float>(take(x, array({{5, -1}, {0, 2}}, int32)), {2, 2}, {6, 6, 1, 3});
  expect_array<float>(take(array(3.0f), integers({0})), {1}, {3});
  expect_array<float>(take(x, array({1}, uint8), 0), {1, 3}, {4, 5, 6});
}

TEST(Take, ManyRows) {
  const int rows = 1000, columns = 64, count = 3000;
  const array table = counting({rows, columns}, 0);
  const array index = remainder(multiply(arange(count), array(7)), array(rows));
  const auto out = values<float>(take(table, index, 0));
  for (int i = 0; i < count; ++i) {
    for (int j = 0; j < columns; j += 9) {
      const int row = i * 7 % rows;
      ASSERT_EQ(out[static_cast<size_t>(i * columns + j)], static_cast<float>(row * columns + j));
    }
  }
}

// However many threads share it: as many additions to each row as its index occurs, in order.
TEST(Scatter, ManyRows) {
  for (int columns : {1, 3, 512}) {
    const int rows = 50, count = 6000;
    const array index = remainder(multiply(arange(count), array(7)), array(rows));
    const array updates = broadcast_to(reshape(arange(count), {count, 1, 1}), {count, 1, columns});
    const auto out = values<int>(scatter_add(zeros({rows, columns}, int32), index, updates, 0));
    std::vector<int> expected(static_cast<size_t>(rows), 0);
    for (int i = 0; i < count; ++i) expected[static_cast<size_t>(i * 7 % rows)] += i;
    for (int row = 0; row < rows; ++row) {
      EXPECT_EQ(out[static_cast<size_t>(row * columns)], expected[static_cast<size_t>(row)]);
      EXPECT_EQ(out[static_cast<size_t>((row + 1) * columns - 1)],
                expected[static_cast<size_t>(row)]);
    }
  }
}

TEST(Scatter, TheLastOfRepeatedIndicesIsKept) {
  const array x = counting({3});
  expect_array<float>(scatter(x, integers({1, 1}), reshape(array({8.0f, 9.0f}), {2, 1}), 0), {3},
                      {1, 9, 3});
  expect_array<float>(x, {3}, {1, 2, 3});
}

TEST(Scatter, RepeatedUpdatesAllReceiveTheCotangent) {
  const auto f = [](const array& u) {
    const array set = scatter(zeros({2}), array({0, 0}, int32), u, 0);
    return sum(set * array({5.0f, 7.0f}));
  };
  expect_array<float>(grad(f)(ones({2, 1})), {2, 1}, {5, 5});
}

TEST(Scatter, EqualExtremaAllReceiveTheCotangent) {
  const auto f = [](const array& x) {
    return sum(scatter_max(x, array({0}, int32), array({{0, 1, 2}}, float32) * ones({1, 1, 3}), 0));
  };
  expect_array<float>(grad(f)(array({{0, 1, 1}, {3, 4, 5}}, float32)), {2, 3}, {1, 1, 0, 1, 1, 1});
}

TEST(Scatter, ProductsWithZeros) {
  const auto f = [](const array& u) {
    return sum(scatter_prod(array({2.0f, 3.0f}), integers({0, 0, 1}), u, 0));
  };
  expect_array<float>(grad(f)(reshape(array({0.0f, 4.0f, 0.0f}), {3, 1})), {3, 1}, {8, 0, 3});
}

TEST(PutAlongAxis, BroadcastsValuesAndKeepsTheDtype) {
  const array x = counting({2, 3});
  const array index = reshape(integers({0, 2}), {2, 1});
  expect_array<float>(put_along_axis(x, index, array(9.0f), 1), {2, 3}, {9, 2, 3, 4, 5, 9});
  expect_array<int>(put_along_axis(astype(x, int32), index, array(1.5f), 1), {2, 3},
                    {1, 2, 3, 4, 5, 1});
}

TEST(TakeAlongAxis, BroadcastsTheOtherAxes) {
  const array x = counting({2, 3});
  expect_array<float>(take_along_axis(x, array({{0, 1, 1}}, int32), 0), {1, 3}, {1, 5, 6});
  expect_array<float>(take_along_axis(x, reshape(integers({2, -3}), {2, 1}), -1), {2, 1}, {3, 4});
}

TEST(TakeAlongAxis, OneIndexForEachOfManyRows) {
  const int rows = 700, columns = 5;
  const array x = counting({rows, columns}, 0);
  const array index =
      subtract(remainder(multiply(arange(rows), array(3)), array(columns)), array(columns));
  const auto taken = values<float>(take_along_axis(x, expand_dims(index, -1), -1));
  const auto added =
      values<float>(scatter_add_axis(x, expand_dims(index, -1), ones({rows, 1}), -1));
  for (int row = 0; row < rows; ++row) {
    const int column = row * 3 % columns;
    ASSERT_EQ(taken[static_cast<size_t>(row)], static_cast<float>(row * columns + column));
    for (int i = 0; i < columns; ++i) {
      const auto at = static_cast<size_t>(row * columns + i);
      ASSERT_EQ(added[at], static_cast<float>(at) + static_cast<float>(i == column));
    }
  }
}

TEST(Indexing, Errors) {
  const array x = counting({2, 3});
  expect_error([&] { take(x, array({0.0f}), 1); }, "take: expected integer indices, got float32");
  expect_error([&] { take(x, array({true}), 1); }, "take: expected integer indices, got bool");
  expect_error([&] { take(x, integers({0}), 2); }, "take: expected axis in [-2, 2), got 2");
  expect_error([&] { take(x, 3, 1); }, "take: expected index in [-3, 3) along axis 1, got 3");
  expect_error(
      [&] {
        take(zeros({0, 2}), integers({0}), 0);
      },
      "take: expected no indices into the empty axis 0 of a (0, 2), got 1");
  expect_error([&] { take_along_axis(x, integers({0}), 1); },
               "take_along_axis: expected indices with 2 dimensions, got (1,)");
  expect_error([&] { gather(x, integers({0}), 0, {1}); },
               "gather: expected slice_sizes within a (2, 3), got (1,)");
  expect_error(
      [&] {
        gather(x, {integers({0})}, {0, 1}, {1, 1});
      },
      "gather: expected one index array for each of 2 axes, got 1");
  expect_error(
      [&] {
        scatter_add(x, integers({0}), zeros({1, 3}), 0);
      },
      "scatter_add: expected updates of the indices' shape (1,) followed by a slice of a "
      "(2, 3), got (1, 3)");
}

TEST(Indexing, IndicesOutOfBoundsAreReportedWhenTheyAreUsed) {
  const array x = counting({2, 3});
  for (int index : {2, -3}) {
    EXPECT_ANY_THROW(take(x, integers({index}), 0).eval());
    EXPECT_ANY_THROW(scatter(x, integers({index}), zeros({1, 1, 3}), 0).eval());
    EXPECT_ANY_THROW(take_along_axis(x, array({{index, 0, 0}}, int32), 0).eval());
  }
  expect_array<float>(take(x, integers({-2}), 0), {1, 3}, {1, 2, 3});
}

}  // namespace
}  // namespace mica
