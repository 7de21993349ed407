// Activations give the values and gradients of mlx.nn's, at their bends and far away too; the
// layers give what the functions give.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

using Function = std::function<array(const array&)>;

struct Row {
  const char* name;  // of the golden case
  Function function;
  Function layer;  // empty where a function's argument has no layer
};

const std::vector<Row> pointwise{
    {"sigmoid", nn::sigmoid, nn::Sigmoid()},
    {"relu", nn::relu, nn::ReLU()},
    {"relu2", nn::relu2, nn::ReLU2()},
    {"relu6", nn::relu6, nn::ReLU6()},
    {"leaky_relu", [](const array& x) { return nn::leaky_relu(x); }, nn::LeakyReLU()},
    {"leaky_relu_slope", [](const array& x) { return nn::leaky_relu(x, 0.25); },
     nn::LeakyReLU(0.25)},
    {"elu", [](const array& x) { return nn::elu(x); }, nn::ELU()},
    {"elu_alpha", [](const array& x) { return nn::elu(x, 0.5); }, nn::ELU(0.5)},
    {"softplus", nn::softplus, nn::Softplus()},
    {"softsign", nn::softsign, nn::Softsign()},
    {"softshrink", [](const array& x) { return nn::softshrink(x); }, nn::Softshrink()},
    {"softshrink_lambd", [](const array& x) { return nn::softshrink(x, 1.5); },
     nn::Softshrink(1.5)},
    {"celu", [](const array& x) { return nn::celu(x); }, nn::CELU()},
    {"celu_alpha", [](const array& x) { return nn::celu(x, 0.5); }, nn::CELU(0.5)},
    {"silu", nn::silu, nn::SiLU()},
    {"log_sigmoid", nn::log_sigmoid, nn::LogSigmoid()},
    {"gelu", nn::gelu, nn::GELU()},
    {"gelu_approx", nn::gelu_approx, nn::GELU(nn::GELU::Approx::precise)},
    {"gelu_approx", nn::gelu_approx, nn::GELU(nn::GELU::Approx::tanh)},
    {"gelu_fast_approx", nn::gelu_fast_approx, nn::GELU(nn::GELU::Approx::fast)},
    {"selu", nn::selu, nn::SELU()},
    {"mish", nn::mish, nn::Mish()},
    {"hardswish", nn::hardswish, nn::Hardswish()},
    {"hard_tanh", [](const array& x) { return nn::hard_tanh(x); }, nn::HardTanh()},
    {"hard_tanh_limits", [](const array& x) { return nn::hard_tanh(x, -0.5, 3.0); }, {}},
    {"hard_shrink", [](const array& x) { return nn::hard_shrink(x); }, nn::HardShrink()},
    {"hard_shrink_lambd", [](const array& x) { return nn::hard_shrink(x, 1.5); },
     nn::HardShrink(1.5)},
    {"tanh", nn::tanh, nn::Tanh()},
    {"prelu_one", [](const array& x) { return nn::prelu(x, array({0.25f})); }, nn::PReLU()},
    {"prelu_one_init", [](const array& x) { return nn::prelu(x, array({0.75f})); },
     nn::PReLU(1, {.init = 0.75})},
};

const std::vector<Row> along_axis{
    {"softmax", [](const array& x) { return nn::softmax(x); }, nn::Softmax()},
    {"softmax_axis", [](const array& x) { return nn::softmax(x, 0); }, {}},
    {"softmin", [](const array& x) { return nn::softmin(x); }, nn::Softmin()},
    {"softmin_axis", [](const array& x) { return nn::softmin(x, 0); }, {}},
    {"log_softmax", [](const array& x) { return nn::log_softmax(x); }, nn::LogSoftmax()},
    {"log_softmax_axis", [](const array& x) { return nn::log_softmax(x, 0); }, {}},
    {"glu", [](const array& x) { return nn::glu(x); }, nn::GLU()},
    {"glu_axis", [](const array& x) { return nn::glu(x, 0); }, nn::GLU(0)},
};

class Activations : public ::testing::Test {
 protected:
  const Goldens file_ = golden::load("nn/activations");
  const array flat_ = file_.at("flat"), matrix_ = file_.at("matrix");
};

TEST_F(Activations, Pointwise) {
  for (const Row& row : pointwise)
    expect_case(
        file_, row.name, [&](const std::vector<array>& x) { return row.function(x[0]); }, {flat_},
        file_.at("cotangent"));
}

TEST_F(Activations, AlongAnAxis) {
  for (const Row& row : along_axis) expect_case(file_, row.name, row.function, matrix_);
}

TEST_F(Activations, PReLUWithAParameterForEachFeature) {
  expect_case(
      file_, "prelu", [](const std::vector<array>& x) { return nn::prelu(x[0], x[1]); },
      {matrix_, file_.at("alpha")}, file_.at("prelu.cotangent"));
  nn::PReLU layer(6);
  layer.weight = file_.at("alpha");
  golden::expect_same(layer(matrix_), nn::prelu(matrix_, file_.at("alpha")));
}

TEST_F(Activations, Step) {
  golden::expect_same(nn::step(flat_), file_.at("step.output"));
  golden::expect_same(nn::step(flat_, 1.5), file_.at("step_threshold.output"));
  golden::expect_same(nn::Step()(flat_), file_.at("step.output"));
  golden::expect_same(nn::Step(1.5)(flat_), file_.at("step_threshold.output"));
}

TEST_F(Activations, LayersGiveWhatFunctionsGive) {
  for (const auto* rows : {&pointwise, &along_axis}) {
    for (const Row& row : *rows) {
      if (!row.layer) continue;
      SCOPED_TRACE(row.name);
      const array& x = rows == &pointwise ? flat_ : matrix_;
      golden::expect_same(row.layer(x), row.function(x));
    }
  }
}

TEST_F(Activations, HalfPrecisionIsKept) {
  for (const auto& [dtype, name] : {std::pair(bfloat16, "bfloat16"), {float16, "float16"}}) {
    const auto outputs = part_of(file_, std::string(name) + ".");
    const array x = file_.at(std::string(name) + ".x");
    size_t compared = 0;
    for (const auto& [key, expected] : outputs) {
      for (const auto* rows : {&pointwise, &along_axis}) {
        for (const Row& row : *rows) {
          if (row.name != key) continue;
          SCOPED_TRACE(key);
          expect_close(row.function(x), expected, half_tolerance(dtype));
          ++compared;
          break;
        }
      }
    }
    EXPECT_EQ(compared + 1, outputs.size());
  }
}

TEST(ActivationErrors, NameTheFunctionTheExpectedAndTheGot) {
  const array x = zeros({2, 3});
  EXPECT_EQ(error_of([&] { nn::glu(x); }), "glu: expected an even size of axis -1, got (2, 3)");
  EXPECT_EQ(error_of([&] { nn::glu(x, 2); }), "glu: expected axis in [-2, 2), got 2");
  EXPECT_EQ(error_of([&] { nn::softmax(x, 2); }), "softmax: expected axis in [-2, 2), got 2");
  EXPECT_EQ(error_of([&] { nn::softmin(x, 2); }), "softmin: expected axis in [-2, 2), got 2");
  EXPECT_EQ(error_of([&] { nn::log_softmax(x, -3); }),
            "log_softmax: expected axis in [-2, 2), got -3");
  EXPECT_EQ(error_of([&] { nn::PReLU(0); }), "PReLU: expected num_parameters of at least 1, got 0");
}

}  // namespace
}  // namespace mica
