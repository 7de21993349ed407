#include "chat.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "fields.h"
#include "mica/io/input.h"

namespace llm {

namespace fs = std::filesystem;

namespace {

constexpr const char* tokenizer_config = "tokenizer_config.json";

// The first whose mark is in a template is its format.
constexpr std::array<ChatTemplate, 5> templates = {{
    {.name = "chatml",
     .mark = "<|im_start|>",
     .system_before = "<|im_start|>system\n",
     .system_after = "<|im_end|>\n",
     .system_in_user = false,
     .user_before = "<|im_start|>user\n",
     .user_after = "<|im_end|>\n<|im_start|>assistant\n",
     .answer_end = "<|im_end|>",
     .between = "\n"},
    {.name = "llama3",
     .mark = "<|start_header_id|>",
     .system_before = "<|start_header_id|>system<|end_header_id|>\n\n",
     .system_after = "<|eot_id|>",
     .system_in_user = false,
     .user_before = "<|start_header_id|>user<|end_header_id|>\n\n",
     .user_after = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
     .answer_end = "<|eot_id|>",
     .between = ""},
    {.name = "llama2",
     .mark = "<<SYS>>",
     .system_before = "<<SYS>>\n",
     .system_after = "\n<</SYS>>\n\n",
     .system_in_user = true,
     .user_before = "[INST] ",
     .user_after = " [/INST]",
     .answer_end = "</s>",
     .between = "<s>"},
    {.name = "mistral",
     .mark = "[INST]",
     .system_before = "",
     .system_after = "\n\n",
     .system_in_user = true,
     .user_before = "[INST] ",
     .user_after = " [/INST]",
     .answer_end = "</s>",
     .between = ""},
    {.name = "gemma",
     .mark = "<start_of_turn>",
     .system_before = "",
     .system_after = "\n\n",
     .system_in_user = true,
     .user_before = "<start_of_turn>user\n",
     .user_after = "<end_of_turn>\n<start_of_turn>model\n",
     .answer_end = "<end_of_turn>",
     .between = "\n"},
}};

// Of "chat_template", a text or a list of named ones, of which "default" is wanted.
std::optional<std::string> template_text(const fs::path& folder) {
  const fs::path own = folder / "chat_template.jinja";
  if (fs::exists(own)) {
    const auto input = mica::io::open_input("load_model", own.string());
    const mica::io::Bytes bytes = input->take("file", input->remaining());
    return std::string(reinterpret_cast<const char*>(bytes.data.data()), bytes.data.size());
  }
  if (!fs::exists(folder / tokenizer_config)) return std::nullopt;
  const Fields fields = Fields::read(folder / tokenizer_config);
  if (!fields.has("chat_template")) return std::nullopt;
  const nlohmann::json& entry = fields.as_json().at("chat_template");
  if (!entry.is_array()) return fields.text("chat_template");
  for (const nlohmann::json& named : entry) {
    if (named.is_object() && named.value("name", nlohmann::json()) == "default") {
      const nlohmann::json text = named.value("template", nlohmann::json());
      if (text.is_string()) return text.get<std::string>();
    }
  }
  fields.fail("chat_template", "a text or a list with one named 'default'", "another list");
}

}  // namespace

const ChatTemplate* find_template(std::string_view name) {
  for (const ChatTemplate& format : templates) {
    if (name == format.name) return &format;
  }
  return nullptr;
}

std::string template_names() {
  std::string names;
  for (const ChatTemplate& format : templates)
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

const ChatTemplate& template_of(const fs::path& folder) {
  const std::optional<std::string> text = template_text(folder);
  if (text) {
    for (const ChatTemplate& format : templates) {
      if (text->find(format.mark) != std::string::npos) return format;
    }
  }
  throw std::invalid_argument(fmt::format(
      "chat ({}): chat_template: expected a known format, got {}; choose one with "
      "--template {}",
      (folder / tokenizer_config).string(), text ? "another" : "none", template_names()));
}

std::string begin_token(const fs::path& folder) {
  if (!fs::exists(folder / tokenizer_config)) return "";
  const Fields fields = Fields::read(folder / tokenizer_config);
  if (fields.is_object("bos_token")) return fields.object("bos_token")->text("content");
  return fields.text("bos_token", "");
}

Chat::Chat(const LanguageModel& model, mica::text::Tokenizer tokenizer, const ChatTemplate& format,
           std::string begin, const CacheOptions& cache, GenerationOptions generation)
    : format_(format),
      tokenizer_(std::move(tokenizer)),
      begin_(std::move(begin)),
      generation_(std::move(generation)),
      session_(model, cache) {
  const std::optional<int32_t> end = tokenizer_.id(format.answer_end);
  if (!end) {
    throw std::invalid_argument(
        fmt::format("chat: expected a tokenizer with the token '{}' of the template {}, got none",
                    format.answer_end, format.name));
  }
  end_token_ = *end;
  generation_.end_tokens.push_back(end_token_);
}

std::vector<int> Chat::tokens_of(const std::string& message) const {
  const bool first = session_.position() == 0;
  std::string before, text = message;
  if (first) {
    // In ChatML nothing comes before the first message.
    if (std::string_view(format_.name) != "chatml") before = begin_;
    if (!system_.empty() && format_.system_in_user) {
      text = format_.system_before + system_ + format_.system_after + text;
    } else if (!system_.empty()) {
      before += format_.system_before + system_ + format_.system_after;
    }
  } else {
    before = format_.between;
  }
  before += format_.user_before;

  // What a user writes holds no control tokens. Where it looks like some, the parts are encoded one
  // by one; else all at once, for tokens may span them.
  const mica::text::EncodeOptions control{.add_special_tokens = false};
  const mica::text::EncodeOptions plain{.add_special_tokens = false, .match_special_tokens = false};
  if (tokenizer_.encode(text, control) == tokenizer_.encode(text, plain))
    return tokenizer_.encode(before + text + format_.user_after, control);
  std::vector<int> tokens = tokenizer_.encode(before, control);
  for (const auto& part :
       {tokenizer_.encode(text, plain), tokenizer_.encode(format_.user_after, control)})
    tokens.insert(tokens.end(), part.begin(), part.end());
  return tokens;
}

Generated Chat::answer(const std::string& message, const Show& show) {
  std::vector<int> tokens = rest_;
  const std::vector<int> added = tokens_of(message);
  tokens.insert(tokens.end(), added.begin(), added.end());
  Generated generated = generate(session_, tokenizer_, tokens, generation_, show);
  // An answer that was cut off ends here too.
  const int last = generated.tokens.back();
  rest_ = {last};
  if (last != end_token_) {
    if (generated.end == Generated::End::token) rest_.clear();
    rest_.push_back(end_token_);
  }
  return generated;
}

}  // namespace llm
