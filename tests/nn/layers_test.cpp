// Layers give the values, gradients and statistics of mlx.nn's.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

class Layers : public ::testing::Test {
 protected:
  template <class L>
  void expect_layer(const std::string& name, L layer, const std::vector<array>& inputs,
                    Tolerance tolerance = {}) const {
    expect_layer_case(file_, name, std::move(layer), inputs, tolerance);
  }

  const Goldens file_ = golden::load("nn/layers");
  const array x_ = file_.at("x"), x2_ = file_.at("x2");
  const array image_ = file_.at("image"), grouped_ = file_.at("grouped");
};

TEST_F(Layers, Linear) {
  expect_layer("linear", nn::Linear(4, 3), {x_});
  expect_layer("linear_vector", nn::Linear(4, 3), {x_[{0, 0}]});
  expect_layer("linear_no_bias", nn::Linear(4, 3, {.bias = false}), {x_});
  expect_layer("bilinear", nn::Bilinear(4, 5, 3), {x_, x2_});
  expect_layer("bilinear_no_bias", nn::Bilinear(4, 5, 3, {.bias = false}), {x_, x2_});
  expect_layer("identity", nn::Identity(), {x_});
}

TEST_F(Layers, Convolution) {
  expect_layer("conv2d", nn::Conv2d(2, 2, 3), {image_});
  expect_layer("conv2d_stride", nn::Conv2d(2, 2, 3, {.stride = 2}), {image_});
  expect_layer("conv2d_padding", nn::Conv2d(2, 2, 3, {.padding = 1}), {image_});
  expect_layer("conv2d_dilation", nn::Conv2d(2, 2, 3, {.dilation = 2}), {image_});
  expect_layer("conv2d_groups", nn::Conv2d(4, 4, 3, {.groups = 2}), {grouped_});
  expect_layer("conv2d_depthwise", nn::Conv2d(4, 4, 3, {.groups = 4}), {grouped_});
  expect_layer("conv2d_no_bias", nn::Conv2d(2, 2, 3, {.bias = false}), {image_});
  expect_layer("conv2d_pairs",
               nn::Conv2d(2, 2, {3, 2}, {.stride = {2, 1}, .padding = {0, 1}, .dilation = {1, 2}}),
               {image_});
}

TEST_F(Layers, SignalsAndVolumes) {
  const array signal = file_.at("signal"), volume = file_.at("volume");
  expect_layer("conv1d", nn::Conv1d(2, 4, 3, {.stride = 2, .padding = 1, .groups = 2}), {signal});
  expect_layer("conv1d_dilation", nn::Conv1d(2, 1, 2, {.dilation = 3, .bias = false}), {signal});
  expect_layer("conv3d", nn::Conv3d(2, 1, 2, {.stride = {2, 1, 1}, .padding = {0, 1, 0}}),
               {volume});
  expect_layer("conv3d_dilation", nn::Conv3d(2, 1, 2, {.dilation = 2, .bias = false}), {volume});
  expect_layer("max_pool1d", nn::MaxPool1d(3, {.stride = 2, .padding = 1}), {signal});
  expect_layer("avg_pool1d", nn::AvgPool1d(3, {.stride = 2, .padding = 1}), {signal});
  const nn::PoolOptions<3> options{.stride = nn::Sizes<3>(1, 2, 1), .padding = {0, 1, 0}};
  expect_layer("max_pool3d", nn::MaxPool3d(2, options), {volume});
  expect_layer("avg_pool3d", nn::AvgPool3d(2, options), {volume});
}

