// Errors below a module name its path, and under nn::value_and_grad the line that asked for it.
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "mica/nn/activations.h"
#include "mica/nn/attention.h"
#include "mica/nn/containers.h"
#include "mica/nn/linear.h"
#include "mica/nn/value_and_grad.h"
#include "mica/ops/ops.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

// A user's module whose second product does not fit.
struct Mixer : nn::Module {
  nn::Linear in{4, 4};
  array mix = ones({3, 3});
  MICA_MODULE(Mixer, in, mix)
  array operator()(const array& x) { return matmul(in(x), mix); }
};

// The same, whose call tells its address by itself.
struct HookedMixer : Mixer {
  MICA_MODULE(HookedMixer)
  array operator()(const array& x) {
    return hooked([&] { return matmul(in(x), mix); }, x);
  }
};

struct Model : nn::Module {
  nn::Slot<Mixer> slot;
  HookedMixer plain;
  MICA_MODULE(Model, slot, plain)
  array operator()(const array& x) { return slot(x); }
};

const std::string mismatch = "matmul: expected b (..., 4, n) for a (2, 4), got (3, 3)";

TEST(ErrorAddress, OpsInsideUsersModules) {
  Model model;
  model.train();
  const array x = zeros({2, 4});
  EXPECT_EQ(error_of([&] { model(x); }), "Mixer (slot): " + mismatch);
  EXPECT_EQ(error_of([&] { model.plain(x); }), "HookedMixer (plain): " + mismatch);
  EXPECT_EQ(error_of([&] { nn::Shared<Mixer>()(x); }), "Mixer: " + mismatch);
  nn::Sequential layers{nn::ReLU(), nn::Sequential{Mixer()}};
  layers.train();
  EXPECT_EQ(error_of([&] { layers(x); }), "Mixer (layers.1.layers.0): " + mismatch);
}

TEST(ErrorAddress, OpsInsideLayers) {
  nn::Sequential layers{nn::GLU()};
  layers.train();
  EXPECT_EQ(error_of([&] {
              layers(zeros({2, 3}));
            }),
            "GLU (layers.0): glu: expected an even size of axis -1, got (2, 3)");
  const nn::MultiHeadAttention attention(8, 2);
  const array x = zeros({1, 3, 8});
  EXPECT_EQ(error_of([&] {
              attention(x, x, x, zeros({5, 5}));
            }),
            "MultiHeadAttention: scaled_dot_product_attention: expected a mask that broadcasts to "
            "(1, 2, 3, 3), got (5, 5)");
}

TEST(ErrorAddress, TheInnermostModuleIsNamedOnce) {
  nn::Sequential layers{nn::ReLU(), nn::Sequential{nn::Linear(4, 4), nn::Linear(3, 4)}};
  layers.train();
  EXPECT_EQ(error_of([&] {
              layers(zeros({2, 4}));
            }),
            "Linear (layers.1.layers.1): expected input (..., 3), got (2, 4)");
}

TEST(ErrorAddress, ValueAndGradTellsItsLineAndTheLastCall) {
  Mixer model;
  const auto name = [](int line) {
    return " (nn::value_and_grad of Mixer at " + std::string(__FILE__) + ":" + std::to_string(line);
  };
  const array x = zeros({2, 4});
  auto gradient = nn::value_and_grad(model, [&](const array& y) { return sum(model(y)); });
  const int line = __LINE__ - 1;
  EXPECT_EQ(error_of([&] { gradient(x); }), mismatch + name(line) + ", after Linear (in))");
  EXPECT_EQ(error_of([&] {
              gradient(zeros({2, 5}));
            }),
            "Linear (in): expected input (..., 4), got (2, 5)" + name(line) + ")");
  // An outer one adds nothing.
  auto outer = nn::value_and_grad(model, [&](const array& y) { return gradient(y).first; });
  EXPECT_EQ(error_of([&] { outer(x); }), mismatch + name(line) + ", after Linear (in))");
}

TEST(ErrorAddress, OtherExceptionsStayAsTheyAre) {
  struct Special : std::invalid_argument {
    using std::invalid_argument::invalid_argument;
  };
  nn::Sequential layers{[](const array&) -> array { throw Special("mine"); }};
  nn::Sequential outer{nn::Sequential(layers)};
  EXPECT_THROW(outer(zeros({1})), Special);
  auto gradient = nn::value_and_grad(outer, [&](const array& x) { return outer(x); });
  EXPECT_THROW(gradient(zeros({1})), Special);
}

}  // namespace
}  // namespace mica
