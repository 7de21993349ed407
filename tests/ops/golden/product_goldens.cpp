// Products of ops.h, convolutions and the norms of fast.h.
#include <gtest/gtest.h>

#include "mica/fast/fast.h"
#include "mica/ops/ops.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;
using Axes = std::vector<int>;

constexpr Tolerance fused{.absolute = 3e-7};      // where terms cancel
constexpr Tolerance rounded{.absolute = 1.6e-2};  // mlx rounds to half precision in between

constexpr Case products[] = {
    {"matmul", [](In x) -> Out { return matmul(x[0], x[1]); }},
    {"addmm", [](In x) -> Out { return addmm(x[0], x[1], x[2]); }},
    {"addmm_scaled", [](In x) -> Out { return addmm(x[0], x[1], x[2], 0.5f, -2.f); }},
    {"inner", [](In x) -> Out { return inner(x[0], x[1]); }},
    {"outer", [](In x) -> Out { return outer(x[0], x[1]); }},
    {"tensordot", [](In x) -> Out { return tensordot(x[0], x[1]); }},
    {"tensordot_none", [](In x) -> Out { return tensordot(x[0], x[1], 0); }},
    {"tensordot_one", [](In x) -> Out { return tensordot(x[0], x[1], 1); }},
    {"tensordot_axes",
     [](In x) -> Out {
       return tensordot(x[0], x[1], Axes{1, -1}, Axes{0, 1});
     }},
    {"vecdot", [](In x) -> Out { return vecdot(x[0], x[1]); }},
    {"vecdot_axis", [](In x) -> Out { return vecdot(x[0], x[1], -2); }},
    {"kron", [](In x) -> Out { return kron(x[0], x[1]); }},
    {"depends", [](In x) -> Out { return depends({x[0]}, {x[1]}); }},
};

constexpr Case convolutions[] = {
    {"conv1d", [](In x) -> Out { return conv1d(x[0], x[1]); }},
    {"conv1d_stride", [](In x) -> Out { return conv1d(x[0], x[1], 2, 1); }},
    {"conv1d_dilation", [](In x) -> Out { return conv1d(x[0], x[1], 1, 2, 2); }},
    {"conv1d_groups", [](In x) -> Out { return conv1d(x[0], x[1], 1, 1, 1, 2); }},
    {"conv1d_depthwise", [](In x) -> Out { return conv1d(x[0], x[1], 1, 1, 1, 4); }},
    {"conv2d", [](In x) -> Out { return conv2d(x[0], x[1]); }},
    {"conv2d_pairs",
     [](In x) -> Out {
       return conv2d(x[0], x[1], {2, 1}, {1, 2}, {1, 2});
     }},
    {"conv2d_groups",
     [](In x) -> Out {
       return conv2d(x[0], x[1], {1, 1}, {1, 1}, {1, 1}, 2);
     }},
    {"conv3d", [](In x) -> Out { return conv3d(x[0], x[1]); }},
    {"conv3d_triples",
     [](In x) -> Out {
       return conv3d(x[0], x[1], {2, 1, 1}, {1, 0, 2}, {1, 1, 2});
     }},
    {"conv_general", [](In x) -> Out { return conv_general(x[0], x[1], {}, {}, {}, {}, 1); }},
    {"conv_general_symmetric",
     [](In x) -> Out {
       return conv_general(x[0], x[1], Axes{2, 1}, Axes{1, 0}, Axes{1, 2}, Axes{1, 2}, 1, true);
     }},
    {"conv_general_sides",
     [](In x) -> Out {
       return conv_general(x[0], x[1], {1}, {0, 2}, {3, 1}, {1}, {2}, 1, false);
     }},
    {"conv_general_groups",
     [](In x) -> Out { return conv_general(x[0], x[1], {2}, {1}, {0}, {2}, {1}, 2, true); }},
    {"conv_general_crop",
     [](In x) -> Out {
       return conv_general(x[0], x[1], Axes{}, Axes{-1, 0}, Axes{0, -2}, Axes{}, Axes{});
     }},
    {"conv_transpose1d", [](In x) -> Out { return conv_transpose1d(x[0], x[1]); }},
    {"conv_transpose1d_all", [](In x) -> Out { return conv_transpose1d(x[0], x[1], 2, 1, 2, 1); }},
    {"conv_transpose1d_groups",
     [](In x) -> Out { return conv_transpose1d(x[0], x[1], 2, 0, 1, 0, 2); }},
    {"conv_transpose2d", [](In x) -> Out { return conv_transpose2d(x[0], x[1]); }},
    {"conv_transpose2d_all",
     [](In x) -> Out {
       return conv_transpose2d(x[0], x[1], {2, 1}, {1, 2}, {1, 2}, {1, 0});
     }},
    {"conv_transpose3d", [](In x) -> Out { return conv_transpose3d(x[0], x[1]); }},
    {"conv_transpose3d_all",
     [](In x) -> Out {
       return conv_transpose3d(x[0], x[1], {2, 1, 2}, {1, 0, 1}, {1, 1, 1}, {0, 0, 1});
     }},
};

constexpr Case norms[] = {
    {"rms_norm", [](In x) -> Out { return fast::rms_norm(x[0], x[1], 1e-5f); }, fused},
    {"rms_norm_plain", [](In x) -> Out { return fast::rms_norm(x[0], std::nullopt, 1e-5f); },
     fused},
    {"rms_norm_eps", [](In x) -> Out { return fast::rms_norm(x[0], x[1], 0.5f); }, fused},
    {"layer_norm", [](In x) -> Out { return fast::layer_norm(x[0], x[1], x[2], 1e-5f); }, fused},
    {"layer_norm_half", [](In x) -> Out { return fast::layer_norm(x[0], x[1], x[2], 1e-5f); },
     rounded},
    {"layer_norm_plain",
     [](In x) -> Out { return fast::layer_norm(x[0], std::nullopt, std::nullopt, 1e-5f); }, fused},
    {"layer_norm_weight",
     [](In x) -> Out { return fast::layer_norm(x[0], x[1], std::nullopt, 1e-5f); }, fused},
    {"layer_norm_bias",
     [](In x) -> Out { return fast::layer_norm(x[0], std::nullopt, x[1], 1e-5f); }, fused},
    {"layer_norm_eps", [](In x) -> Out { return fast::layer_norm(x[0], x[1], x[2], 0.5f); }, fused},
};

TEST(ProductGoldens, Products) { expect_cases("ops/products", products); }
TEST(ProductGoldens, Convolutions) { expect_cases("ops/convolutions", convolutions); }
TEST(ProductGoldens, Norms) { expect_cases("ops/norms", norms); }

}  // namespace
}  // namespace mica::golden
