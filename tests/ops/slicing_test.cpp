#include "mica/ops/slicing.h"

#include "mica/counters.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::counting;
using test::expect_array;
using test::expect_error;
using Floats = std::vector<float>;

TEST(Slice, AsNumPy) {
  const array a = counting({3, 4});
  expect_array(slice(a, {1, 0}, {3, 4}, {1, 2}), {2, 2}, Floats{5, 7, 9, 11});
  expect_array(slice(a, {-1, -3}, {9, -1}), {1, 2}, Floats{10, 11});
  expect_array(slice(a, {2, 0}, {1, 2}), {0, 2}, Floats{});
  expect_array(slice(a, {2, 3}, {-4, -5}, {-1, -2}), {3, 2}, Floats{12, 10, 8, 6, 4, 2});
  expect_array(slice(a, {9, 9}, {0, 0}, {-1, -1}), {2, 3}, Floats{12, 11, 10, 8, 7, 6});
  expect_array(slice(slice(a, {0, 1}, {3, 4}), {1, 1}, {3, 3}), {2, 2}, Floats{7, 8, 11, 12});
  EXPECT_EQ(slice(a, {0, 0}, {3, 9}).id(), a.id());
  expect_error(
      [&] {
        slice(a, {0}, {1, 2});
      },
      "slice: expected 2 starts, stops and strides for a (3, 4), got 1, 2 and 2");
  expect_error(
      [&] {
        slice(a, {0, 0}, {1, 2}, {1, 0});
      },
      "slice: expected strides other than 0, got (1, 0)");
}

// The start is no part of a plan's key: what held for one start must not be assumed for another.
TEST(Slice, PlansServeEveryStart) {
  const array a = counting({64});
  for (const auto& [i, j] : {std::pair{0, 0}, {0, 5}, {7, 2}, {3, 3}}) {
    const array sum = add(slice(a, {i}, {i + 2}), slice(a, {j}, {j + 2}));
    const float first = static_cast<float>(i + j + 2);
    expect_array(sum, {2}, Floats{first, first + 2});
    const array written = slice_update(slice_update(a, array(-1.0f), Shape{i}, Shape{i + 1}),
                                       array(-2.0f), Shape{j}, Shape{j + 1});
    Floats expected = test::values<float>(a);
    expected[static_cast<size_t>(i)] = -1;
    expected[static_cast<size_t>(j)] = -2;
    expect_array(written, {64}, expected);
  }
}

TEST(Slice, Flip) {
  const array a = counting({2, 3});
  expect_array(flip(a), {2, 3}, Floats{6, 5, 4, 3, 2, 1});
  expect_array(flip(a, 1), {2, 3}, Floats{3, 2, 1, 6, 5, 4});
  expect_array(flip(a, std::vector<int>{0, 0}), {2, 3}, Floats{4, 5, 6, 1, 2, 3});
  expect_array(flip(zeros({0})), {0}, Floats{});
  expect_error([&] { flip(a, 2); }, "flip: expected axis in [-2, 2), got 2");
}

TEST(Slice, Dynamic) {
  const array a = counting({3, 4});
  expect_array(slice(a, array({1, 2}), {0, 1}, {2, 2}), {2, 2}, Floats{7, 8, 11, 12});
  expect_array(slice(a, array({1, 0}), {1, 0}, {1, 3}), {1, 3}, Floats{2, 3, 4});
  expect_array(slice(a, array(1), {-1}, {3, 2}), {3, 2}, Floats{2, 3, 6, 7, 10, 11});
  // Kept inside, on both sides.
  expect_array(slice(a, array({9}), {1}, {1, 2}), {1, 2}, Floats{3, 4});
  expect_array(slice(a, array({-9}), {1}, {1, 2}), {1, 2}, Floats{1, 2});
  expect_array(slice(transpose(a), array({1}, uint8), {0}, {2, 3}), {2, 3},
               Floats{2, 6, 10, 3, 7, 11});
  expect_error(
      [&] {
        slice(a, array({1}), {0}, {9, 4});
      },
      "slice: expected a slice_size within (3, 4), got (9, 4)");
  expect_error([&] { slice(a, array({1}), {0}, {2}); },
               "slice: expected a slice_size within (3, 4), got (2,)");
  expect_error(
      [&] {
        slice(a, array({1, 2}), {0}, {2, 4});
      },
      "slice: expected a start of shape (1,), got (2,)");
  expect_error(
      [&] {
        slice(a, array({1.0f}), {0}, {2, 4});
      },
      "slice: expected start to hold integers, got float32");
  expect_error(
      [&] {
        slice(a, array({1, 1}), {0, 0}, {2, 4});
      },
      "slice: expected each axis once, got axis 0 twice");
}

