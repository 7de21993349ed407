// Encodings of positions give the values and gradients of mlx.nn's.
#include "mica/nn/positional.h"

#include "tests/nn/sequence.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_error;

class Positional : public ::testing::Test {
 protected:
  void expect_encoding(const std::string& name, int dims,
                       const nn::SinusoidalPositionalEncodingOptions& options = {}) const {
    const nn::SinusoidalPositionalEncoding layer(dims, options);
    golden::expect_close(layer.sigmas, file_.at(name + ".sigmas"));
    expect_case(file_, name, [&](const array& x) { return layer(x); }, file_.at("places"),
                {1e-5, 5e-5});  // the sines of angles of hundreds of radians
  }

  const Goldens file_ = golden::load("nn/positional");
  const array x_ = file_.at("x"), scores_ = file_.at("scores");
};

TEST_F(Positional, RoPE) {
  expect_case(file_, "rope", nn::RoPE(8), x_);
  expect_case(
      file_, "rope_offset", [](const array& x) { return nn::RoPE(8)(x, 5); }, x_);
  expect_case(file_, "rope_options", nn::RoPE(4, {.traditional = true, .base = 100, .scale = 0.5}),
              x_);
  EXPECT_EQ(print(nn::RoPE(4)), "RoPE(4, traditional=False)");
  EXPECT_EQ(print(nn::RoPE(4, {.traditional = true})), "RoPE(4, traditional=True)");
}

TEST_F(Positional, Sinusoidal) {
  expect_encoding("sinusoidal", 8);
  expect_encoding("sinusoidal_two", 2);
  expect_encoding("sinusoidal_freqs", 8, {.min_freq = 0.01, .max_freq = 2.0});
  expect_encoding("sinusoidal_scale", 8, {.scale = 1.0});
  expect_encoding("sinusoidal_cos_first", 8, {.cos_first = true});
  expect_encoding("sinusoidal_full_turns", 8, {.full_turns = true});
  const nn::SinusoidalPositionalEncoding layer(8);
  EXPECT_TRUE(tree_flatten(layer.parameters()).empty());
  EXPECT_EQ(print(layer), "SinusoidalPositionalEncoding()");
}

TEST_F(Positional, ALiBi) {
  const nn::ALiBi alibi;
  expect_case(
      file_, "alibi", [&](const array& x) { return alibi(x); }, scores_);
  expect_case(
      file_, "alibi_offset", [&](const array& x) { return alibi(x, 2); }, scores_);
  expect_case(
      file_, "alibi_mask", [&](const array& x) { return alibi(x, 0, file_.at("mask")); }, scores_);
  expect_close(alibi(astype(scores_, float16)), file_.at("alibi_half.output"),
               half_tolerance(float16));
  EXPECT_EQ(print(alibi), "ALiBi()");
  int i = 0;
  for (const int heads : {1, 4, 6, 12}) {
    golden::expect_close(nn::ALiBi::create_alibi_slope(heads),
                         file_.at("slopes." + std::to_string(i++)));
  }
  expect_close(nn::ALiBi::create_alibi_matrix(5, 4, 2, 1, float16), file_.at("matrix"),
               half_tolerance(float16));
}

TEST_F(Positional, HalfPrecision) {
  for (const Dtype dtype : {float16, bfloat16}) {
    const array x = astype(x_, dtype);
    EXPECT_EQ(nn::RoPE(8)(x).dtype(), dtype);
    expect_close(astype(nn::RoPE(8)(x), float32), file_.at("rope.output"), half_tolerance(dtype));
  }
}

TEST_F(Positional, RefusesBadArguments) {
  expect_error([] { nn::RoPE(3); }, "RoPE: expected dims even and at least 2, got 3");
  expect_error(
      [] {
        nn::RoPE(8)(zeros({2, 3, 4}));
      },
      "RoPE: expected input (batch, ..., length, size) with a size of at least 8, got "
      "(2, 3, 4)");
  expect_error([] { nn::SinusoidalPositionalEncoding(0); },
               "SinusoidalPositionalEncoding: expected dims even and at least 2, got 0");
  expect_error([] { nn::SinusoidalPositionalEncoding(4, {.min_freq = 0.0}); },
               "SinusoidalPositionalEncoding: expected frequencies above 0, got 0.0 and 1.0");
  expect_error([] { nn::ALiBi::create_alibi_slope(0); },
               "ALiBi: expected num_heads of at least 1, got 0");
  expect_error(
      [] {
        nn::ALiBi()(zeros({2, 3}));
      },
      "ALiBi: expected attention_scores (batch, heads, queries, keys), got (2, 3)");
}

}  // namespace
}  // namespace mica
