// Quantizing gives MLX's bits, and dequantizing its values.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"
#include "tests/ops/quantized_formats.h"

namespace mica {
namespace {

using test::all_formats;
using test::expect_array;
using test::expect_error;
using test::float_formats;
using test::Format;

class Fp8 : public test::Seeded {};
class Quantize : public test::Seeded {};

const std::vector<std::pair<std::string, Dtype>> dtypes{
    {"float32", float32}, {"float16", float16}, {"bfloat16", bfloat16}};

void expect_quantized(const Goldens& file, const std::string& prefix,
                      const std::vector<array>& outputs) {
  SCOPED_TRACE(prefix);
  const char* const names[] = {".w", ".scales", ".biases"};
  for (size_t i = 0; i < outputs.size(); ++i) {
    SCOPED_TRACE(names[i]);
    golden::expect_same(outputs[i], file.at(prefix + names[i]));
  }
  EXPECT_EQ(outputs.size() == 3, file.contains(prefix + ".biases"));
}

TEST_F(Quantize, BitsOfEveryFormat) {
  const Goldens file = golden::load("ops/quantize");
  for (const auto& [name, dtype] : dtypes) {
    const array source = file.at(name + ".source");
    for (const Format& format : all_formats()) {
      const std::string prefix = name + "." + format.name;
      if (!file.contains(prefix + ".w")) continue;
      const auto q = format.quantize(source);
      expect_quantized(file, prefix, q);
      SCOPED_TRACE(prefix);
      golden::expect_same(format.dequantize(q), file.at(prefix + ".dequantized"));
    }
  }
}

TEST_F(Quantize, Options) {
  const Goldens file = golden::load("ops/quantize_options");
  const array source = file.at("source"), scale = file.at("scale");
  for (const auto& [name, dtype] : dtypes) {
    const auto q = quantize(astype(source, dtype), {}, {}, "nvfp4", scale);
    expect_quantized(file, "global_" + name, q);
    golden::expect_same(dequantize(q[0], q[1], {}, {}, {}, "nvfp4", scale),
                        file.at("global_" + name + ".dequantized"));
    for (const Format& format : float_formats()) {
      SCOPED_TRACE(format.name + " as " + name);
      golden::expect_same(format.dequantize(format.quantize(source), dtype),
                          file.at("as_" + name + "." + format.name));
    }
    const auto affine = quantize(source, 32);
    golden::expect_same(dequantize(affine[0], affine[1], affine[2], 32, {}, "affine", {}, dtype),
                        file.at("as_" + name + ".affine"));
  }
  expect_quantized(file, "batched", quantize(file.at("batched.source")));
}

// A global scale does not decide the dtype where one is asked for, which it does in MLX 0.32.
TEST_F(Quantize, GlobalScaleInAnotherDtype) {
  const Goldens file = golden::load("ops/quantize_options");
  const auto q = quantize(file.at("source"), {}, {}, "nvfp4", file.at("scale"));
  golden::expect_same(dequantize(q[0], q[1], {}, {}, {}, "nvfp4", file.at("scale"), float16),
                      astype(file.at("global_float32.dequantized"), float16));
}

TEST_F(Quantize, Float64HasTheBitsOfItsValues) {
  const array source = golden::load("ops/quantize").at("float32.source");
  for (const Format& format : float_formats()) {
    SCOPED_TRACE(format.name);
    const auto q = format.quantize(astype(source, float64));
    golden::expect_same(q[0], format.quantize(source)[0]);
    golden::expect_same(format.dequantize(q, float64),
                        astype(format.dequantize(q, float32), float64));
  }
  const auto q = quantize(astype(source, float64));
  golden::expect_close(
      dequantize(q[0], q[1], q[2]),
      astype(dequantize(q[0], astype(q[1], float32), astype(q[2], float32)), float64));
}

TEST_F(Quantize, StridedAndEmpty) {
  const array w = reshape(arange(0, 64 * 64, 1, float32), {64, 64});
  for (const Format& format : all_formats()) {
    if (format.group_size == 128) continue;
    SCOPED_TRACE(format.name);
    const auto q = format.quantize(transpose(w));
    const auto expected = format.quantize(contiguous(transpose(w)));
    for (size_t i = 0; i < q.size(); ++i) golden::expect_same(q[i], expected[i]);
    const auto none = format.quantize(zeros({0, 64}));
    EXPECT_EQ(none[0].shape(0), 0);
    EXPECT_EQ(format.dequantize(none).shape(), (Shape{0, 64}));
    const auto narrow = format.quantize(zeros({3, 0}));
    EXPECT_EQ(format.dequantize(narrow).shape(), (Shape{3, 0}));
  }
}

// More rows than one thread takes, so that codes are read up to the end of their array.
TEST_F(Quantize, RoundTripOfManyRows) {
  for (const Format& format : all_formats()) {
    SCOPED_TRACE(format.name);
    const array w = random::normal({301, 640});
    const auto q = format.quantize(w);
    const array again = format.dequantize(q, float32);
    const double bits = format.bits.value_or(4);
    EXPECT_LT(mean(abs(again - w)).item<float>(), 4 / std::exp2(bits));
  }
}

TEST_F(Quantize, GradientOfScalesAndBiases) {
  const array w = random::normal({3, 128});
  for (int bits : {1, 2, 4, 8}) {
    SCOPED_TRACE(bits);
    const auto parameters = [&](const array& x) {
      const auto q = quantize(x, 32, bits);
      return sum(square(q[1])) + sum(q[2] * array(3.0f));
    };
    const array direction = random::normal({3, 128});
    const array slope = sum(grad(parameters)(w) * direction);
    const array h(1e-3f);
    const array difference =
        (parameters(w + h * direction) - parameters(w - h * direction)) / array(2e-3f);
    EXPECT_NEAR(slope.item<float>(), difference.item<float>(),
                2e-2 * (1 + std::abs(difference.item<float>())));
    const auto [values, tangents] = jvp(
        [&](const std::vector<array>& x) { return quantize(x[0], 32, bits); }, {w}, {direction});
    const array pushed =
        sum(array(2.0f) * values[1] * tangents[1]) + sum(tangents[2] * array(3.0f));
    EXPECT_NEAR(pushed.item<float>(), slope.item<float>(),
                1e-4 * (1 + std::abs(slope.item<float>())));
  }
  const auto codes = [](const array& x) {
    return sum(astype(quantize(x, {}, {}, "mxfp4")[1], float32));
  };
  expect_array<float>(grad(codes)(ones({1, 32})), {1, 32}, std::vector<float>(32, 0));
}

TEST_F(Quantize, Errors) {
  const array w = ones({2, 64});
  const auto q = quantize(w);
  const auto mx = quantize(w, {}, {}, "mxfp4");
  expect_error([&] { quantize(w, {}, {}, "fp4"); },
               "quantize: expected mode affine, mxfp4, mxfp8 or nvfp4, got 'fp4'");
  expect_error([&] { quantize(w, 16); }, "quantize: expected group_size 32, 64 or 128, got 16");
  expect_error([&] { quantize(w, 32, 7); }, "quantize: expected bits 1, 2, 3, 4, 5, 6 or 8, got 7");
  expect_error([&] { quantize(w, 64, {}, "mxfp4"); },
               "quantize: expected group_size 32 in mode mxfp4, got 64");
  expect_error([&] { quantize(w, {}, 4, "mxfp8"); },
               "quantize: expected 8 bits in mode mxfp8, got 4");
  expect_error([&] { quantize(astype(w, int32)); },
               "quantize: expected w of real floats, got int32");
  expect_error([&] { quantize(ones({64})); },
               "quantize: expected w (..., m, n) with n a multiple of group_size 64, got (64,)");
  expect_error(
      [&] {
        quantize(ones({2, 48}), 32);
      },
      "quantize: expected w (..., m, n) with n a multiple of group_size 32, got (2, 48)");
  expect_error([&] { quantize(w, {}, {}, "affine", array(1.0f)); },
               "quantize: expected global_scale in mode nvfp4 only, got mode affine");
  expect_error([&] { quantize(w, {}, {}, "nvfp4", ones({2})); },
               "quantize: expected global_scale of one element, got (2,)");
  expect_error([&] { dequantize(mx[0], mx[1], {}, {}, {}, "nvfp4", array(1, int32)); },
               "dequantize: expected scales (2, 4) for w (2, 8) with group_size 16 and 4 bits, got "
               "(2, 2)");
  expect_error([&] { quantize(w, {}, {}, "nvfp4", array(1, int32)); },
               "quantize: expected global_scale in float32, got int32");
  expect_error([&] { dequantize(q[0], q[1]); },
               "dequantize: expected biases in mode affine, got none");
  expect_error([&] { dequantize(mx[0], mx[1], q[2], {}, {}, "mxfp4"); },
               "dequantize: expected no biases in mode mxfp4, got (2, 1)");
  expect_error([&] { dequantize(mx[0], q[1], {}, {}, {}, "mxfp4"); },
               "dequantize: expected scales in uint8 in mode mxfp4, got float32");
  expect_error([&] { dequantize(astype(q[0], int32), q[1], q[2]); },
               "dequantize: expected packed w in uint32, got int32");
  expect_error([&] { dequantize(q[0][{0}], q[1][{0}], q[2][{0}]); },
               "dequantize: expected w with at least two dimensions, got (8,)");
  expect_error([&] { dequantize(q[0], q[1], q[2], 64, 8); },
               "dequantize: expected scales (2, 0) for w (2, 8) with group_size 64 and 8 bits, got "
               "(2, 1)");
  expect_error(
      [&] {
        dequantize(q[0], q[1], ones({2, 2}));
      },
      "dequantize: expected biases of the scales' shape (2, 1), got (2, 2)");
  expect_error([&] { dequantize(mx[0], mx[1], {}, {}, {}, "mxfp4", {}, int32); },
               "dequantize: expected a dtype of real floats, got int32");
  expect_error([&] { dequantize(q[0], astype(q[1], int32), astype(q[2], int32)); },
               "dequantize: expected scales and biases of real floats, got int32 and int32");
}

TEST_F(Fp8, BitsAndValues) {
  const Goldens file = golden::load("ops/fp8");
  const array x = file.at("x");
  std::vector<uint8_t> codes(256);
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i);
  const array all(codes.begin(), {256}, uint8);
  for (const auto& [name, dtype] : dtypes) {
    SCOPED_TRACE(name);
    golden::expect_same(to_fp8(astype(x, dtype)), file.at("to." + name));
    golden::expect_close(from_fp8(all, dtype), file.at("from." + name), 0, 0);
  }
  golden::expect_same(to_fp8(astype(x, float64)), file.at("to.float32"));
}

TEST_F(Fp8, RulesAndErrors) {
  const array x({1.0f, 2.1f});
  expect_array<uint8_t>(vmap(static_cast<array (*)(const array&)>(
                            [](const array& row) { return to_fp8(row); }))(reshape(x, {1, 2})),
                        {1, 2}, {56, 64});
  expect_array<float>(grad([](const array& a) { return sum(from_fp8(to_fp8(a), float32)); })(x),
                      {2}, {0, 0});
  expect_error([] { to_fp8(array({1, 2})); }, "to_fp8: expected real floats, got int32");
  expect_error([&] { from_fp8(x, float32); }, "from_fp8: expected x in uint8, got float32");
  expect_error(
      [] {
        from_fp8(array({1, 2}, uint8), int32);
      },
      "from_fp8: expected a dtype of real floats, got int32");
}

}  // namespace
}  // namespace mica
