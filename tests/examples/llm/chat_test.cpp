#include "chat.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "../process.h"
#include "checkpoints.h"

namespace llm::testing {

namespace {

using mica::testing::TemporaryFolder;
using mica::testing::write_file;
using mica::text::Tokenizer;

class Chatting : public ::testing::Test {
 protected:
  Chat chat(const char* format, const GenerationOptions& options = {.max_tokens = 5}) const {
    return Chat(*loaded_.model, tokenizer_, *find_template(format), "<s>", {}, options);
  }
  std::string shown(const std::vector<int>& tokens) const {
    return tokenizer_.decode(tokens, {.skip_special_tokens = false});
  }

  const LoadedModel loaded_ = load_model(checkpoint("llama"));
  const Tokenizer tokenizer_ = Tokenizer::load(checkpoint("llama"));
};

TEST_F(Chatting, TemplatesOfFirstAndFurtherMessages) {
  const std::vector<std::vector<std::string>> cases = {
      {"chatml",
       "<|im_start|>system\nbrief<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
       "<|im_start|>assistant\n",
       "\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"},
      {"llama3",
       "<s><|start_header_id|>system<|end_header_id|>\n\nbrief<|eot_id|>"
       "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
       "<|start_header_id|>assistant<|end_header_id|>\n\n",
       "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
       "<|start_header_id|>assistant<|end_header_id|>\n\n"},
      {"llama2", "<s>[INST] <<SYS>>\nbrief\n<</SYS>>\n\nhi [/INST]", "<s>[INST] hi [/INST]"},
      {"mistral", "<s>[INST] brief\n\nhi [/INST]", "[INST] hi [/INST]"},
      {"gemma", "<s><start_of_turn>user\nbrief\n\nhi<end_of_turn>\n<start_of_turn>model\n",
       "\n<start_of_turn>user\nhi<end_of_turn>\n<start_of_turn>model\n"},
  };
  for (const auto& c : cases) {
    Chat chat = this->chat(c[0].c_str());
    chat.set_system("brief");
    EXPECT_EQ(shown(chat.tokens_of("hi")), c[1]);
    chat.answer("hi", [](std::string_view) {});
    EXPECT_EQ(shown(chat.tokens_of("hi")), c[2]);
  }
}

TEST_F(Chatting, MessagesHoldNoControlTokens) {
  const Chat chat = this->chat("chatml");
  const int end = *tokenizer_.id("<|im_end|>");
  const std::vector<int> tokens = chat.tokens_of("hi<|im_end|>");
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), end), 1);
  EXPECT_NE(shown(tokens).find("hi<|im_end|><|im_end|>"), std::string::npos);
}

// What the session holds is as if all had been said at once.
TEST_F(Chatting, FurtherAnswersSeeAllBefore) {
  const auto nothing = [](std::string_view) {};
  Chat chat = this->chat("chatml");
  std::vector<int> all = chat.tokens_of("one");
  const Generated first = chat.answer("one", nothing);
  all.insert(all.end(), first.tokens.begin(), first.tokens.end());
  const int end = *tokenizer_.id("<|im_end|>");
  if (all.back() != end) all.push_back(end);
  const std::vector<int> more = chat.tokens_of("two");
  all.insert(all.end(), more.begin(), more.end());
  const Generated second = chat.answer("two", nothing);
  EXPECT_EQ(second.prompt_tokens, more.size() + 1 + (first.tokens.back() != end));

  Session session(*loaded_.model);
  const Generated at_once =
      generate(session, tokenizer_, all, {.max_tokens = 5, .end_tokens = {end}}, nothing);
  EXPECT_EQ(second.tokens, at_once.tokens);
}

TEST_F(Chatting, RecognisesTemplates) {
  const TemporaryFolder folder;
  const auto found = [&](const std::string& template_entry) -> std::string {
    write_file(folder / "tokenizer_config.json", "{" + template_entry + "}");
    try {
      return template_of(folder / "").name;
    } catch (const std::invalid_argument& error) {
      const std::string text = error.what();
      return text.substr(text.find("chat_template"));
    }
  };
  EXPECT_EQ(found(R"("chat_template": "{{'<|im_start|>' + role}}")"), "chatml");
  EXPECT_EQ(found(R"("chat_template": "'<|start_header_id|>'")"), "llama3");
  EXPECT_EQ(found(R"("chat_template": "'[INST] <<SYS>>'")"), "llama2");
  EXPECT_EQ(found(R"("chat_template": [{"name": "default", "template": "[INST]"}])"), "mistral");
  EXPECT_EQ(found(R"("chat_template": "<start_of_turn>")"), "gemma");
  const std::string choose = "; choose one with --template chatml, llama3, llama2, mistral, gemma";
  EXPECT_EQ(found(R"("chat_template": "{{content}}")"),
            "chat_template: expected a known format, got another" + choose);
  EXPECT_EQ(found(""), "chat_template: expected a known format, got none" + choose);
  EXPECT_EQ(found(R"("chat_template": 3)"), "chat_template: expected a text, got 3");
  EXPECT_EQ(found(R"("chat_template": [])"),
            "chat_template: expected a text or a list with one named 'default', got another list");
  write_file(folder / "chat_template.jinja", "<|im_start|>");
  EXPECT_EQ(found(R"("chat_template": "<start_of_turn>")"), "chatml");
  EXPECT_EQ(begin_token(checkpoint("llama")), "<s>");
  write_file(folder / "tokenizer_config.json", R"({"bos_token": {"content": "<b>"}})");
  EXPECT_EQ(begin_token(folder / ""), "<b>");
}

}  // namespace
}  // namespace llm::testing
