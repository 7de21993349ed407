#include "mica/text/normalizer.h"

#include <utility>
#include <vector>

#include "mica/text/byte_alphabet.h"
#include "mica/text/pattern.h"
#include "mica/text/stage_fields.h"
#include "mica/text/unicode.h"

namespace mica::text {

namespace {

// Calls f(result, character) for each character of text.
template <class F>
std::string each_character(std::string_view text, F f) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    f(result, c.code);
    at += c.size;
  }
  return result;
}

std::string lower(std::string_view text) { return each_character(text, append_lower); }

template <class Drop>
std::string without(std::string_view text, Drop drop) {
  return each_character(text, [&](std::string& result, char32_t c) {
    if (!drop(c)) append_character(result, c);
  });
}

class Bert : public Normalizer {
 public:
  explicit Bert(const Field& field) {
    field.only({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
    clean_text_ = field.get_bool("clean_text", true);
    separate_ideographs_ = field.get_bool("handle_chinese_chars", true);
    lowercase_ = field.get_bool("lowercase", true);
    strip_accents_ = field.get_bool("strip_accents", lowercase_);
  }
  std::string normalize(std::string text) const override {
    if (clean_text_ || separate_ideographs_) {
      text = each_character(text, [this](std::string& result, char32_t c) { clean(result, c); });
    }
    if (strip_accents_ && !is_ascii(text)) {
      text = without(normal_form(text, Form::nfd), is_nonspacing_mark);
    }
    return lowercase_ ? lower(text) : text;
  }

 private:
  void clean(std::string& result, char32_t c) const {
    if (clean_text_) {
      const bool kept = c == '\t' || c == '\n' || c == '\r';
      if (c == 0xFFFD || (is_control(c) && !kept)) return;
      if (is_white_space(c)) return result.push_back(' ');
    }
    if (separate_ideographs_ && is_ideograph(c)) {
      result.push_back(' ');
      append_character(result, c);
      return result.push_back(' ');
    }
    append_character(result, c);
  }

  bool clean_text_, separate_ideographs_, lowercase_, strip_accents_;
};

class NormalForm : public Normalizer {
 public:
  NormalForm(const Field& field, Form form) : form_(form) { field.only({"type"}); }
  std::string normalize(std::string text) const override { return normal_form(text, form_); }

 private:
  Form form_;
};

class Lowercase : public Normalizer {
 public:
  explicit Lowercase(const Field& field) { field.only({"type"}); }
  std::string normalize(std::string text) const override { return lower(text); }
};

class StripAccents : public Normalizer {
 public:
  explicit StripAccents(const Field& field) { field.only({"type"}); }
  std::string normalize(std::string text) const override { return without(text, is_mark); }
};

class Strip : public Normalizer {
 public:
  explicit Strip(const Field& field) {
    field.only({"type", "strip_left", "strip_right"});
    left_ = field.get_bool("strip_left", true);
    right_ = field.get_bool("strip_right", true);
  }
  std::string normalize(std::string text) const override {
    size_t begin = 0, end = text.size();
    while (left_ && begin < end) {
      const Character c = character_at(text, begin);
      if (!is_white_space(c.code)) break;
      begin += c.size;
    }
    while (right_ && end > begin) {
      const size_t before = previous_character(text, end);
      if (!is_white_space(character_at(text, before).code)) break;
      end = before;
    }
    return text.substr(begin, end - begin);
  }

 private:
  bool left_, right_;
};

class Replace : public Normalizer {
 public:
  explicit Replace(const Field& field)
      : pattern_(read_pattern(field.at("pattern"))), content_(field.at("content").string()) {
    field.only({"type", "pattern", "content"});
  }
  std::string normalize(std::string text) const override {
    return replace_matches(pattern_, text, content_);
  }

 private:
  Pattern pattern_;
  std::string content_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(const Field& field) : prefix_(field.at("prepend").string()) {
    field.only({"type", "prepend"});
  }
  std::string normalize(std::string text) const override {
    return text.empty() ? text : prefix_ + text;
  }

 private:
  std::string prefix_;
};

class ByteLevel : public Normalizer {
 public:
  explicit ByteLevel(const Field& field) { field.only({"type"}); }
  std::string normalize(std::string text) const override {
    std::string result;
    append_spelled(result, text);
    return result;
  }
};

class Chain : public Normalizer {
 public:
  Chain(const Field& field, int depth) {
    field.only({"type", "normalizers"});
    steps_ = make_chain<Normalizer>(field.at("normalizers"), depth, make);
  }
  static std::unique_ptr<const Normalizer> make(const Field& field, int depth);
  std::string normalize(std::string text) const override {
    for (const auto& step : steps_) text = step->normalize(std::move(text));
    return text;
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

std::unique_ptr<const Normalizer> Chain::make(const Field& field, int depth) {
  const std::string type = field.at("type").string();
  if (type == "BertNormalizer") return std::make_unique<Bert>(field);
  if (type == "NFC") return std::make_unique<NormalForm>(field, Form::nfc);
  if (type == "NFD") return std::make_unique<NormalForm>(field, Form::nfd);
  if (type == "NFKC") return std::make_unique<NormalForm>(field, Form::nfkc);
  if (type == "NFKD") return std::make_unique<NormalForm>(field, Form::nfkd);
  if (type == "Lowercase") return std::make_unique<Lowercase>(field);
  if (type == "StripAccents") return std::make_unique<StripAccents>(field);
  if (type == "Strip") return std::make_unique<Strip>(field);
  if (type == "Replace") return std::make_unique<Replace>(field);
  if (type == "Prepend") return std::make_unique<Prepend>(field);
  if (type == "ByteLevel") return std::make_unique<ByteLevel>(field);
  if (type == "Sequence") return std::make_unique<Chain>(field, depth);
  field.at("type").fail(
      "one of BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, "
      "Prepend, ByteLevel, Sequence");
}

}  // namespace

std::unique_ptr<const Normalizer> make_normalizer(const Field& field) {
  return Chain::make(field, 0);
}

}  // namespace mica::text