TEST_F(Layers, Pooling) {
  expect_layer("max_pool", nn::MaxPool2d(2), {image_});
  expect_layer("max_pool_stride", nn::MaxPool2d(3, {.stride = 1}), {image_});
  expect_layer("max_pool_padding", nn::MaxPool2d(3, {.stride = 2, .padding = 1}), {image_});
  expect_layer("max_pool_pairs",
               nn::MaxPool2d({3, 2}, {.stride = nn::Sizes<2>(2, 3), .padding = {1, 0}}), {image_});
  expect_layer("avg_pool", nn::AvgPool2d(2), {image_});
  expect_layer("avg_pool_stride", nn::AvgPool2d(3, {.stride = 1}), {image_});
  expect_layer("avg_pool_padding", nn::AvgPool2d(3, {.stride = 2, .padding = 1}), {image_});
  expect_layer("avg_pool_pairs",
               nn::AvgPool2d({3, 2}, {.stride = nn::Sizes<2>(2, 3), .padding = {1, 0}}), {image_});
}

TEST_F(Layers, BatchNorm) {
  expect_layer("batch_norm_rank_2", nn::BatchNorm(4), {x_[0]});
  expect_layer("batch_norm_rank_3", nn::BatchNorm(4), {x_});
  expect_layer("batch_norm_rank_4", nn::BatchNorm(2), {image_});
  expect_layer("batch_norm_eps", nn::BatchNorm(4, {.eps = 0.1}), {x_});
  expect_layer("batch_norm_momentum", nn::BatchNorm(4, {.momentum = 0.4}), {x_});
  expect_layer("batch_norm_no_affine", nn::BatchNorm(4, {.affine = false}), {x_});
  expect_layer("batch_norm_no_tracking", nn::BatchNorm(4, {.track_running_stats = false}), {x_});
  nn::BatchNorm norm(4, {.momentum = 0.4}), untracked(4, {.track_running_stats = false});
  norm.eval();
  untracked.eval();
  expect_layer("batch_norm_eval", norm, {x_});
  expect_layer("batch_norm_eval_no_tracking", untracked, {x_});
}

TEST_F(Layers, BatchNormsStatisticsMoveOnlyWhileTraining) {
  nn::BatchNorm norm(4, {.momentum = 0.4});
  norm.load_weights(part_of(file_, "batch_norm_momentum.parameters."));
  expect_close(norm(x_), file_.at("batch_norm_sequence.outputs.0"), {});
  expect_close(norm(file_.at("batch_norm_sequence.second")),
               file_.at("batch_norm_sequence.outputs.1"), {});
  norm.eval();
  expect_close(norm(x_), file_.at("batch_norm_sequence.outputs.2"), {});
  expect_tree(file_, "batch_norm_sequence.after.", norm.parameters());
}

TEST_F(Layers, NormsOverTheLastAxis) {
  expect_layer("layer_norm", nn::LayerNorm(4), {x_});
  expect_layer("layer_norm_eps", nn::LayerNorm(4, {.eps = 0.1}), {x_});
  expect_layer("layer_norm_no_affine", nn::LayerNorm(4, {.affine = false}), {x_});
  expect_layer("layer_norm_no_bias", nn::LayerNorm(4, {.bias = false}), {x_});
  expect_layer("rms_norm", nn::RMSNorm(4), {x_});
  expect_layer("rms_norm_eps", nn::RMSNorm(4, {.eps = 0.1}), {x_});
}

TEST_F(Layers, Embedding) {
  expect_layer("embedding", nn::Embedding(6, 4), {file_.at("indices")});
  nn::Embedding embedding(6, 4);
  auto as_linear = [&](const std::vector<array>& arrays) {
    embedding.weight = arrays[0];
    return embedding.as_linear(arrays[1]);
  };
  expect_case(file_, "embedding_as_linear", as_linear,
              {file_.at("embedding.parameters.weight"), x_},
              file_.at("embedding_as_linear.cotangent"));
}

TEST_F(Layers, Sequential) {
  expect_layer("sequential", nn::Sequential{nn::Linear(4, 5), nn::Tanh(), nn::Linear(5, 2)}, {x_});
}

