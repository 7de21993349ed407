// Every layer against mlx.nn: parameters made from the same seed, outputs, gradients in parameters
// and inputs, one golden for the defaults and one for the options.
#include <gtest/gtest.h>

#include <functional>

#include "mica/mica.h"
#include "models.h"
#include "tests/golden.h"

namespace mica {
namespace {

const std::unordered_map<std::string, array>& goldens() {
  static const auto loaded = golden::load("nn/layers");
  return loaded;
}

class Case {
 public:
  explicit Case(std::string name) : name_(std::move(name)) {}
  const array& operator[](const std::string& key) const { return goldens().at(name_ + "." + key); }
  bool contains(const std::string& key) const { return goldens().contains(name_ + "." + key); }

 private:
  std::string name_;
};

// Bits where nothing was computed, as fresh parameters.
void expect_parameters(const nn::Module& layer, const Case& expected, double rtol) {
  for (const auto& [path, value] : tree_flatten(layer.parameters()))
    golden::expect_close(value, expected["parameters." + path], rtol, rtol);
}

template <class L, class... X>
void check_gradients(L& layer, const Case& expected, const X&... x) {
  auto loss = [&](const X&... inputs) { return sum(layer(inputs...) * expected["c"]); };
  const auto [value, gradients] = nn::value_and_grad(layer, loss)(x...);
  for (const auto& [path, gradient] : tree_flatten(gradients)) {
    SCOPED_TRACE(path);
    golden::expect_close(gradient, expected["gradients." + path], 1e-4, 1e-5);
  }
  if (expected.contains("dx0")) golden::expect_close(grad(loss)(x...), expected["dx0"], 1e-4, 1e-5);
}

// make: builds the layer, right behind seed(0).
template <class Make>
void check(const std::string& name, const Make& make, bool training = true) {
  SCOPED_TRACE(name);
  const Case expected(name);
  random::seed(0);
  auto layer = make();
  layer.train(training);
  const array x = expected["x0"];
  golden::expect_close(layer(x), expected["y"], 1e-5, 1e-5);
  expect_parameters(layer, expected, 1e-6);
  check_gradients(layer, expected, x);
  // Layers keep their input's dtype.
  if (!issubdtype(x.dtype(), floating)) return;
  for (const Dtype dtype : {bfloat16, float16}) {
    layer.set_dtype(dtype);
    golden::expect_close(layer(astype(x, dtype)), astype(expected["y"], dtype), 0.05, 0.1);
  }
}

TEST(Layers, Linear) {
  check("linear", [] { return nn::Linear(5, 4); });
  check("linear_no_bias", [] { return nn::Linear(5, 4, {.bias = false}); });
  EXPECT_EQ(error_of([] { nn::Linear(0, 2); }), "Linear: expected dims of at least 1, got 0 and 2");
  EXPECT_EQ(error_of([] { nn::Linear(2, 2)(array(1.0f)); }),
            "Linear: expected input (..., 2), got ()");
}

TEST(Layers, Bilinear) {
  for (const bool bias : {true, false}) {
    const Case expected(bias ? "bilinear" : "bilinear_no_bias");
    random::seed(0);
    nn::Bilinear layer(3, 4, 5, {.bias = bias});
    golden::expect_close(layer(expected["x0"], expected["x1"]), expected["y"], 1e-5, 1e-5);
    expect_parameters(layer, expected, 1e-6);
    check_gradients(layer, expected, expected["x0"], expected["x1"]);
  }
  const nn::Bilinear layer(3, 4, 5);
  EXPECT_EQ(text(layer), "Bilinear(input1_dims=3, input2_dims=4, output_dims=5, bias=True)");
  EXPECT_EQ(error_of([&] {
              layer(ones({2, 3}), ones({3, 4}));
            }),
            "Bilinear: expected input 2 (2, 4), got (3, 4)");
}

TEST(Layers, Convolutions) {
  check("conv1d", [] { return nn::Conv1d(4, 6, 3, {.stride = 2, .padding = 1, .groups = 2}); });
  check("conv2d", [] { return nn::Conv2d(3, 4, 3); });
  check("conv2d_options", [] {
    return nn::Conv2d(
        4, 6, {3, 2},
        {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2, .bias = false});
  });
  check("conv3d", [] { return nn::Conv3d(2, 3, {2, 3, 2}, {.stride = 2, .padding = 1}); });
  EXPECT_EQ(text(nn::Conv1d(3, 4, 5)),
            "Conv1d(3, 4, kernel_size=5, stride=1, padding=0, dilation=1, groups=1, bias=True)");
  EXPECT_EQ(text(nn::Conv2d(3, 8, {3, 5}, {.stride = 2, .dilation = {2, 2}})),
            "Conv2d(3, 8, kernel_size=(3, 5), stride=(2, 2), padding=(0, 0), dilation=(2, 2), "
            "groups=1, bias=True)");
  EXPECT_EQ(text(nn::Conv3d(3, 4, 2)),
            "Conv3d(3, 4, kernel_size=(2, 2, 2), stride=(1, 1, 1), padding=(0, 0, 0), dilation=1, "
            "bias=True)");
  EXPECT_EQ(error_of([] {
              nn::Conv2d(3, 4, 3)(ones({1, 8, 8, 2}));
            }),
            "Conv2d: expected input (N, H, W, 3), got (1, 8, 8, 2)");
  EXPECT_EQ(error_of([] { nn::Conv2d(3, 4, 3, {.groups = 2}); }),
            "Conv2d: expected groups that divide 3 and 4, got 2");
}

TEST(Layers, Pooling) {
  check("max_pool1d", [] { return nn::MaxPool1d(3, {.stride = 2}); });
  check("max_pool2d", [] { return nn::MaxPool2d(2); });
  check("max_pool2d_options", [] {
    return nn::MaxPool2d({3, 2}, {.stride = {{2, 1}}, .padding = 1});
  });
  check("avg_pool2d", [] { return nn::AvgPool2d(2); });
  check("avg_pool2d_options", [] {
    return nn::AvgPool2d(3, {.stride = {{1, 2}}, .padding = {1, 0}});
  });
  check("avg_pool3d", [] { return nn::AvgPool3d(2); });
  EXPECT_EQ(text(nn::MaxPool2d(2, {.stride = {{3, 1}}, .padding = 1})),
            "MaxPool2d(kernel_size=(2, 2), stride=(3, 1), padding=(1, 1))");
  EXPECT_EQ(text(nn::AvgPool1d(3)), "AvgPool1d(kernel_size=(3,), stride=(3,), padding=(0,))");
  EXPECT_EQ(error_of([] {
              nn::MaxPool2d(3)(ones({1, 2, 4, 1}));
            }),
            "MaxPool2d: expected input, with padding, of at least (3, 3), got (1, 2, 4, 1)");
  EXPECT_EQ(error_of([] {
              nn::MaxPool2d(3)(ones({2, 4, 1}));
            }),
            "MaxPool2d: expected input (N, H, W, C), got (2, 4, 1)");
  EXPECT_EQ(error_of([] { nn::MaxPool2d(0); }),
            "MaxPool2d: expected kernel_size of at least 1, got (0, 0)");
}

TEST(Layers, BatchNorm) {
  check("batch_norm", [] { return nn::BatchNorm(3); });
  check("batch_norm_options",
        [] { return nn::BatchNorm(3, {.eps = 0.1, .momentum = 0.5, .affine = false}); });
  check("batch_norm_untracked", [] { return nn::BatchNorm(3, {.track_running_stats = false}); });
  check(
      "batch_norm_eval", [] { return nn::BatchNorm(3); }, false);
  EXPECT_EQ(error_of([] {
              nn::BatchNorm(3)(ones({1, 3}));
            }),
            "BatchNorm: expected more than one value for each feature, got (1, 3)");
  EXPECT_EQ(error_of([] { nn::BatchNorm(3)(ones({3})); }),
            "BatchNorm: expected input of 2, 3 or 4 dimensions, got (3,)");
}

TEST(Layers, Norms) {
  check("layer_norm", [] { return nn::LayerNorm(6); });
  check("layer_norm_options", [] { return nn::LayerNorm(6, {.eps = 0.1, .bias = false}); });
  check("layer_norm_plain", [] { return nn::LayerNorm(6, {.affine = false}); });
  check("rms_norm", [] { return nn::RMSNorm(6); });
  check("rms_norm_options", [] { return nn::RMSNorm(6, {.eps = 0.1}); });
  EXPECT_EQ(text(nn::LayerNorm(4, {.eps = 1e-6})), "LayerNorm(4, eps=1e-06, affine=True)");
  EXPECT_EQ(text(nn::RMSNorm(7)), "RMSNorm(7, eps=1e-05)");
  EXPECT_EQ(error_of([] { nn::LayerNorm(4, {.eps = 0}); }),
            "LayerNorm: expected eps above 0, got 0.0");
}

TEST(Layers, Embedding) {
  check("embedding", [] { return nn::Embedding(7, 4); });
  const Case expected("as_linear");
  random::seed(0);
  const nn::Embedding embedding(7, 4);
  golden::expect_close(embedding.as_linear(expected["x0"]), expected["y"], 1e-5, 1e-5);
  EXPECT_EQ(text(embedding), "Embedding(7, 4)");
  EXPECT_EQ(error_of([&] { embedding(ones({2})); }),
            "Embedding: expected integer indices, got float32");
}

TEST(Layers, LayersOfActivations) {
  check("prelu", [] { return nn::PReLU(); });
  check("prelu_options", [] { return nn::PReLU(6, {.init = 0.1}); });
  check("glu", [] { return nn::GLU(); });
  check("glu_axis", [] { return nn::GLU(0); });
  const array x({-3.0f, -0.2f, 0.0f, 0.3f, 4.0f});
  golden::expect_same(nn::GELU()(x), nn::gelu(x));
  golden::expect_same(nn::GELU(nn::GELU::Approx::tanh)(x), nn::gelu_approx(x));
  golden::expect_same(nn::GELU(nn::GELU::Approx::fast)(x), nn::gelu_fast_approx(x));
  golden::expect_same(nn::LeakyReLU(0.2)(x), nn::leaky_relu(x, 0.2));
  golden::expect_same(nn::ELU()(x), nn::elu(x));
  golden::expect_same(nn::Softmax()(x), nn::softmax(x));
  golden::expect_same(nn::HardTanh()(x), nn::hard_tanh(x));
  golden::expect_same(nn::Step(0.3)(x), nn::step(x, 0.3));
  const nn::Sequential model{nn::ReLU(),    nn::ReLU2(), nn::ReLU6(),      nn::Sigmoid(),
                             nn::SiLU(),    nn::Mish(),  nn::Softplus(),   nn::Softsign(),
                             nn::Tanh(),    nn::SELU(),  nn::HardSwish(),  nn::LogSigmoid(),
                             nn::Softmin(), nn::CELU(),  nn::LogSoftmax(), nn::HardShrink()};
  EXPECT_EQ(model(x).shape(), x.shape());
  EXPECT_EQ(text(model.layers[10]), "Hardswish()");
  EXPECT_EQ(text(nn::LeakyReLU(0.2)), "LeakyReLU()");
}

TEST(Layers, Dropout) {
  auto check_bits = [](const std::string& name, const auto& layer, const Shape& shape) {
    SCOPED_TRACE(name);
    random::seed(0);
    golden::expect_same(layer(ones(shape)), Case(name)["y"]);
  };
  check_bits("dropout", nn::Dropout(), {8, 9});
  check_bits("dropout_options", nn::Dropout(0.1), {8, 9});
  check_bits("dropout2d", nn::Dropout2d(0.5), {2, 3, 3, 8});
  check_bits("dropout3d", nn::Dropout3d(0.5), {2, 2, 3, 3, 8});
  nn::Dropout layer(0.3);
  EXPECT_EQ(layer(ones({2}, bfloat16)).dtype(), bfloat16);
  layer.eval();
  const array x = ones({2});
  EXPECT_EQ(layer(x).id(), x.id());
  EXPECT_EQ(text(layer), "Dropout(p=0.30000000000000004)");
  EXPECT_EQ(error_of([] { nn::Dropout(1.0); }), "Dropout: expected p in [0, 1), got 1.0");
  EXPECT_EQ(error_of([] {
              nn::Dropout2d()(ones({2, 2}));
            }),
            "Dropout2d: expected input (H, W, C) or (N, H, W, C), got (2, 2)");
}

}  // namespace
}  // namespace mica
