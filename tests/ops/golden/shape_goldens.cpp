// Functions of ops.h that make arrays, or give the elements of one another shape.
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;
using Axes = std::vector<int>;

constexpr Case creation[] = {
    {"arange_double_dtype", [](In) -> Out { return arange(1.0, 7.5, 1.5, float16); }},
    {"arange_double_int_dtype", [](In) -> Out { return arange(1.0, 9.5, 2.0, int64); }},
    {"arange_double_step", [](In) -> Out { return arange(3.0, -1.0, -0.75); }},
    {"arange_double_stop_dtype", [](In) -> Out { return arange(-1.5, 3.0, bfloat16); }},
    {"arange_double_stop", [](In) -> Out { return arange(-1.5, 3.25); }},
    {"arange_double_to_dtype", [](In) -> Out { return arange(4.0, uint8); }},
    {"arange_double_to", [](In) -> Out { return arange(3.5); }},
    {"arange_step", [](In) -> Out { return arange(10, -3, -4); }},
    {"arange_stop", [](In) -> Out { return arange(-2, 5); }},
    {"arange_to", [](In) -> Out { return arange(6); }},
    {"arange_empty", [](In) -> Out { return arange(5, 2); }},
    {"arange_backwards_empty", [](In) -> Out { return arange(2, 5, -1); }},
    {"linspace", [](In) -> Out { return linspace(-1.5, 4.0); }},
    {"linspace_num", [](In) -> Out { return linspace(0, 1, 7); }},
    {"linspace_dtype", [](In) -> Out { return linspace(0, 10, 5, int32); }},
    {"linspace_half", [](In) -> Out { return linspace(1, -1, 6, float16); }},
    {"linspace_open", [](In) -> Out { return linspace(0, 3, 7, false, float32); }},
    {"linspace_one", [](In) -> Out { return linspace(2, 5, 1); }},
    {"linspace_none", [](In) -> Out { return linspace(2, 5, 0); }},
    {"full_dtype",
     [](In x) -> Out {
       return full({2, 3, 2}, x[0], int32);
     }},
    {"full",
     [](In x) -> Out {
       return full({2, 3, 2}, x[0]);
     }},
    {"full_scalar_shape", [](In x) -> Out { return full({}, x[0]); }},
    {"full_empty",
     [](In x) -> Out {
       return full({0, 2}, x[0]);
     }},
    {"full_like", [](In x) -> Out { return full_like(x[0], x[1]); }},
    {"full_like_dtype", [](In x) -> Out { return full_like(x[0], x[1], float16); }},
    {"zeros_dtype",
     [](In) -> Out {
       return zeros({2, 3}, bool_);
     }},
    {"zeros", [](In) -> Out { return zeros({3}); }},
    {"zeros_empty",
     [](In) -> Out {
       return zeros({2, 0}, complex64);
     }},
    {"ones_dtype",
     [](In) -> Out {
       return ones({2, 3}, complex64);
     }},
    {"ones", [](In) -> Out { return ones({}); }},
    {"zeros_like", [](In x) -> Out { return zeros_like(x[0]); }},
    {"zeros_like_dtype", [](In x) -> Out { return zeros_like(x[0], uint8); }},
    {"ones_like", [](In x) -> Out { return ones_like(x[0]); }},
    {"ones_like_dtype", [](In x) -> Out { return ones_like(x[0], uint8); }},
    {"eye", [](In) -> Out { return eye(3); }},
    {"eye_dtype", [](In) -> Out { return eye(3, int32); }},
    {"eye_wide", [](In) -> Out { return eye(3, 5); }},
    {"eye_shifted", [](In) -> Out { return eye(4, 3, -2); }},
    {"eye_all", [](In) -> Out { return eye(2, 4, 1, float16); }},
    {"eye_outside", [](In) -> Out { return eye(2, 3, 4); }},
    {"eye_none", [](In) -> Out { return eye(0); }},
    {"identity", [](In) -> Out { return identity(2); }},
    {"identity_dtype", [](In) -> Out { return identity(3, bool_); }},
    {"tri", [](In) -> Out { return tri(3, int32); }},
    {"tri_all", [](In) -> Out { return tri(3, 5, 1, float32); }},
    {"tri_below", [](In) -> Out { return tri(4, 2, -1, bool_); }},
    {"tril", [](In x) -> Out { return tril(x[0]); }},
    {"tril_above", [](In x) -> Out { return tril(x[0], 1); }},
    {"tril_below", [](In x) -> Out { return tril(x[0], -2); }},
    {"triu", [](In x) -> Out { return triu(x[0]); }},
    {"triu_above", [](In x) -> Out { return triu(x[0], 1); }},
    {"triu_below", [](In x) -> Out { return triu(x[0], -2); }},
};