TEST(SliceUpdate, WritesAndCombines) {
  const array a = counting({2, 3});
  const array update = array({10.0f, 20.0f}, {2, 1});
  expect_array(slice_update(a, update, Shape{0, 1}, Shape{2, 2}), {2, 3},
               Floats{1, 10, 3, 4, 20, 6});
  expect_array(slice_update(a, update, Shape{0, 2}, Shape{2, -4}, {1, -2}), {2, 3},
               Floats{10, 2, 10, 20, 5, 20});
  expect_array(slice_update_add(a, update, Shape{0, 1}, Shape{2, 3}), {2, 3},
               Floats{1, 12, 13, 4, 25, 26});
  expect_array(slice_update_prod(a, array(2), Shape{1, 0}, Shape{2, 3}), {2, 3},
               Floats{1, 2, 3, 8, 10, 12});
  expect_array(slice_update_max(a, array(3), Shape{0, 0}, Shape{2, 3}, {1, 2}), {2, 3},
               Floats{3, 2, 3, 4, 5, 6});
  expect_array(slice_update_min(a, array(3), Shape{0, 0}, Shape{2, 3}), {2, 3},
               Floats{1, 2, 3, 3, 3, 3});
  // The source's dtype stays; leading axes of size 1 are dropped.
  expect_array(slice_update(astype(a, int32), ones({1, 1, 1, 2}), Shape{0, 1}, Shape{2, 3}), {2, 3},
               std::vector<int>{1, 1, 1, 4, 1, 1});
  expect_array(slice_update(a, array(7.0f), Shape{0, 0}, Shape{2, 3}), {2, 3},
               Floats{7, 7, 7, 7, 7, 7});
  expect_array(slice_update(a, zeros({2, 0}), Shape{0, 1}, Shape{2, 1}), {2, 3},
               test::values<float>(a));
  expect_array(slice_update(zeros({2, 2}), ones({2}), Shape{1, 0}, Shape{2, 2}), {2, 2},
               Floats{0, 0, 1, 1});
  expect_error(
      [&] {
        slice_update(a, ones({3}), Shape{0, 0}, Shape{2, 2});
      },
      "slice_update: expected an update that broadcasts to the slice's shape (2, 2), got (3,)");
  expect_error(
      [&] {
        slice_update(a, ones({2, 2, 2}), Shape{0, 0}, Shape{2, 2});
      },
      "slice_update: expected an update that broadcasts to the slice's shape (2, 2), got (2, 2, "
      "2)");
}

TEST(SliceUpdate, Dynamic) {
  const array a = zeros({2, 4});
  expect_array(slice_update(a, ones({2, 2}), array({1}), {1}), {2, 4},
               Floats{0, 1, 1, 0, 0, 1, 1, 0});
  expect_array(slice_update(a, ones({1, 1, 3}), array({1, 7}), {0, 1}), {2, 4},
               Floats{0, 0, 0, 0, 0, 1, 1, 1});
  // Axes that the update lacks: one element along those with a start, all along the others.
  expect_array(slice_update(a, counting({2}), array({2}), {1}), {2, 4},
               Floats{0, 0, 1, 2, 0, 0, 1, 2});
  expect_array(slice_update(a, counting({4}), array({1}), {0}), {2, 4},
               Floats{0, 0, 0, 0, 1, 2, 3, 4});
  expect_array(slice_update(zeros({4}, int32), array({7.0f, 8.5f}), array({1}), {0}), {4},
               std::vector<int>{0, 7, 8, 0});
  expect_error(
      [] { slice_update(zeros({4}), ones({6}), array({1}), {0}); },
      "slice_update: expected an update that broadcasts to the slice's shape (4,), got (6,)");
}

