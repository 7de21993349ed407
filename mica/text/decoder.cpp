#include "mica/text/decoder.h"

#include <array>
#include <utility>

#include "mica/text/byte_alphabet.h"
#include "mica/text/pattern.h"
#include "mica/text/pre_tokenizer.h"
#include "mica/text/stage_fields.h"
#include "mica/text/unicode.h"

namespace mica::text {

namespace {

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  return replace_matches(Pattern::literal(std::string(from)), text, to);
}

class ByteLevel : public Decoder {
 public:
  explicit ByteLevel(const Field& field) {
    field.only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  }
  void decode(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += bytes_of_spelled(token).value_or(token);
    tokens = {is_utf8(bytes) ? std::move(bytes) : replace_invalid(bytes)};
  }
};

class WordPiece : public Decoder {
 public:
  explicit WordPiece(const Field& field) {
    field.only({"type", "prefix", "cleanup"});
    prefix_ = field.get_string("prefix", "##");
    cleanup_ = field.get_bool("cleanup", true);
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) {
        if (!prefix_.empty() && tokens[i].starts_with(prefix_)) {
          tokens[i].erase(0, prefix_.size());
        } else {
          tokens[i].insert(0, " ");
        }
      }
      if (cleanup_) tokens[i] = cleaned(std::move(tokens[i]));
    }
  }

 private:
  // English as it is written, without the spaces that splitting at punctuation has left.
  static std::string cleaned(std::string token) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 11> rules{{
        {" .", "."},
        {" ?", "?"},
        {" !", "!"},
        {" ,", ","},
        {" ' ", "'"},
        {" n't", "n't"},
        {" 'm", "'m"},
        {" do not", " don't"},
        {" 's", "'s"},
        {" 've", "'ve"},
        {" 're", "'re"},
    }};
    for (const auto& [from, to] : rules) {
      if (token.find(from) != std::string::npos) token = replace_all(token, from, to);
    }
    return token;
  }

  std::string prefix_;
  bool cleanup_;
};

class Metaspace : public Decoder {
 public:
  explicit Metaspace(const Field& field) {
    field.only({"type", "replacement", "str_rep", "prepend_scheme", "add_prefix_space", "split"});
    append_character(replacement_, field.at("replacement").character());
    prepended_ = read_prepend_scheme(field) != PrependScheme::never;
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replace_all(tokens[i], replacement_, i == 0 && prepended_ ? "" : " ");
    }
  }

 private:
  std::string replacement_;
  bool prepended_;
};

// Tokens "<0x0A>" become characters; a run of them that is not UTF-8, U+FFFD for each.
class ByteFallback : public Decoder {
 public:
  explicit ByteFallback(const Field& field) { field.only({"type"}); }
  void decode(std::vector<std::string>& tokens) const override {
    std::vector<std::string> result;
    std::string bytes;
    auto flush = [&] {
      if (bytes.empty()) return;
      if (is_utf8(bytes)) {
        result.push_back(bytes);
      } else {
        result.insert(result.end(), bytes.size(), std::string(replacement_character));
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of(token); byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
      } else {
        flush();
        result.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(result);
  }

 private:
  static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }
  // -1 where it stands for none.
  static int byte_of(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    const int high = digit(token[3]), low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
};

class Fuse : public Decoder {
 public:
  explicit Fuse(const Field& field) { field.only({"type"}); }
  void decode(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens = {std::move(all)};
  }
};

class Replace : public Decoder {
 public:
  explicit Replace(const Field& field)
      : pattern_(read_pattern(field.at("pattern"))), content_(field.at("content").string()) {
    field.only({"type", "pattern", "content"});
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) token = replace_matches(pattern_, token, content_);
  }

 private:
  Pattern pattern_;
  std::string content_;
};

// Up to so many of one character at the start and end of each token.
class Strip : public Decoder {
 public:
  explicit Strip(const Field& field) {
    field.only({"type", "content", "start", "stop"});
    append_character(content_, field.at("content").character());
    start_ = field.at("start").integer(0, 1 << 20);
    stop_ = field.at("stop").integer(0, 1 << 20);
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (int64_t i = 0; i < start_ && rest.starts_with(content_); ++i) {
        rest.remove_prefix(content_.size());
      }
      for (int64_t i = 0; i < stop_ && rest.ends_with(content_); ++i) {
        rest.remove_suffix(content_.size());
      }
      token = std::string(rest);
    }
  }

 private:
  std::string content_;
  int64_t start_, stop_;
};

// A word's last token carries a suffix, for which there is a space but at the end of the text.
class Bpe : public Decoder {
 public:
  explicit Bpe(const Field& field) {
    field.only({"type", "suffix"});
    suffix_ = field.get_string("suffix", "</w>");
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = replace_all(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    }
  }

 private:
  std::string suffix_;
};

class Chain : public Decoder {
 public:
  Chain(const Field& field, int depth) {
    field.only({"type", "decoders"});
    steps_ = make_chain<Decoder>(field.at("decoders"), depth, make);
  }
  static std::unique_ptr<const Decoder> make(const Field& field, int depth) {
    const std::string type = field.at("type").string();
    if (type == "ByteLevel") return std::make_unique<ByteLevel>(field);
    if (type == "WordPiece") return std::make_unique<WordPiece>(field);
    if (type == "Metaspace") return std::make_unique<Metaspace>(field);
    if (type == "ByteFallback") return std::make_unique<ByteFallback>(field);
    if (type == "Fuse") return std::make_unique<Fuse>(field);
    if (type == "Replace") return std::make_unique<Replace>(field);
    if (type == "Strip") return std::make_unique<Strip>(field);
    if (type == "BPEDecoder") return std::make_unique<Bpe>(field);
    if (type == "Sequence") return std::make_unique<Chain>(field, depth);
    field.at("type").fail(
        "one of ByteLevel, WordPiece, Metaspace, ByteFallback, Fuse, Replace, Strip, BPEDecoder, "
        "Sequence");
  }
  void decode(std::vector<std::string>& tokens) const override {
    for (const auto& step : steps_) step->decode(tokens);
  }

 private:
  std::vector<std::unique_ptr<const Decoder>> steps_;
};

}  // namespace

std::unique_ptr<const Decoder> make_decoder(const Field& field) { return Chain::make(field, 0); }

}  // namespace mica::text