constexpr Case shapes[] = {
    {"reshape",
     [](In x) -> Out {
       return reshape(x[0], {4, 6});
     }},
    {"reshape_rest",
     [](In x) -> Out {
       return reshape(x[0], {3, -1});
     }},
    {"reshape_scalar", [](In x) -> Out { return reshape(x[0], {}); }},
    {"reshape_units",
     [](In x) -> Out {
       return reshape(x[0], {1, 1});
     }},
    {"reshape_empty",
     [](In x) -> Out {
       return reshape(x[0], {3, 0, 2});
     }},
    {"reshape_empty_rest",
     [](In x) -> Out {
       return reshape(x[0], {2, -1});
     }},
    {"unflatten",
     [](In x) -> Out {
       return unflatten(x[0], -1, {2, -1});
     }},
    {"unflatten_first",
     [](In x) -> Out {
       return unflatten(x[0], 0, {1, 2, 1});
     }},
    {"flatten", [](In x) -> Out { return flatten(x[0]); }},
    {"flatten_from", [](In x) -> Out { return flatten(x[0], 1); }},
    {"flatten_range", [](In x) -> Out { return flatten(x[0], -3, -2); }},
    {"squeeze", [](In x) -> Out { return squeeze(x[0]); }},
    {"squeeze_axis", [](In x) -> Out { return squeeze(x[0], -1); }},
    {"squeeze_axes",
     [](In x) -> Out {
       return squeeze(x[0], Axes{0, -2});
     }},
    {"expand_dims", [](In x) -> Out { return expand_dims(x[0], 1); }},
    {"expand_dims_last", [](In x) -> Out { return expand_dims(x[0], -1); }},
    {"expand_dims_axes",
     [](In x) -> Out {
       return expand_dims(x[0], Axes{0, -1, 2});
     }},
    {"transpose", [](In x) -> Out { return transpose(x[0]); }},
    {"transpose_axes",
     [](In x) -> Out {
       return transpose(x[0], {2, 0, -2});
     }},
    {"transpose_vector",
     [](In x) -> Out {
       return transpose(x[0], Axes{1, 2, 0});
     }},
    {"matrix_transpose", [](In x) -> Out { return matrix_transpose(x[0]); }},
    {"swapaxes", [](In x) -> Out { return swapaxes(x[0], 0, -1); }},
    {"moveaxis", [](In x) -> Out { return moveaxis(x[0], 0, -1); }},
    {"moveaxis_back", [](In x) -> Out { return moveaxis(x[0], -1, 0); }},
    {"flip", [](In x) -> Out { return flip(x[0]); }},
    {"flip_axis", [](In x) -> Out { return flip(x[0], -1); }},
    {"flip_axes",
     [](In x) -> Out {
       return flip(x[0], Axes{0, -1});
     }},
    {"broadcast_to",
     [](In x) -> Out {
       return broadcast_to(x[0], {2, 3, 4});
     }},
    {"broadcast_to_empty",
     [](In x) -> Out {
       return broadcast_to(x[0], {0, 3, 4});
     }},
    {"broadcast_arrays", [](In x) -> Out { return broadcast_arrays(x); }},
    {"atleast_1d", [](In x) -> Out { return atleast_1d(x[0]); }},
    {"atleast_1d_each", [](In x) -> Out { return atleast_1d(x); }},
    {"atleast_2d", [](In x) -> Out { return atleast_2d(x[0]); }},
    {"atleast_2d_each", [](In x) -> Out { return atleast_2d(x); }},
    {"atleast_3d", [](In x) -> Out { return atleast_3d(x[0]); }},
    {"atleast_3d_each", [](In x) -> Out { return atleast_3d(x); }},
    {"as_strided",
     [](In x) -> Out {
       return as_strided(x[0], {3, 4}, {2, 1}, 1);
     }},
    {"as_strided_still",
     [](In x) -> Out {
       return as_strided(x[0], {2, 3}, {0, 5}, 2);
     }},
    {"copy", [](In x) -> Out { return copy(x[0]); }},
    {"contiguous", [](In x) -> Out { return contiguous(x[0]); }},
    {"contiguous_columns", [](In x) -> Out { return contiguous(x[0], true); }},
};

TEST(ShapeGoldens, Creation) { expect_cases("ops/creation", creation); }
TEST(ShapeGoldens, Shapes) { expect_cases("ops/shapes", shapes); }

}  // namespace
}  // namespace mica::golden
