// Layers that mlx.nn has not give the values and gradients of torch's.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

class TorchLayers : public ::testing::Test {
 protected:
  void expect(const std::string& name, const std::function<array(const array&)>& layer,
              const array& x) const {
    const array cotangent = file_.at(name + ".cotangent");
    expect_case(file_, name, [&](const std::vector<array>& a) { return layer(a[0]); }, {x},
                cotangent, {1e-4, 1e-5});
  }
  template <class L>
  void expect_convolution(const std::string& name, L layer, const array& x) const {
    layer.weight = file_.at(name + ".weight");
    layer.bias = file_.at(name + ".bias");
    expect(name, layer, x);
  }

  const Goldens file_ = golden::load("nn/torch_layers");
  const array signal_ = file_.at("signal"), image_ = file_.at("image");
  const array volume_ = file_.at("volume");
};

TEST_F(TorchLayers, AdaptivePooling) {
  int i = 0;
  for (const int size : {7, 1, 3, 9}) {
    expect("avg1d_" + std::to_string(i), nn::AdaptiveAvgPool1d(size), signal_);
    expect("max1d_" + std::to_string(i++), nn::AdaptiveMaxPool1d(size), signal_);
  }
  i = 0;
  for (const nn::Sizes<2> size : {nn::Sizes<2>(1), {3, 2}, {7, 5}, {4, 10}}) {
    expect("avg2d_" + std::to_string(i), nn::AdaptiveAvgPool2d(size), image_);
    expect("max2d_" + std::to_string(i++), nn::AdaptiveMaxPool2d(size), image_);
  }
  i = 0;
  for (const nn::Sizes<3> size : {nn::Sizes<3>(2), {1, 4, 3}}) {
    expect("avg3d_" + std::to_string(i), nn::AdaptiveAvgPool3d(size), volume_);
    expect("max3d_" + std::to_string(i++), nn::AdaptiveMaxPool3d(size), volume_);
  }
  // An infinity stays in its windows.
  const array far = concatenate({full({1, 1, 1}, array(INFINITY)), ones({1, 4, 1})}, 1);
  golden::expect_same(nn::AdaptiveAvgPool1d(2)(far),
                      concatenate({full({1, 1, 1}, array(INFINITY)), ones({1, 1, 1})}, 1));
  for (const Dtype dtype : {bfloat16, float16}) {
    const array x = astype(image_, dtype);
    expect_close(nn::AdaptiveAvgPool2d({3, 2})(x), astype(file_.at("avg2d_1.output"), dtype),
                 half_tolerance(dtype));
    expect_close(nn::AdaptiveMaxPool2d({3, 2})(x), astype(file_.at("max2d_1.output"), dtype),
                 half_tolerance(dtype));
  }
}

TEST_F(TorchLayers, PaddingOfConvolutions) {
  constexpr auto same = nn::same_padding;
  const std::pair<nn::PaddingMode, std::string> modes[] = {
      {nn::PaddingMode::zeros, "_zeros"},
      {nn::PaddingMode::reflect, "_reflect"},
      {nn::PaddingMode::replicate, "_replicate"},
      {nn::PaddingMode::circular, "_circular"}};
  for (const auto& [mode, name] : modes) {
    expect_convolution("conv_1d" + name, nn::Conv1d(4, 3, 3, {.padding = 2, .padding_mode = mode}),
                       signal_);
    expect_convolution("conv_1d_same" + name,
                       nn::Conv1d(4, 3, 4, {.padding = same, .padding_mode = mode}), signal_);
    expect_convolution(
        "conv_2d" + name,
        nn::Conv2d(4, 6, {3, 2},
                   {.stride = {2, 1}, .padding = {1, 2}, .groups = 2, .padding_mode = mode}),
        image_);
    expect_convolution(
        "conv_2d_same" + name,
        nn::Conv2d(4, 2, {4, 3}, {.padding = same, .dilation = {1, 2}, .padding_mode = mode}),
        image_);
    expect_convolution("conv_3d" + name, nn::Conv3d(2, 2, 2, {.padding = 1, .padding_mode = mode}),
                       volume_);
  }
}

