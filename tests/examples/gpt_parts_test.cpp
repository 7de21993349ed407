// What examples/gpt and examples/lora are made of.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "adapt.h"
#include "folder.h"
#include "generate.h"
#include "mica/data/data.h"
#include "process.h"
#include "tests/golden.h"
#include "train.h"

namespace gpt {

namespace {

using namespace mica;
using mica::testing::contents;
using mica::testing::TemporaryFolder;
using mica::testing::write_file;

const std::string checkpoint = MICA_SOURCE_DIR "/tests/golden/examples/gpt";

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

std::string repeating_text() {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "one two three four five six seven eight nine ten\n";
  return text;
}

TEST(Gpt, HasTheLogitsOfTransformers) {
  const auto expected = golden::load("examples/gpt_logits");
  auto [model, tokenizer] = load(checkpoint);
  golden::expect_close(model(expected.at("tokens")), expected.at("logits"), 1e-5, 1e-6);
  EXPECT_EQ(tokenizer.vocab_size(), 256);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a text\n")), "a text\n");
}

TEST(Gpt, IsSavedAndLoaded) {
  const TemporaryFolder folder;
  random::seed(1);
  Gpt model({.vocab_size = 300, .context = 16, .dims = 12, .layers = 2, .heads = 3});
  save(folder / "", model, text::Tokenizer::load(checkpoint + "/tokenizer.json"));
  const Pretrained loaded = load(folder / "");
  const array tokens = random::randint(0, 300, {2, 16});
  golden::expect_same(loaded.model(tokens), model(tokens));

  const std::string config = contents(folder / "config.json");
  const auto error_with = [&](const std::string& from, const std::string& to) {
    std::string changed = config;
    changed.replace(changed.find(from), from.size(), to);
    write_file(folder / "config.json", changed);
    const std::string text = error_of([&] { load(folder / ""); });
    return text.substr(text.rfind('/') + 1);
  };
  EXPECT_EQ(error_with("gpt2", "bert"), "config.json: model_type: expected \"gpt2\", got \"bert\"");
  EXPECT_EQ(error_with("\"n_layer\": 2", "\"n_layer\": 1e99"),
            "config.json: n_layer: expected a number from 1 to 1048576, got 1e+99");
  EXPECT_EQ(error_with("\"n_head\": 3", "\"n_head\": 5"),
            "config.json: n_head: expected a divisor of n_embd, 12, got 5");
  EXPECT_EQ(error_with("\"vocab_size\": 300", "\"vocab_size\": 200"),
            "tokenizer.json: expected a vocabulary of at most 200, config.json's vocab_size, got "
            "256");
  EXPECT_EQ(error_with("{", "["), "config.json: file: expected a JSON object, got something else");
  EXPECT_NE(error_with("\"n_embd\": 12", "\"n_embd\": 15"), "none");
}

TEST(Gpt, GeneratesWhatIsMostLikely) {
  auto [model, tokenizer] = load(checkpoint);
  std::vector<int32_t> tokens = tokenizer.encode("ab");
  const size_t prompt = tokens.size();
  for (int i = 0; i < 12; ++i) {
    const array logits = model(array(tokens.begin(), {1, static_cast<int>(tokens.size())}));
    const array last = take(flatten(logits, 0, 1), static_cast<int>(tokens.size()) - 1, 0);
    tokens.push_back(static_cast<int32_t>(argmax(last).item<uint32_t>()));
  }
  const std::vector<int32_t> generated(tokens.begin() + static_cast<std::ptrdiff_t>(prompt),
                                       tokens.end());
  const std::string expected = tokenizer.decode(generated);
  std::string shown;
  EXPECT_EQ(generate(model, tokenizer, "ab", {.tokens = 12, .temperature = 0},
                     [&](const std::string& text) { shown += text; }),
            expected);
  EXPECT_EQ(shown, expected);

  // Beyond the context, with one plan for all tokens.
  const uint64_t before = counters().plan_misses;
  generate(model, tokenizer, "ab", {.tokens = 3});
  const uint64_t first = counters().plan_misses - before;
  generate(model, tokenizer, "abcdef", {.tokens = 40, .seed = 5});
  EXPECT_EQ(counters().plan_misses - before, first);
}

TEST(GptTraining, PlansNothingFromTheThirdStepOn) {
  const TemporaryFolder folder;
  write_file(folder / "text.txt", repeating_text());
  TrainOptions options{.data = {folder / "text.txt"}, .layers = 1, .heads = 2, .dims = 16};
  options.context = 16;
  options.batch_size = 4;
  options.dropout = 0.1;
  options.steps = options.validate_every = options.sample_every = options.checkpoint_every = 12;
  std::vector<uint64_t> misses;  // after so many steps
  std::ostringstream out;
  train(options, {}, {.output = folder / "run", .tensorboard = true}, out, [&] {
    misses.push_back(counters().plan_misses);
    return true;
  });
  ASSERT_EQ(misses.size(), 12u);
  EXPECT_EQ(misses[11], misses[2]);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "run/tensorboard"), {}), 1);
}

