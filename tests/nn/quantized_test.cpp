// Quantized layers have mlx.nn's parameters and values; models are quantized in place.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using nn::QuantizationMode;
using test::expect_error;

class Quantized : public test::Seeded {};

template <class M>
std::string printed(const M& module) {
  std::ostringstream text;
  text << module;
  return text.str();
}

// As QuantizedNet of tests/golden/quantized_goldens.py.
struct QuantizedNet : nn::Module {
  nn::Embedding embedding{12, 64};
  nn::RMSNorm norm{64};
  nn::Sequential layers{nn::Linear(64, 128), nn::ReLU(), nn::Linear(128, 64, {.bias = false})};
  MICA_MODULE(QuantizedNet, embedding, norm, MICA_KEY(layers.layers, "layers"))

  array operator()(const array& indices) const {
    return embedding.as_linear(layers(norm(embedding(indices))));
  }
};

const std::vector<std::pair<std::string, nn::QuantizationOptions>> formats{
    {"default", {}},
    {"affine_32_8", {.group_size = 32, .bits = 8}},
    {"mxfp4", {.mode = QuantizationMode::mxfp4}},
    {"mxfp8", {.mode = QuantizationMode::mxfp8}},
    {"nvfp4", {.mode = QuantizationMode::nvfp4}}};

// The same bits, but for floats, which random numbers leave a few units in the last place.
void expect_parameters(const Goldens& file, const std::string& prefix, const nn::Module& module) {
  SCOPED_TRACE(prefix);
  const auto parameters = tree_flatten(module.parameters());
  EXPECT_EQ(parameters.size(), part_of(file, prefix).size());
  for (const auto& [path, value] : parameters) {
    SCOPED_TRACE(path);
    ASSERT_TRUE(file.contains(prefix + path));
    if (issubdtype(value.dtype(), floating))
      expect_close(value, file.at(prefix + path), Tolerance{1e-5, 1e-6});
    else
      golden::expect_same(value, file.at(prefix + path));
  }
}

TEST_F(Quantized, LayersOfEveryFormat) {
  const Goldens file = golden::load("nn/quantized_layers");
  const array x = file.at("x"), indices = file.at("indices");
  for (const auto& [name, format] : formats) {
    SCOPED_TRACE(name);
    random::seed(0);
    const nn::QuantizedLinear linear(
        64, 6, {.group_size = format.group_size, .bits = format.bits, .mode = format.mode});
    expect_parameters(file, name + ".linear.parameters.", linear);
    expect_close(linear(x), file.at(name + ".linear.output"), Tolerance{1e-5, 1e-5});
    EXPECT_TRUE(linear.trainable_parameters().empty());

    random::seed(0);
    nn::QuantizedEmbedding embedding(5, 64, format);
    embedding.load_weights(part_of(file, name + ".embedding.parameters."));
    expect_close(embedding(indices), file.at(name + ".embedding.output"), Tolerance{0, 0});
    expect_close(embedding.as_linear(x), file.at(name + ".embedding.as_linear"),
                 Tolerance{1e-5, 1e-5});
    golden::expect_same(embedding(array(3)), embedding(indices)[{0, 0}]);
    EXPECT_TRUE(embedding.trainable_parameters().empty());
  }
}

TEST_F(Quantized, Gradient) {
  const Goldens file = golden::load("nn/quantized_layers");
  nn::QuantizedLinear linear(64, 6);
  linear.load_weights(part_of(file, "gradient.parameters."));
  expect_case(
      file, "gradient", [&](const array& x) { return linear(x); }, file.at("x"),
      Tolerance{1e-4, 1e-5});
}

