// Each tokenizer of tests/golden/text gives the ids and texts of Hugging Face's tokenizers.
#include <gtest/gtest.h>

#include "mica/text/tokenizer.h"
#include "tests/text/goldens.h"

namespace mica::text {
namespace {

using nlohmann::json;
using Ids = std::vector<int32_t>;

class Golden : public testing::TestWithParam<const char*> {
 protected:
  const std::string name = GetParam();
  const Tokenizer tokenizer = Tokenizer::load(golden_path(name + ".json"));
  const json strings = read_golden("strings.json.gz");
  const json rows = read_golden(name + ".expected.json.gz");

  std::string text(size_t i) const { return strings[i].get<std::string>(); }
  std::string decoded(size_t i, size_t column) const {
    return rows[i][column].is_null() ? text(i) : rows[i][column].get<std::string>();
  }
  void expect_ids(const Tokenizer& actual) const {
    ASSERT_GE(strings.size(), 1000);
    ASSERT_EQ(strings.size(), rows.size());
    for (size_t i = 0; i < strings.size(); ++i) {
      const Ids ids = rows[i][0].get<Ids>();
      const Ids plain(ids.begin() + rows[i][1].get<int>(), ids.begin() + rows[i][2].get<int>());
      EXPECT_EQ(actual.encode(text(i)), ids) << i << ": " << strings[i];
      EXPECT_EQ(actual.encode(text(i), {.add_special_tokens = false}), plain)
          << i << ": " << strings[i];
    }
  }
};

TEST_P(Golden, encodes) { expect_ids(tokenizer); }

TEST_P(Golden, decodes) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const Ids ids = rows[i][0].get<Ids>();
    EXPECT_EQ(tokenizer.decode(ids), decoded(i, 3)) << i << ": " << strings[i];
    EXPECT_EQ(tokenizer.decode(ids, {.skip_special_tokens = false}), decoded(i, 4))
        << i << ": " << strings[i];
  }
}

TEST_P(Golden, decodes_id_by_id) {
  for (const bool skip : {true, false}) {
    StreamDecoder decoder(tokenizer, {.skip_special_tokens = skip});
    for (size_t i = 0; i < rows.size(); ++i) {
      std::string all;
      for (const int32_t id : rows[i][0].get<Ids>()) all += decoder.push(id);
      all += decoder.finish();
      EXPECT_EQ(all, decoded(i, skip ? 3 : 4)) << i << ": " << strings[i];
    }
  }
}

TEST_P(Golden, is_the_same_after_saving) {
  const std::string path = testing::TempDir() + "golden_" + name + ".json";
  tokenizer.save(path);
  expect_ids(Tokenizer::load(path));
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, Golden,
                         testing::Values("gpt2", "roberta", "llama3", "qwen2", "o200k", "llama2",
                                         "mistral", "gemma", "bert", "bert_cased", "subword",
                                         "clip", "metaspace", "words"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Split, is_that_of_the_goldens) {
  const json goldens = read_golden("splits.json.gz");
  for (const json& row : goldens[1]) {
    // Each word is a token of its own, so that ids tell the words.
    json document{{"model", {{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}}}}},
                  {"pre_tokenizer", row[0]}};
    json& vocabulary = document["model"]["vocab"];
    for (const json& words : row[1]) {
      for (const std::string word : words) vocabulary.emplace(word, vocabulary.size());
    }
    const Tokenizer tokenizer = Tokenizer::parse(document.dump());
    for (size_t i = 0; i < row[1].size(); ++i) {
      std::vector<std::string> words;
      const auto text = goldens[0][i].get<std::string>();
      for (const int32_t id : tokenizer.encode(text)) words.push_back(tokenizer.token(id));
      EXPECT_EQ(words, row[1][i].get<std::vector<std::string>>()) << row[0] << " of " << text;
    }
  }
}

}  // namespace
}  // namespace mica::text
