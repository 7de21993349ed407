// Functions of ops.h that take parts of arrays, join and repeat them.
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;
using Axes = std::vector<int>;

constexpr Case slices[] = {
    {"slice",
     [](In x) -> Out {
       return slice(x[0], {0, 1, 1}, {2, 3, 4});
     }},
    {"slice_strided",
     [](In x) -> Out {
       return slice(x[0], Shape{0, 0, 1}, {2, 3, 4}, {1, 2, 2});
     }},
    {"slice_backwards",
     [](In x) -> Out {
       return slice(x[0], Shape{-1, 2, -1}, {-3, 0, -5}, {-1, -1, -2});
     }},
    {"slice_negative",
     [](In x) -> Out {
       return slice(x[0], {-1, -2, -100}, {2, -1, 100});
     }},
    {"slice_empty",
     [](In x) -> Out {
       return slice(x[0], {1, 2, 0}, {1, 1, 4});
     }},
    {"slice_list",
     [](In x) -> Out {
       return slice(x[0], {0, 0, 3}, {1, 3, 0}, {1, 2, -2});
     }},
    {"slice_dynamic",
     [](In x) -> Out {
       return slice(x[0], x[1], {0, -1}, {1, 3, 2});
     }},
    {"slice_dynamic_one",
     [](In x) -> Out {
       return slice(x[0], x[1], {2}, {2, 2, 3});
     }},
    {"slice_update_strided",
     [](In x) -> Out {
       return slice_update(x[0], x[1], {0, 1, 0}, {2, 3, 4}, {1, 1, 2});
     }},
    {"slice_update",
     [](In x) -> Out {
       return slice_update(x[0], x[1], Shape{1, 0, 1}, Shape{2, 3, 3});
     }},
    {"slice_update_add_strided",
     [](In x) -> Out {
       return slice_update_add(x[0], x[1], {0, 1, 0}, {2, 3, 4}, {1, 1, 2});
     }},
    {"slice_update_add",
     [](In x) -> Out {
       return slice_update_add(x[0], x[1], Shape{1, 0, 1}, Shape{2, 3, 3});
     }},
    {"slice_update_prod_strided",
     [](In x) -> Out {
       return slice_update_prod(x[0], x[1], {0, 1, 0}, {2, 3, 4}, {1, 1, 2});
     }},
    {"slice_update_prod",
     [](In x) -> Out {
       return slice_update_prod(x[0], x[1], Shape{1, 0, 1}, Shape{2, 3, 3});
     }},
    {"slice_update_max_strided",
     [](In x) -> Out {
       return slice_update_max(x[0], x[1], {0, 1, 0}, {2, 3, 4}, {1, 1, 2});
     }},
    {"slice_update_max",
     [](In x) -> Out {
       return slice_update_max(x[0], x[1], Shape{1, 0, 1}, Shape{2, 3, 3});
     }},
    {"slice_update_min_strided",
     [](In x) -> Out {
       return slice_update_min(x[0], x[1], {0, 1, 0}, {2, 3, 4}, {1, 1, 2});
     }},
    {"slice_update_min",
     [](In x) -> Out {
       return slice_update_min(x[0], x[1], Shape{1, 0, 1}, Shape{2, 3, 3});
     }},
    {"slice_update_dynamic",
     [](In x) -> Out {
       return slice_update(x[0], x[1], x[2], Axes{1, -1});
     }},
    {"split", [](In x) -> Out { return split(x[0], 2); }},
    {"split_axis", [](In x) -> Out { return split(x[0], 3, 1); }},
    {"split_last", [](In x) -> Out { return split(x[0], 2, -1); }},
    {"split_at", [](In x) -> Out { return split(x[0], Shape{1}); }},
    {"split_at_axis",
     [](In x) -> Out {
       return split(x[0], Shape{1, 1, 3}, -1);
     }},
    {"split_beyond",
     [](In x) -> Out {
       return split(x[0], Shape{1, 9}, 1);
     }},
    {"unstack", [](In x) -> Out { return unstack(x[0]); }},
    {"unstack_axis", [](In x) -> Out { return unstack(x[0], -2); }},
};

