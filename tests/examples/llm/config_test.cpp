#include "config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace llm::testing {

namespace {

// A Llama, with these fields in place of its own.
std::string config(const std::string& fields) {
  nlohmann::json all = {{"model_type", "llama"},    {"vocab_size", 10},
                        {"hidden_size", 8},         {"intermediate_size", 6},
                        {"num_attention_heads", 2}, {"num_hidden_layers", 3}};
  all.update(nlohmann::json::parse("{" + fields + "}"));
  return all.dump();
}

std::string error_of(const std::string& text) {
  try {
    parse_config(text, "m/config.json");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

DecoderConfig decoder(const std::string& changes) {
  return std::get<DecoderConfig>(parse_config(config(changes), "config.json").model);
}

TEST(Config, DefaultsAndOlderNames) {
  const DecoderConfig plain = decoder("");
  EXPECT_EQ(plain.key_value_heads, 2);
  EXPECT_EQ(plain.head_dim, 4);
  EXPECT_FLOAT_EQ(plain.attention_scale, 0.5f);
  EXPECT_EQ(plain.rope.theta, 10000);
  EXPECT_FALSE(plain.tied_embeddings || plain.qkv_bias || plain.layers[0].window);
  EXPECT_EQ(decoder(R"("rope_theta": 5e5)").rope.theta, 5e5);
  const RopeConfig older =
      decoder(R"("rope_theta": 9, "rope_scaling": {"type": "linear", "factor": 2})").rope;
  EXPECT_EQ(older.theta, 9);
  EXPECT_EQ(older.factor, 2);
  EXPECT_EQ(decoder(R"("rope_parameters": {"rope_theta": 7, "rope_type": "default"})").rope.theta,
            7);
  EXPECT_EQ(decoder(R"("head_dim": null, "unknown": {"x": 1})").head_dim, 4);
}

TEST(Config, WindowsByLayer) {
  const auto windows = [](const std::string& changes) {
    std::vector<int> windows;
    for (const auto& layer : decoder(changes).layers) windows.push_back(layer.window.value_or(0));
    return windows;
  };
  EXPECT_EQ(windows(R"("model_type": "mistral", "sliding_window": 5)"), (std::vector{5, 5, 5}));
  EXPECT_EQ(windows(R"("model_type": "mistral", "sliding_window": null)"), (std::vector{0, 0, 0}));
  EXPECT_EQ(windows(R"("model_type": "qwen2", "sliding_window": 5)"), (std::vector{0, 0, 0}));
  EXPECT_EQ(windows(R"("model_type": "qwen2", "sliding_window": 5, "use_sliding_window": true,
                       "max_window_layers": 2)"),
            (std::vector{0, 0, 5}));
  EXPECT_EQ(windows(R"("model_type": "gemma2", "sliding_window": 5)"), (std::vector{5, 0, 5}));
  EXPECT_EQ(windows(R"("model_type": "gemma3_text", "sliding_window": 5,
                       "sliding_window_pattern": 2)"),
            (std::vector{5, 0, 5}));
}

TEST(Config, QuantizationAsMlxWritesIt) {
  const auto plain = parse_config(config(""), "config.json").quantization;
  EXPECT_FALSE(plain.has_value());
  const auto entry = parse_config(config(R"("quantization": {"group_size": 32, "bits": 3,
      "model.layers.0.mlp.up_proj": {"group_size": 64, "bits": 8}, "lm_head": false})"),
                                  "config.json")
                         .quantization;
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->common.bits, 3);
  ASSERT_EQ(entry->layers.size(), 1u);
  EXPECT_EQ(entry->layers.at("model.layers.0.mlp.up_proj").bits, 8);
}

TEST(Config, NamesFileAndField) {
  const std::string at = "load_model (m/config.json): ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "content: expected JSON, got something else"},
      {"[1]", "content: expected a JSON object, got array"},
      {"{}", "model_type: expected a text, got nothing"},
      {config(R"("model_type": "mamba")"),
       "model_type: expected one of llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text, "
       "gpt2, got 'mamba'"},
      {R"({"model_type": "llama"})",
       "vocab_size: expected an integer from 1 to 16777216, got nothing"},
      {config(R"("hidden_size": -8)"),
       "hidden_size: expected an integer from 1 to 1048576, got -8"},
      {config(R"("hidden_size": 1e9)"),
       "hidden_size: expected an integer from 1 to 1048576, got 1000000000.0"},
      {config(R"("hidden_size": "8")"),
       "hidden_size: expected an integer from 1 to 1048576, got '8'"},
      {config(R"("hidden_size": [8])"),
       "hidden_size: expected an integer from 1 to 1048576, got an array"},
      {config(R"("num_hidden_layers": 18446744073709551615)"),
       "num_hidden_layers: expected an integer from 1 to 1024, got 18446744073709551615"},
      {config(R"("num_attention_heads": 3)"),
       "num_attention_heads: expected a divisor of 8, got 3"},
      {config(R"("num_key_value_heads": 3)"),
       "num_key_value_heads: expected a divisor of the 2 heads, got 3"},
      {config(R"("head_dim": 3)"), "head_dim: expected an even number, got 3"},
      {config(R"("head_dim": 1048576)"),
       "head_dim: expected at most 1048576 in all heads, got 1048576"},
      {config(R"("hidden_act": "relu")"),
       "hidden_act: expected silu, gelu, gelu_new or gelu_pytorch_tanh, got 'relu'"},
      {config(R"("rms_norm_eps": -1)"),
       "rms_norm_eps: expected a number from 1e-12 to 1e+30, got -1"},
      {config(R"("rope_scaling": {"rope_type": "yarn"})"),
       "rope_scaling.rope_type: expected default, linear or llama3, got 'yarn'"},
      {config(R"("rope_scaling": {"rope_type": "linear"})"),
       "rope_scaling.factor: expected a number from 1e-06 to 1e+30, got nothing"},
      {config(R"("rope_scaling": 3)"), "rope_scaling: expected an object, got 3"},
      {config(R"("partial_rotary_factor": 0.5)"), "partial_rotary_factor: expected 1, got 0.5"},
      {config(R"("tie_word_embeddings": 1)"), "tie_word_embeddings: expected true or false, got 1"},
      {config(R"("eos_token_id": [1, -1])"),
       "eos_token_id: expected integers from 0 to 16777216, got -1"},
      {config(R"("quantization_config": {"quant_method": "gptq"})"),
       "quantization_config.quant_method: expected a checkpoint that is not quantized, or by MLX, "
       "got 'gptq'"},
      {config(R"("quantization": {"mode": "q4"})"),
       "quantization.mode: expected affine, mxfp4, mxfp8 or nvfp4, got 'q4'"},
      {config(R"("quantization": {"bits": 9})"),
       "quantization.bits: expected an integer from 2 to 8, got 9"},
      {config(R"("model_type": "gemma2", "layer_types": ["full_attention"], "sliding_window": 2)"),
       "layer_types: expected 3 entries, got 1"},
      {config(R"("model_type": "gemma", "use_bidirectional_attention": true)"),
       "use_bidirectional_attention: expected false, got true"},
      {R"({"model_type": "gpt2", "vocab_size": 9, "n_embd": 8, "n_layer": 1, "n_head": 3})",
       "n_head: expected a divisor of 8, got 3"},
      {R"({"a": 1, "a": 2})", "content: expected each name once, got 'a' twice"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(error_of(text), at + expected) << text;
}

}  // namespace
}  // namespace llm::testing
