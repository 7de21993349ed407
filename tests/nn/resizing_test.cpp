// Transposed convolutions, group and instance norms and Upsample give the values and gradients of
// mlx.nn's.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

class Resizing : public ::testing::Test {
 protected:
  template <class L>
  void expect_layer(const std::string& name, L layer, const array& x,
                    Tolerance tolerance = {1e-4, 1e-5}) const {
    expect_layer_case(file_, name, std::move(layer), {x}, tolerance);
  }

  const Goldens file_ = golden::load("nn/resizing");
  const array signal_ = file_.at("signal"), image_ = file_.at("image");
  const array volume_ = file_.at("volume");
};

TEST_F(Resizing, ConvTranspose) {
  expect_layer("transpose1d", nn::ConvTranspose1d(4, 3, 3), signal_);
  expect_layer(
      "transpose1d_options",
      nn::ConvTransposed1d(
          4, 3, 3, {.stride = 2, .padding = 1, .dilation = 2, .output_padding = 1, .bias = false}),
      signal_);
  expect_layer("transpose2d", nn::ConvTranspose2d(4, 3, 3), image_);
  expect_layer("transpose2d_stride", nn::ConvTranspose2d(4, 3, 3, {.stride = 2}), image_);
  expect_layer("transpose2d_padding", nn::ConvTranspose2d(4, 3, 3, {.padding = 1}), image_);
  expect_layer("transpose2d_dilation", nn::ConvTranspose2d(4, 3, 2, {.dilation = 2}), image_);
  expect_layer("transpose2d_no_bias", nn::ConvTranspose2d(4, 3, 3, {.bias = false}), image_);
  expect_layer(
      "transpose2d_pairs",
      nn::ConvTranspose2d(
          4, 3, {3, 2},
          {.stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, .output_padding = {1, 0}}),
      image_);
  expect_layer("transpose3d", nn::ConvTranspose3d(4, 2, 2), volume_);
  expect_layer("transpose3d_options",
               nn::ConvTranspose3d(4, 2, {2, 1, 2}, {.stride = {2, 1, 2}, .padding = {1, 0, 0}}),
               volume_);
  const auto expect_output = [&](const std::string& name, auto layer, const array& x) {
    layer.load_weights(part_of(file_, name + ".parameters."));
    expect_close(layer(x), file_.at(name + ".output"), Tolerance{});
  };
  expect_output("transpose2d_output",
                nn::ConvTransposed2d(4, 3, 3, {.stride = 2, .output_padding = 1}), image_);
  expect_output("transpose3d_output",
                nn::ConvTransposed3d(4, 2, {2, 1, 2}, {.stride = 2, .output_padding = {1, 0, 1}}),
                volume_);
}

TEST_F(Resizing, GroupAndInstanceNorm) {
  const array flat = image_[{Slice(), 0, 0}];
  expect_layer("group_norm", nn::GroupNorm(2, 4), image_);
  expect_layer("group_norm_flat", nn::GroupNorm(2, 4), flat);
  expect_layer("group_norm_eps", nn::GroupNorm(2, 4, {.eps = 0.1}), image_);
  expect_layer("group_norm_no_affine", nn::GroupNorm(2, 4, {.affine = false}), image_);
  expect_layer("group_norm_torch", nn::GroupNorm(2, 4, {.pytorch_compatible = true}), image_);
  expect_layer("group_norm_torch_signal", nn::GroupNorm(4, 4, {.pytorch_compatible = true}),
               signal_);
  expect_layer("instance_norm", nn::InstanceNorm(4), image_);
  expect_layer("instance_norm_affine", nn::InstanceNorm(4, {.affine = true}), signal_);
  expect_layer("instance_norm_eps", nn::InstanceNorm(4, {.eps = 0.1}), volume_);
}

