// Loading, refusals, text that is not UTF-8, streams and training.
#include "mica/text/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/text/goldens.h"

namespace mica::text {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;
namespace fs = std::filesystem;

std::string error_of(const auto& call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}
std::string error_of(const json& document) {
  return error_of([&] { Tokenizer::parse(document.dump(), "t.json"); });
}

// Of the letters a to c, with the merges "ab" and "abc".
json small_bpe() {
  return {{"model",
           {{"type", "BPE"},
            {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"abc", 4}}},
            {"merges", {"a b", "ab c"}}}}};
}
json with_stage(const char* stage, json value) {
  json document = small_bpe();
  document[stage] = std::move(value);
  return document;
}

Tokenizer bytes() { return train_bpe("", {.vocab_size = 256}); }

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  void TearDown() override { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name, std::ios::binary) << text;
  }
  const fs::path path = fs::path(testing::TempDir()) / "mica_tokenizer_test";
};

TEST(Tokenizer, knows_its_vocabulary) {
  json document = small_bpe();
  document["added_tokens"] = {{{"id", 7}, {"content", "<s>"}, {"special", true}}};
  const Tokenizer tokenizer = Tokenizer::parse(document.dump());
  EXPECT_EQ(tokenizer.vocab_size(), 8);
  EXPECT_EQ(tokenizer.id("ab"), 3);
  EXPECT_EQ(tokenizer.id("<s>"), 7);
  EXPECT_EQ(tokenizer.id("d"), std::nullopt);
  EXPECT_EQ(tokenizer.token(4), "abc");
  EXPECT_TRUE(tokenizer.is_special(7));
  EXPECT_FALSE(tokenizer.is_special(3));
  EXPECT_EQ(error_of([&] { tokenizer.token(5); }),
            "Tokenizer::token: id: expected one of the vocabulary, got 5");
  EXPECT_EQ(tokenizer.decode(Ids{4, 5, 7, -1, 3}), "abc ab");
}

TEST(Tokenizer, takes_special_tokens_in_text_as_text_where_asked) {
  json document = small_bpe();
  document["added_tokens"] = {{{"id", 7}, {"content", "ab"}, {"special", true}}};
  document["model"]["vocab"].erase("ab");
  document["model"]["vocab"].erase("abc");
  document["model"]["merges"] = json::array();
  const Tokenizer tokenizer = Tokenizer::parse(document.dump());
  EXPECT_EQ(tokenizer.encode("cabc"), (Ids{2, 7, 2}));
  EXPECT_EQ(tokenizer.encode("cabc", {.match_special_tokens = false}), (Ids{2, 0, 1, 2}));
}

TEST(Tokenizer, replaces_what_is_not_utf8_as_python_does) {
  const std::string bad = "\xEF\xBF\xBD";
  const Tokenizer tokenizer = bytes();
  const std::pair<std::string, std::string> cases[] = {
      {"a\x80z", "a" + bad + "z"},
      {"\xC0\xAF", bad + bad},            // overlong
      {"\xE4\xBDz", bad + "z"},           // two of three bytes
      {"\xED\xA0\x80", bad + bad + bad},  // a surrogate
      {"\xF0\x9F\x98", bad},              // three of four
      {"\xF5\x80", bad + bad},            // beyond U+10FFFF
      {"\xF4\x90\x80\x80", bad + bad + bad + bad},
      {"\xE9", bad},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(tokenizer.encode(text), tokenizer.encode(expected));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), expected);
  }
  // Bytes that a model made.
  const Ids parts = tokenizer.encode("é");
  EXPECT_EQ(tokenizer.decode(std::span(parts).first(1)), bad);
}