TEST_F(Quantized, Models) {
  const Goldens file = golden::load("nn/quantized_model");
  const array indices = file.at("indices");
  QuantizedNet model;
  model.load_weights(part_of(file, "dense."));
  expect_close(model(indices), file.at("output"), Tolerance{1e-4, 1e-5});
  for (const auto& [name, format] : formats) {
    SCOPED_TRACE(name);
    QuantizedNet copy = model;
    nn::quantize(copy, {format.group_size, format.bits, format.mode});
    for (const auto& [path, value] : tree_flatten(copy.parameters())) {
      SCOPED_TRACE(path);
      golden::expect_same(value, file.at(name + ".parameters." + path));
    }
    expect_close(copy(indices), file.at(name + ".output"), Tolerance{2e-4, 2e-4});
    // Only what is not quantized trains, also once all is unfrozen but for codes.
    EXPECT_EQ(tree_flatten(copy.trainable_parameters()).size(), 1u);
    copy.unfreeze();
    EXPECT_FALSE(copy.trainable_parameters()["embedding"].contains("weight"));
    EXPECT_TRUE(copy.trainable_parameters()["embedding"].contains("scales"));
    // A file of the quantized model goes into another one of the same format.
    QuantizedNet other;
    nn::quantize(other, {format.group_size, format.bits, format.mode});
    other.load_weights(part_of(file, name + ".parameters."));
    golden::expect_same(other(indices), copy(indices));
  }
  EXPECT_EQ(model.embedding.weight.dtype(), float32);  // copies were quantized, not the model
}

nn::QuantizeOptions chosen() {
  return {.bits = 8,
          .class_predicate = [](const std::string& path, nn::Module&) -> nn::QuantizeChoice {
            if (path == "layers.2") return nn::QuantizationOptions{.group_size = 128, .bits = 2};
            return path == "layers.0";
          }};
}

TEST_F(Quantized, ClassPredicate) {
  const Goldens file = golden::load("nn/quantized_model");
  QuantizedNet model;
  model.load_weights(part_of(file, "dense."));
  nn::quantize(model, chosen());
  expect_close(model(file.at("indices")), file.at("chosen.output"), Tolerance{1e-4, 1e-4});
  EXPECT_EQ(printed(model),
            "QuantizedNet(\n"
            "  (embedding): Embedding(12, 64)\n"
            "  (norm): RMSNorm(64, eps=1e-05)\n"
            "  (layers.0): QuantizedLinear(input_dims=64, output_dims=128, bias=True, "
            "group_size=64, bits=8, mode=affine)\n"
            "  (layers.1): ReLU()\n"
            "  (layers.2): QuantizedLinear(input_dims=128, output_dims=64, bias=False, "
            "group_size=128, bits=2, mode=affine)\n"
            ")");

  const auto loss = [&] { return sum(square(model(file.at("indices")))); };
  // The whole layer is frozen; from_linear of mlx.nn forgets the bias.
  const auto gradients = tree_flatten(nn::value_and_grad(model, loss)().second);
  EXPECT_EQ(gradients.size() + 1, part_of(file, "gradients.").size());
  EXPECT_TRUE(file.contains("gradients.layers.0.bias"));
  for (const auto& [path, gradient] : gradients) {
    SCOPED_TRACE(path);
    expect_close(gradient, file.at("gradients." + path), Tolerance{1e-3, 1e-3});
  }
  // What is quantized is left alone by default.
  nn::quantize(model);
  EXPECT_TRUE(model.embedding.is_quantized());
  EXPECT_EQ(model.layers.layers[0].as<nn::Linear>()->quantization()->bits, 8);
}

TEST_F(Quantized, Prints) {
  EXPECT_EQ(printed(nn::QuantizedLinear(64, 6, {.bias = false, .mode = QuantizationMode::mxfp8})),
            "QuantizedLinear(input_dims=64, output_dims=6, bias=False, group_size=32, bits=8, "
            "mode=mxfp8)");
  EXPECT_EQ(printed(nn::QuantizedEmbedding(12, 64, {.mode = QuantizationMode::mxfp4})),
            "QuantizedEmbedding(12, 64, group_size=32, bits=4, mode=mxfp4)");
  nn::QQLinear qq(64, 6);
  const char* text = "QQLinear(input_dims=64, output_dims=6, group_size=16, bits=4, mode=nvfp4)";
  EXPECT_EQ(printed(qq), text);
  qq.eval();
  EXPECT_EQ(printed(qq), text);
  nn::Embedding embedding(12, 64);
  embedding.quantize({});
  EXPECT_EQ(printed(embedding), "QuantizedEmbedding(12, 64, group_size=64, bits=4, mode=affine)");
}