class Lora : public ::testing::Test {
 protected:
  Lora() {
    random::seed(2);
    base_ = Gpt(config_);
    // Large enough for logits to differ, as they do in a model that is trained.
    base_.transformer.wte.weight = base_.transformer.wte.weight * 25;
    const std::string text = repeating_text();
    std::vector<int32_t> bytes(text.begin(), text.end());
    tokens_ = array(bytes.begin(), {static_cast<int>(bytes.size())});
    window_ = reshape(slice(tokens_, {0}, {16}), {1, 16});
  }

  double loss(Gpt& model) {
    data::Loader batches(data::windows(tokens_, 16), {.batch_size = 16, .prefetch = 0});
    return measure(model, batches, 2);
  }
  void train(Gpt& model) {
    std::ostringstream out;
    logging::Progress progress(out, {.quiet = true}, 40, "tokens");
    lora::train(model, tokens_, {.steps = 40, .batch_size = 8, .learning_rate = 1e-2}, progress,
                [] { return false; });
    model.eval();
  }

  const Config config_{.vocab_size = 256, .context = 16, .dims = 32, .layers = 2, .heads = 2};
  Gpt base_{config_};
  array tokens_{0}, window_{0};
  TemporaryFolder folder_;
};

TEST_F(Lora, TrainsAdaptersAlone) {
  Gpt model = base_;
  const size_t all = count(model.parameters());
  lora::adapt(model, {.rank = 4, .scale = 2});
  // Of each layer (in, out), 4 (in + out): 2 (128 + 64 + 160 + 160) 4.
  EXPECT_EQ(count(model.trainable_parameters()), 2u * (128 + 64 + 160 + 160) * 4);
  EXPECT_EQ(count(model.parameters()), all + count(model.trainable_parameters()));
  golden::expect_same(model(window_), base_(window_));
  const double before = loss(model);
  train(model);
  const double after = loss(model);
  EXPECT_LT(after, before - 0.5);
  const Tree parameters = model.parameters();
  int compared = 0;
  for (const auto& [name, value] : tree_flatten(parameters)) {
    for (const auto& [base_name, base_value] : tree_flatten(base_.parameters())) {
      if (base_name != name) continue;
      golden::expect_same(value, base_value);
      ++compared;
    }
  }
  EXPECT_EQ(compared, 28);

  Gpt fused = model;
  lora::fuse(fused);
  EXPECT_EQ(count(fused.parameters()), all);
  golden::expect_close(fused(window_), model(window_), 1e-4, 1e-5);

  const std::string file = folder_ / "adapters.safetensors";
  lora::save_adapters(file, model, {.rank = 4, .scale = 2});
  EXPECT_LT(contents(file).size(), 25'000u);
  Gpt loaded = base_;
  EXPECT_EQ(lora::load_adapters(file, loaded).rank, 4);
  loaded.eval();
  golden::expect_same(loaded(window_), model(window_));
}

TEST_F(Lora, AdaptsAQuantizedModel) {
  Gpt model = base_;
  lora::quantize(model, 4);
  const Gpt quantized = model;
  lora::adapt(model, {.rank = 4, .scale = 2});
  golden::expect_same(model(window_), quantized(window_));
  const double before = loss(model);
  train(model);
  EXPECT_LT(loss(model), before - 0.5);
  Gpt fused = model;
  lora::fuse(fused);
  EXPECT_EQ(count(fused.parameters()), count(base_.parameters()));
  golden::expect_close(fused(window_), model(window_), 1e-3, 1e-4);
}

TEST_F(Lora, RefusesAdaptersOfOtherModels) {
  Gpt model = base_;
  lora::adapt(model, {.rank = 4});
  const std::string file = folder_ / "adapters.safetensors";
  lora::save_adapters(file, model, {.rank = 4});
  const auto error = [&](Config config) {
    Gpt other(config);
    const size_t before = count(other.parameters());
    const std::string text = error_of([&] { lora::load_adapters(file, other); });
    EXPECT_EQ(count(other.parameters()), before);
    EXPECT_TRUE(text.starts_with(file + ": ")) << text;
    return text.substr(std::min(text.size(), file.size() + 2));
  };
  Config config = config_;
  config.layers = 3;
  EXPECT_EQ(error(config), "transformer.h.2.attn.c_attn.lora_a: expected (32, 4), got none");
  config.layers = 1;
  EXPECT_EQ(error(config), "arrays: expected 8, got 16");
  config = config_;
  config.dims = 64;
  EXPECT_EQ(error(config), "transformer.h.0.attn.c_attn.lora_a: expected (64, 4), got (32, 4)");
  save_safetensors(file, {{"a", array(1)}});
  EXPECT_EQ(error(config_), "kind: expected 'mica LoRA adapters 1', got another file");
  save_safetensors(file, {{"a", array(1)}},
                   {{"kind", "mica LoRA adapters 1"}, {"rank", "1e9"}, {"scale", "1"}});
  EXPECT_EQ(error(config_), "rank: expected a number from 0 to 1e6, got '1e9'");
}

}  // namespace

}  // namespace gpt
