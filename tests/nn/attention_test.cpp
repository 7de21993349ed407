// MultiHeadAttention gives the values and gradients of mlx.nn's.
#include "mica/nn/attention.h"

#include "tests/nn/sequence.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using nn::AttentionMask, nn::MultiHeadAttention;
using test::expect_error;
using Arrays = std::vector<array>;

class MultiHead : public ::testing::Test {
 protected:
  static auto to_itself(const AttentionMask& mask = {}) {
    return [mask](const MultiHeadAttention& layer, const Arrays& x) {
      return layer(x[0], x[0], x[0], mask);
    };
  }
  static auto across(const AttentionMask& mask = {}) {
    return [mask](const MultiHeadAttention& layer, const Arrays& x) {
      return layer(x[0], x[1], x[2], mask);
    };
  }

  const Goldens file_ = golden::load("nn/attention");
  const array x_ = file_.at("x"), memory_ = file_.at("memory"), values_ = file_.at("values");
};

TEST_F(MultiHead, AttendsToItself) {
  expect_layer(file_, "plain", MultiHeadAttention(8, 2), to_itself(), {x_});
  expect_layer(file_, "bias", MultiHeadAttention(8, 4, {.bias = true}), to_itself(), {x_});
}

TEST_F(MultiHead, Masks) {
  const array additive = MultiHeadAttention::create_additive_causal_mask(3);
  golden::expect_same(additive, file_.at("mask_float32"));
  golden::expect_same(MultiHeadAttention::create_additive_causal_mask(3, float16),
                      file_.at("mask_float16"));
  expect_layer(file_, "additive", MultiHeadAttention(8, 2), to_itself(additive), {x_});
  expect_layer(file_, "causal", MultiHeadAttention(8, 2), to_itself(nn::MaskMode::causal), {x_});
}

TEST_F(MultiHead, Dimensions) {
  const MultiHeadAttention all(4, 2,
                               {.query_input_dims = 8,
                                .key_input_dims = 6,
                                .value_input_dims = 10,
                                .value_dims = 12,
                                .value_output_dims = 5});
  expect_layer(file_, "dims", all, across(), {x_, memory_, values_});
  expect_layer(file_, "key_dims", MultiHeadAttention(8, 2, {.key_input_dims = 6}),
               across(file_.at("seen")), {x_, memory_, memory_});
}

// As full attention whose keys and values are repeated for the heads that share them.
TEST_F(MultiHead, GroupedHeads) {
  const MultiHeadAttention grouped(8, 4, {.num_kv_heads = 2});
  EXPECT_EQ(to_string(grouped.key_proj->weight.shape()), "(4, 8)");
  MultiHeadAttention full(8, 4);
  const auto repeated = [](const array& weight) {
    return reshape(repeat(reshape(weight, {2, 2, 8}), 2, 0), {8, 8});
  };
  full.query_proj->weight = grouped.query_proj->weight;
  full.key_proj->weight = repeated(grouped.key_proj->weight);
  full.value_proj->weight = repeated(grouped.value_proj->weight);
  full.out_proj->weight = grouped.out_proj->weight;
  golden::expect_close(grouped(x_, x_, x_), full(x_, x_, x_));
}

TEST_F(MultiHead, DropsWeightsWhileTraining) {
  MultiHeadAttention layer(8, 4, {.num_kv_heads = 2, .dropout = 0.5});
  MultiHeadAttention plain(8, 4, {.num_kv_heads = 2});
  plain.load_weights(tree_flatten(layer.parameters()));
  const array expected = plain(x_, x_, x_, nn::MaskMode::causal);
  layer.eval();
  golden::expect_close(layer(x_, x_, x_, nn::MaskMode::causal), expected);
  layer.train();
  // Weights that are dropped with probability 1/2 and doubled otherwise: right in the mean.
  array total = zeros_like(expected);
  for (int i = 0; i < 2000; ++i) {
    total = total + layer(x_, x_, x_, nn::MaskMode::causal);
    eval(total);
  }
  golden::expect_close(total / 2000, expected, 0.1, 0.03);
  EXPECT_FALSE(array_equal(layer(x_, x_, x_), layer(x_, x_, x_)).item<bool>());
}

TEST_F(MultiHead, DropoutSeesEveryMask) {
  const MultiHeadAttention layer(8, 2, {.dropout = 1e-9});
  MultiHeadAttention plain(8, 2);
  plain.load_weights(tree_flatten(layer.parameters()));
  const array additive = MultiHeadAttention::create_additive_causal_mask(3);
  const array seen = array({true, false, true});
  for (const AttentionMask& mask : {AttentionMask(), AttentionMask(nn::MaskMode::causal),
                                    AttentionMask(additive), AttentionMask(seen)}) {
    golden::expect_close(layer(x_, x_, x_, mask), plain(x_, x_, x_, mask));
  }
}

TEST_F(MultiHead, KeepsTheInputsDtype) {
  for (const Dtype dtype : {float16, bfloat16}) {
    MultiHeadAttention layer(8, 2), half(8, 2);
    half.load_weights(tree_flatten(layer.parameters()));
    half.set_dtype(dtype);
    const array x = astype(x_, dtype), out = half(x, x, x);
    EXPECT_EQ(out.dtype(), dtype);
    expect_close(astype(out, float32), layer(x_, x_, x_), half_tolerance(dtype));
  }
}

TEST_F(MultiHead, RefusesBadArguments) {
  const std::string name = "MultiHeadAttention: expected ";
  expect_error([] { MultiHeadAttention(8, 3); }, name + "dims divisible by num_heads, 3, got 8");
  expect_error([] { MultiHeadAttention(8, 0); }, name + "num_heads of at least 1, got 0");
  expect_error([] { MultiHeadAttention(8, 2, {.value_dims = 5}); },
               name + "value_dims divisible by num_heads, 2, got 5");
  expect_error([] { MultiHeadAttention(8, 4, {.num_kv_heads = 3}); },
               name + "num_kv_heads that divides num_heads, 4, got 3");
  expect_error([] { MultiHeadAttention(8, 2, {.dropout = 1.0}); },
               "Dropout: expected p in [0, 1), got 1.0");
  const array line = zeros({3, 8});
  expect_error([&] { MultiHeadAttention(8, 2)(line, x_, x_); },
               name + "queries (batch, length, size), got (3, 8)");
}

TEST(AttentionMask, IsATreeOfArrays) {
  random::seed(2);
  const nn::MultiHeadAttention attention(8, 2);
  const array x = random::normal({2, 4, 8});
  const auto compiled = compile(
      [&](const array& y, const nn::AttentionMask& mask) { return attention(y, y, y, mask); });
  const array added = random::normal({4, 4});
  for (const nn::AttentionMask& mask :
       {nn::AttentionMask(), nn::AttentionMask(nn::MaskMode::causal), nn::AttentionMask(added),
        nn::AttentionMask(2 * added)}) {
    golden::expect_close(compiled(x, mask), attention(x, x, x, mask));
  }
}

}  // namespace
}  // namespace mica
