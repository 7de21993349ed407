// Functions of ops.h that gather, scatter and take; x[...] and x.at(...).
#include <gtest/gtest.h>

#include "mica/array/indexing.h"
#include "mica/ops/ops.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;
using Arrays = std::vector<array>;
using Axes = std::vector<int>;

// Updates for scatter, from their shape at x[i] or, where along_middle, at x[:, i].
array updates_of(const array& indices, const array& updates, bool along_middle = false) {
  if (along_middle) return expand_dims(moveaxis(updates, 1, 0), 2);
  return expand_dims(updates, static_cast<int>(indices.ndim()));
}

constexpr Case gathers[] = {
    {"gather",
     [](In x) -> Out {
       return gather(x[0], Arrays{x[1]}, Axes{0}, {1, 4, 2});
     }},
    {"gather_axis",
     [](In x) -> Out {
       return gather(x[0], x[1], 1, {2, 1, 1});
     }},
    {"gather_two",
     [](In x) -> Out {
       return gather(x[0], {x[1], x[2]}, {0, 1}, {1, 1, 2});
     }},
    {"take", [](In x) -> Out { return take(x[0], x[1]); }},
    {"take_number", [](In x) -> Out { return take(x[0], 5); }},
    {"take_back", [](In x) -> Out { return take(x[0], -2); }},
    {"take_axis", [](In x) -> Out { return take(x[0], x[1], 0); }},
    {"take_middle", [](In x) -> Out { return take(x[0], x[1], -2); }},
    {"take_number_axis", [](In x) -> Out { return take(x[0], -2, 1); }},
    {"take_along_axis", [](In x) -> Out { return take_along_axis(x[0], x[1], 0); }},
    {"take_along_last", [](In x) -> Out { return take_along_axis(x[0], x[1], -1); }},
    {"put_along_axis", [](In x) -> Out { return put_along_axis(x[0], x[1], x[2], -1); }},
    {"scatter_add_axis", [](In x) -> Out { return scatter_add_axis(x[0], x[1], x[2], -1); }},
    {"scatter",
     [](In x) -> Out { return scatter(x[0], Arrays{x[1]}, updates_of(x[1], x[2]), Axes{0}); }},
    {"scatter_middle",
     [](In x) -> Out { return scatter(x[0], x[1], updates_of(x[1], x[2], true), 1); }},
    {"scatter_add",
     [](In x) -> Out { return scatter_add(x[0], Arrays{x[1]}, updates_of(x[1], x[2]), Axes{0}); }},
    {"scatter_add_middle",
     [](In x) -> Out { return scatter_add(x[0], x[1], updates_of(x[1], x[2], true), 1); }},
    {"scatter_prod",
     [](In x) -> Out { return scatter_prod(x[0], Arrays{x[1]}, updates_of(x[1], x[2]), Axes{0}); }},
    {"scatter_prod_middle",
     [](In x) -> Out { return scatter_prod(x[0], x[1], updates_of(x[1], x[2], true), 1); }},
    {"scatter_max",
     [](In x) -> Out { return scatter_max(x[0], Arrays{x[1]}, updates_of(x[1], x[2]), Axes{0}); }},
    {"scatter_max_middle",
     [](In x) -> Out { return scatter_max(x[0], x[1], updates_of(x[1], x[2], true), 1); }},
    {"scatter_min",
     [](In x) -> Out { return scatter_min(x[0], Arrays{x[1]}, updates_of(x[1], x[2]), Axes{0}); }},
    {"scatter_min_middle",
     [](In x) -> Out { return scatter_min(x[0], x[1], updates_of(x[1], x[2], true), 1); }},
};

