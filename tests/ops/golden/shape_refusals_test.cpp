// Misuses of the functions that make arrays, move their elements, join and cut them.
#include <limits>

#include "tests/ops/golden/refusals.h"

namespace mica::golden {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr Refusal shapes[] = {
    {"arange: expected a step other than 0, got start 0, stop 5, step 0",
     [] { arange(0.0, 5.0, 0.0); }},
    {"arange: expected a step other than 0, got start 0, stop 5, step 0", [] { arange(0, 5, 0); }},
    {"arange: expected numbers, got start nan, stop 5, step 1", [] { arange(nan, 5.0, 1.0); }},
    {"arange: expected finite bounds, got start 0, stop inf, step 1",
     [] { arange(0.0, infinity, 1.0); }},
    {"arange: expected numbers, got start 0, stop 5, step nan", [] { arange(0.0, 5.0, nan); }},
    {"arange: expected at most 2147483647 elements, got start 0, stop 1e+20, step 1",
     [] { arange(0.0, 1e20, 1.0); }},
    {"arange: expected a dtype of numbers, got bool", [] { arange(0.0, 5.0, 1.0, bool_); }},
    {"linspace: expected num of at least 0, got -1", [] { linspace(0, 1, -1); }},
    {"full: expected dimensions of at least 0, got (-1, 2)",
     [] {
       full({-1, 2}, s);
     }},
    {"full: expected vals that broadcast to (2,), got (3, 4)", [] { full({2}, m); }},
    {"array: expected at most 2^63 bytes, got shape (65536, 65536, 65536, 65536, 65536)",
     [] {
       full({65536, 65536, 65536, 65536, 65536}, s);
     }},
    {"zeros: expected dimensions of at least 0, got (2, -3)",
     [] {
       zeros({2, -3});
     }},
    {"ones: expected dimensions of at least 0, got (-1,)", [] { ones({-1}); }},
    {"eye: expected n and m of at least 0, got -1 and -1", [] { eye(-1); }},
    {"eye: expected n and m of at least 0, got 2 and -1", [] { eye(2, -1); }},
    {"identity: expected n and m of at least 0, got -2 and -2", [] { identity(-2); }},
    {"tri: expected n and m of at least 0, got -1 and -1", [] { tri(-1, float32); }},
    {"tril: expected x with at least 2 axes, got (4,)", [] { tril(v); }},
    {"triu: expected x with at least 2 axes, got ()", [] { triu(s); }},
    {"reshape: expected a shape of 24 elements as that of a (2, 3, 4), got (5, 5)",
     [] {
       reshape(a, {5, 5});
     }},
    {"reshape: expected a shape with at most one -1 and no other negative dimension, got (-1, -1)",
     [] {
       reshape(a, {-1, -1});
     }},
    {"reshape: expected a shape of 24 elements as that of a (2, 3, 4), got (5, -1)",
     [] {
       reshape(a, {5, -1});
     }},
    {"reshape: expected a shape with at most one -1 and no other negative dimension, got (-2, 12)",
     [] {
       reshape(a, {-2, 12});
     }},
    {"reshape: expected a shape of 0 elements as that of a (0, 3), got (0, -1)",
     [] {
       reshape(e, {0, -1});
     }},
    {"reshape: expected a shape of 24 elements as that of a (2, 3, 4), got (65536, 65536, 65536, "
     "65536)",
     [] {
       reshape(a, {65536, 65536, 65536, 65536});
     }},
    {"unflatten: expected a shape of at least one dimension, got ()", [] { unflatten(a, 0, {}); }},
    {"unflatten: expected axis in [-3, 3), got 3",
     [] {
       unflatten(a, 3, {2, 1});
     }},
    {"unflatten: expected a shape of 3 elements for axis 1 of (2, 3, 4), got (2, 2)",
     [] {
       unflatten(a, 1, {2, 2});
     }},
    {"unflatten: expected a shape of 3 elements for axis 1 of (2, 3, 4), got (-1, -1)",
     [] {
       unflatten(a, 1, {-1, -1});
     }},
    {"flatten: expected start_axis not behind end_axis for a (2, 3, 4), got 3 and -1",
     [] { flatten(a, 3); }},
    {"flatten: expected start_axis not behind end_axis for a (2, 3, 4), got 2 and 1",
     [] { flatten(a, 2, 1); }},
    {"flatten: expected start_axis not behind end_axis for a (2, 3, 4), got -9 and -5",
     [] { flatten(a, -9, -5); }},
    {"squeeze: expected axis in [-3, 3), got 5", [] { squeeze(a, 5); }},
    {"squeeze: expected axis 1 of (2, 3, 4) to have size 1, got 3", [] { squeeze(a, 1); }},
    {"squeeze: expected each axis once, got axis 0 twice",
     [] {
       squeeze(ones({1, 1}), std::vector<int>{0, -2});
     }},
    {"expand_dims: expected axis in [-4, 4), got 4", [] { expand_dims(a, 4); }},
    {"expand_dims: expected axis in [-4, 4), got -5", [] { expand_dims(a, -5); }},
    {"expand_dims: expected each axis once, got axis 0 twice",
     [] {
       expand_dims(a, std::vector<int>{0, 0});
     }},
    {"expand_dims: expected each axis once, got axis 0 twice",
     [] {
       expand_dims(a, std::vector<int>{0, -5});
     }},
    {"transpose: expected 3 axes for a (2, 3, 4), got 2",
     [] {
       transpose(a, {0, 1});
     }},
    {"transpose: expected each axis once, got axis 0 twice",
     [] {
       transpose(a, {0, 0, 1});
     }},
    {"transpose: expected axis in [-3, 3), got 3",
     [] {
       transpose(a, {0, 1, 3});
     }},
    {"transpose: expected axis in [-3, 3), got -4",
     [] {
       transpose(a, {0, 1, -4});
     }},
    {"matrix_transpose: expected a with at least 2 axes, got (4,)", [] { matrix_transpose(v); }},
    {"swapaxes: expected axis in [-3, 3), got 3", [] { swapaxes(a, 0, 3); }},
    {"swapaxes: expected axis in [-3, 3), got -4", [] { swapaxes(a, -4, 0); }},
    {"moveaxis: expected axis in [-3, 3), got 3", [] { moveaxis(a, 3, 0); }},
    {"moveaxis: expected axis in [-3, 3), got -4", [] { moveaxis(a, 0, -4); }},
    {"flip: expected axis in [-3, 3), got 3", [] { flip(a, 3); }},
    {"broadcast_to: expected a shape to which (3, 4) broadcasts, got (3, 5)",
     [] {
       broadcast_to(m, {3, 5});
     }},
    {"broadcast_to: expected a shape to which (2, 3, 4) broadcasts, got (3, 4)",
     [] {
       broadcast_to(a, {3, 4});
     }},
    {"broadcast_to: expected a shape to which () broadcasts, got (-1, 2)",
     [] {
       broadcast_to(s, {-1, 2});
     }},
    {"broadcast_to: expected a shape to which (3, 4) broadcasts, got (0, 4)",
     [] {
       broadcast_to(m, {0, 4});
     }},
    {"broadcast_arrays: expected shapes that broadcast together, got (2, 3, 4) and (5,)",
     [] {
       broadcast_arrays({a, ones({5})});
     }},
    {"as_strided: expected shape, strides and offset within the 4 elements of a, got elements 0 to "
     "90",
     [] { as_strided(v, {10}, {10}, 0); }},
    {"as_strided: expected 1 strides for shape (2,), got 2",
     [] {
       as_strided(v, {2}, {1, 1}, 0);
     }},
    {"as_strided: expected dimensions of at least 0, got shape (-1,)",
     [] { as_strided(v, {-1}, {1}, 0); }},
    {"slice: expected 3 starts, stops and strides for a (2, 3, 4), got 1, 1 and 3",
     [] { slice(a, {0}, {1}); }},
    {"slice: expected strides other than 0, got (0,)", [] { slice(v, {0}, {4}, {0}); }},
    {"slice: expected 3 starts, stops and strides for a (2, 3, 4), got 3, 3 and 1",
     [] {
       slice(a, {0, 0, 0}, {1, 1, 1}, {1});
     }},
    {"slice: expected a start of shape (1,), got (2,)",
     [] {
       slice(a, i, {0}, {1, 1, 1});
     }},
    {"slice: expected a slice_size within (2, 3, 4), got (5, 1, 1)",
     [] {
       slice(a, array({0}), {0}, {5, 1, 1});
     }},
    {"slice: expected a slice_size within (2, 3, 4), got (1, 1)",
     [] {
       slice(a, array({0}), {0}, {1, 1});
     }},
    {"slice: expected axis in [-3, 3), got 3",
     [] {
       slice(a, array({0}), {3}, {1, 1, 1});
     }},
    {"slice: expected each axis once, got axis 0 twice",
     [] {
       slice(a, i, {0, 0}, {1, 1, 1});
     }},
    {"slice: expected each axis once, got axis 0 twice",
     [] {
       slice(a, i, {0, -3}, {1, 1, 1});
     }},
    {"slice: expected start to hold integers, got float32",
     [] {
       slice(a, array({0.5f}), {0}, {1, 1, 1});
     }},
    {"slice: expected a slice_size within (2, 3, 4), got (-1, 1, 1)",
     [] {
       slice(a, array({0}), {0}, {-1, 1, 1});
     }},
    {"slice: expected a start of shape (1,), got (1, 1)",
     [] {
       slice(a, zeros({1, 1}, int32), {0}, {1, 1, 1});
     }},
    {"slice_update: expected an update that broadcasts to the slice's shape (3, 4), got (2, 2)",
     [] {
       slice_update(m, ones({2, 2}), Shape{0, 0}, Shape{3, 4});
     }},
    {"slice_update: expected 2 starts, stops and strides for a (3, 4), got 1, 1 and 2",
     [] { slice_update(m, v, Shape{0}, Shape{3}); }},
    {"slice_update: expected an update that broadcasts to the slice's shape (3, 4), got (2, 3, 4)",
     [] {
       slice_update(m, a, Shape{0, 0}, Shape{3, 4});
     }},
    {"slice_update: expected strides other than 0, got (1, 0)",
     [] {
       slice_update(m, s, {0, 0}, {3, 4}, {1, 0});
     }},
    {"slice_update: expected a start of shape (1,), got (2,)", [] { slice_update(m, s, i, {0}); }},
    {"slice_update: expected axis in [-2, 2), got 2", [] { slice_update(m, s, array({0}), {2}); }},
    {"slice_update: expected an update of at most 2 dimensions, got (2, 3, 4)",
     [] { slice_update(m, a, array({0}), {0}); }},
    {"slice_update: expected an update that broadcasts to the slice's shape (3, 4), got (4, 4)",
     [] {
       slice_update(m, ones({4, 4}), array({0}), {0});
     }},
    {"slice_update: expected start to hold integers, got float32",
     [] { slice_update(m, s, array({0.5f}), {0}); }},
    {"split: expected axis 1 of (2, 3, 4) to divide into 2 equal parts, got size 3",
     [] { split(a, 2, 1); }},
    {"split: expected a positive number of parts, got 0", [] { split(a, 0); }},
    {"split: expected a positive number of parts, got -1", [] { split(a, -1); }},
    {"split: expected axis in [-3, 3), got 3", [] { split(a, 1, 3); }},
    {"split: expected an array with axes, got axis 0 of a scalar", [] { split(s, 1); }},
    {"split: expected axis in [-3, 3), got 3", [] { split(a, Shape{1}, 3); }},
    {"split: expected axis in [-3, 3), got 3", [] { split(a, Shape{}, 3); }},
    {"unstack: expected axis in [-3, 3), got 3", [] { unstack(a, 3); }},
    {"unstack: expected an array with axes, got axis 0 of a scalar", [] { unstack(s); }},
    {"concatenate: expected at least one array, got none",
     [] { concatenate(std::vector<array>{}, 0); }},
    {"concatenate: expected axis in [-3, 3), got 3",
     [] {
       concatenate({a, a}, 3);
     }},
    {"concatenate: expected arrays that differ along axis 0 only, got (2, 3, 4) and (2, 3, 5)",
     [] {
       concatenate({a, ones({2, 3, 5})}, 0);
     }},
    {"concatenate: expected arrays that differ along axis 0 only, got (2, 3, 4) and (3, 4)",
     [] {
       concatenate({a, m}, 0);
     }},
    {"concatenate: expected an array with axes, got axis 0 of a scalar",
     [] {
       concatenate({s, s}, 0);
     }},
    {"stack: expected at least one array, got none", [] { stack(std::vector<array>{}, 0); }},
    {"stack: expected arrays of one shape, got (2, 3, 4) and (3, 4)",
     [] {
       stack({a, m}, 0);
     }},
    {"stack: expected axis in [-4, 4), got 4",
     [] {
       stack({a, a}, 4);
     }},
    {"stack: expected axis in [-4, 4), got -5",
     [] {
       stack({a, a}, -5);
     }},
    {"pad: expected sizes of at least 0, got (-1, -1)", [] { pad(a, -1); }},
    {"pad: expected sizes of at least 0, got (-1, 0)",
     [] {
       pad(a, {{0, 0}, {-1, 0}, {0, 0}});
     }},
    {"pad: expected 3 pairs of sizes for a (2, 3, 4), got 2",
     [] {
       pad(a, {{1, 1}, {1, 1}});
     }},
    {"full: expected vals that broadcast to (4, 5, 6), got (4,)", [] { pad(a, 1, v); }},
    {"pad: expected mode constant, edge, reflect or symmetric, got 'wrap'",
     [] { pad(a, 1, array(0), "wrap"); }},
    {"pad: expected axis in [-3, 3), got 3",
     [] { pad(a, std::vector<int>{3}, Shape{1}, Shape{1}); }},
    {"pad: expected a low and a high size for each of 2 axes, got 1 and 2",
     [] {
       pad(a, std::vector<int>{0, 1}, Shape{1}, Shape{1, 1});
     }},
    {"pad: expected axis 0 not to be empty for mode edge, got (0, 3)",
     [] { pad(e, 1, array(0), "edge"); }},
    {"pad: expected a dimension of at most 2147483647, got 4294967298", [] { pad(v, 2147483647); }},
    {"pad: expected each axis once, got axis 0 twice",
     [] {
       pad(a, std::vector<int>{0, 0}, Shape{1, 1}, Shape{1, 1});
     }},
    {"repeat: expected repeats of at least 0, got -1", [] { repeat(a, -1, 0); }},
    {"repeat: expected axis in [-3, 3), got 3", [] { repeat(a, 2, 3); }},
    {"repeat: expected repeats of at least 0, got -2", [] { repeat(a, -2); }},
    {"repeat: expected a dimension of at most 2147483647, got 4294967294",
     [] { repeat(a, 2147483647, 0); }},
    {"tile: expected reps of at least 0, got -1",
     [] {
       tile(a, {-1, 1, 1});
     }},
    {"tile: expected a dimension of at most 2147483647, got 8589934588",
     [] { tile(v, {2147483647}); }},
    {"roll: expected axis in [-3, 3), got 3", [] { roll(a, 1, 3); }},
    {"roll: expected axis in [-3, 3), got 5",
     [] {
       roll(a, 1, std::vector<int>{0, 5});
     }},
    {"roll: expected axis in [-3, 3), got -4", [] { roll(a, 1, -4); }},
    {"meshgrid: expected indexing xy or ij, got 'xx'",
     [] {
       meshgrid({v, v}, false, "xx");
     }},
    {"diagonal: expected a with at least 2 axes, got (4,)", [] { diagonal(v); }},
    {"diagonal: expected axis in [-3, 3), got 3", [] { diagonal(a, 0, 0, 3); }},
    {"diagonal: expected axis in [-3, 3), got -4", [] { diagonal(a, 0, -4, 1); }},
    {"diagonal: expected two different axes, got axis 1 twice", [] { diagonal(a, 0, 1, 1); }},
    {"diagonal: expected two different axes, got axis 1 twice", [] { diagonal(a, 0, 1, -2); }},
    {"diag: expected a with 1 or 2 axes, got (2, 3, 4)", [] { diag(a); }},
    {"diag: expected a with 1 or 2 axes, got ()", [] { diag(s); }},
    {"trace: expected a with at least 2 axes, got (4,)", [] { trace(v); }},
    {"trace: expected axis in [-3, 3), got 4", [] { trace(a, 0, 0, 4); }},
    {"trace: expected two different axes, got axis 1 twice", [] { trace(a, 0, 1, 1); }},
};

struct NamedSliceUpdate {
  const char* name;
  array (*call)(const array&, const array&, Shape, Shape, StreamOrDevice);
};
constexpr NamedSliceUpdate slice_updates[] = {{"slice_update_add", slice_update_add},
                                              {"slice_update_prod", slice_update_prod},
                                              {"slice_update_max", slice_update_max},
                                              {"slice_update_min", slice_update_min}};

TEST(Refusals, Shapes) { expect_refusals(shapes); }

TEST(Refusals, SliceUpdates) {
  for (const auto& [name, call] : slice_updates) {
    const std::string op(name);
    expect_refusal(
        op + ": expected an update that broadcasts to the slice's shape (3, 4), got (2, 2)",
        [call = call] {
          call(m, ones({2, 2}), {0, 0}, {3, 4}, {});
        });
    expect_refusal(op + ": expected 2 starts, stops and strides for a (3, 4), got 1, 1 and 2",
                   [call = call] { call(m, v, {0}, {3}, {}); });
  }
}

}  // namespace
}  // namespace mica::golden
