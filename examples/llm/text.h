// Text from a model: tokens are chosen one by one, decoded as they come, and end at a token, at a
// text or after so many.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "generate.h"
#include "mica/text/tokenizer.h"
#include "sampler.h"

namespace llm {

// Lets text through until one of the stop texts begins. What may be the beginning of one is held
// back.
class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // The text that can be shown now.
  std::string push(std::string_view text);
  // What was held back, where no stop text has come.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

struct GenerationOptions {
  SamplingOptions sampling{};
  int max_tokens = 256;
  std::vector<std::string> stop{};  // texts that end it and are not shown
  std::vector<int> end_tokens{};
};

struct Generated {
  enum class End { token, text, length };

  std::string text{};
  End end = End::length;
  std::vector<int> tokens{};  // that were chosen; the last one was not fed to the session
  size_t prompt_tokens = 0;
  double prompt_seconds = 0, seconds = 0;  // up to the first token, and for the others
};

using Show = std::function<void(std::string_view)>;

// Feeds the prompt to the session, then what follows it. `show` gets the text in pieces.
Generated generate(Session& session, const mica::text::Tokenizer& tokenizer,
                   std::span<const int> prompt, const GenerationOptions& options, const Show& show);

// "prompt: 12 tokens, 345.0 tokens/s; text: 50 tokens, 80.1 tokens/s"
std::string speed(const Generated& generated);

}  // namespace llm