constexpr Case indexing[] = {
    {"x[1]", [](In x) -> Out { return x[0][1]; }},
    {"x[-1,2]",
     [](In x) -> Out {
       return x[0][{-1, 2}];
     }},
    {"x[...,0]",
     [](In x) -> Out {
       return x[0][{Ellipsis, 0}];
     }},
    {"x[None]", [](In x) -> Out { return x[0][None]; }},
    {"x[1,None,...,None]",
     [](In x) -> Out {
       return x[0][{1, None, Ellipsis, None}];
     }},
    {"x[1:]", [](In x) -> Out { return x[0][Slice(1, None)]; }},
    {"x[:,::-1]",
     [](In x) -> Out {
       return x[0][{Slice(), Slice(None, None, -1)}];
     }},
    {"x[::-2,3:0:-2]",
     [](In x) -> Out {
       return x[0][{Slice(None, None, -2), Slice(3, 0, -2)}];
     }},
    {"x[-2:,-100:100,1:0]",
     [](In x) -> Out {
       return x[0][{Slice(-2, None), Slice(-100, 100), Slice(1, 0)}];
     }},
    {"x[i]", [](In x) -> Out { return x[0][x[1]]; }},
    {"x[:,i]",
     [](In x) -> Out {
       return x[0][{Slice(), x[1]}];
     }},
    {"x[i,...,None]",
     [](In x) -> Out {
       return x[0][{x[1], Ellipsis, None}];
     }},
    {"x[i,::-1]",
     [](In x) -> Out {
       return x[0][{x[1], Slice(None, None, -1)}];
     }},
    {"x[i,1]",
     [](In x) -> Out {
       return x[0][{x[1], 1}];
     }},
    {"x[i,j]",
     [](In x) -> Out {
       return x[0][{x[1], x[2]}];
     }},
    {"x[i,:,j]",
     [](In x) -> Out {
       return x[0][{x[1], Slice(), x[2]}];
     }},
    {"x[None,i,j,0]",
     [](In x) -> Out {
       return x[0][{None, x[1], x[2], 0}];
     }},
    {"at_1_set", [](In x) -> Out { return x[0].at(1).set(x[1]); }},
    {"at_part_set",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).set(x[1]);
     }},
    {"at_last_set",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).set(x[1]);
     }},
    {"at_i_set", [](In x) -> Out { return x[0].at(x[1]).set(x[2]); }},
    {"at_ij_set",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).set(x[3]);
     }},
    {"at_i_part_j_set",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).set(x[3]);
     }},
    {"at_1_add", [](In x) -> Out { return x[0].at(1).add(x[1]); }},
    {"at_part_add",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).add(x[1]);
     }},
    {"at_last_add",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).add(x[1]);
     }},
    {"at_i_add", [](In x) -> Out { return x[0].at(x[1]).add(x[2]); }},
    {"at_ij_add",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).add(x[3]);
     }},
    {"at_i_part_j_add",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).add(x[3]);
     }},
    {"at_1_subtract", [](In x) -> Out { return x[0].at(1).subtract(x[1]); }},
    {"at_part_subtract",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).subtract(x[1]);
     }},
    {"at_last_subtract",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).subtract(x[1]);
     }},
    {"at_i_subtract", [](In x) -> Out { return x[0].at(x[1]).subtract(x[2]); }},
    {"at_ij_subtract",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).subtract(x[3]);
     }},
    {"at_i_part_j_subtract",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).subtract(x[3]);
     }},
    {"at_1_multiply", [](In x) -> Out { return x[0].at(1).multiply(x[1]); }},
    {"at_part_multiply",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).multiply(x[1]);
     }},
    {"at_last_multiply",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).multiply(x[1]);
     }},
    {"at_i_multiply", [](In x) -> Out { return x[0].at(x[1]).multiply(x[2]); }},
    {"at_ij_multiply",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).multiply(x[3]);
     }},
    {"at_i_part_j_multiply",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).multiply(x[3]);
     }},
    {"at_1_divide", [](In x) -> Out { return x[0].at(1).divide(x[1]); }},
    {"at_part_divide",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).divide(x[1]);
     }},
    {"at_last_divide",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).divide(x[1]);
     }},
    {"at_i_divide", [](In x) -> Out { return x[0].at(x[1]).divide(x[2]); }},
    {"at_ij_divide",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).divide(x[3]);
     }},
    {"at_i_part_j_divide",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).divide(x[3]);
     }},
    {"at_1_maximum", [](In x) -> Out { return x[0].at(1).maximum(x[1]); }},
    {"at_part_maximum",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).maximum(x[1]);
     }},
    {"at_last_maximum",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).maximum(x[1]);
     }},
    {"at_i_maximum", [](In x) -> Out { return x[0].at(x[1]).maximum(x[2]); }},
    {"at_ij_maximum",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).maximum(x[3]);
     }},
    {"at_i_part_j_maximum",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).maximum(x[3]);
     }},
    {"at_1_minimum", [](In x) -> Out { return x[0].at(1).minimum(x[1]); }},
    {"at_part_minimum",
     [](In x) -> Out {
       return x[0].at({Slice(1, None), Slice(None, None, -2)}).minimum(x[1]);
     }},
    {"at_last_minimum",
     [](In x) -> Out {
       return x[0].at({Ellipsis, -1}).minimum(x[1]);
     }},
    {"at_i_minimum", [](In x) -> Out { return x[0].at(x[1]).minimum(x[2]); }},
    {"at_ij_minimum",
     [](In x) -> Out {
       return x[0].at({x[1], x[2]}).minimum(x[3]);
     }},
    {"at_i_part_j_minimum",
     [](In x) -> Out {
       return x[0].at({x[1], Slice(1, None), x[2]}).minimum(x[3]);
     }},
    {"at_mask_set", [](In x) -> Out { return x[0].at(x[1]).set(x[2]); }},
};

TEST(IndexingGoldens, Gathers) { expect_cases("ops/gathers", gathers); }
TEST(IndexingGoldens, Brackets) { expect_cases("ops/indexing", indexing); }

}  // namespace
}  // namespace mica::golden
