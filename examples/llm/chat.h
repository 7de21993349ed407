// Conversations: what goes around what users and models say, in the common formats. The templates
// that come with models are programs (Jinja); they are recognised by the control tokens that they
// write, not run.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mica/text/tokenizer.h"
#include "text.h"

namespace llm {

struct ChatTemplate {
  const char* name;
  const char* mark;  // what only templates of this format write
  // Around a system message: before the first user's message, or at the beginning of it.
  const char *system_before, *system_after;
  bool system_in_user;
  const char *user_before, *user_after;  // the latter opens the answer
  const char* answer_end;                // a token, which ends an answer
  const char* between;                   // behind it, before the next message
};

// chatml, llama3, llama2, mistral or gemma; null for others.
const ChatTemplate* find_template(std::string_view name);
// "chatml, llama3, ..."
std::string template_names();
// The format of the folder's tokenizer_config.json or chat_template.jinja. Throws
// std::invalid_argument where there is none, or another, naming the option that chooses one.
const ChatTemplate& template_of(const std::filesystem::path& folder);

// A conversation in a session, of which each answer sees all before it and each token is fed once.
class Chat {
 public:
  // begin: the text of the token before everything, "" for none. Throws std::invalid_argument where
  // the tokenizer lacks the token that ends answers.
  Chat(const LanguageModel& model, mica::text::Tokenizer tokenizer, const ChatTemplate& format,
       std::string begin, const CacheOptions& cache, GenerationOptions generation);

  // From now on, where nothing was said yet.
  void set_system(std::string text) { system_ = std::move(text); }
  Generated answer(const std::string& message, const Show& show);

  // The tokens that a message adds to the conversation.
  std::vector<int> tokens_of(const std::string& message) const;

 private:
  const ChatTemplate& format_;
  mica::text::Tokenizer tokenizer_;
  std::string begin_, system_;
  GenerationOptions generation_;
  Session session_;
  int end_token_;
  std::vector<int> rest_;  // of the last answer, not fed yet
};

// The token before everything after tokenizer_config.json, "" where it names none.
std::string begin_token(const std::filesystem::path& folder);

}  // namespace llm
