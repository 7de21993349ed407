// Layers with PyTorch's weights compute what PyTorch's layers do: tests/golden/pytorch_files.py.
#include "mica/nn/load_pytorch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <sstream>

#include "mica/mica.h"
#include "tests/golden.h"

namespace mica {
namespace {

using golden::expect_close;
using golden::expect_same;
using Arrays = std::unordered_map<std::string, array>;

const std::string file = MICA_SOURCE_DIR "/tests/golden/pytorch/layers.pt";

const PickledValue& all_layers() {
  static const PickledValue layers = load_pytorch_file(file);
  return layers;
}

Arrays state_of(const std::string& name) { return all_layers()[name]["state"].tensors(); }
array input_of(const std::string& name, size_t i = 0) {
  return all_layers()[name]["inputs"].items().at(i).tensor();
}
array output_of(const std::string& name) { return all_layers()[name]["output"].tensor(); }

array channels_last(const array& x) { return moveaxis(x, 1, -1); }

// Loads the weights and compares the output.
template <class M>
void expect_layer(const std::string& name, M model) {
  SCOPED_TRACE(name);
  nn::load_pytorch(model, state_of(name));
  model.eval();
  expect_close(model(input_of(name)), output_of(name), 1e-5, 1e-6);
}

template <class M>
void expect_image_layer(const std::string& name, M model) {
  SCOPED_TRACE(name);
  nn::load_pytorch(model, state_of(name));
  model.eval();
  expect_close(model(channels_last(input_of(name))), channels_last(output_of(name)), 1e-5, 1e-6);
}

template <class M>
void expect_recurrent_layer(const std::string& name, M model) {
  SCOPED_TRACE(name);
  nn::load_pytorch(model, state_of(name));
  model.eval();
  expect_close(model(input_of(name)).output, output_of(name), 1e-5, 1e-6);
}

TEST(LoadPyTorch, PlainLayers) {
  expect_layer("linear", nn::Linear(4, 3));
  expect_layer("linear_no_bias", nn::Linear(4, 3, {.bias = false}));
  expect_layer("embedding", nn::Embedding(5, 4));
  expect_layer("layer_norm", nn::LayerNorm(4));
  expect_layer("rms_norm", nn::RMSNorm(4));
  expect_layer("prelu", nn::PReLU(4));
  nn::Bilinear bilinear(4, 4, 3);
  nn::load_pytorch(bilinear, state_of("bilinear"));
  expect_close(bilinear(input_of("bilinear"), input_of("bilinear", 1)), output_of("bilinear"), 1e-5,
               1e-6);
}

TEST(LoadPyTorch, ConvolutionsAndNorms) {
  expect_image_layer("conv1d", nn::Conv1d(4, 6, 3, {.stride = 2, .padding = 1}));
  expect_image_layer("conv2d", nn::Conv2d(4, 6, {3, 2}, {.groups = 2}));
  expect_image_layer("conv3d", nn::Conv3d(2, 3, 2));
  expect_image_layer("conv_transpose1d", nn::ConvTranspose1d(4, 6, 3, {.stride = 2}));
  expect_image_layer("conv_transpose2d",
                     nn::ConvTranspose2d(4, 6, {3, 2}, {.stride = 2, .padding = 1, .groups = 2}));
  expect_image_layer("conv_transpose3d", nn::ConvTranspose3d(2, 3, 2));
  expect_image_layer("batch_norm", nn::BatchNorm(3));
  expect_image_layer("instance_norm", nn::InstanceNorm(3, {.affine = true}));
  expect_image_layer("group_norm", nn::GroupNorm(2, 4, {.pytorch_compatible = true}));
  expect_image_layer("sequential", nn::Sequential{nn::Conv2d(2, 3, 3), nn::BatchNorm(3), nn::ReLU(),
                                                  nn::Sequential{nn::Conv2d(3, 2, 1)}});
}

TEST(LoadPyTorch, RecurrentLayers) {
  expect_recurrent_layer("rnn", nn::RNN(4, 3));
  expect_recurrent_layer("gru", nn::GRU(4, 3));
  expect_recurrent_layer("lstm", nn::LSTM(4, 3));
  expect_recurrent_layer("lstm_no_bias", nn::LSTM(4, 3, {.bias = false}));
  expect_recurrent_layer("gru_stacked",
                         nn::Stacked<nn::GRU>(4, 3, {.num_layers = 2, .bidirectional = true}));
  expect_recurrent_layer("lstm_stacked",
                         nn::Stacked<nn::LSTM>(4, 3, {.num_layers = 2, .bidirectional = true}));
}

// Cells in a list of the user's, one a layer, as one module of PyTorch's.
struct TwoLayers : nn::Module {
  std::vector<nn::GRU> gru{{4, 3}, {3, 3}};
  MICA_MODULE(TwoLayers, gru)
};

TEST(LoadPyTorch, CellsOfAList) {
  Arrays forward;
  for (const auto& [name, value] : state_of("gru_stacked")) {
    if (name.find("reverse") != std::string::npos) continue;
    // The second layer's input has both directions.
    forward.emplace("gru." + name, name == "weight_ih_l1" ? slice(value, {0, 0}, {9, 3}) : value);
  }
  TwoLayers model;
  nn::load_pytorch(model, forward);
  expect_same(model.gru[1].Wh, state_of("gru_stacked").at("weight_hh_l1"));
}

constexpr nn::MultiHeadAttentionOptions with_bias{.bias = true};

TEST(LoadPyTorch, Attention) {
  nn::MultiHeadAttention attention(4, 2, with_bias);
  nn::load_pytorch(attention, state_of("attention"));
  const array x = input_of("attention");
  expect_close(attention(x, x, x), output_of("attention"), 1e-5, 1e-6);

  nn::MultiHeadAttention other(4, 2, {.key_input_dims = 3, .value_input_dims = 5, .bias = true});
  nn::load_pytorch(other, state_of("attention_dims"));
  expect_close(other(input_of("attention_dims"), input_of("attention_dims", 1),
                     input_of("attention_dims", 2)),
               output_of("attention_dims"), 1e-5, 1e-6);
}

// PyTorch's attention has biases.
nn::TransformerEncoderLayer encoder_layer(bool norm_first) {
  nn::TransformerEncoderLayer layer(4, 2, {.mlp_dims = 8, .norm_first = norm_first});
  layer.attention = nn::MultiHeadAttention(4, 2, with_bias);
  return layer;
}
nn::TransformerDecoderLayer decoder_layer() {
  nn::TransformerDecoderLayer layer(4, 2, {.mlp_dims = 8, .norm_first = false});
  layer.self_attention = nn::MultiHeadAttention(4, 2, with_bias);
  layer.cross_attention = nn::MultiHeadAttention(4, 2, with_bias);
  return layer;
}

TEST(LoadPyTorch, Transformers) {
  expect_layer("encoder_layer", encoder_layer(false));
  nn::TransformerEncoder encoder(2, 4, 2);
  for (auto& layer : encoder.layers) layer = encoder_layer(true);
  expect_layer("encoder", encoder);

  nn::TransformerDecoderLayer decoder = decoder_layer();
  nn::load_pytorch(decoder, state_of("decoder_layer"));
  expect_close(decoder(input_of("decoder_layer"), input_of("decoder_layer", 1)),
               output_of("decoder_layer"), 1e-5, 1e-6);

  nn::TransformerEncoder front(1, 4, 2, {.mlp_dims = 8, .norm_first = false});
  front.layers[0] = encoder_layer(false);
  nn::TransformerDecoder back(1, 4, 2, {.mlp_dims = 8, .norm_first = false});
  back.layers[0] = decoder_layer();
  nn::Transformer transformer({.dims = 4,
                               .num_heads = 2,
                               .custom_encoder = nn::Slot<nn::Encoder>(front),
                               .custom_decoder = nn::Slot<nn::Decoder>(back)});
  nn::load_pytorch(transformer, state_of("transformer"));
  transformer.eval();
  expect_close(transformer(input_of("transformer"), input_of("transformer", 1)),
               output_of("transformer"), 1e-5, 1e-6);
}

struct Tied : nn::Module {
  nn::Shared<nn::Embedding> embed{5, 4}, head = embed;
  MICA_MODULE(Tied, embed, head)
  array operator()(const array& x) const { return head->as_linear(embed(x)); }
};

TEST(LoadPyTorch, SharedModules) {
  expect_layer("tied", Tied());
  for (const char* kept : {"embed.weight", "head.weight"}) {
    Arrays one = state_of("tied");
    std::erase_if(one, [&](const auto& entry) { return entry.first != kept; });
    ASSERT_EQ(one.size(), 1);
    Tied model;
    nn::load_pytorch(model, one);
    expect_same(model.embed->weight, one.at(kept));
  }
}

struct Gpt2Attention : nn::Module {
  nn::MultiHeadAttention attention{4, 1, with_bias};
  MICA_MODULE(Gpt2Attention, attention)
  array operator()(const array& x) const { return attention(x, x, x); }
};

TEST(LoadPyTorch, RulesRenameTransposeAndSplit) {
  const std::vector<nn::LoadRule> rules{
      {"^c_attn\\.", {"q.", "k.", "v."}, /*transpose=*/true},
      {"^([qkv]\\.)", "attention.$1"},
      {"\\.q\\.", ".query_proj."},
      {"\\.k\\.", ".key_proj."},
      {"\\.v\\.", ".value_proj."},
      {"^c_proj", "attention.out_proj", /*transpose=*/true},
      {.pattern = "unwanted", .drop = true},
  };
  Arrays arrays;
  for (const auto& [name, value] : state_of("gpt2_attention")) arrays.emplace("h.0." + name, value);
  arrays.emplace("h.0.unwanted.weight", array(1));
  arrays.emplace("h.1.other", array(1));
  Gpt2Attention model;
  nn::load_pytorch(model, arrays, {.prefix = "h.0.", .rules = rules});
  expect_close(model(input_of("gpt2_attention")), output_of("gpt2_attention"), 1e-5, 1e-6);

  const Arrays fused{{"qkv.weight", arange(24).reshape({8, 3})}, {"qkv.bias", arange(8)}};
  std::vector<nn::LoadRule> sized{{"qkv", {"a", "b", "c"}, false, {4, 2, 2}}};
  struct Parts : nn::Module {
    nn::Linear a{3, 4}, b{3, 2}, c{3, 2};
    MICA_MODULE(Parts, a, b, c)
  } parts;
  nn::load_pytorch(parts, fused, {.rules = sized});
  expect_same(parts.b.weight, array({12, 13, 14, 15, 16, 17}, {2, 3}));
  expect_same(*parts.c.bias, array({6, 7}));
}

TEST(LoadPyTorch, QuantizedLayers) {
  nn::Linear plain(64, 32);
  nn::load_pytorch(plain, state_of("quantized_linear"));
  plain.quantize({.group_size = 32, .bits = 8});
  nn::Sequential model{nn::Linear(64, 32)};
  nn::quantize(model, {.group_size = 32, .bits = 8});
  Arrays arrays;
  for (const auto& [name, value] : state_of("quantized_linear")) arrays.emplace("0." + name, value);
  nn::load_pytorch(model, arrays);
  const array x = input_of("quantized_linear");
  expect_same(model(x), plain(x));
  expect_close(model(x), output_of("quantized_linear"), 1e-1, 1e-1);
}

struct Net : nn::Module {
  nn::Conv2d conv{3, 8, 3};
  nn::Linear fc1{4, 5}, fc2{5, 2};
  MICA_MODULE(Net, conv, fc1, fc2)
};

Arrays arrays_of_net() {
  return {{"conv.weight", ones({8, 3, 3, 3})}, {"conv.bias", ones({8})},
          {"fc1.weight", ones({5, 4})},        {"fc1.bias", ones({5})},
          {"fc2.weight", ones({2, 5})},        {"fc2.bias", ones({2})}};
}

std::string error_of(const Arrays& arrays, const nn::LoadPyTorchOptions& options = {}) {
  Net net;
  const array before = array(net.fc1.weight);
  try {
    nn::load_pytorch(net, arrays, options);
  } catch (const std::invalid_argument& e) {
    expect_same(net.fc1.weight, before);
    const std::string text = e.what(), start = "load_pytorch (arrays): expected ";
    EXPECT_EQ(text.substr(0, start.size()), start);
    return text.substr(start.size());
  }
  return "no error";
}

TEST(LoadPyTorch, SaysWhatDoesNotFit) {
  EXPECT_EQ(error_of(arrays_of_net()), "no error");
  Arrays renamed = arrays_of_net();
  renamed.erase("fc2.weight");
  renamed.emplace("fc_2.weight", ones({2, 5}));
  EXPECT_EQ(error_of(renamed),
            "the weights of Net, got missing 'fc2.weight' (did you mean 'fc_2.weight'?); unused "
            "'fc_2.weight' (did you mean 'fc2.weight'?)");
  Arrays reshaped = arrays_of_net();
  reshaped.insert_or_assign("conv.weight", ones({8, 3, 5, 5}));
  reshaped.insert_or_assign("fc1.bias", ones({5, 1}));
  EXPECT_EQ(
      error_of(reshaped),
      "the weights of Net, got 'conv.weight' of shape (8, 5, 5, 3) where (8, 3, 3, 3) is due, "
      "'fc1.bias' of shape (5, 1) where (5,) is due");
  EXPECT_EQ(error_of({}),
            "the weights of Net, got missing 'conv.weight', 'conv.bias', 'fc1.weight', 'fc1.bias', "
            "'fc2.weight' and 1 more");
}

TEST(LoadPyTorch, RefusesRulesThatDoNotWork) {
  EXPECT_EQ(error_of(arrays_of_net(), {.rules = {{"(", "x"}}}),
            "a regular expression as a rule's pattern, got '('");
  EXPECT_EQ(error_of(arrays_of_net(), {.rules = {{"fc1", {"a", "b"}}}}),
            "'fc1.bias' with 2 equal parts on axis 0, got (5,)");
  EXPECT_EQ(error_of(arrays_of_net(), {.rules = {{"fc1", {"a", "b"}, false, {4, 2}}}}),
            "'fc1.bias' with the 2 parts of its rule's sizes on axis 0, got (5,)");
  EXPECT_EQ(error_of(arrays_of_net(), {.rules = {{"fc[12]", "fc"}}}),
            "each name once, got 'fc.bias' twice");
  EXPECT_EQ(error_of({{std::string(2000, 'a'), ones({1})}}),
            "names of at most 1000 bytes, got 2000");
}

TEST(LoadPyTorch, ReportsWhereNotStrict) {
  Net net;
  Arrays some = arrays_of_net();
  some.erase("fc2.weight");
  some.insert_or_assign("fc1.bias", ones({6}));
  some.emplace("extra", ones({1}));
  const nn::LoadReport report = nn::load_pytorch(net, some, {.strict = false});
  EXPECT_EQ(report.loaded,
            (std::vector<std::string>{"conv.weight", "conv.bias", "fc1.weight", "fc2.bias"}));
  EXPECT_EQ(report.missing, (std::vector<std::string>{"fc2.weight"}));
  EXPECT_EQ(report.unused, (std::vector<std::string>{"extra"}));
  ASSERT_EQ(report.mismatched.size(), 1);
  EXPECT_EQ(report.mismatched[0].name, "fc1.bias");
  expect_same(net.fc1.weight, ones({5, 4}));
  std::ostringstream text;
  text << report;
  EXPECT_EQ(text.str(),
            "missing 'fc2.weight'; unused 'extra'; 'fc1.bias' of shape (6,) where (5,) is due");
}

TEST(LoadPyTorch, NamesTheFile) {
  Net net;
  try {
    nn::load_pytorch(net, MICA_SOURCE_DIR "/tests/golden/pytorch/nested.pt");
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_EQ(std::string(e.what()).substr(0, 14), "load_pytorch (");
    EXPECT_NE(std::string(e.what()).find("nested.pt): expected the weights of Net, got missing "),
              std::string::npos);
  }
}

}  // namespace
}  // namespace mica
