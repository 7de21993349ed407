#include "mica/nn/verify.h"

#include <gtest/gtest.h>

#include <sstream>

#include "mica/nn/activations.h"
#include "mica/nn/containers.h"
#include "mica/nn/convolution.h"
#include "mica/nn/dropout.h"
#include "mica/nn/embedding.h"
#include "mica/nn/linear.h"
#include "mica/nn/normalization.h"
#include "mica/nn/pooling.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"

namespace mica {
namespace {

std::string text(const nn::Verification& verification) {
  std::ostringstream os;
  os << verification;
  return os.str();
}

template <class M, class... In>
void expect_verified(M&& model, const In&... inputs) {
  EXPECT_TRUE(nn::verify(model, inputs...).ok()) << model << '\n' << nn::verify(model, inputs...);
}

array input(Shape shape) { return random::normal(shape, random::key(7)); }

TEST(Verify, PassesOnLayers) {
  random::seed(0);
  expect_verified(nn::Linear(3, 4), input({2, 3}));
  expect_verified(nn::Bilinear(3, 4, 2), input({5, 3}), input({5, 4}));
  expect_verified(nn::Conv1d(2, 4, 3, {.padding = 1}), input({2, 6, 2}));
  expect_verified(nn::Conv2d(2, 4, 3, {.stride = 2, .groups = 2}), input({2, 7, 6, 2}));
  expect_verified(nn::Conv3d(2, 3, 2), input({1, 3, 4, 3, 2}));
  expect_verified(nn::BatchNorm(3), input({8, 3}));
  expect_verified(nn::LayerNorm(5), input({3, 5}));
  expect_verified(nn::RMSNorm(5), input({3, 5}));
  expect_verified(nn::Embedding(7, 3), array({1, 6, 0}, int32));
  expect_verified(nn::Dropout(0.3), input({40}));
  expect_verified(nn::Dropout2d(0.3), input({2, 3, 3, 20}));
  expect_verified(nn::MaxPool2d(2), input({1, 4, 4, 3}));
  expect_verified(nn::AvgPool1d(3, {.stride = 1, .padding = 1}), input({1, 5, 3}));
  expect_verified(nn::Sequential{nn::Linear(3, 8), nn::GELU(), nn::LayerNorm(8), nn::Linear(8, 2)},
                  input({4, 3}));
}

TEST(Verify, PassesOnActivations) {
  const array x = input({4, 6});
  nn::Sequential all{nn::Sigmoid(),    nn::Mish(),     nn::ReLU(),       nn::ReLU2(),
                     nn::ReLU6(),      nn::Softplus(), nn::Softsign(),   nn::SiLU(),
                     nn::LogSigmoid(), nn::Tanh(),     nn::Hardswish(),  nn::SELU(),
                     nn::Softmax(),    nn::Softmin(),  nn::LogSoftmax(), nn::HardTanh(),
                     nn::LeakyReLU(),  nn::ELU(),      nn::CELU(),       nn::Softshrink(),
                     nn::HardShrink(), nn::GLU(),      nn::PReLU(),      nn::GELU()};
  for (nn::Layer& layer : all.layers) {
    nn::Sequential one{};
    one.layers.push_back(layer);
    expect_verified(one, x);
  }
}

// max(x, 0) with a gradient that is twice as large.
struct WrongGradient : nn::Module {
  MICA_MODULE(WrongGradient)
  array operator()(const array& x) const {
    auto relu = custom_vjp([](const array& a) { return maximum(a, array(0, a.dtype())); },
                           [](const array& a, const array& cotangent, const array&) {
                             return 2 * cotangent * greater(a, array(0, a.dtype()));
                           });
    return hooked(relu(x), x);
  }
};

TEST(Verify, FindsAWrongCustomGradient) {
  nn::Sequential model{nn::Linear(3, 4), WrongGradient(), nn::Linear(4, 2)};
  const nn::Verification found = nn::verify(model, input({5, 3}));
  ASSERT_FALSE(found.ok());
  for (const auto& problem : found.problems) {
    EXPECT_EQ(problem.where, "WrongGradient (layers.1)") << text(found);
    EXPECT_TRUE(problem.check == "gradient" || problem.check == "jvp") << text(found);
  }
}

struct Forgetful : nn::Module {
  array weight = random::normal({3, 3});
  array bias = random::normal({3});
  MICA_MODULE(Forgetful, weight)
  array operator()(const array& x) const { return hooked(matmul(x, weight) + bias, x); }
};

TEST(Verify, FindsAForgottenParameter) {
  nn::Sequential model{nn::Linear(3, 3), Forgetful()};
  const nn::Verification found = nn::verify(model, input({5, 3}));
  EXPECT_EQ(text(found),
            "Forgetful (layers.1): parameters: expected each array that it keeps in MICA_MODULE, "
            "got one of shape (3,) that is not\n");
}

struct Counting : nn::Module {
  mutable array calls = zeros({1});
  MICA_MODULE(Counting, MICA_KEY(calls, "_calls"))
  array operator()(const array& x) const {
    calls = calls + 1.0f;
    return hooked(x * calls, x);
  }
};

struct Hidden : nn::Module {
  mutable float calls = 0;
  MICA_MODULE(Hidden)
  array operator()(const array& x) const { return hooked(x * array(++calls), x); }
};

TEST(Verify, FindsStateThatChangesInPlace) {
  nn::Sequential listed{nn::Linear(3, 3), Counting()};
  const nn::Verification first = nn::verify(listed, input({5, 3}));
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.problems[0].where, "Counting (layers.1)");
  EXPECT_NE(text(first).find("state: _calls: expected no change while not training"),
            std::string::npos)
      << text(first);

