// The program of examples/llm, run as a user runs it.
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

#include "../process.h"
#include "checkpoints.h"

namespace llm::testing {

namespace {

using namespace mica::testing;

Finished llm(std::vector<std::string> options) {
  options.insert(options.begin(), LLM_PROGRAM);
  return run(options);
}

std::string model(const std::string& name) { return "--model=" + checkpoint(name); }

bool matches(const std::string& text, const std::string& pattern) {
  return std::regex_search(text, std::regex(pattern));
}

// Without the times.
std::string text_of(const Finished& finished) {
  return finished.output.substr(0, finished.output.find("prompt: "));
}

TEST(Llm, GeneratesTheSameTextAgain) {
  const std::vector<std::string> sampled{model("llama"),      "generate",
                                         "import json",       "--max-tokens=20",
                                         "--temperature=0.8", "--top-k=40",
                                         "--top-p=0.95",      "--min-p=0.01",
                                         "--seed=7",          "--repetition-penalty=1.1"};
  const Finished first = llm(sampled), second = llm(sampled);
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_TRUE(
      matches(first.output,
              "\nprompt: \\d+ tokens, [\\d.]+ tokens/s; text: 20 tokens, [\\d.]+ tokens/s\n$"))
      << first.output;
  EXPECT_EQ(text_of(first), text_of(second));
  std::vector<std::string> other = sampled;
  other[8] = "--seed=8";
  EXPECT_NE(text_of(llm(other)), text_of(first));
}

TEST(Llm, StopsAtATextAndKeepsFewTokens) {
  const Finished whole = llm({model("llama"), "generate", "import", "--max-tokens=12"});
  ASSERT_EQ(whole.status, 0) << whole.output;
  const std::string text = text_of(whole);
  ASSERT_GT(text.size(), 6u);
  const std::string stop = text.substr(3, 2);
  const Finished stopped =
      llm({model("llama"), "generate", "import", "--max-tokens=12", "--stop", stop});
  EXPECT_EQ(text_of(stopped), text.substr(0, text.find(stop)) + "\n");

  const Finished bounded = llm({model("llama"), "generate", "import json, math, pathlib",
                                "--max-tokens=40", "--max-kv=16", "--keep=2", "--chunk=6"});
  EXPECT_EQ(bounded.status, 0) << bounded.output;
}

TEST(Llm, QuantizesAndRunsTheResult) {
  const TemporaryFolder folder;
  const Finished quantized =
      llm({model("qwen2"), "quantize", "--output", folder / "q", "--bits=8", "--group-size=32"});
  ASSERT_EQ(quantized.status, 0) << quantized.output;
  EXPECT_EQ(quantized.output, "wrote " + (folder / "q") + ": 8 bits, groups of 32, mode affine\n");
  const Finished direct =
      llm({model("qwen2"), "--bits=8", "--group-size=32", "generate", "import", "--max-tokens=15"});
  const Finished loaded = llm({"--model", folder / "q", "generate", "import", "--max-tokens=15"});
  EXPECT_EQ(loaded.status, 0) << loaded.output;
  EXPECT_EQ(text_of(loaded), text_of(direct));
  const Finished info = llm({"--model", folder / "q", "info"});
  EXPECT_TRUE(matches(info.output, "QuantizedEmbedding\\(280, 24, group_size=32, bits=8"));
  EXPECT_TRUE(matches(info.output,
                      "qwen2: quantized in mode affine, 8 bits, [\\d.]+ MB\n280 tokens "
                      "in the vocabulary, 128 positions\n$"))
      << info.output;
}

TEST(Llm, ChatsLineByLine) {
  const std::string shell = "printf 'hello\\n\\nand on\\n' | " LLM_PROGRAM " " + model("qwen2") +
                            " chat --max-tokens=8 --system=brief";
  const Finished finished = run({"/bin/sh", "-c", shell});
  EXPECT_EQ(finished.status, 0) << finished.output;
  EXPECT_TRUE(matches(finished.output, "text: \\d tokens[^]*text: \\d tokens, [\\d.]+ tokens/s\n$"))
      << finished.output;
}

TEST(Llm, NamesWhatIsWrongInOneLine) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"generate", "x"}, "llm: --model: expected a folder, got none\n"},
      {{"--model=" + (folder / "none"), "generate", "x"},
       "llm: load_model: can't read the folder '" + (folder / "none") +
           "': No such file or directory\n"},
      {{model("llama"), "generate", ""}, "llm: prompt: expected text, got none\n"},
      {{model("llama"), "chat"},
       "llm: chat (" + checkpoint("llama") +
           "/tokenizer_config.json): chat_template: expected a known format, got none; choose one "
           "with --template chatml, llama3, llama2, mistral, gemma\n"},
  };
  for (const auto& [options, expected] : cases) {
    const Finished finished = llm(options);
    EXPECT_EQ(finished.status, 1);
    EXPECT_EQ(finished.output, expected);
  }
  EXPECT_NE(llm({model("llama"), "--bits=9", "info"}).status, 0);
  EXPECT_NE(llm({model("llama")}).status, 0);
}

}  // namespace
}  // namespace llm::testing
