// Functions of ops.h about differences, sorted sequences, windows and bits.
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;

constexpr Tolerance cancelling{.absolute = 2e-7};

constexpr Case cases[] = {
    {"diff", [](In x) -> Out { return diff(x[0]); }},
    {"diff_axis", [](In x) -> Out { return diff(x[0], 2, 0); }},
    {"diff_far", [](In x) -> Out { return diff(x[0], 9, 0); }},
    {"searchsorted_left", [](In x) -> Out { return searchsorted(x[0], x[1]); }},
    {"searchsorted_right", [](In x) -> Out { return searchsorted(x[0], x[1], "right"); }},
    {"view_uint8", [](In x) -> Out { return view(x[0], uint8); }},
    {"view_uint16", [](In x) -> Out { return view(x[0], uint16); }},
    {"view_int32", [](In x) -> Out { return view(x[0], int32); }},
    {"view_float16", [](In x) -> Out { return view(x[0], float16); }},
    {"hanning", [](In) -> Out { return hanning(7); }, cancelling},
    {"hanning_1", [](In) -> Out { return hanning(1); }, cancelling},
    {"hanning_0", [](In) -> Out { return hanning(0); }, cancelling},
    {"hamming", [](In) -> Out { return hamming(7); }, cancelling},
    {"hamming_1", [](In) -> Out { return hamming(1); }, cancelling},
    {"hamming_0", [](In) -> Out { return hamming(0); }, cancelling},
    {"bartlett", [](In) -> Out { return bartlett(7); }, cancelling},
    {"bartlett_1", [](In) -> Out { return bartlett(1); }, cancelling},
    {"bartlett_0", [](In) -> Out { return bartlett(0); }, cancelling},
    {"blackman", [](In) -> Out { return blackman(7); }, cancelling},
    {"blackman_1", [](In) -> Out { return blackman(1); }, cancelling},
    {"blackman_0", [](In) -> Out { return blackman(0); }, cancelling},
    {"masked_scatter", [](In x) -> Out { return masked_scatter(x[0], x[1], x[2]); }},
    {"hadamard", [](In x) -> Out { return hadamard_transform(x[0]); }, cancelling},
    {"hadamard_scale", [](In x) -> Out { return hadamard_transform(x[0], 0.25f); }, cancelling},
    {"to_fp8", [](In x) -> Out { return to_fp8(x[0]); }},
    {"from_fp8", [](In x) -> Out { return from_fp8(x[0], float32); }},
    {"from_fp8_half", [](In x) -> Out { return from_fp8(x[0], bfloat16); }},
};

TEST(SequenceGoldens, All) { expect_cases("ops/sequences", cases); }

}  // namespace
}  // namespace mica::golden