struct Doubled : nn::Linear {
  MICA_MODULE(Doubled)
  using nn::Linear::Linear;
  array operator()(const array& x) const override {
    return nn::Linear::operator()(x) * array(2.0f);
  }
};

struct Holder : nn::Module {
  nn::Linear plain{64, 32};
  nn::Slot<nn::Linear> slot{64, 32};
  MICA_MODULE(Holder, plain, slot)
};

// A layer of the user's keeps its type and what it computes around the product.
TEST_F(Quantized, SlotsAndSubclasses) {
  Holder holder;
  holder.slot = Doubled(64, 32);
  holder.slot->weight = holder.plain.weight;
  holder.slot->bias = holder.plain.bias;
  nn::quantize(holder, {.bits = 8});
  const array x = random::normal({3, 64});
  golden::expect_close(holder.slot(x), holder.plain(x) * array(2.0f));
  EXPECT_NE(printed(holder).find("(slot): QuantizedDoubled("), std::string::npos);
  const Holder copy = holder;
  golden::expect_same(copy.slot->weight, holder.plain.weight);
  golden::expect_close(copy.slot(x), holder.slot(x));
}

// A module of the user's that quantizes itself.
struct Table : nn::Module, nn::Quantizable {
  array values = ones({2, 64});
  bool rounded = false;
  MICA_MODULE(Table, values)
  bool is_quantized() const override { return rounded; }
  void check_quantize(const nn::QuantizationOptions& options) const override {
    if (options.bits == 3) fail("bits other than 3", "3");
  }
  void quantize(const nn::QuantizationOptions&) override { rounded = true; }
};

struct WithTable : nn::Module {
  nn::Linear first{64, 10};
  Table table;
  MICA_MODULE(WithTable, first, table)
};

TEST_F(Quantized, LayersOfTheUsersAndChecksBeforeChanges) {
  WithTable model;
  expect_error([&] { nn::quantize(model, {.bits = 3}); },
               "Table (table): expected bits other than 3, got 3");
  EXPECT_FALSE(model.first.is_quantized());
  nn::quantize(model);
  EXPECT_TRUE(model.first.is_quantized());
  EXPECT_TRUE(model.table.rounded);
}

TEST_F(Quantized, ToQuantizedAndBack) {
  const nn::Linear linear(64, 6);
  const array x = random::normal({3, 64});
  const nn::QuantizedLinear quantized = linear.to_quantized({.group_size = 32, .bits = 8});
  golden::expect_close(quantized(x), linear(x), 0, 0.05);
  EXPECT_FALSE(linear.is_quantized());
  const nn::Linear again = quantized.dequantized();
  golden::expect_close(again(x), quantized(x), 1e-4, 1e-4);
  EXPECT_EQ(tree_flatten(again.trainable_parameters()).size(), 2u);
  const nn::Embedding embedding(7, 64);
  const array index({2, 6});
  golden::expect_close(embedding.to_quantized({.bits = 8})(index), embedding(index), 0, 0.05);
}

TEST_F(Quantized, PassesVerification) {
  const array x = random::normal({3, 64});
  for (const auto& [name, format] : formats) {
    SCOPED_TRACE(name);
    nn::Sequential model{nn::Linear(64, 5), nn::Tanh()};
    nn::quantize(model, {format.group_size, format.bits, format.mode});
    const nn::Verification linear = nn::verify(model, x);
    EXPECT_TRUE(linear.ok()) << linear;
    nn::QuantizedEmbedding embedding(5, 64, format);
    const nn::Verification lookup = nn::verify(embedding, array({3, 0}));
    EXPECT_TRUE(lookup.ok()) << lookup;
    nn::LoRALinear adapted(nn::QuantizedLinear(64, 5, {.mode = format.mode}), {.rank = 2});
    adapted.lora_b = random::normal({2, 5});
    const nn::Verification lora = nn::verify(adapted, x);
    EXPECT_TRUE(lora.ok()) << lora;
  }
}