TEST_F(Resizing, Upsample) {
  using enum nn::UpsampleMode;
  expect_layer("nearest", nn::Upsample(2), image_);
  expect_layer("nearest_fraction", nn::Upsample(1.7), image_);
  expect_layer("nearest_down", nn::Upsample(0.6), signal_);
  expect_layer("nearest_each", nn::Upsample({2, 1.5}), image_);
  expect_layer("nearest_volume", nn::Upsample({2, 1, 3}), volume_);
  expect_layer("linear", nn::Upsample(2, {.mode = linear}), image_);
  expect_layer("linear_corners", nn::Upsample(2, {.mode = linear, .align_corners = true}), image_);
  expect_layer("linear_down", nn::Upsample(0.6, {.mode = linear}), signal_);
  expect_layer("linear_antialias", nn::Upsample(0.6, {.mode = linear, .antialias = true}), signal_);
  expect_layer("linear_antialias_up", nn::Upsample({1.5, 0.7}, {.mode = linear, .antialias = true}),
               image_);
  expect_layer("linear_each", nn::Upsample({2.5, 1.5}, {.mode = linear}), image_);
  expect_layer("linear_volume", nn::Upsample(2, {.mode = linear}), volume_);
  expect_layer("cubic", nn::Upsample(2, {.mode = cubic}), image_);
  expect_layer("cubic_corners", nn::Upsample({2, 1.5}, {.mode = cubic, .align_corners = true}),
               image_);
  expect_layer("cubic_down", nn::Upsample(0.6, {.mode = cubic}), signal_);
  expect_layer("cubic_antialias", nn::Upsample(0.6, {.mode = cubic, .antialias = true}), signal_);
  expect_layer("cubic_antialias_up", nn::Upsample({1.5, 0.7}, {.mode = cubic, .antialias = true}),
               image_);
}

TEST_F(Resizing, HalfPrecisionIsKept) {
  for (const Dtype dtype : {bfloat16, float16}) {
    const std::string suffix = dtype == bfloat16 ? "_bfloat16" : "_float16";
    const auto expect_half = [&](const std::string& name, auto layer) {
      layer.set_dtype(dtype);
      expect_layer(name + suffix, layer, astype(image_, dtype), half_tolerance(dtype));
    };
    expect_half("transpose2d", nn::ConvTranspose2d(4, 3, 3));
    expect_half("group_norm", nn::GroupNorm(2, 4));
    expect_half("instance_norm", nn::InstanceNorm(4));
    const array y = nn::Upsample(2, {.mode = nn::UpsampleMode::linear})(astype(image_, dtype));
    expect_close(y, astype(file_.at("linear.output"), dtype), half_tolerance(dtype));
  }
}

TEST_F(Resizing, SameSeedSameWeights) {
  random::seed(7);
  const nn::ConvTranspose1d one(2, 3, 3);
  const nn::ConvTranspose2d two(2, 3, {3, 2});
  const nn::ConvTranspose3d three(1, 2, 2);
  expect_tree(file_, "made.0.", one.parameters());
  expect_tree(file_, "made.1.", two.parameters());
  expect_tree(file_, "made.2.", three.parameters());
  expect_tree(file_, "made.3.", nn::GroupNorm(2, 4).parameters());
  expect_tree(file_, "made.4.", nn::InstanceNorm(4, {.affine = true}).parameters());
}

TEST(ResizingText, IsThatOfMlx) {
  EXPECT_EQ(text(nn::ConvTranspose1d(
                2, 4, 3, {.stride = 2, .padding = 1, .dilation = 1, .output_padding = 1})),
            "ConvTranspose1d(2, 4, kernel_size=3, stride=2, padding=1, dilation=1, "
            "output_padding=1, bias=True)");
  EXPECT_EQ(text(nn::ConvTranspose2d(2, 4, {3, 2}, {.dilation = {1, 2}})),
            "ConvTranspose2d(2, 4, kernel_size=(3, 2), stride=(1, 1), padding=(0, 0), "
            "dilation=(1, 2), output_padding=(0, 0), bias=True)");
  EXPECT_EQ(text(nn::ConvTranspose3d(2, 4, 3, {.dilation = 2, .bias = false})),
            "ConvTranspose3d(2, 4, kernel_size=(3, 3, 3), stride=(1, 1, 1), padding=(0, 0, 0), "
            "dilation=2, output_padding=(0, 0, 0), bias=False)");
  EXPECT_EQ(text(nn::GroupNorm(2, 4, {.affine = false, .pytorch_compatible = true})),
            "GroupNorm(2, 4, eps=1e-05, affine=False, pytorch_compatible=True)");
  EXPECT_EQ(text(nn::InstanceNorm(4)), "InstanceNorm(4, eps=1e-05, affine=False)");
  EXPECT_EQ(text(nn::Upsample(2)),
            "Upsample(scale_factor=2.0, mode='nearest', align_corners=False)");
  EXPECT_EQ(text(nn::Upsample({2, 3.5}, {.mode = nn::UpsampleMode::linear, .align_corners = true})),
            "Upsample(scale_factor=(2.0, 3.5), mode='linear', align_corners=True)");
  EXPECT_EQ(text(nn::Upsample(2, {.mode = nn::UpsampleMode::cubic, .antialias = true})),
            "Upsample(scale_factor=2.0, mode='cubic', align_corners=False, antialias=True)");
}

