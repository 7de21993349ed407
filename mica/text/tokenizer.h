// Tokenizers: text to the ids that a language model reads, and back. This folder is a library of
// its own, mica::text, which needs no arrays: find_package(mica COMPONENTS text).
//
// A tokenizer is read from the files that a model comes with and gives the ids that Hugging Face's
// tokenizers gives for them. Its stages, in order: tokens that were added to the vocabulary are cut
// out of the text, the rest is normalized, split into words, and each word becomes tokens by the
// model (BPE, WordPiece or WordLevel); the post-processor adds the tokens that a model expects at
// the start and end. Decoding concatenates tokens as the file's decoder says.
//
// Text is UTF-8. Where it is not, each longest part that could begin a character, or else each
// byte, becomes U+FFFD first, as Python's errors="replace" does; that holds for byte-level
// tokenizers as well.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mica::text {

struct EncodeOptions {
  // The post-processor's: "[CLS] ... [SEP]", "<s> ...".
  bool add_special_tokens = true;
  // Special tokens that are written in the text become their ids. Without, they are text like any
  // other: for text that users wrote, which must not contain control tokens.
  bool match_special_tokens = true;
};

struct DecodeOptions {
  bool skip_special_tokens = true;
};

// Immutable and cheap to copy. All members may be called from many threads.
class Tokenizer {
 public:
  // A tokenizer.json; a vocab.txt (WordPiece; tokenizer_config.json beside it may say
  // do_lower_case, strip_accents and tokenize_chinese_chars); a vocab.json with merges.txt beside
  // it (byte-level BPE); or a folder that holds one of these, looked for in this order. A file's
  // "truncation" and "padding" are left to the caller. Throws std::system_error where a file can't
  // be read, std::invalid_argument naming file and field where it is wrong or holds a stage that is
  // not known here.
  static Tokenizer load(const std::filesystem::path& file_or_folder);
  // The text of a tokenizer.json. `label` stands for the file's name in errors.
  static Tokenizer parse(std::string_view json, const std::string& label = "tokenizer.json");

  std::vector<int32_t> encode(std::string_view text, EncodeOptions options = {}) const;
  // Ids that stand for no token are skipped. UTF-8: bytes that are none become U+FFFD.
  std::string decode(std::span<const int32_t> ids, DecodeOptions options = {}) const;

  // Of a token as the vocabulary spells it ("Ġthe", "##ing", "</s>").
  std::optional<int32_t> id(std::string_view token) const;
  // Throws std::invalid_argument where id stands for no token.
  std::string token(int32_t id) const;
  bool is_special(int32_t id) const;
  // One more than the largest id: the rows that an embedding needs.
  int32_t vocab_size() const;

  // Writes a tokenizer.json, which Hugging Face's tokenizers reads too, whole or not at all.
  void save(const std::filesystem::path& file) const;

  struct Stages;

 private:
  friend class StreamDecoder;
  explicit Tokenizer(std::shared_ptr<const Stages> stages) : stages_(std::move(stages)) {}

  std::shared_ptr<const Stages> stages_;
};

// Decodes ids that come one by one, as a model generates them. What push() and finish() return,
// concatenated, is decode() of all ids, as long as their bytes are UTF-8.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, DecodeOptions options = {});

  // The text that the id completes; empty while a character lacks bytes.
  std::string push(int32_t id);
  // What was held back; ready for another text afterwards.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  DecodeOptions options_;
  std::vector<int32_t> window_;  // the last ids
  size_t context_ = 0;           // so many of them are there for the text of the others
  size_t returned_ = 0;          // bytes of their text
};

// GPT-2's: words with the space before them, numbers, runs of other characters, spaces.
inline constexpr std::string_view gpt2_pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct BpeOptions {
  int32_t vocab_size = 8192;                     // at least 256 and the special tokens
  std::vector<std::string> special_tokens = {};  // they get the first ids
  int64_t min_frequency = 2;                     // pairs that are rarer are not merged
  std::string pattern{gpt2_pattern};             // of the words, within which pairs are merged
};

// Byte-level BPE: pairs are merged, the most frequent first, until the vocabulary is full or no
// pair is frequent enough. The same text gives the same tokenizer, which is the one that Hugging
// Face's BpeTrainer makes with a byte-level alphabet.
Tokenizer train_bpe(std::string_view text, const BpeOptions& options);

}  // namespace mica::text