TEST_F(Quantized, SavesAndLoads) {
  QuantizedNet model, other;
  nn::quantize(model, chosen());
  nn::quantize(other, chosen());
  const std::string file = testing::TempDir() + "mica_quantized.safetensors";
  model.save_weights(file);
  other.load_weights(file);
  std::filesystem::remove(file);
  const array indices({3, 0, 11});
  golden::expect_same(other(indices), model(indices));
}

TEST_F(Quantized, CountsOperations) {
  nn::QuantizedLinear linear(64, 32, {.bias = false});
  EXPECT_EQ(nn::summary(linear, zeros({3, 64})).rows[0].flops, 2 * 3 * 32 * 64);
}

// Rows that end within a group.
TEST_F(Quantized, PaddedRows) {
  for (const auto& [name, format] : formats) {
    SCOPED_TRACE(name);
    const nn::Linear linear(100, 7);
    const nn::Embedding embedding(5, 100);
    const array x = random::normal({3, 100}), index({4, 0});
    const nn::QuantizedLinear quantized = linear.to_quantized(format);
    const nn::QuantizedEmbedding table = embedding.to_quantized(format);
    EXPECT_EQ(quantized.input_dims(), 100);
    const nn::Linear dense = quantized.dequantized();
    EXPECT_EQ(dense.weight.shape(), (Shape{7, 100}));
    golden::expect_close(dense.weight, linear.weight, 0, 0.04);
    golden::expect_close(quantized(x), dense(x), 1e-4, 1e-4);
    golden::expect_close(astype(table(index), float32), embedding(index), 0, 0.1);
    const array rows = astype(table(arange(5, int32)), float32);
    golden::expect_close(table.as_linear(x), matmul(x, transpose(rows)), 2e-2, 2e-2);
  }
  nn::QQLinear qq(100, 7);
  const array x = random::normal({3, 100}), trained = qq(x);
  qq.eval();
  golden::expect_close(qq(x), trained, 1e-5, 1e-5);
  expect_error([&] { qq(ones({2, 112})); }, "QQLinear: expected input (..., 100), got (2, 112)");
}

TEST_F(Quantized, QQLinear) {
  const Goldens file = golden::load("nn/quantized_layers");
  const array x = random::normal({3, 64});
  for (const auto mode : {QuantizationMode::nvfp4, QuantizationMode::mxfp8}) {
    const std::string name = std::string("qq_") + nn::name_of(mode);
    SCOPED_TRACE(name);
    random::seed(0);
    nn::QQLinear layer(64, 6, {.mode = mode});
    expect_parameters(file, name + ".training.", layer);
    const array trained = layer(x);
    // The weight trains, by gradients that pass through its rounding.
    const auto [value, gradients] = nn::value_and_grad(layer, [&] { return sum(layer(x)); })();
    EXPECT_GT(max(abs(gradients["weight"])).item<float>(), 0.1f);
    layer.eval();
    expect_parameters(file, name + ".packed.", layer);
    golden::expect_close(layer(x), trained, 1e-5, 1e-5);
    layer.train();
    EXPECT_EQ(layer.weight.dtype(), float32);
    golden::expect_close(layer(x), trained, 1e-5, 1e-5);
    layer.quantize();
    EXPECT_EQ(layer.weight.dtype(), uint32);
    layer.dequantize();
    EXPECT_EQ(layer.weight.dtype(), float32);
  }
  nn::Sequential model{nn::Linear(64, 32, {.bias = false}), nn::ReLU()};
  nn::quantize(model, {.mode = QuantizationMode::nvfp4, .quantize_input = true});
  EXPECT_EQ(printed(model),
            "Sequential(\n"
            "  (layers.0): QQLinear(input_dims=64, output_dims=32, group_size=16, bits=4, "
            "mode=nvfp4)\n"
            "  (layers.1): ReLU()\n"
            ")");
  model.eval();
  EXPECT_EQ(model.layers[0].as<nn::Linear>()->weight.dtype(), uint32);
}

