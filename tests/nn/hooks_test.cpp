#include <gtest/gtest.h>

#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/linear.h"
#include "mica/ops/ops.h"
#include "tests/golden.h"

namespace mica {
namespace {

using golden::expect_same;

// A user's module, which calls its own hooks.
struct Twice : nn::Module {
  nn::Linear inner{3, 3};
  MICA_MODULE(Twice, inner)
  array operator()(const array& x) const { return hooked(inner(inner(x)), x); }
};

TEST(Hooks, SeeInputsAndOutputsOfEachCall) {
  Twice model;
  std::vector<array> inputs, outputs;
  auto handle = model.inner.register_forward_hook([&](const nn::ForwardCall& call) {
    EXPECT_EQ(&call.module, &model.inner);
    inputs.push_back(call.inputs.at(0));
    outputs.push_back(call.outputs.at(0));
  });
  const array x({{1.0f, 2.0f, 3.0f}});
  const array y = model(x);
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].id(), x.id());
  EXPECT_EQ(inputs[1].id(), outputs[0].id());
  EXPECT_EQ(outputs[1].id(), y.id());
  expect_same(outputs[0], matmul(x, transpose(model.inner.weight)) + *model.inner.bias);

  handle.remove();
  model(x);
  EXPECT_EQ(inputs.size(), 2u);
}

TEST(Hooks, StayWithTheModuleAndNotWithCopies) {
  int calls = 0;
  nn::Sequential model{nn::Linear(2, 3), Twice()};
  {
    auto whole = model.register_forward_hook([&](const nn::ForwardCall&) { ++calls; });
    auto twice = model.layers[1]->register_forward_hook(
        [&](const nn::ForwardCall& call) { calls += 10 * call.outputs[0].shape(0); });
    model(zeros({5, 2}));
    EXPECT_EQ(calls, 51);
    nn::Sequential copy = model;
    copy(zeros({5, 2}));
    EXPECT_EQ(calls, 51);
    nn::Sequential moved = std::move(model);
    moved(zeros({1, 2}));
    EXPECT_EQ(calls, 62);
    model = std::move(moved);
  }
  model(zeros({5, 2}));
  EXPECT_EQ(calls, 62);
}

}  // namespace
}  // namespace mica