TEST(SliceUpdate, LeavesTheSourceAlone) {
  array a = counting({600});
  a.eval();
  array b = slice_update(a, array(0.0f), Shape{0}, Shape{600}, {2});
  b.eval();
  EXPECT_EQ(a.data<float>()[0], 1);
  EXPECT_EQ(b.data<float>()[0], 0);
  EXPECT_EQ(b.data<float>()[1], 2);
}

TEST(SliceUpdate, UpdatesADonatedSourceInPlace) {
  array cache = counting({1024});
  cache.eval();
  for (int step = 0; step < 4; ++step) {
    const void* before = cache.data<float>();
    cache = slice_update(cache, array(-1.0f), Shape{step}, Shape{step + 1});
    cache.eval();
    EXPECT_EQ(cache.data<float>(), before);
  }
  EXPECT_EQ(test::values<float>(slice(cache, {0}, {6})), (Floats{-1, -1, -1, -1, 5, 6}));
}

TEST(SliceUpdate, MovingSlicesHitThePlanCache) {
  array cache = zeros({8, 64});
  const array update = ones({8, 1});
  for (int step = 0; step < 10; ++step) {
    if (step == 2) reset_counters();
    cache = slice_update(cache, update, Shape{0, step}, Shape{8, step + 1});
    const array seen = slice(cache, {0, step}, {8, step + 2});
    array dynamic = slice_update(seen, update, array({1}), {1});
    cache.eval();
    dynamic.eval();
  }
  EXPECT_EQ(counters().plan_misses, 0u);
  EXPECT_EQ(counters().plan_hits, 16u);
}

TEST(Split, Parts) {
  const array a = counting({2, 4});
  const auto halves = split(a, 2, 1);
  ASSERT_EQ(halves.size(), 2u);
  expect_array(halves[0], {2, 2}, Floats{1, 2, 5, 6});
  expect_array(halves[1], {2, 2}, Floats{3, 4, 7, 8});
  const auto parts = split(counting({5}), Shape{3, 1});
  ASSERT_EQ(parts.size(), 3u);
  expect_array(parts[0], {3}, Floats{1, 2, 3});
  expect_array(parts[1], {0}, Floats{});
  expect_array(parts[2], {4}, Floats{2, 3, 4, 5});
  const auto negative = split(counting({5}), Shape{-2, 9});
  expect_array(negative[1], {2}, Floats{4, 5});
  expect_array(negative[2], {0}, Floats{});
  // Views, of other views too.
  const auto nested = split(split(transpose(a), 2, 0)[1], Shape{1}, 1);
  expect_array(nested[0], {2, 1}, Floats{3, 4});
  expect_array(nested[1], {2, 1}, Floats{7, 8});
  const auto columns = unstack(a, 1);
  ASSERT_EQ(columns.size(), 4u);
  expect_array(columns[2], {2}, Floats{3, 7});
  EXPECT_TRUE(unstack(zeros({0, 2})).empty());
  expect_error([] { split(zeros({5}), 2); },
               "split: expected axis 0 of (5,) to divide into 2 equal parts, got size 5");
  expect_error([] { split(zeros({5}), 0); }, "split: expected a positive number of parts, got 0");
  expect_error([] { split(zeros({5}), 2, 1); }, "split: expected axis in [-1, 1), got 1");
  expect_error([] { unstack(array(1)); },
               "unstack: expected an array with axes, got axis 0 of a scalar");
}

}  // namespace
}  // namespace mica
