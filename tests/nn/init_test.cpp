// Initialisers and new layers draw the numbers that mlx.nn's draw: uniform ones bit by bit, normal
// ones within 4 units in the last place.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

namespace init = nn::init;

// Within 4 units in the last place of float32, 1 in half precision.
void expect_ulps(const array& actual, const array& expected) {
  const double unit = actual.dtype() == float32   ? 0x1p-23
                      : actual.dtype() == float16 ? 0x1p-10
                                                  : 0x1p-7;
  const double ulps = actual.dtype() == float32 ? 4 : 1;
  const array a = astype(actual, float64), b = astype(expected, float64);
  ASSERT_EQ(actual.shape(), expected.shape());
  ASSERT_EQ(actual.dtype(), expected.dtype());
  eval(a, b);
  for (size_t i = 0; i < a.size(); ++i) {
    const double wanted = b.data<double>()[i];
    EXPECT_NEAR(a.data<double>()[i], wanted, ulps * unit * std::exp2(std::ilogb(wanted)))
        << "element " << i;
  }
}

class Init : public ::testing::Test {
 protected:
  template <class F>
  array drawn(const F& initializer, const Shape& shape) const {
    random::seed(7);
    return initializer(zeros(shape));
  }
  template <class F>
  void expect_normal(const std::string& name, const F& initializer,
                     const Shape& shape = {3, 4}) const {
    SCOPED_TRACE(name);
    expect_ulps(drawn(initializer, shape), file_.at(name));
  }
  template <class F>
  void expect_bits(const std::string& name, const F& initializer,
                   const Shape& shape = {3, 4}) const {
    SCOPED_TRACE(name);
    golden::expect_same(drawn(initializer, shape), file_.at(name));
  }

  const Goldens file_ = golden::load("nn/init");
  const Shape window_{3, 2, 2, 2};
};

TEST_F(Init, ConstantAndIdentity) {
  expect_bits("constant", init::constant(2.5), {2, 3});
  expect_bits("constant_half", init::constant(2.5, float16), {2, 3});
  expect_bits("identity", init::identity(), {3, 3});
  expect_bits("identity_half", init::identity(bfloat16), {3, 3});
}

TEST_F(Init, Normal) {
  expect_normal("normal", init::normal());
  expect_normal("normal_moments", init::normal(1.5, 0.2));
  expect_normal("normal_half", init::normal(0, 1, float16));
}

TEST_F(Init, Uniform) {
  expect_bits("uniform", init::uniform());
  expect_bits("uniform_range", init::uniform(-0.5, 2.5));
  expect_bits("uniform_half", init::uniform(0, 1, bfloat16));
}

TEST_F(Init, Sparse) {
  expect_normal("sparse", init::sparse(0.6));
  expect_normal("sparse_moments", init::sparse(0.2, 1.5, 0.2));
  expect_normal("sparse_half", init::sparse(0.6, 0, 1, float16));
  EXPECT_EQ(error_of([] { init::sparse(1.5); }),
            "init::sparse: expected sparsity in [0, 1], got 1.5");
  EXPECT_EQ(error_of([] { init::sparse(0.5)(zeros({3})); }),
            "init::sparse: expected a matrix, got (3,)");
}

TEST_F(Init, Glorot) {
  const init::glorot_normal normal;
  const init::glorot_uniform uniform;
  expect_normal("glorot_normal", normal);
  expect_normal("glorot_normal_window", normal, window_);
  expect_normal("glorot_normal_gain", [&](const array& a) { return normal(a, 0.5); });
  expect_normal("glorot_normal_half", init::glorot_normal(float16));
  expect_bits("glorot_uniform", uniform);
  expect_bits("glorot_uniform_window", uniform, window_);
  expect_bits("glorot_uniform_gain", [&](const array& a) { return uniform(a, 0.5); });
  expect_bits("glorot_uniform_half", init::glorot_uniform(float16));
}

