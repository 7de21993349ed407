// Products with quantized matrices: MLX's values, and those of dequantize and matmul.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"
#include "tests/ops/quantized_formats.h"

namespace mica {
namespace {

using test::all_formats;
using test::expect_error;
using test::float_formats;
using test::Format;

using Function = std::function<std::vector<array>(const std::vector<array>&)>;

class Dequantize : public test::Seeded {};
class GatherQmm : public test::Seeded {};
class GatherQqmm : public test::Seeded {};
class Qqmm : public test::Seeded {};
class QuantizeRules : public test::Seeded {};
class QuantizedMatmul : public test::Seeded {};

// Products of float16 and bfloat16 are rounded once here, and in MLX at every step; their precision
// is that of EqualsDequantizedProductInHalf.
Tolerance product_tolerance(Dtype dtype) {
  if (dtype == float32) return {2e-5, 2e-5};
  return dtype == float16 ? Tolerance{1e-2, 0.1} : Tolerance{5e-2, 1.0};
}

TEST_F(QuantizedMatmul, ValuesOfEveryFormat) {
  const Goldens file = golden::load("ops/quantized_matmul");
  const array source = file.at("source");
  for (const auto& [name, dtype] : std::vector<std::pair<std::string, Dtype>>{
           {"float32", float32}, {"float16", float16}, {"bfloat16", bfloat16}}) {
    const array x = astype(file.at("x"), dtype), y = astype(file.at("y"), dtype);
    for (const Format& format : all_formats()) {
      const std::string prefix = name + "." + format.name;
      if (!file.contains(prefix + ".plain")) continue;
      SCOPED_TRACE(prefix);
      const auto q = format.quantize(astype(source, dtype));
      expect_close(format.matmul(x, q), file.at(prefix + ".transposed"), product_tolerance(dtype));
      expect_close(format.matmul(y, q, false), file.at(prefix + ".plain"),
                   product_tolerance(dtype));
    }
  }
}

TEST_F(QuantizedMatmul, ShapesAndDtypes) {
  const Goldens file = golden::load("ops/quantized_matmul");
  const array x = file.at("x"), w = file.at("source"), two(2.0f);
  const auto q = quantize(w);
  const auto times = [&](const array& a) { return quantized_matmul(a, q[0], q[1], q[2]); };
  const Tolerance tolerance = product_tolerance(float32);
  expect_close(times(x[{0}]), file.at("vector"), tolerance);
  expect_close(times(stack({x, two * x})), file.at("batch"), tolerance);
  expect_close(times(astype(x, float16)), file.at("mixed"), tolerance);
  EXPECT_EQ(times(zeros({0, 128})).shape(), (Shape{0, 8}));
  EXPECT_EQ(times(zeros({2, 0, 128})).shape(), (Shape{2, 0, 8}));
  const auto narrow = quantize(zeros({8, 0}));
  test::expect_array<float>(quantized_matmul(zeros({1, 0}), narrow[0], narrow[1], narrow[2]),
                            {1, 8}, std::vector<float>(8, 0.0f));

  const array reversed = w[{Slice(std::nullopt, std::nullopt, -1)}];
  const auto batches = quantize(stack({w, reversed}));
  const auto of_batches = [&](const array& a) {
    return quantized_matmul(a, batches[0], batches[1], batches[2]);
  };
  expect_close(of_batches(stack({x, two * x})), file.at("batches"), tolerance);
  // One matrix of x meets each of w's, as in matmul.
  const array both = of_batches(x);
  expect_close(both[{0}], times(x), tolerance);
  expect_close(both[{1}], times(x)[{Ellipsis, Slice(std::nullopt, std::nullopt, -1)}], tolerance);
  expect_close(of_batches(x[{0}]), both[{Slice(), 0}], tolerance);
}

// From one row, whose weights are unpacked in registers, to so many that they are rounded to 16
// bits of their group's largest element: off by about 3e-5 of a result's size.
TEST_F(QuantizedMatmul, EqualsDequantizedProduct) {
  for (const Format& format : all_formats()) {
    const array w = random::normal({67, 640});
    const auto q = format.quantize(w);
    for (int rows : {1, 2, 3, 4, 7, 32, 33}) {
      SCOPED_TRACE(format.name + ", rows: " + std::to_string(rows));
      const array x = random::normal({rows, 640}), y = random::normal({rows, 67});
      const array dense = format.dequantize(q, float32);
      expect_close(format.matmul(x, q), matmul(x, transpose(dense)),
                   {1e-4, rows <= 7 ? 2e-4 : 1e-2});
      if (rows == 2 || rows == 33) {
        expect_close(format.matmul(y, q, false), matmul(y, dense), {1e-4, 1e-4});
      }
    }
  }
}

// Few rows are rounded once, at the end; weights in panels are rounded to x's dtype.
TEST_F(QuantizedMatmul, EqualsDequantizedProductInHalf) {
  for (Dtype dtype : {float16, bfloat16}) {
    const double unit = dtype == float16 ? 1e-3 : 8e-3;
    for (const Format& format : all_formats()) {
      const auto q = format.quantize(astype(random::normal({31, 256}), dtype));
      std::vector<array> wide = q;
      for (size_t i = 1; i < wide.size(); ++i) {
        if (format.mode == "affine") wide[i] = astype(wide[i], float32);
      }
      const array dense = format.dequantize(wide, float32);
      for (int rows : {1, 5, 40}) {
        SCOPED_TRACE(format.name + ", rows: " + std::to_string(rows));
        const array x = astype(random::normal({rows, 256}), dtype);
        const array want = matmul(astype(x, float32), transpose(dense));
        expect_close(format.matmul(x, q), astype(want, dtype),
                     {unit, rows < 33 ? unit : 80 * unit});
      }
    }
  }
}

// Several panels, the last one narrower.
TEST_F(QuantizedMatmul, ManyPanels) {
  const array w = random::normal({1500, 2048}), x = random::normal({40, 2048});
  const array y = random::normal({40, 1500});
  for (const Format& format : {Format{"", 64, 4, "affine"}, Format{"", {}, {}, "nvfp4"}}) {
    SCOPED_TRACE(format.mode);
    const auto q = format.quantize(w);
    const array dense = format.dequantize(q, float32);
    expect_close(format.matmul(x, q), matmul(x, transpose(dense)), {1e-4, 1e-2});
    expect_close(format.matmul(y, q, false), matmul(y, dense), {1e-4, 1e-3});
  }
}

// 16 bits have no place for infinity: the others of so many rows keep their values.
TEST_F(QuantizedMatmul, ManyRowsOfWhichOneIsNotFinite) {
  const auto q = quantize(random::normal({40, 128}));
  const array x = random::normal({20, 128}), dense = dequantize(q[0], q[1], q[2]);
  const array place = equal(arange(20 * 128), array(7 * 128 + 5));
  const array special = where(reshape(place, {20, 128}), array(INFINITY), x);
  const array got = quantized_matmul(special, q[0], q[1], q[2]);
  EXPECT_FALSE(any(isfinite(got[{7}])).item<bool>());
  for (int row : {0, 6, 8, 19}) {
    expect_close(got[{row}], matmul(x[{row}], transpose(dense)), {1e-4, 2e-4});
  }
}

TEST_F(QuantizedMatmul, Float64) {
  const array w = random::normal({9, 128}), x = random::normal({3, 128});
  const auto q = quantize(astype(w, float64));
  const array wide = astype(x, float64), dense = dequantize(q[0], q[1], q[2]);
  golden::expect_close(quantized_matmul(wide, q[0], q[1], q[2]), matmul(wide, transpose(dense)),
                       1e-12, 1e-12);
}

TEST_F(QuantizedMatmul, Gradients) {
  const Goldens file = golden::load("ops/quantized_matmul");
  const auto q = quantize(file.at("source"));
  for (const bool transposed : {true, false}) {
    const std::string name = transposed ? "gradients" : "plain_gradients";
    expect_case(file, name,
                [&](const std::vector<array>& in) {
                  return quantized_matmul(in[0], q[0], in[1], in[2], transposed);
                },
                {file.at(transposed ? "x" : "y"), q[1], q[2]}, file.at(name + ".cotangent"),
                {1e-4, 1e-4});
  }
}

// Expects the derivatives of both orders, and vmap over each set of inputs, of f to be composed's.
void expect_same_rules(const Function& f, const Function& composed,
                       const std::vector<array>& inputs) {
  const array like = composed(inputs)[0];
  const std::vector<array> cotangent{random::normal(like.shape())};
  const auto first_of = [&](const Function& g) {
    return [&, g](const std::vector<array>& in) { return vjp(g, in, cotangent).second; };
  };
  const auto got = first_of(f)(inputs), want = first_of(composed)(inputs);
  std::vector<array> tangents;
  for (size_t i = 0; i < inputs.size(); ++i) {
    SCOPED_TRACE("input " + std::to_string(i));
    expect_close(got[i], want[i], {1e-4, 1e-3});
    tangents.push_back(random::normal(inputs[i].shape()));
  }
  expect_close(jvp(f, inputs, tangents).second[0], jvp(composed, inputs, tangents).second[0],
               {1e-4, 1e-3});
  const auto got_twice = vjp(first_of(f), inputs, tangents).second;
  const auto want_twice = vjp(first_of(composed), inputs, tangents).second;
  for (size_t i = 0; i < inputs.size(); ++i)
    expect_close(got_twice[i], want_twice[i], {1e-3, 1e-2});
}

TEST_F(QuantizedMatmul, DerivativesEqualComposed) {
  const array w = random::normal({6, 128});
  for (int bits : {3, 4}) {
    const auto q = quantize(w, 32, bits);
    for (const bool transposed : {true, false}) {
      const auto f = [&](const std::vector<array>& in) {
        return std::vector<array>{
            quantized_matmul(in[0], q[0], in[1], in[2], transposed, 32, bits)};
      };
      const auto composed = [&](const std::vector<array>& in) {
        const array dense = dequantize(q[0], in[1], in[2], 32, bits);
        return std::vector<array>{matmul(in[0], transposed ? transpose(dense) : dense)};
      };
      expect_same_rules(f, composed, {random::normal({3, transposed ? 128 : 6}), q[1], q[2]});
    }
  }
  for (const Format& format : float_formats()) {
    SCOPED_TRACE(format.name);
    const auto q = format.quantize(w);
    expect_same_rules(
        [&](const std::vector<array>& in) { return std::vector<array>{format.matmul(in[0], q)}; },
        [&](const std::vector<array>& in) {
          return std::vector<array>{matmul(in[0], transpose(format.dequantize(q, float32)))};
        },
        {random::normal({3, 128})});
  }
}

// Runs f on each row of the inputs mapped, and with vmap.
void expect_vmap(const Function& f, std::vector<array> inputs, const std::vector<int>& axes) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (axes[i] < 0) inputs[i] = inputs[i][{0}];
    if (axes[i] > 0) inputs[i] = moveaxis(inputs[i], 0, axes[i]);
  }
  const array got = vmap(f, axes, {0})(inputs)[0];
  for (int row = 0; row < got.shape(0); ++row) {
    std::vector<array> one = inputs;
    for (size_t i = 0; i < one.size(); ++i) {
      if (axes[i] >= 0) one[i] = take(one[i], row, axes[i]);
    }
    golden::expect_close(got[{row}], f(one)[0], 1e-4, 1e-4);
  }
}

