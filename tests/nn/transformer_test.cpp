// Transformers give the values, gradients and first weights of mlx.nn's.
#include "mica/nn/transformer.h"

#include "tests/nn/sequence.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_error;
using Arrays = std::vector<array>;

class Transformers : public ::testing::Test {
 protected:
  auto encode() const {
    return [mask = mask_](const auto& layer, const Arrays& x) { return layer(x[0], mask); };
  }
  auto decode() const {
    return [mask = mask_, seen = seen_](const auto& layer, const Arrays& x) {
      return layer(x[0], x[1], mask, seen);
    };
  }

  const Goldens file_ = golden::load("nn/transformer");
  const array x_ = file_.at("x"), memory_ = file_.at("memory");
  const array mask_ = file_.at("mask"), seen_ = file_.at("seen");
};

TEST_F(Transformers, Layers) {
  using Encoder = nn::TransformerEncoderLayer;
  using Decoder = nn::TransformerDecoderLayer;
  const Encoder::Options last{.mlp_dims = 5, .norm_first = false};
  expect_layer(file_, "encoder_layer", Encoder(8, 2), encode(), {x_});
  expect_layer(file_, "encoder_layer_norm_last", Encoder(8, 2, last), encode(), {x_});
  expect_layer(file_, "encoder_layer_gelu", Encoder(8, 2, {.activation = nn::gelu}), encode(),
               {x_});
  expect_layer(file_, "decoder_layer", Decoder(8, 2), decode(), {x_, memory_});
  expect_layer(file_, "decoder_layer_norm_last", Decoder(8, 2, last), decode(), {x_, memory_});
}

TEST_F(Transformers, StacksWithAndWithoutCheckpoints) {
  for (const bool checkpoint : {false, true}) {
    const nn::TransformerStackOptions options{.mlp_dims = 12, .checkpoint = checkpoint};
    expect_layer(file_, "encoder", nn::TransformerEncoder(2, 8, 2, options), encode(), {x_});
    expect_layer(file_, "decoder", nn::TransformerDecoder(2, 8, 2, options), decode(),
                 {x_, memory_});
  }
}

nn::TransformerOptions small(int encoders, int decoders) {
  return {.dims = 8,
          .num_heads = 2,
          .num_encoder_layers = encoders,
          .num_decoder_layers = decoders,
          .mlp_dims = 12};
}

TEST_F(Transformers, Whole) {
  const auto call = [&](const nn::Transformer& layer, const Arrays& x) {
    return layer(x[0], x[1], {}, mask_);
  };
  expect_layer(file_, "transformer", nn::Transformer(small(1, 1)), call, {memory_, x_});
}

TEST_F(Transformers, FirstWeightsAndPrint) {
  random::seed(3);
  const nn::Transformer model(small(1, 2));
  expect_tree(file_, "made.", model.parameters());
  EXPECT_EQ(print(model), printed_text(file_, "printed"));
}

struct DoublingEncoder : nn::Encoder {
  MICA_MODULE(DoublingEncoder)
  array operator()(const array& x, const nn::AttentionMask&) const override { return 2 * x; }
};

struct SummingDecoder : nn::Decoder {
  array weight = ones({8});
  MICA_MODULE(SummingDecoder, weight)
  array operator()(const array& x, const array& memory, const nn::AttentionMask&,
                   const nn::AttentionMask&) const override {
    return x + sum(memory, 1, true) * weight;
  }
};

TEST_F(Transformers, CustomEncoderAndDecoder) {
  auto options = small(1, 1);
  options.custom_encoder = DoublingEncoder();
  options.custom_decoder = SummingDecoder();
  const nn::Transformer model(options), copy = model;
  for (const nn::Transformer& each : {model, copy}) {
    golden::expect_close(each(memory_, x_), x_ + 2 * sum(memory_, 1, true));
  }
  EXPECT_EQ(tree_flatten(model.parameters()).size(), 1);
}

TEST_F(Transformers, ActivationsMayHaveParameters) {
  const nn::TransformerEncoderLayer layer(8, 2, {.activation = nn::PReLU()});
  EXPECT_TRUE(layer.parameters()["activation"].contains("weight"));
}

TEST_F(Transformers, CheckpointsRepeatDropout) {
  const auto gradients = [&](bool checkpoint) {
    random::seed(7);
    nn::TransformerEncoder model(2, 8, 2, {.dropout = 0.3, .checkpoint = checkpoint});
    return nn::value_and_grad(model, [&](const array& x) { return sum(square(model(x))); })(x_);
  };
  const auto [loss, plain] = gradients(false);
  const auto [same_loss, recomputed] = gradients(true);
  golden::expect_close(same_loss, loss);
  const auto expected = tree_flatten(plain);
  const auto got = tree_flatten(recomputed);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) {
    golden::expect_close(got[i].second, expected[i].second, 1e-4, 1e-5);
  }
}

TEST_F(Transformers, HalfPrecision) {
  for (const Dtype dtype : {float16, bfloat16}) {
    nn::TransformerEncoder model(1, 8, 2), half = model;
    half.set_dtype(dtype);
    const array out = half(astype(x_, dtype), nn::MaskMode::causal);
    EXPECT_EQ(out.dtype(), dtype);
    expect_close(astype(out, float32), model(x_, nn::MaskMode::causal),
                 {half_tolerance(dtype).rtol * 3, half_tolerance(dtype).atol * 3});
  }
}

TEST_F(Transformers, CheckpointOfAModule) {
  nn::Sequential model{nn::Linear(8, 8), nn::ReLU(), nn::Linear(8, 8)};
  const auto loss = [&](const array& x) { return sum(square(nn::checkpoint(model)(x))); };
  const auto plain = [&](const array& x) { return sum(square(model(x))); };
  const auto expected = tree_flatten(nn::value_and_grad(model, plain)(x_).second);
  const auto got = tree_flatten(nn::value_and_grad(model, loss)(x_).second);
  for (size_t i = 0; i < expected.size(); ++i) {
    golden::expect_close(got[i].second, expected[i].second);
  }
  golden::expect_close(grad(loss)(x_), grad(plain)(x_));
}

TEST_F(Transformers, RefusesBadArguments) {
  expect_error([] { nn::TransformerEncoder(-1, 8, 2); },
               "TransformerEncoder: expected num_layers of at least 0, got -1");
  expect_error([] { nn::TransformerDecoderLayer(8, 3); },
               "MultiHeadAttention: expected dims divisible by num_heads, 3, got 8");
}

}  // namespace
}  // namespace mica
