// fast::cross_entropy and fast::gated_delta_update give mlx's values and gradients.
#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using fast::cross_entropy;
using fast::gated_delta_update;
using test::expect_error;

TEST(CrossEntropy, GivesMlxsValues) {
  const Goldens file = golden::load("fast/cross_entropy");
  const array logits = file.at("logits"), targets = file.at("targets");
  const auto loss = [&](const array& x) { return cross_entropy(x, targets); };
  expect_case(file, "float32", loss, logits);
  // mlx reduces in half precision there.
  expect_case(file, "float16", loss, astype(logits, float16), half_tolerance(float16));
  expect_case(
      file, "uint8", [&](const array& x) { return cross_entropy(x, array(4, uint8)); },
      file.at("line"));
}

TEST(CrossEntropy, IsFloat32AndStable) {
  const array loss = cross_entropy(array({1000.0f, 0.0f}), array(1));
  EXPECT_EQ(loss.item<float>(), 1000);
  EXPECT_EQ(cross_entropy(zeros({2, 3}, bfloat16), zeros({2}, int32)).dtype(), float32);
  EXPECT_EQ(to_string(cross_entropy(zeros({0, 3}), zeros({0}, int32)).shape()), "(0,)");
}

// Against what the transforms derive from the definition.
TEST(CrossEntropy, DerivativesAndBatches) {
  const Goldens file = golden::load("fast/cross_entropy");
  const array logits = file.at("logits"), targets = file.at("targets");
  const array direction = file.at("float32.gradients.0") + 0.3f;
  const auto defined = [&](const array& x, const array& t) {
    return logsumexp(x, -1) - squeeze(take_along_axis(x, expand_dims(t, -1), -1), -1);
  };
  const auto fused = [&](const array& x, const array& t) { return cross_entropy(x, t); };
  const auto derivatives = [&](const auto& loss) {
    const auto total = [&](const array& x) { return sum(square(loss(x, targets))); };
    const auto slope = [&](const array& x) { return sum(grad(total)(x) * direction); };
    const auto batched = vmap([&](const array& x, const array& t) {
      return grad([&](const array& x) { return sum(square(loss(x, t))); })(x);
    });
    return std::vector<array>{
        jvp([&](const array& x) { return loss(x, targets); }, logits, direction).second,
        grad(total)(logits), grad(slope)(logits), vmap(loss)(logits, targets),
        batched(logits, targets)};
  };
  const auto expected = derivatives(defined), got = derivatives(fused);
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(i);
    golden::expect_close(got[i], expected[i], 1e-4, 1e-5);
  }
}

TEST(CrossEntropy, RefusesBadArguments) {
  const std::string name = "cross_entropy: expected ";
  const auto call = [](const array& logits, const array& targets) {
    return [=] { cross_entropy(logits, targets); };
  };
  expect_error(call(zeros({3, 4}, int32), zeros({3}, int32)),
               name + "logits of a floating dtype, got int32");
  expect_error(call(array(1.0f), array(0)), name + "logits (..., classes), got ()");
  expect_error(call(zeros({3, 4}), zeros({3})), name + "integer targets, got float32");
  expect_error(call(zeros({3, 4}), zeros({3, 1}, int32)), name + "targets (3,), got (3, 1)");
}

class GatedDelta : public ::testing::Test {
 protected:
  void expect_update(const std::string& name, const std::vector<array>& inputs,
                     const std::optional<array>& mask = std::nullopt) const {
    const auto update = [&](const std::vector<array>& x) {
      const std::optional<array> state = x.size() > 5 ? std::optional(x[5]) : std::nullopt;
      return gated_delta_update(x[0], x[1], x[2], x[3], x[4], state, mask);
    };
    const std::vector<array> results = update(inputs);
    golden::expect_close(results[0], file_.at(name + ".outputs"), 1e-4, 1e-5);
    golden::expect_close(results[1], file_.at(name + ".last"), 1e-4, 1e-5);
    expect_case(file_, name,
                [&](const std::vector<array>& x) {
                  const std::vector<array> r = update(x);
                  return concatenate({flatten(r[0]), flatten(r[1])});
                },
                inputs, file_.at(name + ".cotangent"), {1e-4, 1e-5});
  }

  const Goldens file_ = golden::load("fast/gated_delta");
  const array q_ = file_.at("q"), k_ = file_.at("k"), v_ = file_.at("v");
  const array gates_ = file_.at("gates"), beta_ = file_.at("beta"), state_ = file_.at("state");
};

TEST_F(GatedDelta, EveryOption) {
  expect_update("plain", {q_, k_, v_, gates_, beta_});
  expect_update("row_gated", {q_, k_, v_, file_.at("row_gates"), beta_});
  expect_update("from_state", {q_, k_, v_, gates_, beta_, state_});
  expect_update("masked", {q_, k_, v_, gates_, beta_, state_}, file_.at("mask"));
}

TEST_F(GatedDelta, KeepsTheStateInFloat32) {
  const auto half = [](const array& x) { return astype(x, bfloat16); };
  const auto results = gated_delta_update(half(q_), half(k_), half(v_), half(gates_), half(beta_));
  expect_close(results[0], file_.at("bfloat16.outputs"), half_tolerance(bfloat16));
  expect_close(results[1], file_.at("bfloat16.last"), half_tolerance(bfloat16));
}

TEST_F(GatedDelta, NoSteps) {
  const auto none = [](const array& x) {
    Shape shape = x.shape();
    shape[1] = 0;
    return zeros(shape);
  };
  const auto results =
      gated_delta_update(none(q_), none(k_), none(v_), none(gates_), none(beta_), state_);
  EXPECT_EQ(to_string(results[0].shape()), "(2, 0, 4, 5)");
  golden::expect_same(results[1], state_);
}

TEST_F(GatedDelta, RefusesBadArguments) {
  const std::string name = "gated_delta_update: expected ";
  expect_error([&] { gated_delta_update(take(q_, 0, 0), k_, v_, gates_, beta_); },
               name + "queries (batch, length, heads, size), got (4, 2, 3)");
  expect_error([&] { gated_delta_update(q_, v_, v_, gates_, beta_); },
               name + "keys (2, 4, 2, 3), got (2, 4, 4, 5)");
  const array three = zeros({2, 4, 3, 5});
  expect_error([&] { gated_delta_update(q_, k_, three, gates_, beta_); },
               name + "a multiple of the keys' 2 heads in values, got 3");
  expect_error(
      [&] {
        gated_delta_update(q_, k_, v_, zeros({2, 4, 2}), beta_);
      },
      name + "gates (2, 4, 4), got (2, 4, 2)");
  expect_error([&] { gated_delta_update(q_, k_, v_, gates_, gates_, v_); },
               name + "initial_state (2, 4, 5, 3), got (2, 4, 4, 5)");
  expect_error([&] { gated_delta_update(q_, k_, v_, gates_, beta_, state_, ones({4})); },
               name + "mask (2, 4), got (4,)");
  const auto whole = [](const array& x) { return astype(x, int32); };
  expect_error([&] { gated_delta_update(whole(q_), whole(k_), whole(v_), gates_, beta_); },
               name + "operands of a floating dtype, got int32");
}

}  // namespace
}  // namespace mica