TEST_F(QuantizedMatmul, Vmap) {
  const array x = random::normal({2, 3, 128}), w = random::normal({2, 6, 128});
  for (const Format& format : {Format{"", 32, 4, "affine"}, Format{"", {}, {}, "mxfp8"}}) {
    const auto q = format.quantize(w);
    const auto f = [&](const std::vector<array>& in) {
      return std::vector<array>{format.matmul(in[0], std::vector<array>(in.begin() + 1, in.end()))};
    };
    std::vector<array> inputs{x};
    inputs.insert(inputs.end(), q.begin(), q.end());
    for (int which = 1; which < 1 << inputs.size(); ++which) {
      SCOPED_TRACE(format.mode + " " + std::to_string(which));
      std::vector<int> axes;
      for (size_t i = 0; i < inputs.size(); ++i) axes.push_back(which >> i & 1 ? 0 : -1);
      expect_vmap(f, inputs, axes);
    }
    std::vector<int> last(inputs.size(), 2);
    expect_vmap(f, inputs, last);
  }
}

TEST_F(Dequantize, DerivativesAndVmap) {
  const auto repeat_groups = [](const array& x) {
    Shape shape = x.shape();
    shape.push_back(32);
    return flatten(broadcast_to(expand_dims(x, -1), shape), -2, -1);
  };
  const auto q = quantize(random::normal({2, 3, 128}), 32);
  const auto f = [&](const std::vector<array>& in) {
    return std::vector<array>{dequantize(q[0], in[0], in[1], 32)};
  };
  const array codes = dequantize(q[0], ones_like(q[1]), zeros_like(q[2]), 32);
  const auto composed = [&](const std::vector<array>& in) {
    return std::vector<array>{codes * repeat_groups(in[0]) + repeat_groups(in[1])};
  };
  expect_same_rules(f, composed, {q[1], q[2]});
  const auto g = [](const std::vector<array>& in) {
    return std::vector<array>{dequantize(in[0], in[1], in[2], 32)};
  };
  for (int which = 1; which < 8; ++which) {
    expect_vmap(g, q, {which & 1 ? 0 : -1, which & 2 ? 0 : -1, which & 4 ? 0 : -1});
  }
  expect_vmap(g, q, {1, 2, 0});
}