TEST(ResizingErrors, NameTheLayerTheExpectedAndTheGot) {
  const auto expect_error = [](const auto& f, const std::string& text) {
    EXPECT_EQ(error_of(f), text);
  };
  const array x = zeros({2, 3});
  const array signal = zeros({2, 3, 4});
  expect_error([&] { nn::ConvTranspose2d(3, 4, 3)(x); },
               "ConvTranspose2d: expected input (N, H, W, 3), got (2, 3)");
  expect_error([] { nn::ConvTranspose1d(3, 4, 3, {.groups = 2}); },
               "ConvTranspose1d: expected groups that divide 3 and 4, got 2");
  expect_error([] { nn::ConvTranspose2d(3, 4, 3, {.output_padding = -1}); },
               "ConvTranspose2d: expected output_padding of at least 0, got (-1, -1)");
  expect_error([] { nn::ConvTranspose3d(0, 4, 3); },
               "ConvTranspose3d: expected channels and kernel size of at least 1, got 0, 4, "
               "(3, 3, 3)");
  expect_error([] { nn::GroupNorm(3, 4); }, "GroupNorm: expected num_groups that divide 4, got 3");
  expect_error([] { nn::GroupNorm(1, 0); }, "GroupNorm: expected dims of at least 1, got 0");
  expect_error([] { nn::GroupNorm(2, 4, {.eps = 0}); }, "GroupNorm: expected eps above 0, got 0.0");
  expect_error([&] { nn::GroupNorm(2, 4)(x); }, "GroupNorm: expected input (..., 4), got (2, 3)");
  expect_error([&] { nn::GroupNorm(2, 4)(zeros({4})); },
               "GroupNorm: expected input of at least 2 dimensions, got (4,)");
  expect_error([&] { nn::InstanceNorm(3)(x); },
               "InstanceNorm: expected input of at least 3 dimensions, got (2, 3)");
  expect_error([&] { nn::InstanceNorm(3)(signal); },
               "InstanceNorm: expected input (..., 3), got (2, 3, 4)");
  expect_error([] { nn::InstanceNorm(0); }, "InstanceNorm: expected dims of at least 1, got 0");
  expect_error([] { nn::Upsample(0); }, "Upsample: expected scale_factor above 0, got 0.0");
  expect_error([] { nn::Upsample(2, {.antialias = true}); },
               "Upsample: expected mode linear or cubic with antialias, got nearest");
  expect_error(
      [] {
        nn::Upsample(2,
                     {.mode = nn::UpsampleMode::linear, .align_corners = true, .antialias = true});
      },
      "Upsample: expected antialias or align_corners, got both");
  expect_error([&] { nn::Upsample(2)(x); },
               "Upsample: expected input (N, spatial..., C), got (2, 3)");
  expect_error(
      [&] {
        nn::Upsample({2, 3})(signal);
      },
      "Upsample: expected input with 2 spatial axes, got (2, 3, 4)");
  expect_error([&] { nn::Upsample(0.1)(signal); },
               "Upsample: expected input with at least one element left, got (2, 3, 4)");
}

}  // namespace
}  // namespace mica
