#include "mica/array/indexing.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"

namespace mica {
namespace {

using golden::expect_same;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "no error";
}

// The cases of indexing() in tests/golden/generate.py, by name.
std::vector<std::pair<std::string, Indices>> cases() {
  const array rows({0, 2, 1}), columns({3, -1, 0}), pair({3, -1});
  const array grid({{0, 1}, {2, 0}}), zeros_and_ones({{0, 1}, {0, 0}});
  return {
      {"integer", 1},
      {"negative_integer", -2},
      {"integers", {1, 2, 3}},
      {"all_integers", {1, 2, 3, -1}},
      {"slice", {Slice(), Slice(1, 3)}},
      {"open_slice", {Slice(1), Slice(None, 2)}},
      {"step", {Slice(), Slice(None, None, 2), Slice(1, None, 3)}},
      {"negative_ends", {Ellipsis, Slice(-3, -1)}},
      {"clipped_slice", {Slice(), Slice(1, 100), Slice(-100, 2)}},
      {"empty_slice", {Slice(), Slice(2, 1)}},
      {"reversed", {Slice(), Slice(), Slice(None, None, -1)}},
      {"reversed_step", {Ellipsis, Slice(4, 0, -3)}},
      {"reversed_past_the_start", {Ellipsis, Slice(2, -100, -2)}},
      {"reversed_single", {Slice(0, 1), Slice(None, None, -5)}},
      {"long_step", {Slice(), Slice(0, 3, 5)}},
      {"ellipsis", {0, Ellipsis, 1}},
      {"ellipsis_last", {1, 2, Ellipsis}},
      {"ellipsis_of_nothing", {1, 2, Ellipsis, 3, 4}},
      {"new_axis", {None, 0, Slice(), newaxis, 2, Ellipsis, None}},
      {"one_array", array({0, 0})},
      {"array_axis_2", {Slice(), Slice(), rows}},
      {"two_dimensional", {Slice(), grid}},
      {"scalar_array", {Slice(), array(2)}},
      {"neighbours", {Slice(), rows, columns}},
      {"neighbours_broadcast", {Slice(), grid, pair}},
      {"apart", {Slice(), rows, Slice(), columns}},
      {"apart_by_ellipsis", {zeros_and_ones, Ellipsis, pair}},
      {"apart_by_empty_ellipsis", {Slice(), rows, Ellipsis, columns, Slice()}},
      {"apart_by_new_axis", {Slice(), rows, None, columns}},
      {"array_and_integer", {Slice(), rows, 1}},
      {"integer_and_array", {1, Slice(), rows}},
      {"integer_beside_array", {Slice(), 1, rows}},
      {"slices_and_array", {Slice(1), Slice(None, None, -1), rows, Slice(1, 4)}},
      {"new_axis_before_array", {Slice(), None, rows}},
      {"three_arrays", {zeros_and_ones, grid, pair, Slice(1, 3)}},
      {"uint8_array", {Slice(), astype(rows, uint8)}},
  };
}

TEST(Indexing, SelectsAsNumPyDoes) {
  const auto expected = golden::load("array/indexing");
  const array x = reshape(arange(120), {2, 3, 4, 5});
  for (const auto& [name, indices] : cases()) {
    SCOPED_TRACE(name);
    expect_same(x[indices], expected.at(name));
  }
}

TEST(Indexing, UpdatesAsNumPyDoes) {
  const auto expected = golden::load("array/indexing");
  const array x = reshape(arange(120), {2, 3, 4, 5});
  for (const auto& [name, indices] : cases()) {
    SCOPED_TRACE(name);
    const Shape& shape = expected.at(name).shape();
    const int size = static_cast<int>(expected.at(name).size());
    expect_same(x.at(indices).add(reshape(arange(1, size + 1), shape)),
                expected.at(name + ".added"));
  }
}

// The gradient of a selection is the cotangent added where its elements came from.
TEST(Indexing, Differentiates) {
  const auto expected = golden::load("array/indexing");
  const array x = reshape(arange(120), {2, 3, 4, 5});
  for (const auto& [name, indices] : cases()) {
    SCOPED_TRACE(name);
    const array& taken = expected.at(name);
    const array cotangent =
        reshape(arange(1, static_cast<int>(taken.size()) + 1), taken.shape()).astype(float32);
    const auto [outputs, gradients] =
        vjp([&i = indices](const std::vector<array>& inputs) { return std::vector{inputs[0][i]}; },
            std::vector{x.astype(float32)}, std::vector{cotangent});
    expect_same(gradients[0], (expected.at(name + ".added") - x).astype(float32));
  }
}

TEST(Indexing, Vectorizes) {
  const array x = reshape(arange(240), {2, 2, 3, 4, 5});
  for (const auto& [name, indices] : cases()) {
    SCOPED_TRACE(name);
    const auto take = [&i = indices](const array& a) { return a[i]; };
    expect_same(vmap(take)(x), stack({take(x[0]), take(x[1])}));
    const auto update = [&i = indices](const array& a) { return a.at(i).maximum(100); };
    expect_same(vmap(update)(x), stack({update(x[0]), update(x[1])}));
  }
}

TEST(Indexing, TakesTheWholeArrayAsItIs) {
  const array x({{1, 2}, {3, 4}});
  EXPECT_EQ(x[Ellipsis].id(), x.id());
  EXPECT_EQ(x[Indices{}].id(), x.id());
  const array taken = x[{Slice(0, 2), Slice(-5, 5)}];
  EXPECT_EQ(taken.id(), x.id());
}

TEST(Indexing, TakesEveryIntegerType) {
  const array x({1, 2, 3});
  const size_t i = 1;
  const int64_t j = -1;
  EXPECT_EQ(x[i].item<int>(), 2);
  EXPECT_EQ(x[j].item<int>(), 3);
  EXPECT_EQ(x[uint8_t{2}].item<int>(), 3);
  EXPECT_EQ(error_of([&] { x[~uint64_t{0}]; }),
            "index: expected an index in [-3, 3) for axis 0, got 9223372036854775807");
}

TEST(Indexing, TakesListsMadeAtRunTime) {
  std::vector<Index> items{1};
  items.emplace_back(Slice(0, 1));
  expect_same(array({{1, 2}, {3, 4}})[Indices(items)], array({3}));
}

TEST(Indexing, Errors) {
  const array x = reshape(arange(6), {2, 3});
  auto error = [&](const Indices& indices) { return error_of([&] { x[indices]; }); };
  EXPECT_EQ(error({0, 1, 2}), "index: expected at most 2 indices, got 3");
  EXPECT_EQ(error({Ellipsis, 0, Ellipsis}), "index: expected at most one Ellipsis, got 2");
  EXPECT_EQ(error({Slice(), 3}), "index: expected an index in [-3, 3) for axis 1, got 3");
  EXPECT_EQ(error(-3), "index: expected an index in [-2, 2) for axis 0, got -3");
  EXPECT_EQ(error({Slice(0, 2, 0)}), "index: expected a step other than 0 for axis 0, got 0");
  EXPECT_EQ(error(array({1.5f})), "index: expected integer indices for axis 0, got float32");
  EXPECT_EQ(error(x > 2),
            "index: expected integer indices for axis 0, got a boolean mask, whose selection has "
            "no static shape; use where, or at() with the mask alone");
  EXPECT_EQ(error({array({0, 1}), array({0, 1, 2})}),
            "index: expected arrays that broadcast together, got (2,) and (3,)");
  EXPECT_EQ(error_of([] { array(1)[0]; }), "index: expected at most 0 indices, got 1");
}

TEST(IndexedUpdate, Set) {
  const array x = reshape(arange(6), {2, 3});
  expect_same(x.at({0, Slice(1, 3)}).set(array({7, 8})), array({{0, 7, 8}, {3, 4, 5}}));
  expect_same(x.at(-1).set(9), array({{0, 1, 2}, {9, 9, 9}}));
  expect_same(x.at({Slice(), array({2, 0})}).set(array({7, 8})), array({{8, 1, 7}, {8, 4, 7}}));
  expect_same(x.at(Ellipsis).set(1), array({{1, 1, 1}, {1, 1, 1}}));
  expect_same(x, reshape(arange(6), {2, 3}));
}

TEST(IndexedUpdate, ArithmeticOnSlices) {
  const array x({1.f, 2.f, 3.f, 4.f});
  const Indices middle{Slice(1, 3)};
  const array y({10.f, 0.5f});
  expect_same(x.at(middle).add(y), array({1.f, 12.f, 3.5f, 4.f}));
  expect_same(x.at(middle).subtract(y), array({1.f, -8.f, 2.5f, 4.f}));
  expect_same(x.at(middle).multiply(y), array({1.f, 20.f, 1.5f, 4.f}));
  expect_same(x.at(middle).divide(y), array({1.f, 0.2f, 6.f, 4.f}));
  expect_same(x.at(middle).maximum(y), array({1.f, 10.f, 3.f, 4.f}));
  expect_same(x.at(middle).minimum(y), array({1.f, 2.f, 0.5f, 4.f}));
}

TEST(IndexedUpdate, AppliesEveryUpdateOfRepeatedElements) {
  const array x({8.f, 2.f, 3.f});
  const array i({0, 0, 2}), y({2.f, 4.f, 5.f});
  expect_same(x.at(i).add(y), array({14.f, 2.f, 8.f}));
  expect_same(x.at(i).subtract(y), array({2.f, 2.f, -2.f}));
  expect_same(x.at(i).multiply(y), array({64.f, 2.f, 15.f}));
  golden::expect_close(x.at(i).divide(y), array({1.f, 2.f, 0.6f}));
  expect_same(x.at(i).maximum(array({9.f, 1.f, 5.f})), array({9.f, 2.f, 5.f}));
  expect_same(x.at(i).minimum(array({9.f, 1.f, 5.f})), array({1.f, 2.f, 3.f}));
}

TEST(IndexedUpdate, BroadcastsAndCastsValues) {
  const array x = zeros({2, 3}, int32);
  expect_same(x.at({Slice(), Slice(0, 2)}).add(array({1.9f, 2.f})), array({{1, 2, 0}, {1, 2, 0}}));
  expect_same(x.at(0).add(ones({1, 1, 3})), array({{1, 1, 1}, {0, 0, 0}}));
  EXPECT_EQ(error_of([&] {
              x.at(0).add(ones({2, 3}));
            }),
            "at: expected values that broadcast to (3,), got (2, 3)");
  EXPECT_EQ(error_of([&] { x.at(0).divide(2); }),
            "at: expected a floating-point array to divide, got int32; cast it with astype");
}

TEST(IndexedUpdate, Masks) {
  const array x = reshape(arange(6), {2, 3});
  expect_same(x.at(x > 2).set(0), array({{0, 1, 2}, {0, 0, 0}}));
  expect_same(x.at(x == 1).add(array(10)), array({{0, 11, 2}, {3, 4, 5}}));
  expect_same(x.at(array({false, true})).multiply(array({1, 2, 3})),
              array({{0, 1, 2}, {3, 8, 15}}));
  expect_same(x.at(x != 4).subtract(1), array({{-1, 0, 1}, {2, 4, 4}}));
  EXPECT_EQ(error_of([&] {
              x.at(array({true, false, true})).set(0);
            }),
            "at: expected a mask with the first axes of (2, 3), got (3,)");
  EXPECT_EQ(error_of([&] {
              x.at(x > 2).set(array({1, 2, 3}));
            }),
            "at: expected values that broadcast to (), got (3,)");
}

TEST(Iteration, GoesOverTheFirstAxis) {
  const array x({{1, 2}, {3, 4}, {5, 6}});
  std::vector<array> rows;
  for (const array& row : x) rows.push_back(row);
  ASSERT_EQ(rows.size(), 3u);
  expect_same(rows[0], array({1, 2}));
  expect_same(rows[2], array({5, 6}));
  expect_same(*(x.begin() + 1), array({3, 4}));
  for (const array& row : zeros({0, 2})) ADD_FAILURE() << row;
  EXPECT_EQ(error_of([] {
              for (const array& row : array(1)) ADD_FAILURE() << row;
            }),
            "array: expected an array with axes to iterate over, got a scalar");
}

}  // namespace
}  // namespace mica