TEST_F(QuantizeRules, Vmap) {
  const array w = random::normal({2, 3, 64}), scale({3.0f, 0.5f});
  const auto f = [](const std::vector<array>& in) {
    const auto q = quantize(in[0], {}, {}, "nvfp4", in[1]);
    return std::vector<array>{dequantize(q[0], q[1], {}, {}, {}, "nvfp4", in[1])};
  };
  expect_vmap(f, {w, scale}, {0, 0});
  expect_vmap(f, {w, scale}, {0, -1});
  expect_vmap(f, {w, scale}, {-1, 0});
  expect_vmap(f, {w, scale}, {2, 0});
  const auto nested = [&](const std::vector<array>& in) { return vmap(f, {0, 0}, {0})(in); };
  expect_vmap(nested, {stack({w, w + w}), stack({scale, scale + scale})}, {0, 0});
}

// The derivative by the global scale, in which dequantizing is linear.
TEST_F(Dequantize, GlobalScale) {
  const auto q = quantize(random::normal({3, 64}), {}, {}, "nvfp4", array(3.0f));
  const auto f = [&](const array& scale) {
    return dequantize(q[0], q[1], {}, {}, {}, "nvfp4", scale);
  };
  const array slope = grad([&](const array& scale) { return sum(f(scale)); })(array(3.0f));
  golden::expect_close(slope, sum(f(array(3.0f))) / array(3.0f), 1e-4, 1e-5);
  const array pushed =
      jvp([&](const std::vector<array>& in) { return std::vector<array>{f(in[0])}; }, {array(3.0f)},
          {array(1.0f)})
          .second[0];
  golden::expect_close(pushed, f(array(1.0f)), 1e-6, 0);
}