TEST(Tokenizer, takes_long_texts) {
  const Tokenizer tokenizer = Tokenizer::load(golden_path("llama3.json"));
  for (const char* part : {"a", " ", "\n", "ab", "!", "1", "\u0301", "深"}) {
    std::string text;
    while (text.size() < 200'000) text += part;
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(StreamDecoder, returns_whole_characters) {
  const Tokenizer tokenizer = bytes();
  StreamDecoder decoder(tokenizer);
  const Ids ids = tokenizer.encode("aé👍");
  std::vector<std::string> parts;
  for (const int32_t id : ids) parts.push_back(decoder.push(id));
  EXPECT_EQ(parts, (std::vector<std::string>{"a", "", "é", "", "", "", "👍"}));
  EXPECT_EQ(decoder.finish(), "");
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.finish(), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.push(ids[0]), "a");
  // Bytes that never become a character are not held for ever.
  std::string text;
  for (int i = 0; i < 100; ++i) text += decoder.push(ids[2]);
  EXPECT_GE(text.size(), 200u);
}

TEST_F(Folder, holds_a_wordpiece_vocabulary) {
  const json golden = json::parse(std::ifstream(golden_path("bert.json")));
  std::vector<std::string> tokens(golden["model"]["vocab"].size());
  for (const auto& [token, id] : golden["model"]["vocab"].items()) tokens[id.get<size_t>()] = token;
  std::string lines;
  for (const std::string& token : tokens) lines += token + "\n";
  write("vocab.txt", lines);
  const Tokenizer expected = Tokenizer::load(golden_path("bert.json"));
  const Tokenizer plain = Tokenizer::load(path);
  for (const json& text : read_golden("strings.json.gz")) {
    EXPECT_EQ(plain.encode(text.get<std::string>()), expected.encode(text.get<std::string>()));
  }
  write("tokenizer_config.json", R"({"do_lower_case": false})");
  const Tokenizer cased = Tokenizer::load(path / "vocab.txt");
  EXPECT_NE(cased.encode("The"), plain.encode("The"));
  EXPECT_EQ(cased.encode("the"), plain.encode("the"));
  write("vocab.txt", "[UNK]\n[CLS]\na\na\n");
  EXPECT_EQ(error_of([&] { Tokenizer::load(path); }),
            "Tokenizer::load (" + (path / "vocab.txt").string() +
                "): line 4: expected a token that is not there yet, got \"a\"");
  write("vocab.txt", "[UNK]\n[CLS]\n");
  EXPECT_EQ(error_of([&] { Tokenizer::load(path); }),
            "Tokenizer::load (" + (path / "vocab.txt").string() +
                "): expected the token \"[SEP]\", got none");
}

TEST_F(Folder, holds_a_byte_level_vocabulary) {
  const json golden = json::parse(std::ifstream(golden_path("gpt2.json")));
  write("vocab.json", golden["model"]["vocab"].dump());
  std::string merges = "#version: 0.2\n";
  for (const json& merge : golden["model"]["merges"]) {
    merges += merge[0].get<std::string>() + " " + merge[1].get<std::string>() + "\n";
  }
  write("merges.txt", merges);
  const Tokenizer expected = Tokenizer::load(golden_path("gpt2.json"));
  const Tokenizer tokenizer = Tokenizer::load(path);
  for (const json& text : read_golden("strings.json.gz")) {
    EXPECT_EQ(tokenizer.encode(text.get<std::string>()), expected.encode(text.get<std::string>()));
  }
  EXPECT_TRUE(tokenizer.is_special(*tokenizer.id("<|endoftext|>")));
}

TEST_F(Folder, holds_no_tokenizer) {
  EXPECT_EQ(error_of([&] { Tokenizer::load(path); }),
            "Tokenizer::load (" + path.string() +
                "): expected a tokenizer.json, vocab.txt or vocab.json, got none");
  EXPECT_THROW(Tokenizer::load(path / "no.json"), std::system_error);
}

TEST(Refusals, of_documents) {
  EXPECT_TRUE(error_of([] {
                Tokenizer::parse("{", "t.json");
              }).starts_with("t.json: expected JSON, got a \"parse error at line 1"));
  EXPECT_EQ(error_of(json::array()), "t.json: expected an object, got a list of 0");
  EXPECT_EQ(error_of(json{{"modle", 1}}),
            "t.json: expected only version, truncation, padding, added_tokens, normalizer, "
            "pre_tokenizer, post_processor, decoder, model, got \"modle\"");
  EXPECT_EQ(error_of(json::object()), "t.json: model: expected a value, got nothing");
  EXPECT_EQ(error_of(json{{"model", {{"type", "Unigram"}}}}),
            "t.json: model.type: expected BPE, WordPiece or WordLevel, got \"Unigram\"");
}

TEST(Refusals, of_models) {
  auto with = [](const char* name, json value) {
    json document = small_bpe();
    document["model"][name] = std::move(value);
    return error_of(document);
  };
  EXPECT_EQ(with("dropout", 0.1),
            "t.json: model.dropout: expected null or 0: dropping merges is for training, got 0.1");
  EXPECT_EQ(with("unk_token", "?"),
            "t.json: model.unk_token: expected a token of the vocabulary, got \"?\"");
  EXPECT_EQ(with("merges", {"a b c"}),
            "t.json: model.merges[0]: expected two tokens, as \"a b\" or [\"a\", \"b\"], got "
            "\"a b c\"");
  EXPECT_EQ(with("merges", json::array({"a b", json::array({"a", "d"})})),
            "t.json: model.merges[1]: expected tokens of the vocabulary, got \"d\"");
  EXPECT_EQ(with("merges", json::array({json::array({"b", "a"})})),
            "t.json: model.merges[0]: expected tokens of the vocabulary, got \"ba\"");
  EXPECT_EQ(with("vocab", {{"a", 1}, {"b", 1}}),
            "t.json: model.vocab: expected an id of its own for each token, got 1 for \"a\" and "
            "\"b\"");
  EXPECT_EQ(with("vocab", {{"a", 1ll << 40}}),
            "t.json: model.vocab.a: expected an id from 0 to 1073741823, got 1099511627776");
  EXPECT_EQ(with("vocab", {{"a", -1}}),
            "t.json: model.vocab.a: expected an id from 0 to 1073741823, got -1");
  EXPECT_EQ(with("fuse_unk", 1), "t.json: model.fuse_unk: expected true or false, got 1");
}

TEST(Refusals, of_stages) {
  EXPECT_EQ(error_of(with_stage("normalizer", {{"type", "Precompiled"}})),
            "t.json: normalizer.type: expected one of BertNormalizer, NFC, NFD, NFKC, NFKD, "
            "Lowercase, StripAccents, Strip, Replace, Prepend, ByteLevel, Sequence, got "
            "\"Precompiled\"");
  EXPECT_EQ(error_of(with_stage("normalizer", {{"type", "NFC"}, {"form", 1}})),
            "t.json: normalizer: expected only type, got \"form\"");
  EXPECT_EQ(error_of(with_stage(
                "pre_tokenizer",
                {{"type", "Split"}, {"pattern", {{"Regex", "a("}}}, {"behavior", "Isolated"}})),
            "t.json: pre_tokenizer.pattern.Regex: expected a regular expression without error "
            "(missing closing parenthesis), got \"a(\"");
  EXPECT_EQ(error_of(with_stage(
                "pre_tokenizer",
                {{"type", "Split"}, {"pattern", {{"Regex", "[a&&b]"}}}, {"behavior", "Isolated"}})),
            "t.json: pre_tokenizer.pattern.Regex: expected a pattern without intersections of "
            "classes, got \"[a&&b]\"");
  EXPECT_EQ(error_of(with_stage(
                "pre_tokenizer",
                {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Dropped"}})),
            "t.json: pre_tokenizer.behavior: expected Removed, Isolated, MergedWithPrevious, "
            "MergedWithNext or Contiguous, got \"Dropped\"");
  EXPECT_EQ(error_of(with_stage("pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "ab"}})),
            "t.json: pre_tokenizer.replacement: expected one character, got \"ab\"");
  EXPECT_EQ(error_of(with_stage("decoder", {{"type", "CTC"}})),
            "t.json: decoder.type: expected one of ByteLevel, WordPiece, Metaspace, ByteFallback, "
            "Fuse, Replace, Strip, BPEDecoder, Sequence, got \"CTC\"");
  EXPECT_EQ(error_of(with_stage("post_processor",
                                {{"type", "TemplateProcessing"},
                                 {"single", {{{"SpecialToken", {{"id", "x"}, {"type_id", 0}}}}}},
                                 {"special_tokens", json::object()}})),
            "t.json: post_processor.special_tokens.x: expected a value, got nothing");
  json nested{{"type", "NFC"}};
  for (int i = 0; i < 9; ++i) nested = {{"type", "Sequence"}, {"normalizers", {nested}}};
  EXPECT_TRUE(error_of(with_stage("normalizer", nested))
                  .ends_with(": expected at most 8 sequences in each other, got a list of 1"));
}

TEST(Refusals, of_added_tokens) {
  auto with = [](json tokens) { return error_of(with_stage("added_tokens", std::move(tokens))); };
  EXPECT_EQ(with({{{"id", 9}, {"content", "a"}}}),
            "t.json: added_tokens[0].id: expected 0, which the model's vocabulary gives to \"a\", "
            "got 9");
  EXPECT_EQ(with({{{"id", 0}, {"content", "x"}}}),
            "t.json: added_tokens[0].id: expected an id of its own for \"x\", got 0, which is "
            "\"a\"");
  EXPECT_EQ(with({{{"id", 9}, {"content", "x"}}, {{"id", 9}, {"content", "y"}}}),
            "t.json: added_tokens[1]: expected tokens and ids that differ, got \"y\" with id 9");
}

TEST(Tokenizer, gives_up_where_a_pattern_needs_too_many_steps) {
  const json split{
      {"type", "Split"}, {"pattern", {{"Regex", "(a|a)*[bc]"}}}, {"behavior", "Isolated"}};
  const Tokenizer tokenizer = Tokenizer::parse(with_stage("pre_tokenizer", split).dump());
  EXPECT_EQ(tokenizer.encode("ab"), (Ids{3}));
  EXPECT_THROW(tokenizer.encode(std::string(200, 'a')), std::runtime_error);
}

TEST(TrainBpe, learns_what_hugging_face_learns) {
  std::string text;
  for (const json& each : read_golden("strings.json.gz")) {
    text += each.get<std::string>() + "\n";
  }
  text.pop_back();
  const Tokenizer tokenizer =
      train_bpe(text, {.vocab_size = 600, .special_tokens = {"<|endoftext|>", "<pad>"}});
  const std::string path = testing::TempDir() + "trained.json";
  tokenizer.save(path);
  const json trained = json::parse(std::ifstream(path));
  const json expected = json::parse(std::ifstream(golden_path("trained.json")));
  EXPECT_EQ(trained["model"]["vocab"], expected["model"]["vocab"]);
  EXPECT_EQ(trained["model"]["merges"], expected["model"]["merges"]);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), {.skip_special_tokens = false}), text);
}

TEST(TrainBpe, splits_at_its_pattern_and_saves_it) {
  const Tokenizer tokenizer =
      train_bpe("ab ab ab 11 11", {.vocab_size = 259, .pattern = R"(\p{N}| ?\p{L}+)"});
  EXPECT_TRUE(tokenizer.id("ab").has_value());
  EXPECT_TRUE(tokenizer.id("Ġab").has_value());
  EXPECT_FALSE(tokenizer.id("11").has_value());
  const std::string path = testing::TempDir() + "pattern.json";
  tokenizer.save(path);
  EXPECT_EQ(Tokenizer::load(path).encode("ab ab11"), tokenizer.encode("ab ab11"));
  EXPECT_EQ(error_of([] { train_bpe("", {.vocab_size = 10}); }),
            "train_bpe: vocab_size: expected 256 to 1073741823, got 10");
  EXPECT_EQ(error_of([] { train_bpe("", {.special_tokens = {""}}); }),
            "train_bpe: special_tokens: expected text in UTF-8, got \"\"");
  EXPECT_EQ(error_of([] { train_bpe("", {.pattern = "("}); }),
            "train_bpe: pattern: expected a regular expression without error (missing closing "
            "parenthesis)");
}

}  // namespace
}  // namespace mica::text