TEST_F(Layers, HalfPrecisionIsKept) {
  for (const Dtype dtype : {bfloat16, float16}) {
    const std::string suffix = dtype == bfloat16 ? "_bfloat16" : "_float16";
    const array x = astype(x_, dtype), image = astype(grouped_, dtype);
    const auto expect_half = [&](const std::string& name, auto layer, const array& input) {
      layer.set_dtype(dtype);
      expect_layer(name + suffix, layer, {input}, half_tolerance(dtype));
    };
    expect_half("linear", nn::Linear(4, 3), x);
    expect_half("conv2d", nn::Conv2d(4, 2, 3), image);
    expect_half("batch_norm", nn::BatchNorm(4), x);
    expect_half("layer_norm", nn::LayerNorm(4), x);
    expect_half("rms_norm", nn::RMSNorm(4), x);
    expect_half("max_pool", nn::MaxPool2d(2), image);
    expect_half("avg_pool", nn::AvgPool2d(2), image);
  }
}

TEST(Dropout, DropsWhatMlxDrops) {
  const Goldens file = golden::load("nn/dropout");
  const auto expect_dropped = [&](const std::string& name, const auto& layer) {
    random::seed(5);
    expect_case(file, name, layer, file.at(name + ".x"));
  };
  expect_dropped("default", nn::Dropout());
  expect_dropped("p", nn::Dropout(0.2));
  expect_dropped("half", nn::Dropout(0.2));
  expect_dropped("2d", nn::Dropout2d(0.4));
  expect_dropped("2d_one", nn::Dropout2d());
  expect_dropped("3d", nn::Dropout3d(0.4));
  expect_dropped("3d_one", nn::Dropout3d());
}

TEST(Dropout, ReturnsItsInputWhereNothingIsDropped) {
  const array x = golden::load("nn/dropout").at("default.x");
  nn::Dropout dropout;
  dropout.eval();
  golden::expect_same(dropout(x), x);
  golden::expect_same(nn::Dropout(0)(x), x);
}

TEST(LayerText, IsThatOfMlx) {
  EXPECT_EQ(text(nn::Bilinear(3, 4, 5)),
            "Bilinear(input1_dims=3, input2_dims=4, output_dims=5, bias=True)");
  EXPECT_EQ(text(nn::Conv1d(3, 4, 5)),
            "Conv1d(3, 4, kernel_size=5, stride=1, padding=0, dilation=1, groups=1, bias=True)");
  EXPECT_EQ(text(nn::Conv2d(3, 8, {3, 5}, {.stride = 2, .dilation = {2, 2}})),
            "Conv2d(3, 8, kernel_size=(3, 5), stride=(2, 2), padding=(0, 0), dilation=(2, 2), "
            "groups=1, bias=True)");
  EXPECT_EQ(text(nn::Conv3d(3, 4, 2)),
            "Conv3d(3, 4, kernel_size=(2, 2, 2), stride=(1, 1, 1), padding=(0, 0, 0), dilation=1, "
            "bias=True)");
  EXPECT_EQ(text(nn::MaxPool2d(2, {.stride = {{3, 1}}, .padding = 1})),
            "MaxPool2d(kernel_size=(2, 2), stride=(3, 1), padding=(1, 1))");
  EXPECT_EQ(text(nn::AvgPool1d(3)), "AvgPool1d(kernel_size=(3,), stride=(3,), padding=(0,))");
  EXPECT_EQ(text(nn::LayerNorm(4, {.eps = 1e-6})), "LayerNorm(4, eps=1e-06, affine=True)");
  EXPECT_EQ(text(nn::RMSNorm(7)), "RMSNorm(7, eps=1e-05)");
  EXPECT_EQ(text(nn::Embedding(7, 4)), "Embedding(7, 4)");
  EXPECT_EQ(text(nn::Dropout(0.3)), "Dropout(p=0.30000000000000004)");
  EXPECT_EQ(text(nn::HardSwish()), "Hardswish()");
  EXPECT_EQ(text(nn::LeakyReLU(0.2)), "LeakyReLU()");
}