TEST_F(GatherQmm, Values) {
  const Goldens file = golden::load("ops/gather_products");
  const array a = file.at("a"), b = file.at("b");
  const array lhs({{0, 3}, {1, 1}}), rhs({4, 2}), ascending({0, 0, 3, 4});
  std::vector<Format> formats = float_formats();
  formats.push_back({"affine", {}, {}, "affine"});
  for (const Format& format : formats) {
    SCOPED_TRACE(format.name);
    const auto q = format.quantize(b);
    const auto gather = [&](const array& x, std::optional<array> l, std::optional<array> r,
                            bool transposed, bool sorted) {
      return gather_qmm(x, q[0], q[1], Format::biases(q), l, r, transposed, {}, {}, format.mode, {},
                        sorted);
    };
    const auto expect = [&](const std::string& name, const array& got) {
      SCOPED_TRACE(name);
      golden::expect_close(got, file.at(format.name + "." + name), 2e-5, 2e-5);
    };
    expect("both", gather(a, lhs, rhs, true, false));
    expect("rhs", gather(a, {}, ascending, true, true));
    expect("lhs", gather(a, array({3, 3, 1, 0, 2}), {}, true, false));
    expect("plain", gather(file.at(format.name + ".y"), lhs, rhs, false, false));
  }
  const auto q = quantize(b);
  expect_case(
      file, "quantized_gradients",
      [&](const std::vector<array>& in) { return gather_qmm(in[0], q[0], in[1], in[2], lhs, rhs); },
      {a, q[1], q[2]}, file.at("quantized_gradients.cotangent"), {1e-4, 1e-4});
}

