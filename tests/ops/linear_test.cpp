// Derivatives and vmap of the ops that only move elements.

#include "tests/ops/linear.h"

namespace mica {
namespace {

using test::check_linear;
using Arrays = std::vector<array>;

TEST(LinearOps, Views) {
  check_linear([](const array& a) { return reshape(a, {3, 4}); }, {2, 6});
  check_linear([](const array& a) { return reshape(transpose(a), {3, 4}); }, {2, 6});
  check_linear([](const array& a) { return transpose(a, {2, 0, 1}); }, {2, 3, 4});
  check_linear([](const array& a) { return broadcast_to(a, {2, 3, 4}); }, {3, 1});
  check_linear([](const array& a) { return broadcast_to(a, {2, 3}); }, {});
  check_linear([](const array& a) { return contiguous(transpose(a)); }, {2, 3});
  check_linear([](const array& a) { return contiguous(transpose(a), true); }, {2, 3});
  check_linear([](const array& a) { return copy(a); }, {2, 3});
  check_linear([](const array& a) { return as_strided(a, {3, 2}, {1, 2}, 1); }, {2, 3});
  check_linear([](const array& a) { return squeeze(expand_dims(a, {0, 2}), 0); }, {2, 3});
  check_linear([](const array& a) { return flatten(moveaxis(a, 0, 2), 1); }, {2, 3, 2});
}

TEST(LinearOps, Slices) {
  check_linear([](const array& a) { return slice(a, {1, 0}, {3, 4}, {1, 2}); }, {3, 4});
  check_linear([](const array& a) { return slice(a, {2, 3}, {-4, -5}, {-2, -1}); }, {3, 4});
  check_linear([](const array& a) { return flip(a); }, {2, 3});
  check_linear([](const array& a) { return slice(a, array({1, 2}), {0, 1}, {2, 2}); }, {3, 4});
  check_linear([](const Arrays& in) { return split(in[0], Shape{1, 3}, 1); }, {{2, 4}});
  check_linear([](const Arrays& in) { return split(in[0], Shape{3, 1}, 0); }, {{4, 2}});
  check_linear([](const Arrays& in) { return Arrays{split(in[0], 3, 1)[1]}; }, {{2, 6}});
  check_linear([](const Arrays& in) { return unstack(in[0], 1); }, {{2, 3}});
}

TEST(LinearOps, Updates) {
  check_linear(
      [](const Arrays& in) {
        return Arrays{slice_update(in[0], in[1], Shape{0, 1}, Shape{2, 4}, Shape{1, 2})};
      },
      {{2, 4}, {2, 2}});
  check_linear(
      [](const Arrays& in) {
        return Arrays{slice_update_add(in[0], in[1], Shape{0, 1}, Shape{2, 3})};
      },
      {{2, 4}, {1, 2}});
  check_linear([](const Arrays& in) { return Arrays{slice_update(in[0], in[1], array({1}), {1})}; },
               {{2, 4}, {2, 2}});
}

TEST(LinearOps, Joining) {
  check_linear([](const Arrays& in) { return Arrays{concatenate(in, 1)}; }, {{2, 1}, {2, 3}});
  check_linear([](const Arrays& in) { return Arrays{stack(in, -1)}; }, {{2, 3}, {2, 3}});
  check_linear([](const array& a) { return pad(a, {{1, 0}, {0, 2}}); }, {2, 2});
  check_linear(
      [](const array& a) {
        return pad(a, {{1, 2}, {3, 0}}, array(0), "reflect");
      },
      {2, 3});
  check_linear(
      [](const array& a) {
        return pad(a, {{1, 2}, {3, 0}}, array(0), "symmetric");
      },
      {2, 3});
  check_linear([](const array& a) { return pad(a, 2, array(0), "edge"); }, {2, 3});
  check_linear([](const array& a) { return tril(a); }, {3, 3});
  check_linear([](const array& a) { return full({2, 3}, a); }, {3});
  check_linear(
      [](const Arrays& in) {
        return depends({in[0], in[1]}, {in[2]});
      },
      {{2}, {2, 3}, {1}});
}

// A start for each batch, also where batches are nested.
TEST(DynamicSlice, BatchesOfStarts) {
  const array a = test::counting({2, 3, 4});
  const array starts = array({0, 1, 2, 1, 0, 2}, {2, 3, 1}, int32);
  const auto take_two = [](const Arrays& in) { return Arrays{slice(in[0], in[1], {0}, {2})}; };
  const array rows = vmap(vmap(take_two))({a, starts})[0];
  test::expect_array(rows, {2, 3, 2},
                     std::vector<float>{1, 2, 6, 7, 11, 12, 14, 15, 17, 18, 23, 24});
}

TEST(DynamicSlice, BatchesOfUpdates) {
  const array starts = array({0, 2}, {2, 1}, int32);
  const auto write = [](const Arrays& in) {
    return Arrays{slice_update(in[0], in[1], in[2], {0})};
  };
  test::expect_array(vmap(write, {-1, 0, 0})({zeros({4}), test::counting({2, 2}), starts})[0],
                     {2, 4}, std::vector<float>{1, 2, 0, 0, 0, 0, 3, 4});
}

TEST(StopGradient, IsAConstant) {
  const auto f = [](const array& a) { return add(multiply(stop_gradient(a), a), a); };
  const array x = array({2.0f, 3.0f});
  const array t = array({1.0f, 10.0f});
  test::expect_array(vjp(f, x, t).second, {2}, std::vector<float>{3, 40});
  test::expect_array(jvp(f, x, t).second, {2}, std::vector<float>{3, 40});
  test::expect_array(vmap(f)(x), {2}, std::vector<float>{6, 12});
}

}  // namespace
}  // namespace mica