TEST_F(Init, He) {
  using init::Fan;
  const init::he_normal normal;
  const init::he_uniform uniform;
  const auto fan_out = [](const auto& initializer, double gain) {
    return [=](const array& a) { return initializer(a, Fan::fan_out, gain); };
  };
  expect_normal("he_normal", normal);
  expect_normal("he_normal_window", normal, window_);
  expect_normal("he_normal_gain", [&](const array& a) { return normal(a, Fan::fan_in, 0.5); });
  expect_normal("he_normal_fan_out", fan_out(normal, 1));
  expect_normal("he_normal_window_fan_out", fan_out(normal, 1.5), window_);
  expect_normal("he_normal_half", init::he_normal(float16));
  expect_bits("he_uniform", uniform);
  expect_bits("he_uniform_window", uniform, window_);
  expect_bits("he_uniform_gain", [&](const array& a) { return uniform(a, Fan::fan_in, 0.5); });
  expect_bits("he_uniform_fan_out", fan_out(uniform, 1));
  expect_bits("he_uniform_window_fan_out", fan_out(uniform, 1.5), window_);
  expect_bits("he_uniform_half", init::he_uniform(float16));
}

TEST_F(Init, LayersDrawInMlxsOrder) {
  random::seed(7);
  const nn::Linear linear(4, 3), without_bias(4, 3, {.bias = false});
  const nn::Conv2d convolution(4, 2, {3, 2}, {.groups = 2});
  const nn::Bilinear bilinear(2, 3, 4);
  const nn::Embedding embedding(3, 4);
  const nn::PReLU prelu(3, {.init = 0.5});
  const nn::LayerNorm layer_norm(3);
  const nn::BatchNorm batch_norm(3);
  const nn::Conv1d signal(2, 2, 3);
  const nn::Conv3d volume(1, 2, 2);
  const auto expect_made = [&](int i, const nn::Module& layer) {
    const std::string prefix = "made." + std::to_string(i) + ".";
    const auto parameters = tree_flatten(layer.parameters());
    EXPECT_EQ(parameters.size(), part_of(file_, prefix).size());
    for (const auto& [name, parameter] : parameters) {
      SCOPED_TRACE(prefix + name);
      if (i == 4)
        expect_ulps(parameter, file_.at(prefix + name));
      else
        golden::expect_same(parameter, file_.at(prefix + name));
    }
  };
  expect_made(0, linear);
  expect_made(1, without_bias);
  expect_made(2, convolution);
  expect_made(3, bilinear);
  expect_made(4, embedding);
  expect_made(5, prelu);
  expect_made(6, layer_norm);
  expect_made(7, batch_norm);
  expect_made(8, signal);
  expect_made(9, volume);
}

TEST_F(Init, SetsEveryParameterOfAModule) {
  nn::Linear layer(4, 4);
  layer.apply(init::constant(3));
  golden::expect_same(layer.weight, full({4, 4}, array(3.0f)));
  golden::expect_same(*layer.bias, full({4}, array(3.0f)));
}

TEST_F(Init, ErrorsNameTheInitialiserTheExpectedAndTheGot) {
  EXPECT_EQ(error_of([] {
              init::identity()(zeros({2, 3}));
            }),
            "init::identity: expected a square matrix, got (2, 3)");
  EXPECT_EQ(error_of([] { init::glorot_normal()(zeros({3})); }),
            "init::glorot_normal: expected at least 2 axes, got (3,)");
  EXPECT_EQ(error_of([] { init::he_uniform()(zeros({3})); }),
            "init::he_uniform: expected at least 2 axes, got (3,)");
}

TEST_F(Init, TruncatedNormalStaysWithinItsBounds) {
  random::seed(0);
  const array x = nn::init::truncated_normal(1.0, 0.5, 0.0, 1.5)(zeros({20000}));
  EXPECT_GE(min(x).item<float>(), 0.0f);
  EXPECT_LE(max(x).item<float>(), 1.5f);
  // Of the normal distribution conditioned on [-2, 1]: mean -0.22964, variance 0.51976.
  EXPECT_NEAR(mean(x).item<float>(), 1 - 0.5 * 0.22964, 0.01);
  EXPECT_NEAR(var(x).item<float>(), 0.25 * 0.51976, 0.01);
  EXPECT_EQ(nn::init::truncated_normal(0.0, 1.0, -2.0, 2.0, float16)(x).dtype(), float16);
  EXPECT_THROW(nn::init::truncated_normal(0.0, 1.0, 2.0, -2.0), std::invalid_argument);
}

}  // namespace
}  // namespace mica