TEST_F(GatherQmm, RulesEqualComposed) {
  const array w = random::normal({4, 6, 128}), l({0, 2, 1, 1, 0}), r({3, 3, 0, 1, 0});
  const auto q = quantize(w, 32);
  for (const bool transposed : {true, false}) {
    const auto f = [&](const std::vector<array>& in) {
      return std::vector<array>{gather_qmm(in[0], q[0], in[1], in[2], l, r, transposed, 32)};
    };
    const auto composed = [&](const std::vector<array>& in) {
      const array dense = take(dequantize(q[0], in[1], in[2], 32), r, 0);
      return std::vector<array>{
          matmul(take(in[0], l, 0), transposed ? swapaxes(dense, 1, 2) : dense)};
    };
    expect_same_rules(f, composed, {random::normal({3, 2, transposed ? 128 : 6}), q[1], q[2]});
  }
  const array many = random::normal({2, 4, 6, 128});
  const auto batch = quantize(many, 32);
  const auto f = [](const std::vector<array>& in) {
    return std::vector<array>{gather_qmm(in[0], in[1], in[2], in[3], in[4], in[5], true, 32)};
  };
  const std::vector<array> inputs{
      random::normal({2, 3, 2, 128}),      batch[0],     batch[1], batch[2],
      stack({l, l + array(1)}) % array(3), stack({r, r})};
  for (int which = 1; which < 64; which += 2) {
    SCOPED_TRACE(which);
    std::vector<int> axes;
    for (size_t i = 0; i < 6; ++i) axes.push_back(which >> i & 1 ? 0 : -1);
    expect_vmap(f, inputs, axes);
  }
}

// The wheel's CPU has none: the definition, each matrix with its own scale.
TEST_F(GatherQmm, GlobalScale) {
  const array w = random::normal({2, 6, 64}), x = random::normal({2, 3, 64});
  const array scales({4.0f, 2.0f}), r({1, 0});
  std::vector<array> codes, own, dense;
  for (int i = 0; i < 2; ++i) {
    const auto q = quantize(w[{i}], {}, {}, "nvfp4", scales[{i}]);
    codes.push_back(q[0]);
    own.push_back(q[1]);
    dense.push_back(dequantize(q[0], q[1], {}, {}, {}, "nvfp4", scales[{i}]));
  }
  const array weights = swapaxes(take(stack(dense), r, 0), 1, 2);
  const auto gather = [&](const array& a) {
    return gather_qmm(a, stack(codes), stack(own), {}, {}, r, true, {}, {}, "nvfp4", scales);
  };
  golden::expect_close(gather(x), matmul(x, weights), 1e-4, 1e-4);
  EXPECT_EQ(gather(astype(x, float16)).dtype(), float16);
}

