#include <utility>

#include "mica/text/stages.h"
#include "mica/text/tokenizer.h"
#include "mica/text/unicode.h"

namespace mica::text {

namespace {

// Text that ends in U+FFFD may lack bytes of a character, but not after so many tokens.
constexpr size_t most_held = 16;

}  // namespace

StreamDecoder::StreamDecoder(Tokenizer tokenizer, DecodeOptions options)
    : tokenizer_(std::move(tokenizer)), options_(options) {}

std::string StreamDecoder::push(int32_t id) {
  const bool skipped = !tokenizer_.stages_->find_token(id) ||
                       (options_.skip_special_tokens && tokenizer_.is_special(id));
  if (skipped) return {};
  window_.push_back(id);
  const std::string all = tokenizer_.decode(window_, options_);
  const auto added = std::span(window_).subspan(context_);
  std::string text;
  if (!all.ends_with(replacement_character)) {
    text = all.size() > returned_ ? all.substr(returned_) : std::string();
  } else if (added.size() < most_held) {
    return {};
  } else {
    text = tokenizer_.decode(added, options_);
  }
  // What was added is the context of the next ids, which makes the older ones unnecessary.
  window_.erase(window_.begin(), window_.begin() + static_cast<ptrdiff_t>(context_));
  context_ = window_.size();
  returned_ = tokenizer_.decode(window_, options_).size();
  return text;
}

std::string StreamDecoder::finish() {
  const std::string all = tokenizer_.decode(window_, options_);
  std::string text = all.size() > returned_ ? all.substr(returned_) : std::string();
  window_.clear();
  context_ = returned_ = 0;
  return text;
}

}  // namespace mica::text
