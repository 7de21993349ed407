#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_array;
using test::expect_error;
using Ints = std::vector<int>;

array matrix() { return reshape(arange(6), {2, 3}); }

TEST(Repeat, Values) {
  const array a = matrix();
  expect_array(repeat(a, 2, 1), {2, 6}, Ints{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  expect_array(repeat(a, 2, 0), {4, 3}, Ints{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
  expect_array(repeat(a, 2), {12}, Ints{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5});
  expect_array(repeat(a, 0, 0), {0, 3}, Ints{});
  expect_array(repeat(array(3), 2), {2}, Ints{3, 3});
  expect_error([&] { repeat(a, -1, 0); }, "repeat: expected repeats of at least 0, got -1");
  expect_error([&] { repeat(a, 2, 2); }, "repeat: expected axis in [-2, 2), got 2");
}

TEST(Tile, Values) {
  const array a = matrix();
  expect_array(tile(a, {2}), {2, 6}, Ints{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5});
  expect_array(tile(slice(a, {0, 0}, {1, 3}), {2, 2, 1}), {2, 2, 3},
               Ints{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2});
  expect_array(tile(a, {0, 1}), {0, 3}, Ints{});
  expect_array(tile(array(2), {2, 2}), {2, 2}, Ints{2, 2, 2, 2});
  expect_error([&] { tile(a, {-1}); }, "tile: expected reps of at least 0, got -1");
}

TEST(Roll, Values) {
  const array a = matrix();
  expect_array(roll(a, 1), {2, 3}, Ints{5, 0, 1, 2, 3, 4});
  expect_array(roll(a, Shape{1, 2}), {2, 3}, Ints{3, 4, 5, 0, 1, 2});
  expect_array(roll(a, 1, 1), {2, 3}, Ints{2, 0, 1, 5, 3, 4});
  expect_array(roll(a, -4, 1), {2, 3}, Ints{1, 2, 0, 4, 5, 3});
  expect_array(roll(a, Shape{1, 2}, 0), {2, 3}, Ints{3, 4, 5, 0, 1, 2});
  expect_array(roll(a, Shape{1, 2}, std::vector<int>{0, 1}), {2, 3}, Ints{4, 5, 3, 1, 2, 0});
  expect_array(roll(a, 1, std::vector<int>{0, 1}), {2, 3}, Ints{5, 3, 4, 2, 0, 1});
  expect_array(roll(arange(0), 1), {0}, Ints{});
  expect_error([&] { roll(a, 1, 2); }, "roll: expected axis in [-2, 2), got 2");
  expect_error(
      [&] {
        roll(a, Shape{1}, std::vector<int>{0, 1});
      },
      "roll: expected a shift for each of 2 axes, got (1,)");
}

TEST(Meshgrid, Values) {
  const array x = arange(2);
  const array y = arange(3);
  const auto xy = meshgrid({x, y});
  expect_array(xy[0], {3, 2}, Ints{0, 1, 0, 1, 0, 1});
  expect_array(xy[1], {3, 2}, Ints{0, 0, 1, 1, 2, 2});
  const auto ij = meshgrid({x, y}, false, "ij");
  expect_array(ij[0], {2, 3}, Ints{0, 0, 0, 1, 1, 1});
  expect_array(ij[1], {2, 3}, Ints{0, 1, 2, 0, 1, 2});
  const auto sparse = meshgrid({x, y}, true);
  expect_array(sparse[0], {1, 2}, Ints{0, 1});
  expect_array(sparse[1], {3, 1}, Ints{0, 1, 2});
  expect_array(meshgrid({matrix()})[0], {6}, Ints{0, 1, 2, 3, 4, 5});
  expect_array(meshgrid({array(1), y})[0], {3, 1}, Ints{1, 1, 1});
  expect_array(meshgrid({arange(0), y})[1], {3, 0}, Ints{});
  EXPECT_TRUE(meshgrid({}).empty());
  expect_error([&] { meshgrid({x}, false, "zz"); },
               "meshgrid: expected indexing xy or ij, got 'zz'");
}

TEST(Diagonal, Values) {
  const array a = matrix();
  expect_array(diagonal(a), {2}, Ints{0, 4});
  expect_array(diagonal(a, 1), {2}, Ints{1, 5});
  expect_array(diagonal(a, -1), {1}, Ints{3});
  expect_array(diagonal(a, 5), {0}, Ints{});
  expect_array(diagonal(reshape(arange(12), {2, 3, 2}), 0, 0, 2), {3, 2}, Ints{0, 7, 2, 9, 4, 11});
  expect_array(diagonal(a, 0, 1, 0), {2}, Ints{0, 4});
  expect_error([] { diagonal(arange(3)); }, "diagonal: expected a with at least 2 axes, got (3,)");
  expect_error([&] { diagonal(a, 0, 1, 1); },
               "diagonal: expected two different axes, got axis 1 twice");
  expect_error([&] { diagonal(a, 0, 1, 5); }, "diagonal: expected axis in [-2, 2), got 5");
}

TEST(Diag, Values) {
  expect_array(diag(arange(1, 3), 1), {3, 3}, Ints{0, 1, 0, 0, 0, 2, 0, 0, 0});
  expect_array(diag(arange(1, 3), -1), {3, 3}, Ints{0, 0, 0, 1, 0, 0, 0, 2, 0});
  expect_array(diag(arange(1, 3)), {2, 2}, Ints{1, 0, 0, 2});
  expect_array(diag(arange(0)), {0, 0}, Ints{});
  expect_array(diag(matrix(), 1), {2}, Ints{1, 5});
  expect_error([] { diag(array(1)); }, "diag: expected a with 1 or 2 axes, got ()");
}

TEST(Trace, Values) {
  const array a = matrix();
  expect_array(trace(a), {}, Ints{4});
  expect_array(trace(a, 1, 0, 1), {}, Ints{6});
  expect_array(trace(reshape(arange(12), {2, 3, 2}), 0, 0, 2), {3}, Ints{7, 11, 15});
  expect_array(trace(a, 0, 0, 1, float32), {}, std::vector<float>{4});
  expect_array(trace(ones({2, 2}, int8)), {}, Ints{2});
}

}  // namespace
}  // namespace mica