// The wheel's CPU has none of qqmm: the definition, with x rounded to its own codes.
TEST_F(Qqmm, EqualsComposed) {
  const array x = random::normal({5, 64}), w = random::normal({7, 64});
  const array gx(3.0f), gw(4.0f);
  for (const Format& format : float_formats()) {
    SCOPED_TRACE(format.name);
    const auto rounded = [&](const array& a) {
      return format.dequantize(format.quantize(a), float32);
    };
    const array want = matmul(rounded(x), transpose(rounded(w)));
    const auto q = format.quantize(w);
    golden::expect_close(qqmm(x, w, {}, {}, {}, format.mode), want, 1e-4, 1e-4);
    golden::expect_close(qqmm(x, q[0], q[1], {}, {}, format.mode), want, 1e-4, 1e-4);
    golden::expect_close(qqmm(x[{0}], q[0], q[1], {}, {}, format.mode), want[{0}], 1e-4, 1e-4);
    golden::expect_close(qqmm(stack({x, x}), w, {}, {}, {}, format.mode)[{1}], want, 1e-4, 1e-4);
    const array half = qqmm(astype(x, bfloat16), astype(w, bfloat16), {}, {}, {}, format.mode);
    expect_close(half, astype(want, bfloat16), {0.1, 1.0});
  }
  const auto scaled = [](const array& a, const array& scale) {
    const auto q = quantize(a, {}, {}, "nvfp4", scale);
    return dequantize(q[0], q[1], {}, {}, {}, "nvfp4", scale);
  };
  const array want = matmul(scaled(x, gx), transpose(scaled(w, gw)));
  const auto q = quantize(w, {}, {}, "nvfp4", gw);
  golden::expect_close(qqmm(x, w, {}, {}, {}, "nvfp4", gx, gw), want, 1e-4, 1e-4);
  golden::expect_close(qqmm(x, q[0], q[1], {}, {}, "nvfp4", gx, gw), want, 1e-4, 1e-4);
}

// Rounding passes gradients through: they are those of the product of what was rounded.
TEST_F(Qqmm, StraightThroughGradients) {
  const array x = random::normal({5, 64}), w = random::normal({7, 64});
  const auto rounded = [](const array& a) {
    const auto q = quantize(a, {}, {}, "nvfp4");
    return dequantize(q[0], q[1], {}, {}, {}, "nvfp4", {}, float32);
  };
  const auto f = [](const std::vector<array>& in) {
    return std::vector<array>{qqmm(in[0], in[1])};
  };
  const std::vector<array> cotangent{random::normal({5, 7})};
  const auto gradients = vjp(f, {x, w}, cotangent).second;
  golden::expect_close(gradients[0], matmul(cotangent[0], rounded(w)), 1e-4, 1e-4);
  golden::expect_close(gradients[1], matmul(transpose(cotangent[0]), rounded(x)), 1e-4, 1e-4);
  const array t = random::normal({5, 64});
  golden::expect_close(jvp(f, {x, w}, {t, zeros_like(w)}).second[0],
                       matmul(t, transpose(rounded(w))), 1e-4, 1e-4);
  expect_vmap(f, {stack({x, x + x}), stack({w, w + w})}, {0, 0});
  expect_vmap(f, {stack({x, x + x}), stack({w, w})}, {0, -1});
}

TEST_F(GatherQqmm, EqualsComposed) {
  const array x = random::normal({3, 2, 64}), w = random::normal({4, 7, 64});
  const array l({2, 0, 0}), r({0, 3, 3}), gx(3.0f), gw({4.0f, 5.0f, 6.0f, 7.0f});
  const auto one = [&](int i, const std::optional<array>& scale_x,
                       const std::optional<array>& scale_w, const std::string& mode) {
    const int from = l.data<int>()[i], with = r.data<int>()[i];
    const auto own = scale_w ? std::optional<array>(take(*scale_w, with, 0)) : std::nullopt;
    return qqmm(x[{from}], w[{with}], {}, {}, {}, mode, scale_x, own);
  };
  for (const char* mode : {"nvfp4", "mxfp8"}) {
    const bool scaled = mode == std::string("nvfp4");
    const auto sx = scaled ? std::optional(gx) : std::nullopt;
    const auto sw = scaled ? std::optional(gw) : std::nullopt;
    const array want = stack({one(0, sx, sw, mode), one(1, sx, sw, mode), one(2, sx, sw, mode)});
    golden::expect_close(gather_qqmm(x, w, {}, l, r, {}, {}, mode, sx, sw, true), want, 1e-4, 1e-4);
    std::vector<array> codes, scales;
    for (int i = 0; i < 4; ++i) {
      const auto q = quantize(w[{i}], {}, {}, mode, sw ? std::optional(take(*sw, i, 0)) : sw);
      codes.push_back(q[0]);
      scales.push_back(q[1]);
    }
    golden::expect_close(
        gather_qqmm(x, stack(codes), stack(scales), l, r, {}, {}, mode, sx, sw, true), want, 1e-4,
        1e-4);
  }
}