TEST(LayerErrors, NameTheLayerTheExpectedAndTheGot) {
  const auto expect_error = [](const auto& f, const std::string& text) {
    EXPECT_EQ(error_of(f), text);
  };
  const array x = zeros({2, 3});
  expect_error([&] { nn::Linear(4, 3)(x); }, "Linear: expected input (..., 4), got (2, 3)");
  expect_error([&] { nn::Linear(4, 3)(array(1.0f)); }, "Linear: expected input (..., 4), got ()");
  expect_error([] { nn::Linear(0, 3); }, "Linear: expected dims of at least 1, got 0 and 3");
  expect_error([&] { nn::Bilinear(4, 5, 6)(x, x); },
               "Bilinear: expected input 1 (..., 4), got (2, 3)");
  expect_error([&] { nn::Bilinear(3, 5, 6)(x, x); },
               "Bilinear: expected input 2 (2, 5), got (2, 3)");
  expect_error([&] { nn::Conv2d(3, 4, 3)(x); }, "Conv2d: expected input (N, H, W, 3), got (2, 3)");
  expect_error([] { nn::Conv2d(3, 4, 3, {.groups = 2}); },
               "Conv2d: expected groups that divide 3 and 4, got 2");
  expect_error(
      [] {
        nn::Conv2d(3, 4, 3, {.stride = {1, 0}});
      },
      "Conv2d: expected stride of at least 1, got (1, 0)");
  expect_error([] { nn::Conv2d(3, 4, 3, {.padding = -1}); },
               "Conv2d: expected padding of at least 0, got (-1, -1)");
  expect_error([] { nn::Conv2d(3, 4, 3, {.dilation = 0}); },
               "Conv2d: expected dilation of at least 1, got (0, 0)");
  expect_error([&] { nn::MaxPool2d(2)(x); }, "MaxPool2d: expected input (N, H, W, C), got (2, 3)");
  expect_error(
      [&] {
        nn::AvgPool2d(4)(zeros({1, 3, 5, 2}));
      },
      "AvgPool2d: expected input, with padding, of at least (4, 4), got (1, 3, 5, 2)");
  expect_error([] { nn::MaxPool2d(0); },
               "MaxPool2d: expected kernel_size of at least 1, got (0, 0)");
  expect_error([] { nn::AvgPool2d(2, {.padding = -1}); },
               "AvgPool2d: expected padding of at least 0, got (-1, -1)");
  expect_error([&] { nn::BatchNorm(4)(x); }, "BatchNorm: expected input (..., 4), got (2, 3)");
  expect_error([&] { nn::BatchNorm(3)(zeros({3})); },
               "BatchNorm: expected input of 2, 3 or 4 dimensions, got (3,)");
  expect_error(
      [&] {
        nn::BatchNorm(3)(zeros({1, 3}));
      },
      "BatchNorm: expected more than one value for each feature, got (1, 3)");
  expect_error([] { nn::BatchNorm(3, {.eps = 0}); }, "BatchNorm: expected eps above 0, got 0.0");
  expect_error([&] { nn::LayerNorm(4)(x); }, "LayerNorm: expected input (..., 4), got (2, 3)");
  expect_error([] { nn::LayerNorm(4, {.eps = -1}); }, "LayerNorm: expected eps above 0, got -1.0");
  expect_error([&] { nn::Embedding(4, 3)(x); }, "Embedding: expected integer indices, got float32");
  expect_error([&] { nn::Embedding(4, 5).as_linear(x); },
               "Embedding: expected input (..., 5), got (2, 3)");
  expect_error([] { nn::Dropout(1); }, "Dropout: expected p in [0, 1), got 1.0");
  expect_error([] { nn::Dropout3d(-0.5); }, "Dropout3d: expected p in [0, 1), got -0.5");
  expect_error([&] { nn::Dropout2d()(x); },
               "Dropout2d: expected input (H, W, C) or (N, H, W, C), got (2, 3)");
  nn::Sequential model{nn::Linear(3, 4), nn::Linear(5, 2)};
  model.parameters();
  expect_error([&] { model(x); }, "Linear (layers.1): expected input (..., 5), got (2, 4)");
}

}  // namespace
}  // namespace mica
