#include "mica/text/tokenizer.h"

#include <stdexcept>
#include <utility>

#include "mica/io/file.h"
#include "mica/text/stages.h"
#include "mica/text/unicode.h"

namespace mica::text {

Tokenizer::Stages::Stages(nlohmann::json document, const std::string& file) {
  const Field root(document, file);
  root.only({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
             "post_processor", "decoder", "model"});
  if (root.get_string("version", "1.0") != "1.0") root.at("version").fail("\"1.0\"");
  model = make_model(root.at("model"));
  if (const auto field = root.find("normalizer")) normalizer = make_normalizer(*field);
  if (const auto field = root.find("pre_tokenizer")) pre_tokenizer = make_pre_tokenizer(*field);
  if (const auto field = root.find("post_processor")) post_processor = make_post_processor(*field);
  if (const auto field = root.find("decoder")) decoder = make_decoder(*field);
  added = std::make_unique<AddedTokens>(root.find("added_tokens"), model->vocabulary(),
                                        normalizer.get());
  document["model"].erase("vocab");
  document["model"].erase("merges");
  config = std::move(document);
}

Tokenizer Tokenizer::parse(std::string_view json, const std::string& label) {
  return Tokenizer(std::make_shared<const Stages>(parse_json(json, label), label));
}

namespace {

// One call of encode().
class Encoding {
 public:
  Encoding(const Tokenizer::Stages& stages, bool special_as_text)
      : stages_(stages), special_as_text_(special_as_text), cache_(stages.caches) {}

  std::vector<int32_t> run(std::string_view text) {
    for (const auto& part : stages_.added->split(text, false, special_as_text_)) {
      if (part.id) {
        ids_.push_back(*part.id);
      } else {
        encode_normalized(part.text, part.text.data() == text.data());
      }
    }
    return std::move(ids_);
  }

 private:
  void encode_normalized(std::string_view text, bool at_start) {
    std::string changed;
    if (stages_.normalizer) {
      changed = stages_.normalizer->normalize(std::string(text));
      text = changed;
    }
    for (const auto& part : stages_.added->split(text, true, special_as_text_)) {
      if (part.id) {
        ids_.push_back(*part.id);
      } else if (!part.text.empty()) {
        encode_words(part.text, at_start && part.text.data() == text.data());
      }
    }
  }

  void encode_words(std::string_view text, bool at_start) {
    Words words{{{text, at_start}}, {}};
    if (stages_.pre_tokenizer) stages_.pre_tokenizer->split(words);
    for (const Word& word : words.words) cache_->encode(*stages_.model, word.text, ids_);
  }

  const Tokenizer::Stages& stages_;
  bool special_as_text_;
  WordCaches::Loan cache_;
  std::vector<int32_t> ids_;
};

}  // namespace

const std::string* Tokenizer::Stages::find_token(int32_t id) const {
  const std::string* token = added->vocabulary().token(id);
  return token ? token : model->vocabulary().token(id);
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::string valid;
  if (!is_utf8(text)) {
    valid = replace_invalid(text);
    text = valid;
  }
  std::vector<int32_t> ids = Encoding(*stages_, !options.match_special_tokens).run(text);
  if (options.add_special_tokens && stages_->post_processor) stages_->post_processor->process(ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, DecodeOptions options) const {
  std::vector<std::string> tokens;
  for (const int32_t id : ids) {
    const std::string* added = stages_->added->decoded(id);
    const std::string* token = added ? added : stages_->model->vocabulary().token(id);
    if (token && !(options.skip_special_tokens && is_special(id))) tokens.push_back(*token);
  }
  if (stages_->decoder) stages_->decoder->decode(tokens);
  std::string text;
  for (const std::string& token : tokens) {
    if (!stages_->decoder && !text.empty()) text += ' ';
    text += token;
  }
  return text;
}

std::optional<int32_t> Tokenizer::id(std::string_view token) const {
  const auto id = stages_->added->vocabulary().find(token);
  return id ? id : stages_->model->vocabulary().find(token);
}

std::string Tokenizer::token(int32_t id) const {
  const std::string* token = stages_->find_token(id);
  if (!token) {
    throw std::invalid_argument("Tokenizer::token: id: expected one of the vocabulary, got " +
                                std::to_string(id));
  }
  return *token;
}

bool Tokenizer::is_special(int32_t id) const { return stages_->added->is_special(id); }

int32_t Tokenizer::vocab_size() const {
  return std::max(stages_->model->vocabulary().end(), stages_->added->vocabulary().end());
}

void Tokenizer::save(const std::filesystem::path& file) const {
  nlohmann::ordered_json document = stages_->config;
  stages_->model->save(document["model"]);
  const std::string text = document.dump(1);
  io::ReplacingFile output("Tokenizer::save", file.string());
  output.write(text.data(), text.size());
  output.commit();
}

}  // namespace mica::text
