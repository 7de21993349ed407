#include "mica/text/pre_tokenizer.h"

#include <utility>

#include "mica/text/byte_alphabet.h"
#include "mica/text/pattern.h"
#include "mica/text/splitting.h"
#include "mica/text/stage_fields.h"
#include "mica/text/tokenizer.h"
#include "mica/text/unicode.h"

namespace mica::text {

namespace {

class ByteLevel : public PreTokenizer {
 public:
  explicit ByteLevel(const Field& field) : pattern_(gpt2_pattern) {
    field.only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    add_prefix_space_ = field.get_bool("add_prefix_space", true);
    use_regex_ = field.get_bool("use_regex", true);
    field.get_bool("trim_offsets", true);  // of positions in the text, which are not made here
  }
  void split(Words& words) const override {
    if (add_prefix_space_) {
      for (Word& word : words.words) {
        if (word.text.starts_with(' ')) continue;
        word.text = words.changed.emplace_back(" " + std::string(word.text));
      }
    }
    if (use_regex_) {
      split_words(words, Behavior::isolated, false,
                  [this](std::string_view text) { return pattern_.matches(text); });
    }
    spell(words);
  }

 private:
  static void spell(Words& words) {
    size_t size = 0;
    for (const Word& word : words.words) size += 2 * word.text.size();
    std::string& all = words.changed.emplace_back();
    all.reserve(size);  // so that views of it stay valid
    for (Word& word : words.words) {
      const size_t begin = all.size();
      append_spelled(all, word.text);
      word.text = std::string_view(all).substr(begin);
    }
  }

  Pattern pattern_;
  bool add_prefix_space_, use_regex_;
};

class Split : public PreTokenizer {
 public:
  explicit Split(const Field& field)
      : pattern_(read_pattern(field.at("pattern"))),
        behavior_(read_behavior(field.at("behavior"))),
        invert_(field.get_bool("invert", false)) {
    field.only({"type", "pattern", "behavior", "invert"});
  }
  Split(std::string_view regex, Behavior behavior, bool invert)
      : pattern_(regex), behavior_(behavior), invert_(invert) {}
  void split(Words& words) const override {
    split_words(words, behavior_, invert_,
                [this](std::string_view text) { return pattern_.matches(text); });
  }

 private:
  Pattern pattern_;
  Behavior behavior_;
  bool invert_;
};

// Splits at single characters of a kind.
class SplitAt : public PreTokenizer {
 public:
  SplitAt(bool (*is)(char32_t), Behavior behavior) : is_(is), behavior_(behavior) {}
  void split(Words& words) const override { split_words(words, behavior_, is_); }

 private:
  bool (*is_)(char32_t);
  Behavior behavior_;
};

class Bert : public PreTokenizer {
 public:
  explicit Bert(const Field& field) { field.only({"type"}); }
  void split(Words& words) const override {
    split_words(words, Behavior::removed, is_white_space);
    split_words(words, Behavior::isolated, is_punctuation);
  }
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(const Field& field) {
    field.only({"type", "replacement", "str_rep", "prepend_scheme", "add_prefix_space", "split"});
    append_character(replacement_, field.at("replacement").character());
    scheme_ = read_prepend_scheme(field);
    split_ = field.get_bool("split", true);
  }
  void split(Words& words) const override {
    const Pattern space = Pattern::literal(" ");
    for (Word& word : words.words) {
      std::string text = replace_matches(space, word.text, replacement_);
      const bool prepends =
          scheme_ == PrependScheme::always || (scheme_ == PrependScheme::first && word.at_start);
      if (prepends && !text.starts_with(replacement_)) text.insert(0, replacement_);
      word.text = words.changed.emplace_back(std::move(text));
    }
    if (!split_) return;
    const Pattern mark = Pattern::literal(replacement_);
    split_words(words, Behavior::merged_with_next, false,
                [&](std::string_view text) { return mark.matches(text); });
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  bool split_;
};

class Chain : public PreTokenizer {
 public:
  Chain(const Field& field, int depth) {
    field.only({"type", "pretokenizers"});
    steps_ = make_chain<PreTokenizer>(field.at("pretokenizers"), depth, make);
  }
  static std::unique_ptr<const PreTokenizer> make(const Field& field, int depth);
  void split(Words& words) const override {
    for (const auto& step : steps_) step->split(words);
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> steps_;
};

std::unique_ptr<const PreTokenizer> make_digits(const Field& field) {
  field.only({"type", "individual_digits"});
  return std::make_unique<SplitAt>(is_number, field.get_bool("individual_digits", false)
                                                  ? Behavior::isolated
                                                  : Behavior::contiguous);
}

std::unique_ptr<const PreTokenizer> make_punctuation(const Field& field) {
  field.only({"type", "behavior"});
  const auto behavior = field.find("behavior");
  return std::make_unique<SplitAt>(is_punctuation,
                                   behavior ? read_behavior(*behavior) : Behavior::isolated);
}

// Runs of word characters, as Rust's \w has them, and runs of others.
std::unique_ptr<const PreTokenizer> make_white_space(const Field& field) {
  field.only({"type"});
  return std::make_unique<Split>(
      R"([\w\x{200c}\x{200d}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200c}\x{200d}\s]+)",
      Behavior::removed, true);
}

std::unique_ptr<const PreTokenizer> Chain::make(const Field& field, int depth) {
  const std::string type = field.at("type").string();
  if (type == "ByteLevel") return std::make_unique<ByteLevel>(field);
  if (type == "Split") return std::make_unique<Split>(field);
  if (type == "Whitespace") return make_white_space(field);
  if (type == "BertPreTokenizer") return std::make_unique<Bert>(field);
  if (type == "Digits") return make_digits(field);
  if (type == "Punctuation") return make_punctuation(field);
  if (type == "Metaspace") return std::make_unique<Metaspace>(field);
  if (type == "Sequence") return std::make_unique<Chain>(field, depth);
  if (type == "WhitespaceSplit") {
    field.only({"type"});
    return std::make_unique<SplitAt>(is_white_space, Behavior::removed);
  }
  field.at("type").fail(
      "one of ByteLevel, Split, Whitespace, WhitespaceSplit, BertPreTokenizer, Digits, "
      "Punctuation, Metaspace, Sequence");
}

}  // namespace

PrependScheme read_prepend_scheme(const Field& field) {
  const auto scheme = field.find("prepend_scheme");
  const bool old = field.get_bool("add_prefix_space", true);
  const std::string name = scheme ? scheme->string() : old ? "always" : "never";
  if (!old && name != "never") scheme->fail("never, as add_prefix_space is false");
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  if (name == "never") return PrependScheme::never;
  scheme->fail("always, first or never");
}

std::unique_ptr<const PreTokenizer> make_pre_tokenizer(const Field& field) {
  return Chain::make(field, 0);
}

}  // namespace mica::text
