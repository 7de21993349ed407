// Folders: other names, quantized weights, and what is wrong with them.
#include "load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <stdexcept>

#include "../process.h"
#include "checkpoints.h"
#include "mica/io/checkpoint.h"
#include "mica/nn/quantized.h"
#include "mica/ops/ops.h"

namespace llm::testing {

using namespace mica;

namespace {

namespace fs = std::filesystem;
using mica::testing::contents;
using mica::testing::TemporaryFolder;
using mica::testing::write_file;

std::vector<int> continuation(const LoadedModel& loaded, const std::string& name) {
  Session session(*loaded.model);
  const array scores = session.feed(expected(name).prompt);
  return continue_greedily(session, scores, 30);
}

// A copy of a checkpoint whose tensors, and config.json, were changed.
using ChangeTensors = std::function<void(Tensors&)>;
void copy_changed(const std::string& name, const std::string& folder, const ChangeTensors& change,
                  const std::string& from = "", const std::string& to = "") {
  fs::create_directories(folder);
  std::string config = contents(checkpoint(name) + "/config.json");
  if (!from.empty()) {
    ASSERT_NE(config.find(from), std::string::npos);
    config.replace(config.find(from), from.size(), to);
  }
  write_file(folder + "/config.json", config);
  Tensors tensors = load_checkpoint(checkpoint(name) + "/model.safetensors");
  change(tensors);
  save_checkpoint(folder, tensors);
}

void rename_tensor(Tensors& tensors, const std::string& from, const std::string& to) {
  auto entry = tensors.extract(from);
  entry.key() = to;
  tensors.insert(std::move(entry));
}

std::string error_of(const std::string& folder, const LoadOptions& options = {}) {
  try {
    load_model(folder, options);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Load, NamesWithoutPrefixAndTensorsOfOtherPrograms) {
  const TemporaryFolder folder;
  copy_changed("llama", folder / "llama", [](Tensors& tensors) {
    Tensors plain;
    for (auto& [name, value] : tensors)
      plain.emplace(name.starts_with("model.") ? name.substr(6) : name, value);
    plain.emplace("layers.0.self_attn.rotary_emb.inv_freq", zeros({8}));
    plain.emplace("lm_head.weight", zeros({280, 64}));  // tied
    tensors = plain;
  });
  EXPECT_EQ(continuation(load_model(folder / "llama"), "llama"), expected("llama").continuation);

  copy_changed("gpt2", folder / "gpt2", [](Tensors& tensors) {
    Tensors plain;
    for (auto& [name, value] : tensors)
      plain.emplace(name.starts_with("transformer.") ? name.substr(12) : name, value);
    plain.emplace("h.0.attn.bias", ones({1, 1, 64, 64}));
    tensors = plain;
  });
  EXPECT_EQ(continuation(load_model(folder / "gpt2"), "gpt2"), expected("gpt2").continuation);
}

TEST(Load, ReadsShards) {
  const TemporaryFolder folder;
  copy_changed("qwen3", folder / "m", [](Tensors&) {});
  fs::remove((folder / "m") + "/model.safetensors");
  save_checkpoint(folder / "m", load_checkpoint(checkpoint("qwen3") + "/model.safetensors"),
                  {.max_shard_bytes = 30000});
  ASSERT_TRUE(fs::exists((folder / "m") + "/model.safetensors.index.json"));
  EXPECT_EQ(continuation(load_model(folder / "m"), "qwen3"), expected("qwen3").continuation);

  fs::remove((folder / "m") + "/model-00002-of-00004.safetensors");
  const std::string error = error_of(folder / "m");
  EXPECT_NE(error.find("model-00002-of-00004.safetensors"), std::string::npos) << error;
}

TEST(Load, QuantizedFoldersGiveTheSameTokens) {
  for (const char* name : {"llama", "gpt2", "gemma3"}) {
    const TemporaryFolder folder;
    for (const auto& [options, entry] :
         {std::pair(nn::QuantizationOptions{32, 4, nn::QuantizationMode::affine}, "\"bits\": 4"),
          std::pair(nn::QuantizationOptions{.mode = nn::QuantizationMode::mxfp8},
                    "\"mode\": \"mxfp8\"")}) {
      const LoadedModel quantized = load_model(checkpoint(name), {.quantize = options});
      save_model(folder / "q", quantized, checkpoint(name));
      const std::string config = contents(folder / "q/config.json");
      EXPECT_NE(config.find(entry), std::string::npos) << config;
      EXPECT_EQ(config.find("null\n  \"quantization"), std::string::npos);
      const LoadedModel again = load_model(folder / "q");
      EXPECT_EQ(continuation(again, name), continuation(quantized, name)) << name;
      EXPECT_EQ(again.config.end_tokens, (std::vector{2}));
      EXPECT_NE(error_of(folder / "q", {.quantize = options})
                    .find("quantization: expected none in the folder, to quantize it, got one"),
                std::string::npos);
      fs::remove_all(folder / "q");
    }
  }
  const LoadedModel loaded = load_model(checkpoint("llama"));
  EXPECT_THROW(save_model(checkpoint("llama"), loaded, checkpoint("llama")), std::invalid_argument);
}

// Some layers as they were, some in a format of their own.
TEST(Load, LayersWithFormatsOfTheirOwn) {
  const TemporaryFolder folder;
  const LoadedModel mixed = load_model(checkpoint("llama"));
  nn::quantize(*mixed.model,
               {.class_predicate = [](const std::string& path, nn::Module&) -> nn::QuantizeChoice {
                 if (path.ends_with("up_proj"))
                   return nn::QuantizationOptions{.group_size = 64, .bits = 8};
                 if (path.ends_with("down_proj"))
                   return nn::QuantizationOptions{.group_size = 32, .bits = 4};
                 return false;
               }});
  copy_changed(
      "llama", folder / "m",
      [&](Tensors& tensors) {
        tensors.clear();
        for (auto& [name, value] : tree_flatten(mixed.model->parameters()))
          tensors.emplace(name, value);
      },
      "\"vocab_size\"",
      R"("quantization": {"group_size": 32, "bits": 4,
         "model.layers.0.mlp.up_proj": {"group_size": 64, "bits": 8},
         "model.layers.1.mlp.up_proj": {"group_size": 64, "bits": 8}}, "vocab_size")");
  EXPECT_EQ(continuation(load_model(folder / "m"), "llama"), continuation(mixed, "llama"));
}

TEST(Load, DtypesAsAskedFor) {
  const auto dtype_of = [](const LoadedModel& loaded) {
    return tree_flatten(loaded.model->parameters())[0].second.dtype();
  };
  const LoadedModel half = load_model(checkpoint("gemma2"), {.dtype = bfloat16});
  EXPECT_EQ(dtype_of(half), bfloat16);
  Session session(*half.model);
  const array scores = session.feed(expected("gemma2").prompt);
  EXPECT_EQ(scores.dtype(), float32);
  const array wanted = expected("gemma2").scores;
  const array last = flatten(slice(wanted, {19, 0}, {20, 280}));
  EXPECT_LT(max(abs(scores - last)).item<float>(), 0.1f * max(abs(last)).item<float>());
  EXPECT_EQ(dtype_of(load_model(checkpoint("gemma2"), {.dtype = std::nullopt})), float32);
}

TEST(Load, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string at = "load_model (" + (folder / "m") + "): ";
  const auto error_with = [&](const ChangeTensors& change, const std::string& from = "",
                              const std::string& to = "") {
    fs::remove_all(folder / "m");
    copy_changed("llama", folder / "m", change, from, to);
    return error_of(folder / "m");
  };
  const std::string weight = "model.layers.1.mlp.up_proj.weight";
  EXPECT_EQ(error_with([&](Tensors& t) { rename_tensor(t, weight, weight + "s"); }),
            at + weight +
                ": expected a tensor (64, 64) after config.json, got none, did you mean '" +
                weight + "s'?");
  EXPECT_EQ(
      error_with([&](Tensors& t) {
        t.erase(weight);
        t.erase("model.norm.weight");
      }),
      at + weight + ": expected a tensor (64, 64) after config.json, got none (2 are missing)");
  EXPECT_EQ(error_with([&](Tensors& t) {
              t.insert_or_assign(weight, zeros({64, 65}));
            }),
            at + weight + ": expected (64, 64) after config.json, got (64, 65)");
  EXPECT_EQ(error_with([&](Tensors& t) {
              t.insert_or_assign(weight, zeros({64, 64}, int32));
            }),
            at + weight + ": expected floating-point numbers, got int32");
  EXPECT_EQ(error_with([&](Tensors& t) { t.emplace("model.layers.0.q_norm.weight", zeros({2})); }),
            at + "tensors: expected only those that config.json asks for, got "
                 "'model.layers.0.q_norm.weight'");
  EXPECT_EQ(error_with([](Tensors&) {}, "\"vocab_size\": 280", "\"vocab_size\": 300"),
            at + "model.embed_tokens.weight: expected (300, 64) after config.json, got (280, 64)");
  // Claims of more than there is cost nothing.
  EXPECT_EQ(error_with([](Tensors&) {}, "\"hidden_size\": 64", "\"hidden_size\": 1048576"),
            at + "model.embed_tokens.weight: expected (280, 1048576) after config.json, got "
                 "(280, 64)");
  const std::string deeper =
      error_with([](Tensors&) {}, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1024");
  EXPECT_NE(deeper.find("got none (9198 are missing)"), std::string::npos) << deeper;

  EXPECT_EQ(error_of(folder / "none"), "load_model: can't read the folder '" + (folder / "none") +
                                           "': No such file or directory");
  fs::create_directories(folder / "empty");
  EXPECT_NE(error_of(folder / "empty").find("empty/config.json': No such file or directory"),
            std::string::npos);
}

}  // namespace
}  // namespace llm::testing
