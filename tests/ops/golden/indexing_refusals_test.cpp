// Misuses of gather and scatter, of products and convolutions.
#include "tests/ops/golden/refusals.h"

namespace mica::golden {
namespace {

constexpr Refusal indexing[] = {
    {"gather: expected axis in [-3, 3), got 3",
     [] {
       gather(a, i, 3, {1, 1, 1});
     }},
    {"gather: expected slice_sizes within a (2, 3, 4), got (1, 1)",
     [] {
       gather(a, i, 0, {1, 1});
     }},
    {"gather: expected slice_sizes within a (2, 3, 4), got (3, 1, 1)",
     [] {
       gather(a, i, 0, {3, 1, 1});
     }},
    {"gather: expected slice_sizes within a (2, 3, 4), got (-1, 1, 1)",
     [] {
       gather(a, i, 0, {-1, 1, 1});
     }},
    {"gather: expected one index array for each of 1 axes, got 2",
     [] {
       gather(a, {i, i}, {0}, {1, 1, 1});
     }},
    {"gather: expected each axis once, got axis 0 twice",
     [] {
       gather(a, {i, i}, {0, 0}, {1, 1, 1});
     }},
    {"gather: expected integer indices, got float32",
     [] {
       gather(a, ones({2}), 0, {1, 1, 1});
     }},
    {"gather: expected shapes that broadcast together, got (2,) and (3,)",
     [] {
       gather(a, {i, zeros({3}, int32)}, {0, 1}, {1, 1, 1});
     }},
    {"gather: expected axis in [-2, 2), got 2",
     [] {
       gather(m, {i, i, i}, {0, 1, 2}, {1, 1});
     }},
    {"gather: expected integer indices, got bool",
     [] {
       gather(a, array({true, false}), 0, {1, 1, 1});
     }},
    {"take: expected axis in [-3, 3), got 3", [] { take(a, i, 3); }},
    {"take: expected axis in [-3, 3), got -4", [] { take(a, i, -4); }},
    {"take: expected integer indices, got float32", [] { take(a, ones({2}), 0); }},
    {"take: expected no indices into the empty axis 0 of a (0, 3), got 2", [] { take(e, i, 0); }},
    {"take: expected axis in [-3, 3), got 3", [] { take(a, 0, 3); }},
    {"take: expected index in [-0, 0) along axis 0, got 0", [] { take(e, 0); }},
    {"take: expected integer indices, got bool",
     [] {
       take(a, array({true, false}), 0);
     }},
    {"take: expected an array with axes, got axis 0 of a scalar", [] { take(s, 0, 0); }},
    {"take: expected index in [-4, 4) along axis 0, got 9", [] { take(v, 9, 0); }},
    {"take: expected index in [-4, 4) along axis 0, got -5", [] { take(v, -5, 0); }},
    {"take_along_axis: expected axis in [-2, 2), got 2",
     [] {
       take_along_axis(m, zeros({3, 2}, int32), 2);
     }},
    {"take_along_axis: expected indices with 2 dimensions, got (2,)",
     [] { take_along_axis(m, i, 0); }},
    {"take_along_axis: expected shapes that broadcast together, got (1, 4) and (1, 2)",
     [] {
       take_along_axis(m, zeros({5, 2}, int32), 0);
     }},
    {"take_along_axis: expected integer indices, got float32",
     [] {
       take_along_axis(m, ones({3, 2}), 1);
     }},
    {"put_along_axis: expected axis in [-2, 2), got 2",
     [] {
       put_along_axis(m, zeros({3, 2}, int32), s, 2);
     }},
    {"put_along_axis: expected indices with 2 dimensions, got (2,)",
     [] { put_along_axis(m, i, s, 0); }},
    {"put_along_axis: expected shapes that broadcast together, got (1, 4) and (1, 2)",
     [] {
       put_along_axis(m, zeros({5, 2}, int32), s, 0);
     }},
    {"put_along_axis: expected values that broadcast to the indices' shape (3, 2), got (3, 5)",
     [] {
       put_along_axis(m, zeros({3, 2}, int32), ones({3, 5}), 1);
     }},
    {"put_along_axis: expected integer indices, got float32",
     [] {
       put_along_axis(m, ones({3, 2}), s, 1);
     }},
    {"scatter_add_axis: expected axis in [-2, 2), got 2",
     [] {
       scatter_add_axis(m, zeros({3, 2}, int32), s, 2);
     }},
    {"scatter_add_axis: expected indices with 2 dimensions, got (2,)",
     [] { scatter_add_axis(m, i, s, 0); }},
    {"scatter_add_axis: expected values that broadcast to the indices' shape (3, 2), got (3, 5)",
     [] {
       scatter_add_axis(m, zeros({3, 2}, int32), ones({3, 5}), 1);
     }},
    {"scatter_add_axis: expected integer indices, got float32",
     [] {
       scatter_add_axis(m, ones({3, 2}), s, 1);
     }},
    {"scatter: expected axis in [-2, 2), got 2",
     [] {
       scatter(m, i, ones({2, 1, 4}), 2);
     }},
    {"scatter: expected updates of the indices' shape (2,) followed by a slice of a (3, 4), got "
     "(2, 4)",
     [] {
       scatter(m, i, ones({2, 4}), 0);
     }},
    {"scatter: expected updates of the indices' shape (2,) followed by a slice of a (3, 4), got "
     "(3, 1, 4)",
     [] {
       scatter(m, i, ones({3, 1, 4}), 0);
     }},
    {"scatter: expected updates of the indices' shape (2,) followed by a slice of a (3, 4), got "
     "(2, 1, 5)",
     [] {
       scatter(m, i, ones({2, 1, 5}), 0);
     }},
    {"scatter: expected each axis once, got axis 0 twice",
     [] {
       scatter(m, {i, i}, ones({2, 1, 1}), {0, 0});
     }},
    {"scatter: expected one index array for each of 1 axes, got 2",
     [] {
       scatter(m, {i, i}, ones({2, 1, 1}), {0});
     }},
    {"scatter: expected integer indices, got float32",
     [] {
       scatter(m, ones({2}), ones({2, 1, 4}), 0);
     }},
    {"scatter: expected integer indices, got bool",
     [] {
       scatter(m, array({true, false}), ones({2, 1, 4}), 0);
     }},
    {"matmul: expected b (..., 4, n) for a (3, 4), got (3, 4)", [] { matmul(m, m); }},
    {"matmul: expected a with at least one dimension, got ()", [] { matmul(s, m); }},
    {"matmul: expected b with at least one dimension, got ()", [] { matmul(m, s); }},
    {"matmul: expected shapes that broadcast together, got (2,) and (3,)",
     [] {
       matmul(ones({2, 3, 4}), ones({3, 4, 5}));
     }},
    {"matmul: expected floating or complex operands, got int32 and int32",
     [] {
       matmul(zeros({2, 2}, int32), zeros({2, 2}, int32));
     }},
    {"matmul: expected b (4,) for a (4,), got (3,)", [] { matmul(v, ones({3})); }},
    {"addmm: expected b (..., 4, n) for a (3, 4), got (3, 4)", [] { addmm(s, m, m); }},
    {"addmm: expected c that broadcasts to (3, 3), got (5,)",
     [] { addmm(ones({5}), m, transpose(m)); }},
    {"addmm: expected a with at least one dimension, got ()", [] { addmm(s, s, m); }},
    {"addmm: expected floating or complex operands, got int32, int32 and int32",
     [] {
       addmm(array(1), zeros({2, 2}, int32), zeros({2, 2}, int32));
     }},
    {"addmm: expected c that broadcasts to (3, 3), got (2, 3, 3)",
     [] {
       addmm(ones({2, 3, 3}), m, transpose(m));
     }},
    {"inner: expected b (..., 4), got (3,)", [] { inner(m, ones({3})); }},
    {"matmul: expected floating or complex operands, got int32 and int32", [] { inner(i, i); }},
    {"tensordot: expected axis in [0, 3], got 4", [] { tensordot(a, a, 4); }},
    {"tensordot: expected axis in [0, 3], got -1", [] { tensordot(a, a, -1); }},
    {"tensordot: expected equal sizes of the contracted axes, got a (2, 3, 4) and b (2, 3, 4)",
     [] { tensordot(a, a, 1); }},
    {"tensordot: expected as many axes_b as axes_a, 1, got 2",
     [] {
       tensordot(a, a, {0}, {0, 1});
     }},
    {"tensordot: expected axis in [-3, 3), got 3", [] { tensordot(a, a, {3}, {0}); }},
    {"tensordot: expected equal sizes of the contracted axes, got a (2, 3, 4) and b (2, 3, 4)",
     [] { tensordot(a, a, {0}, {1}); }},
    {"tensordot: expected each axis once, got axis 0 twice",
     [] {
       tensordot(a, a, {0, 0}, {0, 0});
     }},
    {"vecdot: expected a and b with at least one dimension, got () and (4,)", [] { vecdot(s, v); }},
    {"vecdot: expected b with 4 elements along axis 1, got (3, 3)",
     [] {
       vecdot(m, ones({3, 3}));
     }},
    {"vecdot: expected axis in [-2, 2), got 2", [] { vecdot(m, m, 2); }},
    {"multiply: expected shapes that broadcast together, got (3, 4) and (2, 4)",
     [] {
       vecdot(m, ones({2, 4}));
     }},
    {"kron: expected non-empty a and b, got (0, 3) and (4,)", [] { kron(e, v); }},
    {"conv1d: expected input (N, L, C), got (3, 4)",
     [] {
       conv1d(m, ones({1, 2, 4}));
     }},
    {"conv1d: expected weight with the dimensions of input (N, L, C), got (3, 4)",
     [] { conv1d(a, m); }},
    {"conv1d: expected weight (out_channels, ..., 4) for input (2, 3, 4) in 1 groups, got (1, 2, "
     "3)",
     [] {
       conv1d(a, ones({1, 2, 3}));
     }},
    {"conv1d: expected out_channels divisible by groups 2, got weight (3, 2, 2)",
     [] {
       conv1d(a, ones({3, 2, 2}), 1, 0, 1, 2);
     }},
    {"conv1d: expected a weight that fits into the padded input (2, 3, 4) along axis 1, got (1, 5, "
     "4)",
     [] {
       conv1d(a, ones({1, 5, 4}));
     }},
    {"conv1d: expected strides of at least 1, got 0",
     [] {
       conv1d(a, ones({1, 2, 4}), 0);
     }},
    {"conv1d: expected a weight that fits into the padded input (2, 3, 4) along axis 1, got (1, 2, "
     "4)",
     [] {
       conv1d(a, ones({1, 2, 4}), 1, -1);
     }},
    {"conv1d: expected kernel dilations of at least 1, got 0",
     [] {
       conv1d(a, ones({1, 2, 4}), 1, 0, 0);
     }},
    {"conv1d: expected a floating input, got int32",
     [] {
       conv1d(zeros({1, 3, 1}, int32), ones({1, 2, 1}));
     }},
    {"conv1d: expected groups of at least 1, got 0",
     [] {
       conv1d(a, ones({1, 2, 4}), 1, 0, 1, 0);
     }},
    {"conv1d: expected groups of at least 1, got -1",
     [] {
       conv1d(a, ones({1, 2, 4}), 1, 0, 1, -1);
     }},
    {"conv2d: expected input (N, H, W, C), got (2, 3, 4)",
     [] {
       conv2d(a, ones({1, 1, 1, 4}));
     }},
    {"conv2d: expected strides of at least 1, got 0",
     [] {
       conv2d(ones({1, 3, 3, 1}), ones({1, 2, 2, 1}), {0, 1});
     }},
    {"conv2d: expected a weight that fits into the padded input (1, 3, 3, 1) along axis 1, got (1, "
     "2, 2, 1)",
     [] {
       conv2d(ones({1, 3, 3, 1}), ones({1, 2, 2, 1}), {1, 1}, {-1, 0});
     }},
    {"conv2d: expected kernel dilations of at least 1, got 0",
     [] {
       conv2d(ones({1, 3, 3, 1}), ones({1, 2, 2, 1}), {1, 1}, {0, 0}, {0, 1});
     }},
    {"conv2d: expected weight (out_channels, ..., 1) for input (1, 3, 3, 1) in 1 groups, got (1, "
     "2, "
     "2, 2)",
     [] {
       conv2d(ones({1, 3, 3, 1}), ones({1, 2, 2, 2}));
     }},
    {"conv3d: expected input (N, D, H, W, C), got (2, 3, 4)",
     [] {
       conv3d(a, ones({1, 1, 1, 1, 4}));
     }},
    {"conv3d: expected strides of at least 1, got 0",
     [] {
       conv3d(ones({1, 3, 3, 3, 1}), ones({1, 2, 2, 2, 1}), {0, 1, 1});
     }},
    {"conv_general: expected input (N, ..., C) with one to three spatial axes, got (4,)",
     [] { conv_general(v, v, {}, {}, {}, {}, 1); }},
    {"conv_general: expected 2 strides for as many spatial axes, got 3",
     [] {
       conv_general(ones({1, 3, 3, 1}), ones({1, 2, 2, 1}), {1, 1, 1}, {}, {}, {}, 1);
     }},
    {"conv_general: expected input dilations of at least 1, got 0",
     [] {
       conv_general(ones({1, 3, 3, 1}), ones({1, 2, 2, 1}), {}, {}, {}, {0}, 1);
     }},
    {"conv_general: expected a weight that fits into the padded input (1, 3, 3, 1) along axis 1, "
     "got (1, "
     "2, 2, 1)",
     [] {
       conv_general(ones({1, 3, 3, 1}), ones({1, 2, 2, 1}), {}, {-2}, {}, {}, 1);
     }},
    {"conv_general: expected input (N, ..., C) with one to three spatial axes, got (1, 2, 2, 2, 2, "
     "1)",
     [] {
       conv_general(ones({1, 2, 2, 2, 2, 1}), ones({1, 1, 1, 1, 1, 1}), {}, {}, {}, {}, 1);
     }},
    {"conv_transpose1d: expected input (N, L, C), got (3, 4)",
     [] {
       conv_transpose1d(m, ones({1, 2, 4}));
     }},
    {"conv_transpose1d: expected weight (out_channels, ..., 4) for input (2, 3, 4) in 1 groups, "
     "got (1, 2, 3)",
     [] {
       conv_transpose1d(a, ones({1, 2, 3}));
     }},
    {"conv_transpose1d: expected input dilations of at least 1, got 0",
     [] {
       conv_transpose1d(a, ones({1, 2, 4}), 0);
     }},
    {"conv_transpose2d: expected input (N, H, W, C), got (2, 3, 4)",
     [] {
       conv_transpose2d(a, ones({1, 1, 1, 4}));
     }},
    {"conv_transpose3d: expected input (N, D, H, W, C), got (2, 3, 4)",
     [] {
       conv_transpose3d(a, ones({1, 1, 1, 1, 4}));
     }},
    {"conv_transpose1d: expected out_channels divisible by groups 2, got weight (3, 2, 2)",
     [] {
       conv_transpose1d(a, ones({3, 2, 2}), 1, 0, 1, 0, 2);
     }},
};

struct NamedScatter {
  const char* name;
  array (*one)(const array&, const array&, const array&, int, StreamOrDevice);
  array (*several)(const array&, const std::vector<array>&, const array&, const std::vector<int>&,
                   StreamOrDevice);
};
constexpr NamedScatter scatters[] = {{"scatter_add", scatter_add, scatter_add},
                                     {"scatter_prod", scatter_prod, scatter_prod},
                                     {"scatter_max", scatter_max, scatter_max},
                                     {"scatter_min", scatter_min, scatter_min}};

TEST(Refusals, IndexingAndProducts) { expect_refusals(indexing); }

TEST(Refusals, Scatters) {
  for (const NamedScatter& f : scatters) {
    const std::string op = std::string(f.name) + ": expected ";
    const std::string updates =
        op + "updates of the indices' shape (2,) followed by a slice of a (3, 4), got ";
    expect_refusal(op + "axis in [-2, 2), got 2", [&] { f.one(m, i, ones({2, 1, 4}), 2, {}); });
    expect_refusal(updates + "(2, 4)", [&] { f.one(m, i, ones({2, 4}), 0, {}); });
    expect_refusal(updates + "(3, 1, 4)", [&] { f.one(m, i, ones({3, 1, 4}), 0, {}); });
    expect_refusal(updates + "(2, 1, 5)", [&] { f.one(m, i, ones({2, 1, 5}), 0, {}); });
    expect_refusal(op + "each axis once, got axis 0 twice", [&] {
      f.several(m, {i, i}, ones({2, 1, 1}), {0, 0}, {});
    });
    expect_refusal(op + "one index array for each of 1 axes, got 2", [&] {
      f.several(m, {i, i}, ones({2, 1, 1}), {0}, {});
    });
    expect_refusal(op + "integer indices, got float32", [&] {
      f.one(m, v, ones({4, 1, 4}), 0, {});
    });
    expect_refusal(op + "integer indices, got bool", [&] { f.one(m, b, ones({2, 1, 4}), 0, {}); });
  }
}

}  // namespace
}  // namespace mica::golden
