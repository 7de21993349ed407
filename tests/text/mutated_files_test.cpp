// Tokenizers of damaged files.
#include "mica/text/tokenizer.h"
#include "tests/io/files.h"
#include "tests/mutations.h"

namespace mica {
namespace {

void use(const text::Tokenizer& tokenizer) {
  for (const char* text : {"The  cat's 12 caf\u00e9s \U0001f600\n", "\xff\xc3 [CLS] <s>"}) {
    tokenizer.decode(tokenizer.encode(text));
  }
}

TEST(MutatedFiles, TokenizerJson) {
  std::vector<std::string> samples;
  for (const char* name : {"words", "roberta", "bert", "subword", "llama3", "llama2", "clip"}) {
    samples.push_back(
        bytes_of(MICA_SOURCE_DIR "/tests/golden/text/" + std::string(name) + ".json"));
  }
  expect_mutated_files_read_or_refused(
      "tokenizer", samples, [](const auto& bytes) { use(text::Tokenizer::parse(bytes)); });
}

class MutatedVocabulary : public FilesTest {};

TEST_F(MutatedVocabulary, Txt) {
  expect_mutated_files_read_or_refused(
      "vocab",
      {"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\n'\n##aff\n##able\nun\n1\n##2\n"},
      [&](const auto& bytes) { use(text::Tokenizer::load(write_file("vocab.txt", bytes))); });
}

}  // namespace
}  // namespace mica