constexpr Case joining[] = {
    {"concatenate", [](In x) -> Out { return concatenate(x); }},
    {"concatenate_axis", [](In x) -> Out { return concatenate(x, -1); }},
    {"stack", [](In x) -> Out { return stack(x); }},
    {"stack_axis", [](In x) -> Out { return stack(x, -1); }},
    {"pad_all", [](In x) -> Out { return pad(x[0], 2); }},
    {"pad_value", [](In x) -> Out { return pad(x[0], 1, x[1]); }},
    {"pad_pair",
     [](In x) -> Out {
       return pad(x[0], {1, 2});
     }},
    {"pad_each",
     [](In x) -> Out {
       return pad(x[0], {{0, 1}, {2, 0}, {1, 1}});
     }},
    {"pad_edge", [](In x) -> Out { return pad(x[0], 1, array(0), "edge"); }},
    {"pad_edge_each",
     [](In x) -> Out {
       return pad(x[0], {{0, 1}, {2, 2}, {3, 2}}, array(0), "edge");
     }},
    {"pad_symmetric", [](In x) -> Out { return pad(x[0], 1, array(0), "symmetric"); }},
    {"pad_symmetric_each",
     [](In x) -> Out {
       return pad(x[0], {{0, 1}, {2, 2}, {3, 2}}, array(0), "symmetric");
     }},
    {"pad_reflect", [](In x) -> Out { return pad(x[0], 1, array(0), "reflect"); }},
    {"pad_reflect_each",
     [](In x) -> Out {
       return pad(x[0], {{0, 1}, {2, 2}, {3, 2}}, array(0), "reflect");
     }},
    {"pad_axes",
     [](In x) -> Out {
       return pad(x[0], Axes{1, -1}, {2, 0}, {1, 1}, x[1]);
     }},
    {"repeat", [](In x) -> Out { return repeat(x[0], 2); }},
    {"repeat_axis", [](In x) -> Out { return repeat(x[0], 3, -2); }},
    {"repeat_never", [](In x) -> Out { return repeat(x[0], 0, 0); }},
    {"tile",
     [](In x) -> Out {
       return tile(x[0], {2, 1, 3});
     }},
    {"tile_fewer", [](In x) -> Out { return tile(x[0], {2}); }},
    {"tile_more",
     [](In x) -> Out {
       return tile(x[0], {2, 1, 1, 2});
     }},
    {"tile_never",
     [](In x) -> Out {
       return tile(x[0], {0, 2});
     }},
    {"roll", [](In x) -> Out { return roll(x[0], 5); }},
    {"roll_shifts",
     [](In x) -> Out {
       return roll(x[0], Shape{1, 2});
     }},
    {"roll_axis", [](In x) -> Out { return roll(x[0], -1, -1); }},
    {"roll_axes",
     [](In x) -> Out {
       return roll(x[0], 2, Axes{0, -1});
     }},
    {"roll_shifts_axis",
     [](In x) -> Out {
       return roll(x[0], Shape{1, 3}, 1);
     }},
    {"roll_shifts_axes",
     [](In x) -> Out {
       return roll(x[0], Shape{1, -7}, Axes{1, 2});
     }},
    {"meshgrid", [](In x) -> Out { return meshgrid(x); }},
    {"meshgrid_sparse", [](In x) -> Out { return meshgrid(x, true); }},
    {"meshgrid_ij", [](In x) -> Out { return meshgrid(x, false, "ij"); }},
    {"diagonal", [](In x) -> Out { return diagonal(x[0]); }},
    {"diagonal_axes", [](In x) -> Out { return diagonal(x[0], 1, -1, 0); }},
    {"diagonal_below", [](In x) -> Out { return diagonal(x[0], -1, 1, 2); }},
    {"diagonal_outside", [](In x) -> Out { return diagonal(x[0], 9); }},
    {"diag", [](In x) -> Out { return diag(x[0]); }},
    {"diag_above", [](In x) -> Out { return diag(x[0], 1); }},
    {"diag_below", [](In x) -> Out { return diag(x[0], -2); }},
    {"trace", [](In x) -> Out { return trace(x[0]); }},
    {"trace_axes", [](In x) -> Out { return trace(x[0], 1, -1, 0); }},
    {"trace_dtype", [](In x) -> Out { return trace(x[0], 0, 1, 2, float32); }},
};

TEST(PartGoldens, Slices) { expect_cases("ops/slices", slices); }
TEST(PartGoldens, Joining) { expect_cases("ops/joining", joining); }

}  // namespace
}  // namespace mica::golden
