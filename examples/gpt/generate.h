// Text from a model, token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "folder.h"

namespace gpt {

struct GenerateOptions {
  int tokens = 200;
  double temperature = 0.8;  // 0: always the most likely token
  int top_k = 40;            // the tokens to choose from; 0: all
  uint64_t seed = 0;
};

// What follows the prompt. show, where given, gets the text as it comes. The model sees the last
// `context` tokens; its mode is evaluation afterwards. An empty prompt stands for a line's start.
// Draws nothing from mica's random numbers, so that a training run is not changed by it.
std::string generate(Gpt& model, const mica::text::Tokenizer& tokenizer, const std::string& prompt,
                     const GenerateOptions& options,
                     const std::function<void(const std::string&)>& show = {});

}  // namespace gpt
