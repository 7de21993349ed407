#include <gtest/gtest.h>

#include <set>
#include <string>

#include "mica/engine/node.h"
#include "mica/ops/op_list.h"
#include "mica/ops/ops.h"
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

void add_ops(const array& output, std::set<OpId>& ids) {
  std::set<const engine::Node*> seen;
  Arrays pending{output};
  while (!pending.empty()) {
    const array a = pending.back();
    pending.pop_back();
    const engine::Node& node = a.node();
    if (!seen.insert(&node).second) continue;
    if (node.op) ids.insert(node.op->id);
    for (const array& input : node.inputs()) pending.push_back(input);
  }
}

TEST(OpCoverage, EveryPrimitiveHasARow) {
  std::set<OpId> ids;
  for (const OpRow& row : all_rows()) {
    for (const std::vector<Operand>& operands : row.cases) {
      Arrays inputs;
      for (const Operand& operand : operands) {
        inputs.push_back(zeros(operand.shape, operand.dtype.value_or(row.dtypes.front())));
        inputs.back().node().tracer = true;  // rules of functions are recorded for tracers only
      }
      for (const array& output : row.fun(inputs)) add_ops(output, ids);
    }
  }
  for (uint16_t id = 0; id < static_cast<uint16_t>(OpId::count); ++id) {
    const char* name = engine::op_info(OpId{id}).name;
    EXPECT_TRUE(ids.contains(OpId{id})) << "no row of tests/ops/all_rows.h reaches " << name;
  }
}

}  // namespace
}  // namespace mica::testing