TEST_F(Quantized, Errors) {
  nn::Sequential model{nn::Linear(10, 4), nn::ReLU()};
  expect_error([&] { nn::quantize(model, {.bits = 7}); },
               "quantize: expected bits 1, 2, 3, 4, 5, 6 or 8, got 7");
  expect_error(
      [&] {
        nn::quantize(model, {.class_predicate = [](const std::string& path, nn::Module&) {
                       return nn::QuantizeChoice(path == "layers.1");
                     }});
      },
      "quantize: expected layers that can be quantized, got ReLU (layers.1)");
  nn::QuantizedLinear linear(64, 6);
  expect_error(
      [&] {
        linear(ones({3, 32}));
      },
      "QuantizedLinear: expected input (..., 64), got (3, 32)");
  expect_error([&] { linear.Linear::quantize({}); },
               "QuantizedLinear: expected a weight that is not quantized yet, got group_size=64, "
               "bits=4, mode=affine");
  expect_error([] { nn::QQLinear::from_linear(nn::Linear(64, 4)); },
               "QQLinear: expected no bias for quantize_input, got (4,)");
  expect_error([] { nn::QQLinear(64, 4, {.mode = QuantizationMode::affine}); },
               "QQLinear: expected mode mxfp4, mxfp8 or nvfp4 for quantize_input, got affine");
  expect_error(
      [] {
        nn::Embedding(4, 64).quantize({.mode = QuantizationMode::nvfp4, .quantize_input = true});
      },
      "Embedding: expected no quantize_input, for inputs are indices, got quantize_input");
  expect_error([] { nn::QuantizedEmbedding(4, 64)(array({1.0f})); },
               "QuantizedEmbedding: expected integer indices, got float32");
}

TEST_F(Quantized, LoRA) {
  for (const bool packed : {false, true}) {
    SCOPED_TRACE(packed);
    nn::Linear base(64, 32);
    if (packed) base.quantize({.bits = 8});
    const array x = random::normal({3, 64});
    nn::LoRALinear layer(base, {.rank = 4, .scale = 2});
    golden::expect_close(layer(x), base(x));
    const auto trained = tree_flatten(layer.trainable_parameters());
    ASSERT_EQ(trained.size(), 2u);
    EXPECT_EQ(trained[0].first, "lora_a");
    EXPECT_EQ(layer.lora_a.shape(), (Shape{64, 4}));
    layer.lora_b = random::normal({4, 32});
    const array expected = base(x) + array(2.0f) * matmul(matmul(x, layer.lora_a), layer.lora_b);
    golden::expect_close(layer(x), expected, 1e-4, 1e-4);
    // Merged, and quantized again where it was; unless it shall not be.
    EXPECT_EQ(layer.fuse().is_quantized(), packed);
    golden::expect_close(layer.fuse()(x), expected, 0, packed ? 0.5 : 1e-3);
    EXPECT_FALSE(layer.fuse(true).is_quantized());
    golden::expect_close(layer.fuse(true)(x), expected, 1e-3, 1e-3);
  }
  expect_error([] { nn::LoRALinear(nn::Linear(4, 4), {.rank = 0}); },
               "LoRALinear: expected rank of at least 1, got 0");
}

// A slot takes one in place of its Linear; nn::quantize then packs what is below it.
TEST_F(Quantized, LoRAInASlot) {
  Holder model;
  const array x = random::normal({3, 64});
  const array before = model.slot(x);
  model.slot = nn::LoRALinear(*model.slot, {.rank = 2, .dropout = 0.5});
  model.freeze({.keys = {"plain"}});
  golden::expect_close(model.slot(x), before);
  EXPECT_EQ(printed(*model.slot),
            "LoRALinear(input_dims=64, output_dims=32, bias=True, rank=2, scale=20.0\n"
            "  (dropout): Dropout(p=0.5)\n"
            ")");
  nn::quantize(model);
  EXPECT_TRUE(model.slot->is_quantized());
  EXPECT_EQ(tree_flatten(model.trainable_parameters()).size(), 2u);
  const auto [value, gradients] = nn::value_and_grad(model, [&] { return sum(model.slot(x)); })();
  EXPECT_GT(max(abs(gradients["slot"]["lora_b"])).item<float>(), 0.0f);
}

}  // namespace
}  // namespace mica
