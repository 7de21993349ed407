// examples/semantic_search with a tiny model: its vectors are those of transformers, and the
// program indexes and searches folders.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "embedder.h"
#include "index.h"
#include "passages.h"
#include "process.h"
#include "tests/golden.h"

namespace semantic_search {

namespace {

using mica::testing::contents;
using mica::testing::Finished;
using mica::testing::TemporaryFolder;
using mica::testing::write_file;

const std::string tiny_bert = MICA_SOURCE_DIR "/tests/golden/examples/tiny_bert";

std::vector<std::string> sentences() {
  std::ifstream stream(MICA_SOURCE_DIR "/examples/semantic_search/sentences.txt");
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Finished run(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), SEMANTIC_SEARCH_PROGRAM);
  return mica::testing::run(arguments);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string error_of(const auto& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(SemanticSearch, VectorsAreThoseOfTransformers) {
  const Embedder embedder(tiny_bert);
  const array expected = mica::golden::load("examples/tiny_bert_vectors").at("vectors");
  const std::vector<std::string> lines = sentences();
  ASSERT_EQ(lines.size(), 50u);
  mica::golden::expect_close(embedder.embed(lines), expected, 0, 1e-5);
  // One by one, where nothing is padded.
  std::vector<array> each;
  for (const std::string& line : lines) each.push_back(embedder.embed({line}));
  mica::golden::expect_close(mica::concatenate(each, 0), expected, 0, 1e-5);
  EXPECT_EQ(embedder.embed({}).shape(), (mica::Shape{0, 16}));
}

TEST(SemanticSearch, CheckpointsMustFitTheirConfiguration) {
  const TemporaryFolder folder;
  const std::string model = folder / "model";
  std::filesystem::copy(tiny_bert, model);
  const std::string config = contents(model + "/config.json");
  auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = config;
    changed.replace(changed.find(from), from.size(), to);
    write_file(model + "/config.json", changed);
    return error_of([&] { Embedder{model}; });
  };
  EXPECT_EQ(with("\"gelu\"", "\"relu\""),
            model + "/config.json: hidden_act: expected gelu, got \"relu\"");
  EXPECT_EQ(with("\"num_attention_heads\": 2", "\"num_attention_heads\": 3"),
            model + "/config.json: num_attention_heads: expected a divisor of hidden_size, got 3");
  EXPECT_EQ(with("\"vocab_size\": 600", "\"vocab_size\": 10"),
            model + "/config.json: vocab_size: expected at least the tokenizer's 600, got 10");
  EXPECT_TRUE(
      with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3").starts_with(model + ": "));
  EXPECT_EQ(with("\"hidden_size\": 16", "\"hidden_size\": \"x\""),
            model + "/config.json: hidden_size: expected an integer from 1 to 65536, got \"x\"");
}

TEST(Passages, JoinShortParagraphsAndCutLongOnes) {
  const std::string half(150, 'a'), words = std::string(600, 'b') + ' ' + std::string(600, 'c');
  const std::vector<Passage> passages =
      split_passages("\n" + half + "\r\n\n" + half + "\n \n" + half + "\n" + words);
  ASSERT_EQ(passages.size(), 4u);
  EXPECT_EQ(passages[0].line, 2);
  EXPECT_EQ(passages[0].text, half + "\n" + half);
  EXPECT_EQ(passages[1].line, 6);
  EXPECT_EQ(passages[1].text, half);
  EXPECT_EQ(passages[2].line, 7);
  EXPECT_EQ(passages[2].text, std::string(600, 'b'));
  EXPECT_EQ(passages[3].line, 7);
  EXPECT_EQ(passages[3].text, ' ' + std::string(600, 'c'));
  EXPECT_TRUE(split_passages(" \n\n").empty());
}

TEST(SemanticSearch, IndexesWhatIsNewAndFindsIt) {
  const TemporaryFolder folder;
  const std::string texts = folder / "texts", index = "--index=" + (folder / "index.safetensors");
  const std::string model = "--model=" + tiny_bert;
  std::filesystem::create_directories(texts + "/below");
  std::filesystem::create_directories(texts + "/.git");
  write_file(texts + "/plants.txt", "Photosynthesis converts light energy into chemical energy.\n");
  write_file(texts + "/below/cities.md", "\n\nBerlin is the capital of Germany.\n");
  write_file(texts + "/picture.png", std::string("\x89PNG\0\1", 6));
  write_file(texts + "/.git/config", "hidden");

  const Finished first = run({model, index, "index", texts});
  EXPECT_EQ(first.status, 0) << first.output;
  EXPECT_TRUE(contains(first.output, "skipped picture.png: not text\n")) << first.output;
  EXPECT_TRUE(contains(first.output, ": 2 files, 2 passages; 2 files with 2 passages were new\n"))
      << first.output;
  EXPECT_EQ(first.output.find_first_of("\r\x1b"), std::string::npos);

  const Finished found =
      run({model, index, "query", "Berlin is the capital of Germany.", "-k", "1"});
  EXPECT_EQ(found.status, 0);
  EXPECT_EQ(found.output, "1.000  below/cities.md:3\nBerlin is the capital of Germany.\n\n");

  write_file(texts + "/plants.txt", "A monkey is playing drums.\n");
  write_file(texts + "/more.txt", "Hi\n");
  std::filesystem::remove(texts + "/below/cities.md");
  const Finished second = run({model, index, "index", texts});
  EXPECT_TRUE(contains(second.output, ": 2 files, 2 passages; 2 files with 2 passages were new\n"))
      << second.output;
  const Finished third = run({model, index, "index", texts});
  EXPECT_TRUE(contains(third.output, ": 2 files, 2 passages; 0 files with 0 passages were new\n"))
      << third.output;
  const Finished all = run({model, index, "query", "A monkey is playing drums."});
  EXPECT_TRUE(all.output.starts_with("1.000  plants.txt:1\nA monkey is playing drums.\n\n"));
  EXPECT_FALSE(contains(all.output, "Berlin"));
}

TEST(SemanticSearch, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const std::string model = "--model=" + tiny_bert, file = folder / "index.safetensors";
  const std::string empty = folder / "empty", other = folder / "other";
  std::filesystem::create_directory(empty);
  auto output = [](const std::vector<std::string>& arguments) {
    const Finished finished = run(arguments);
    EXPECT_EQ(finished.status, 1) << finished.output;
    return finished.output;
  };
  EXPECT_EQ(output({model, "--index=" + file, "query", "x"}),
            "semantic_search: '" + file +
                "': expected an index; `semantic_search index FOLDER` makes one\n");
  EXPECT_EQ(output({"--model=" + empty + "x", "index", MICA_SOURCE_DIR "/docs"}),
            "semantic_search: '" + empty +
                "x': expected a model's folder; scripts/fetch_minilm.sh fetches "
                "all-MiniLM-L6-v2\n");
  EXPECT_EQ(output({model, "index", empty}),
            "semantic_search: '" + empty + "': expected text files, got none\n");
  EXPECT_EQ(output({model, "index", empty + "x"}),
            "semantic_search: '" + empty + "x': expected a folder\n");

  // Another model: the same with other weights.
  std::filesystem::copy(tiny_bert, other);
  auto weights = mica::load_safetensors(tiny_bert + "/model.safetensors").first;
  const std::string name = "encoder.layer.0.output.dense.weight";
  weights.at(name) = weights.at(name) * mica::array(2.0f);
  mica::save_safetensors(other + "/model.safetensors", weights);
  write_file(empty + "/a.txt", "text");
  EXPECT_EQ(run({model, "--index=" + file, "index", empty}).status, 0);
  EXPECT_EQ(output({"--model=" + other, "--index=" + file, "query", "x"}),
            "semantic_search: " + file +
                ": expected an index of this model, got one of another; remove it or name the "
                "model that made it\n");
  EXPECT_EQ(output({model, "--index=" + tiny_bert + "/model.safetensors", "query", "x"}),
            "semantic_search: " + tiny_bert +
                "/model.safetensors: expected an index of semantic_search\n");
}

}  // namespace

}  // namespace semantic_search