TEST_F(QuantizedMatmul, Errors) {
  const array x = ones({3, 128}), w = ones({8, 128});
  const auto q = quantize(w), mx = quantize(w, {}, {}, "mxfp4");
  expect_error([&] { quantized_matmul(x, q[0], q[1]); },
               "quantized_matmul: expected biases in mode affine, got none");
  expect_error(
      [&] {
        quantized_matmul(ones({3, 64}), q[0], q[1], q[2]);
      },
      "quantized_matmul: expected x (..., 128) for w (8, 16) with 4 bits and "
      "transpose=true, got (3, 64)");
  expect_error([&] { quantized_matmul(x, q[0], q[1], q[2], false); },
               "quantized_matmul: expected x (..., 8) for w (8, 16) with 4 bits and "
               "transpose=false, got (3, 128)");
  expect_error([&] { quantized_matmul(array(1.0f), q[0], q[1], q[2]); },
               "quantized_matmul: expected x (..., 128) for w (8, 16) with 4 bits and "
               "transpose=true, got ()");
  expect_error([&] { quantized_matmul(astype(x, int32), mx[0], mx[1], {}, true, {}, {}, "mxfp4"); },
               "quantized_matmul: expected x of real floats, got int32");
  expect_error([&] { gather_qmm(x[{0}], q[0], q[1], q[2]); },
               "gather_qmm: expected x with at least two dimensions, got (128,)");
  expect_error([&] { gather_qmm(x, q[0], q[1], q[2], array({0.0f})); },
               "gather_qmm: expected integer indices, got float32");
  const auto nv = quantize(stack({w, w}), {}, {}, "nvfp4");
  expect_error([&] { gather_qmm(x, nv[0], nv[1], {}, {}, {}, true, {}, {}, "nvfp4", array(1.0f)); },
               "gather_qmm: expected global_scale (2,), one for each matrix of w, got ()");
  expect_error([&] { qqmm(x, w, {}, {}, {}, "affine"); },
               "qqmm: expected mode mxfp4, mxfp8 or nvfp4, got 'affine'");
  expect_error([&] { qqmm(x, mx[0]); },
               "qqmm: expected w of real floats, or its scales, got uint32");
  expect_error([&] { qqmm(astype(x, int32), w); }, "qqmm: expected x of real floats, got int32");
  expect_error(
      [&] {
        qqmm(ones({3, 64}), w);
      },
      "qqmm: expected x (..., k) and w (..., n, k) with k a multiple of 16, got (3, 64) "
      "and (8, 128)");
  expect_error(
      [&] {
        qqmm(x, stack({w, w}));
      },
      "qqmm: expected w with two dimensions, got (2, 8, 128)");
  expect_error([&] { qqmm(x, w, {}, {}, {}, "nvfp4", array(1.0f)); },
               "qqmm: expected both global_scale_x and global_scale_w or none of them, got "
               "global_scale_x alone");
  expect_error([&] { gather_qqmm(x, w, {}, {}, {}, {}, {}, "nvfp4", array(1.0f), ones({3})); },
               "gather_qqmm: expected global_scale_w of one element or one for each of 1 matrices, "
               "got (3,)");
}

}  // namespace
}  // namespace mica
