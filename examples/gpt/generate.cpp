#include "generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "mica/data/random.h"

namespace gpt {

namespace {

// An index into logits, with the probabilities softmax(logits / temperature) of the top_k largest.
size_t choose(const float* logits, size_t count, const GenerateOptions& options,
              mica::data::Random& random) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t kept = options.temperature == 0 ? 1
                      : options.top_k == 0     ? count
                                               : std::min<size_t>(count, options.top_k);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                    [&](size_t a, size_t b) {
                      return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
                    });
  if (kept == 1) return order[0];
  std::vector<double> sums;
  double sum = 0;
  for (size_t i = 0; i < kept; ++i) {
    sum += std::exp((logits[order[i]] - logits[order[0]]) / options.temperature);
    sums.push_back(sum);
  }
  const double drawn = random.uniform() * sum;
  const auto place = std::upper_bound(sums.begin(), sums.end() - 1, drawn) - sums.begin();
  return order[static_cast<size_t>(place)];
}

}  // namespace

std::string generate(Gpt& model, const mica::text::Tokenizer& tokenizer, const std::string& prompt,
                     const GenerateOptions& options,
                     const std::function<void(const std::string&)>& show) {
  model.eval();
  const auto context = static_cast<size_t>(model.config.context);
  // Always a whole window, so that one plan serves every token; what is behind the last token is
  // not seen by it.
  auto next_logits =
      nn::compile([&model](const array& window,
                           const array& last) { return flatten(take(model(window), last, 1)); },
                  model);
  std::vector<int32_t> tokens = tokenizer.encode(prompt.empty() ? "\n" : prompt);
  mica::data::Random random(options.seed);
  mica::text::StreamDecoder decoder(tokenizer);
  std::string text;
  const auto emit = [&](const std::string& more) {
    text += more;
    if (show && !more.empty()) show(more);
  };
  for (int i = 0; i < options.tokens; ++i) {
    const size_t seen = std::min(tokens.size(), context);
    std::vector<int32_t> window(tokens.end() - static_cast<std::ptrdiff_t>(seen), tokens.end());
    window.resize(context);
    const array logits = next_logits(array(window.begin(), {1, model.config.context}),
                                     array({static_cast<int32_t>(seen) - 1}, mica::int32));
    logits.eval();
    const auto known = static_cast<size_t>(tokenizer.vocab_size());
    tokens.push_back(static_cast<int32_t>(choose(logits.data<float>(), known, options, random)));
    emit(decoder.push(tokens.back()));
  }
  emit(decoder.finish());
  return text;
}

}  // namespace gpt
