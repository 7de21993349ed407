#include "text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace llm {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::string StopFilter::push(std::string_view text) {
  if (stopped_) return "";
  held_ += text;
  size_t first = std::string::npos;
  for (const std::string& stop : stops_) {
    if (!stop.empty()) first = std::min(first, held_.find(stop));
  }
  if (first != std::string::npos) {
    stopped_ = true;
    return held_.substr(0, first);
  }
  size_t shown = held_.size();
  for (const std::string& stop : stops_) {
    const size_t longest = std::min(stop.size(), held_.size());
    for (size_t size = longest; size > held_.size() - shown; --size) {
      if (held_.ends_with(stop.substr(0, size))) shown = held_.size() - size;
    }
  }
  std::string out = held_.substr(0, shown);
  held_.erase(0, shown);
  return out;
}

std::string StopFilter::finish() { return stopped_ ? "" : std::exchange(held_, ""); }

Generated generate(Session& session, const mica::text::Tokenizer& tokenizer,
                   std::span<const int> prompt, const GenerationOptions& options,
                   const Show& show) {
  Generated result;
  result.prompt_tokens = prompt.size();
  Sampler sampler(options.sampling);
  StopFilter filter(options.stop);
  mica::text::StreamDecoder decoder(tokenizer);
  const auto pass_on = [&](const std::string& text) {
    if (text.empty()) return;
    result.text += text;
    show(text);
  };

  auto start = Clock::now();
  array scores = session.feed(prompt);
  for (const int seen : prompt) sampler.remember(seen);
  while (true) {
    const int token = sampler.choose({scores.data<float>(), scores.size()});
    result.tokens.push_back(token);
    if (result.tokens.size() == 1) {
      result.prompt_seconds = seconds_since(start);
      start = Clock::now();
    }
    const auto& ends = options.end_tokens;
    if (std::find(ends.begin(), ends.end(), token) != ends.end()) {
      result.end = Generated::End::token;
      break;
    }
    sampler.remember(token);
    pass_on(filter.push(decoder.push(token)));
    if (filter.stopped()) {
      result.end = Generated::End::text;
      break;
    }
    if (result.tokens.size() >= static_cast<size_t>(options.max_tokens)) break;
    scores = session.feed({&token, 1});
  }
  if (!filter.stopped()) {
    pass_on(filter.push(decoder.finish()));
    pass_on(filter.finish());
  }
  result.seconds = seconds_since(start);
  return result;
}

std::string speed(const Generated& generated) {
  const auto rate = [](size_t tokens, double seconds) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
  };
  const size_t count = generated.tokens.size();
  return fmt::format("prompt: {} tokens, {:.1f} tokens/s; text: {} tokens, {:.1f} tokens/s",
                     generated.prompt_tokens,
                     rate(generated.prompt_tokens, generated.prompt_seconds), count,
                     rate(count - 1, generated.seconds));
}

}  // namespace llm
