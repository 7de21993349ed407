// The derivatives of every order of call, batches, compiled and saved copies of layers are right.
#include <gtest/gtest.h>

#include "mica/nn/verify.h"
#include "tests/nn/goldens.h"
#include "tests/nn/models.h"

namespace mica {
namespace {

template <class M, class... In>
void expect_verified(M&& model, const In&... inputs) {
  const nn::Verification found = nn::verify(model, inputs...);
  EXPECT_TRUE(found.ok()) << model << '\n' << found;
}

array input(const Shape& shape) { return random::normal(shape, random::key(3)); }

TEST(VerifiedLayers, Convolutions) {
  expect_verified(nn::Conv2d(2, 4, 3, {.padding = nn::same_padding}), input({2, 4, 5, 2}));
  for (const auto mode :
       {nn::PaddingMode::reflect, nn::PaddingMode::replicate, nn::PaddingMode::circular})
    expect_verified(nn::Conv1d(2, 3, 3, {.padding = 2, .padding_mode = mode}), input({2, 5, 2}));
  expect_verified(nn::ConvTranspose1d(2, 4, 3, {.stride = 2, .groups = 2}), input({2, 4, 2}));
  expect_verified(nn::ConvTranspose2d(2, 3, 3, {.stride = 2, .padding = 1, .output_padding = 1}),
                  input({2, 3, 4, 2}));
  expect_verified(nn::ConvTranspose3d(2, 2, 2), input({1, 2, 3, 2, 2}));
}

TEST(VerifiedLayers, Norms) {
  expect_verified(nn::LayerNorm({3, 4}), input({2, 3, 4}));
  expect_verified(nn::GroupNorm(2, 4), input({2, 3, 3, 4}));
  expect_verified(nn::GroupNorm(2, 4, {.pytorch_compatible = true}), input({2, 5, 4}));
  expect_verified(nn::InstanceNorm(4, {.affine = true}), input({2, 3, 3, 4}));
}

TEST(VerifiedLayers, Resizing) {
  using enum nn::UpsampleMode;
  expect_verified(nn::Upsample(2), input({1, 3, 4, 2}));
  expect_verified(nn::Upsample({1.5, 0.7}), input({1, 3, 4, 2}));
  expect_verified(nn::Upsample(1.5, {.mode = linear}), input({2, 5, 2}));
  expect_verified(nn::Upsample(0.6, {.mode = linear, .antialias = true}), input({2, 5, 2}));
  expect_verified(nn::Upsample(2, {.mode = cubic, .align_corners = true}), input({1, 3, 3, 2}));
  expect_verified(nn::AdaptiveAvgPool1d(3), input({2, 7, 2}));
  expect_verified(nn::AdaptiveMaxPool2d({2, 3}), input({2, 5, 4, 2}));
  expect_verified(nn::AdaptiveAvgPool3d(1), input({1, 2, 3, 2, 2}));
  expect_verified(nn::Flatten(), input({2, 3, 4}));
  expect_verified(nn::PixelShuffle(2), input({1, 2, 3, 8}));
}

TEST(VerifiedLayers, EmbeddingBag) {
  const array indices = reshape(array({1, 0, 5, 2, 5, 1}, int32), {2, 3});
  for (const auto mode : {nn::BagMode::sum, nn::BagMode::mean, nn::BagMode::max})
    expect_verified(nn::EmbeddingBag(6, 3, {.mode = mode}), indices);
}

TEST(VerifiedLayers, LossesOfBatches) {
  const array scores = input({2, 5, 4});
  const array targets({{1, 2}, {3, 0}}), lengths({5, 4}), sizes({2, 1});
  const auto loss = [&](const array& x) {
    return nn::losses::ctc_loss(nn::log_softmax(x), targets, lengths, sizes,
                                {.reduction = nn::Reduction::none});
  };
  const array more = stack({scores, scores * array(0.5f)});
  const array batched = vmap(loss)(more);
  expect_close(batched[0], loss(more[0]), {});
  expect_close(batched[1], loss(more[1]), {});
  const auto gradient = grad([&](const array& x) { return sum(loss(x)); });
  expect_close(vmap(gradient)(more)[1], gradient(more[1]), {});
  expect_close(compile(gradient)(scores), gradient(scores), {});
}

}  // namespace
}  // namespace mica