TEST_F(TorchLayers, GroupsOfTransposedConvolutions) {
  expect_convolution(
      "transpose_1d",
      nn::ConvTranspose1d(4, 6, 3, {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2}),
      signal_);
  expect_convolution(
      "transpose_2d",
      nn::ConvTranspose2d(4, 4, {3, 2}, {.stride = {2, 1}, .padding = {1, 0}, .groups = 4}),
      image_);
}

TEST_F(TorchLayers, LayerNormOverSeveralAxes) {
  for (const std::string name : {"layer_norm_2", "layer_norm_3"}) {
    SCOPED_TRACE(name);
    const auto at = [&](const char* key) { return file_.at(name + "." + key); };
    nn::LayerNorm layer(at("weight").shape());
    const auto call = [&](const std::vector<array>& x) {
      layer.weight = x[1];
      layer.bias = x[2];
      return std::vector<array>{layer(x[0])};
    };
    const auto [outputs, gradients] =
        vjp(call, std::vector<array>{at("x"), at("weight"), at("bias")}, {at("cotangent")});
    expect_close(outputs[0], at("output"), {1e-4, 1e-5});
    expect_close(gradients[0], at("gradient"), {1e-4, 1e-5});
    expect_close(gradients[1], at("weight_gradient"), {1e-4, 1e-5});
    expect_close(gradients[2], at("bias_gradient"), {1e-4, 1e-5});
  }
  EXPECT_EQ(text(nn::LayerNorm({7, 5})), "LayerNorm((7, 5), eps=1e-05, affine=True)");
  EXPECT_EQ(error_of([] {
              nn::LayerNorm({7, 5})(zeros({5}));
            }),
            "LayerNorm: expected input (..., 7, 5), got (5,)");
  EXPECT_EQ(error_of([] {
              nn::LayerNorm({7, 0});
            }),
            "LayerNorm: expected dims of at least 1, got (7, 0)");
}

TEST_F(TorchLayers, PixelShuffleAndFlatten) {
  expect("shuffle", nn::PixelShuffle(2), file_.at("shuffle_input"));
  golden::expect_same(nn::Flatten()(image_), reshape(image_, {2, -1}));
  golden::expect_same(nn::Flatten({.start_axis = 0, .end_axis = 1})(image_),
                      reshape(image_, {14, 5, 4}));
  golden::expect_same(nn::Flatten({.start_axis = -2})(image_), reshape(image_, {2, 7, 20}));
}

TEST_F(TorchLayers, EmbeddingBag) {
  const array indices = file_.at("indices"), offsets = file_.at("offsets");
  const array scales = file_.at("scales"), table = file_.at("table");
  const std::pair<nn::BagMode, std::string> modes[] = {
      {nn::BagMode::sum, "sum"}, {nn::BagMode::mean, "mean"}, {nn::BagMode::max, "max"}};
  for (const auto& [mode, name] : modes) {
    nn::EmbeddingBag bag(6, 3, {.mode = mode}), padded(6, 3, {.mode = mode, .padding_index = 2});
    expect(
        "bag_" + name,
        [&](const array& weight) {
          bag.weight = weight;
          return bag(indices, offsets);
        },
        table);
    expect(
        "bag_square_" + name,
        [&](const array& weight) {
          padded.weight = weight;
          return padded(reshape(indices, {2, 3}));
        },
        table);
  }
  nn::EmbeddingBag sums(6, 3, {.mode = nn::BagMode::sum});
  expect(
      "bag_weights",
      [&](const array& weight) {
        sums.weight = weight;
        return sums(indices, offsets, scales);
      },
      table);
}