  nn::Sequential hidden{nn::Linear(3, 3), Hidden()};
  const nn::Verification second = nn::verify(hidden, input({5, 3}));
  ASSERT_FALSE(second.ok());
  for (const auto& problem : second.problems)
    EXPECT_EQ(problem.where, problem.check == "save" ? "Sequential" : "Hidden (layers.1)");
  EXPECT_NE(text(second).find("state: expected equal outputs from equal inputs"), std::string::npos)
      << text(second);
}

struct Stopped : nn::Module {
  MICA_MODULE(Stopped)
  array operator()(const array& x) const { return hooked(stop_gradient(x) * 2.0f, x); }
};

TEST(Verify, FindsAGradientThatIsCutOff) {
  nn::Sequential model{nn::Linear(3, 3), Stopped()};
  const nn::Verification found = nn::verify(model, input({5, 3}));
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.problems[0].where, "Stopped (layers.1)");
  EXPECT_EQ(found.problems[0].check, "gradient");
}

struct BatchDependent : nn::Module {
  MICA_MODULE(BatchDependent)
  array operator()(const array& x) const {
    return hooked(x.shape(0) == 5 ? x * array(x.item<float>()) : x, x);
  }
};

TEST(Verify, ReportsWhatThrows) {
  nn::Sequential model{BatchDependent()};
  EXPECT_THROW(nn::verify(model, input({5, 3})), std::invalid_argument);
  struct Peeks : nn::Module {
    MICA_MODULE(Peeks)
    array operator()(const array& x) const { return hooked(x * sum(x).item<float>(), x); }
  };
  nn::Sequential peeks{Peeks()};
  const nn::Verification found = nn::verify(peeks, input({5, 3}));
  EXPECT_NE(
      text(found).find("Peeks (layers.0): vmap: expected to run, got: eval: expected an array "
                       "with data"),
      std::string::npos)
      << text(found);
}

TEST(Verify, LeavesTheModelAsItWas) {
  nn::Sequential model{nn::Linear(3, 4), nn::BatchNorm(4), nn::Dropout(0.5)};
  model.layers[1]->eval();
  const auto before = tree_flatten(model.state());
  nn::verify(model, input({5, 3}));
  const auto after = tree_flatten(model.state());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].second.id(), after[i].second.id());
  EXPECT_TRUE(model.training());
  EXPECT_FALSE(model.layers[1]->training());
  EXPECT_TRUE(model.layers[2]->training());
}

}  // namespace
}  // namespace mica
