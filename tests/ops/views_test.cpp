#include "mica/ops/views.h"

#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::counting;
using test::expect_array;
using test::expect_error;
using Floats = std::vector<float>;

TEST(Reshape, ViewsAndCopies) {
  const array a = counting({2, 3});
  expect_array(reshape(a, {3, 2}), {3, 2}, Floats{1, 2, 3, 4, 5, 6});
  expect_array(reshape(a, {-1}), {6}, Floats{1, 2, 3, 4, 5, 6});
  expect_array(reshape(transpose(a), {-1}), {6}, Floats{1, 4, 2, 5, 3, 6});
  expect_array(reshape(transpose(a), {3, 1, 2, 1}), {3, 1, 2, 1}, Floats{1, 4, 2, 5, 3, 6});
  expect_array(reshape(broadcast_to(array(5.0f), {2, 3}), {3, 2}), {3, 2},
               Floats{5, 5, 5, 5, 5, 5});
  expect_array(reshape(zeros({0, 3}), {-1}), {0}, Floats{});
  expect_array(reshape(array(2.0f), {1, 1}), {1, 1}, Floats{2});
  EXPECT_EQ(reshape(a, {2, -1}).id(), a.id());
}

TEST(Reshape, Strides) {
  const auto view = [](Shape in, Strides strides, Shape out) -> std::vector<int64_t> {
    Strides result;
    if (!ops::Reshape{out}.view({in, strides}, out, result)) return {};
    return {result.begin(), result.end()};
  };
  using V = std::vector<int64_t>;
  EXPECT_EQ(view({4, 6}, {6, 1}, {2, 2, 3, 2}), (V{12, 6, 2, 1}));
  EXPECT_EQ(view({4, 6}, {12, 2}, {24}), (V{2}));
  EXPECT_EQ(view({4, 6}, {1, 4}, {2, 2, 6}), (V{2, 1, 4}));
  EXPECT_EQ(view({4, 6}, {1, 4}, {24}), V{});
  EXPECT_EQ(view({4, 6}, {0, 1}, {2, 2, 6}), (V{0, 0, 1}));
  EXPECT_EQ(view({4, 1, 6}, {6, 99, 1}, {24}), (V{1}));
  EXPECT_EQ(view({6}, {-1}, {2, 3}), (V{-3, -1}));
}

TEST(Reshape, Errors) {
  const array a = zeros({2, 3});
  expect_error([&] { reshape(a, {7}); },
               "reshape: expected a shape of 6 elements as that of a (2, 3), got (7,)");
  expect_error(
      [&] {
        reshape(a, {4, -1});
      },
      "reshape: expected a shape of 6 elements as that of a (2, 3), got (4, -1)");
  expect_error(
      [&] {
        reshape(zeros({0, 3}), {-1, 0});
      },
      "reshape: expected a shape of 0 elements as that of a (0, 3), got (-1, 0)");
  expect_error(
      [&] {
        reshape(a, {-1, -1});
      },
      "reshape: expected a shape with at most one -1 and no other negative dimension, "
      "got (-1, -1)");
  expect_error(
      [&] {
        reshape(a, {-2, -3});
      },
      "reshape: expected a shape with at most one -1 and no other negative dimension, "
      "got (-2, -3)");
  const int big = 1 << 30;
  EXPECT_THROW(reshape(a, {big, big, big, -1}), std::invalid_argument);
}

TEST(Transpose, Axes) {
  const array a = counting({2, 3});
  expect_array(transpose(a), {3, 2}, Floats{1, 4, 2, 5, 3, 6});
  expect_array(transpose(counting({2, 1, 3}), {-1, 0, 1}), {3, 2, 1}, Floats{1, 4, 2, 5, 3, 6});
  expect_array(swapaxes(counting({2, 2, 2}), 0, -1), {2, 2, 2}, Floats{1, 5, 3, 7, 2, 6, 4, 8});
  expect_array(moveaxis(counting({2, 2, 2}), 0, 2), {2, 2, 2}, Floats{1, 5, 2, 6, 3, 7, 4, 8});
  expect_array(matrix_transpose(counting({1, 2, 2})), {1, 2, 2}, Floats{1, 3, 2, 4});
  EXPECT_EQ(transpose(a, {0, 1}).id(), a.id());
  EXPECT_EQ(moveaxis(a, 1, -1).id(), a.id());
}

