// Damaged and hostile config.json files: they are read, or refused in one line that names the file.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <stdexcept>

#include "../process.h"
#include "checkpoints.h"
#include "mica/io/checkpoint.h"

namespace llm::testing {

namespace {

const std::vector<std::string> names = {"llama3", "mistral", "qwen2-window", "qwen3",
                                        "gemma2", "gemma3",  "gpt2"};

// Reads the text, and where it is a small model's compares it with the tensors.
void read(const std::string& text, const Tensors& tensors) {
  try {
    const ModelConfig config = parse_config(text, "m/config.json");
    const auto* decoder = std::get_if<DecoderConfig>(&config.model);
    if (decoder && decoder->layers.size() > 8) return;
    if (!decoder && std::get<Gpt2Config>(config.model).layers > 8) return;
    LoadedModel loaded{config, make_model(config)};
    assign(loaded, tensors, "m");
  } catch (const std::invalid_argument& error) {
    const std::string said = error.what();
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    EXPECT_TRUE(said.starts_with("load_model (m") || said.find("quantize") != said.npos) << said;
  }
}

TEST(MutatedConfig, DamagedBytes) {
  std::mt19937 random(1);
  for (const std::string& name : names) {
    const std::string text = mica::testing::contents(checkpoint(name) + "/config.json");
    const Tensors tensors = mica::load_checkpoint(checkpoint(name) + "/model.safetensors");
    for (int i = 0; i < 60; ++i) {
      std::string damaged = text;
      for (uint32_t n = random() % 4 + 1; n > 0; --n)
        damaged[random() % damaged.size()] = static_cast<char>(random());
      if (i % 3 == 0) damaged.resize(random() % damaged.size());
      read(damaged, tensors);
    }
  }
}

TEST(MutatedConfig, FieldsOfOtherKindsAndSizes) {
  const std::vector<std::string> values = {
      "null",
      "true",
      "0",
      "-1",
      "1",
      "2",
      "7",
      "1048577",
      "2147483648",
      "18446744073709551615",
      "1e308",
      "1e-300",
      "\"\"",
      "\"llama\"",
      "\"linear\"",
      "[]",
      "[1, \"x\"]",
      "{}",
      R"({"rope_type": "llama3", "factor": 0, "bits": 4, "full_attention": {}})"};
  for (const std::string& name : names) {
    const auto config =
        nlohmann::json::parse(mica::testing::contents(checkpoint(name) + "/config.json"));
    const Tensors tensors = mica::load_checkpoint(checkpoint(name) + "/model.safetensors");
    nlohmann::json wider = config;
    for (const char* field : {"rope_scaling", "rope_parameters", "quantization", "layer_types",
                              "sliding_window_pattern", "partial_rotary_factor"})
      wider.emplace(field, nullptr);
    for (const auto& [field, old] : wider.items()) {
      for (const std::string& value : values) {
        nlohmann::json changed = config;
        changed[field] = nlohmann::json::parse(value);
        read(changed.dump(), tensors);
      }
    }
  }
}

}  // namespace
}  // namespace llm::testing