TEST(TorchLayersText, NamesOptions) {
  EXPECT_EQ(text(nn::Conv2d(
                3, 4, 3, {.padding = nn::same_padding, .padding_mode = nn::PaddingMode::reflect})),
            "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1), padding='same', dilation=1, groups=1, "
            "bias=True, padding_mode='reflect')");
  EXPECT_EQ(text(nn::ConvTranspose1d(4, 4, 3, {.groups = 2})),
            "ConvTranspose1d(4, 4, kernel_size=3, stride=1, padding=0, dilation=1, "
            "output_padding=0, groups=2, bias=True)");
  EXPECT_EQ(text(nn::AdaptiveAvgPool2d({3, 2})), "AdaptiveAvgPool2d(output_size=(3, 2))");
  EXPECT_EQ(text(nn::Flatten()), "Flatten(start_axis=1, end_axis=-1)");
  EXPECT_EQ(text(nn::PixelShuffle(2)), "PixelShuffle(upscale_factor=2)");
  EXPECT_EQ(text(nn::EmbeddingBag(6, 3)), "EmbeddingBag(6, 3, mode='mean')");
}

TEST(TorchLayersErrors, NameTheLayerTheExpectedAndTheGot) {
  const auto expect_error = [](const auto& f, const std::string& text) {
    EXPECT_EQ(error_of(f), text);
  };
  const array x = zeros({2, 3}), indices = zeros({4}, int32);
  expect_error([] { nn::Conv1d(3, 4, 3, {.stride = 2, .padding = nn::same_padding}); },
               "Conv1d: expected stride 1 with same_padding, got (2,)");
  expect_error(
      [] {
        nn::Conv1d(3, 4, 3,
                   {.padding = 3, .padding_mode = nn::PaddingMode::circular})(zeros({1, 2, 3}));
      },
      "Conv1d: expected input at least as large as its circular padding (3,), got (1, 2, 3)");
  expect_error([] { nn::AdaptiveAvgPool1d(0); },
               "AdaptiveAvgPool1d: expected output_size of at least 1, got (0,)");
  expect_error([&] { nn::AdaptiveMaxPool2d(1)(x); },
               "AdaptiveMaxPool2d: expected input (N, H, W, C), got (2, 3)");
  expect_error(
      [&] {
        nn::AdaptiveMaxPool1d(1)(zeros({2, 0, 3}));
      },
      "AdaptiveMaxPool1d: expected input with elements along spatial axes, got (2, 0, 3)");
  expect_error(
      [&] {
        nn::AdaptiveAvgPool1d(1)(zeros({2, 2, 3}, int32));
      },
      "AdaptiveAvgPool1d: expected a floating input, got int32");
  expect_error([&] { nn::Flatten({.start_axis = 2})(x); },
               "Flatten: expected input with the axes 2 to -1, got (2, 3)");
  expect_error([&] { nn::PixelShuffle(2)(x); },
               "PixelShuffle: expected input (N, H, W, C * 4), got (2, 3)");
  expect_error([] { nn::PixelShuffle(0); },
               "PixelShuffle: expected upscale_factor of at least 1, got 0");
  const nn::EmbeddingBag bag(6, 3);
  expect_error([&] { bag(x); }, "EmbeddingBag: expected integer indices, got float32");
  expect_error([&] { bag(indices); },
               "EmbeddingBag: expected indices (bags, size) without offsets, got (4,)");
  expect_error([&] { bag(indices, zeros({2})); },
               "EmbeddingBag: expected integer offsets (bags,), got (2,) float32");
  expect_error([&] { bag(indices, zeros({1}, int32), zeros({4})); },
               "EmbeddingBag: expected weights in mode sum only, got mean");
  const nn::EmbeddingBag sums(6, 3, {.mode = nn::BagMode::sum});
  expect_error([&] { sums(indices, zeros({1}, int32), zeros({3})); },
               "EmbeddingBag: expected weights (4,), got (3,)");
}

}  // namespace
}  // namespace mica