TEST(Transpose, Errors) {
  const array a = zeros({2, 1});
  expect_error([&] { transpose(a, {0}); }, "transpose: expected 2 axes for a (2, 1), got 1");
  expect_error(
      [&] {
        transpose(a, {0, 0});
      },
      "transpose: expected each axis once, got axis 0 twice");
  expect_error([&] { transpose(a, {0, 2}); }, "transpose: expected axis in [-2, 2), got 2");
  expect_error([&] { swapaxes(a, 0, 2); }, "swapaxes: expected axis in [-2, 2), got 2");
  expect_error([&] { moveaxis(a, -3, 0); }, "moveaxis: expected axis in [-2, 2), got -3");
  expect_error([&] { matrix_transpose(zeros({3})); },
               "matrix_transpose: expected a with at least 2 axes, got (3,)");
}

TEST(BroadcastTo, RepeatsWithoutMemory) {
  array a = broadcast_to(counting({2, 1}), {2, 2, 3});
  expect_array(a, {2, 2, 3}, Floats{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
  EXPECT_EQ(a.strides()[0], 0);
  EXPECT_EQ(a.strides()[2], 0);
  expect_array(broadcast_to(zeros({2, 1}), {2, 0}), {2, 0}, Floats{});
  const auto arrays = broadcast_arrays({counting({2, 1}), counting({3}), array(9.0f)});
  expect_array(arrays[0], {2, 3}, Floats{1, 1, 1, 2, 2, 2});
  expect_array(arrays[1], {2, 3}, Floats{1, 2, 3, 1, 2, 3});
  expect_array(arrays[2], {2, 3}, Floats{9, 9, 9, 9, 9, 9});
  EXPECT_TRUE(broadcast_arrays({}).empty());
}

TEST(BroadcastTo, Errors) {
  expect_error(
      [] {
        broadcast_to(zeros({2, 1}), {3});
      },
      "broadcast_to: expected a shape to which (2, 1) broadcasts, got (3,)");
  expect_error([] { broadcast_to(zeros({2}), {3}); },
               "broadcast_to: expected a shape to which (2,) broadcasts, got (3,)");
  expect_error([] { broadcast_to(zeros({1}), {-3}); },
               "broadcast_to: expected a shape to which (1,) broadcasts, got (-3,)");
  expect_error(
      [] {
        broadcast_arrays({zeros({2}), zeros({3})});
      },
      "broadcast_arrays: expected shapes that broadcast together, got (2,) and (3,)");
}

TEST(Axes, FlattenAndUnflatten) {
  const array a = counting({2, 3, 2});
  expect_array(flatten(a), {12}, test::values<float>(a));
  expect_array(flatten(a, 1, 2), {2, 6}, test::values<float>(a));
  expect_array(flatten(a, -9, 9), {12}, test::values<float>(a));
  expect_array(flatten(array(3.0f)), {1}, Floats{3});
  EXPECT_EQ(flatten(a, 1, 1).id(), a.id());
  expect_array(unflatten(counting({6}), 0, {2, -1}), {2, 3}, Floats{1, 2, 3, 4, 5, 6});
  expect_array(unflatten(counting({2, 6}), -1, {3, 2}), {2, 3, 2}, test::values<float>(a));
  expect_error([&] { flatten(a, 2, 1); },
               "flatten: expected start_axis not behind end_axis for a (2, 3, 2), got 2 and 1");
  expect_error(
      [] {
        unflatten(zeros({6}), 0, {4, -1});
      },
      "unflatten: expected a shape of 6 elements for axis 0 of (6,), got (4, 1)");
  expect_error(
      [] {
        unflatten(zeros({6}), 0, {-1, -1});
      },
      "unflatten: expected a shape of 6 elements for axis 0 of (6,), got (-1, -1)");
  expect_error([] { unflatten(zeros({6}), 0, {}); },
               "unflatten: expected a shape of at least one dimension, got ()");
}

TEST(Axes, SqueezeAndExpand) {
  const array a = counting({1, 3, 1});
  expect_array(squeeze(a), {3}, Floats{1, 2, 3});
  expect_array(squeeze(a, -1), {1, 3}, Floats{1, 2, 3});
  expect_array(squeeze(a, std::vector<int>{2, 0}), {3}, Floats{1, 2, 3});
  expect_array(expand_dims(squeeze(a), {0, -1}), {1, 3, 1}, Floats{1, 2, 3});
  expect_array(atleast_1d(array(2.0f)), {1}, Floats{2});
  expect_array(atleast_2d(counting({3})), {1, 3}, Floats{1, 2, 3});
  expect_array(atleast_3d(counting({3})), {1, 3, 1}, Floats{1, 2, 3});
  expect_array(atleast_3d(std::vector<array>{counting({2, 2})})[0], {2, 2, 1}, Floats{1, 2, 3, 4});
  expect_error([&] { squeeze(a, 1); },
               "squeeze: expected axis 1 of (1, 3, 1) to have size 1, got 3");
  expect_error([&] { squeeze(a, 3); }, "squeeze: expected axis in [-3, 3), got 3");
  expect_error(
      [&] {
        expand_dims(a, {0, 0});
      },
      "expand_dims: expected each axis once, got axis 0 twice");
}

TEST(AsStrided, Windows) {
  expect_array(as_strided(counting({4}), {3, 2}, {1, 1}, 0), {3, 2}, Floats{1, 2, 2, 3, 3, 4});
  expect_array(as_strided(counting({6}), {2, 2}, {-3, 1}, 4), {2, 2}, Floats{5, 6, 2, 3});
  expect_array(as_strided(transpose(counting({2, 2})), {4}, {1}, 0), {4}, Floats{1, 3, 2, 4});
  expect_error(
      [] {
        as_strided(zeros({4}), {2, 2}, {1}, 0);
      },
      "as_strided: expected 2 strides for shape (2, 2), got 1");
  expect_error(
      [] {
        as_strided(zeros({4}), {2, 2}, {2, 2}, 1);
      },
      "as_strided: expected shape, strides and offset within the 4 elements of a, got "
      "elements 1 to 5");
  expect_error([] { as_strided(zeros({4}), {3}, {-1}, 1); },
               "as_strided: expected shape, strides and offset within the 4 elements of a, got "
               "elements -1 to 1");
}

TEST(Contiguous, CopiesOnlyWhereItMust) {
  array a = counting({2, 3});
  a.eval();
  array row = contiguous(transpose(a));
  expect_array(row, {3, 2}, Floats{1, 4, 2, 5, 3, 6});
  EXPECT_TRUE(row.flags().row_contiguous);
  array column = contiguous(transpose(a), true);
  expect_array(column, {3, 2}, Floats{1, 4, 2, 5, 3, 6});
  EXPECT_EQ(column.data<float>(), a.data<float>());
  array same = contiguous(a);
  same.eval();
  EXPECT_EQ(same.data<float>(), a.data<float>());
}

TEST(Identity, Copies) {
  const array a = counting({2, 2});
  expect_array(copy(a), {2, 2}, Floats{1, 2, 3, 4});
  EXPECT_NE(copy(a).id(), a.id());
  expect_array(stop_gradient(a), {2, 2}, Floats{1, 2, 3, 4});
}

TEST(Depends, GivesItsInputs) {
  const auto outputs = depends({counting({2}), transpose(counting({2, 2}))}, {ones({3})});
  ASSERT_EQ(outputs.size(), 2u);
  expect_array(outputs[0], {2}, Floats{1, 2});
  expect_array(outputs[1], {2, 2}, Floats{1, 3, 2, 4});
  EXPECT_TRUE(depends({}, {ones({3})}).empty());
}

}  // namespace
}  // namespace mica
