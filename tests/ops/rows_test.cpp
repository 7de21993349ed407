#include <gtest/gtest.h>

#include <string>

#include "tests/ops/all_rows.h"

namespace mica::testing {
namespace {

class OpRows : public ::testing::TestWithParam<OpRow> {};

TEST_P(OpRows, Forward) { check_forward(GetParam()); }
TEST_P(OpRows, Strided) { check_strided(GetParam()); }
TEST_P(OpRows, Vjp) { check_vjp(GetParam()); }
TEST_P(OpRows, Jvp) { check_jvp(GetParam()); }
TEST_P(OpRows, SecondOrder) { check_second_order(GetParam()); }
TEST_P(OpRows, Vmap) { check_vmap(GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, OpRows, ::testing::ValuesIn(all_rows()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace mica::testing
