#include "sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

namespace llm {

namespace {

void check(const char* option, bool good, const char* expected, double got) {
  if (!good)
    throw std::invalid_argument(fmt::format("{}: expected {}, got {}", option, expected, got));
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {
  const auto& o = options_;
  check("temperature", o.temperature >= 0 && std::isfinite(o.temperature), "a number from 0 on",
        o.temperature);
  check("top_k", o.top_k >= 0, "a number from 0 on", o.top_k);
  check("top_p", o.top_p > 0 && o.top_p <= 1, "a number above 0 and up to 1", o.top_p);
  check("min_p", o.min_p >= 0 && o.min_p <= 1, "a number from 0 to 1", o.min_p);
  check("repetition_penalty", o.repetition_penalty > 0 && std::isfinite(o.repetition_penalty),
        "a number above 0", o.repetition_penalty);
  check("repetition_context", o.repetition_context >= 0, "a number from 0 on",
        o.repetition_context);
}

void Sampler::remember(int token) {
  const auto most = static_cast<size_t>(options_.repetition_context);
  if (options_.repetition_penalty == 1 || most == 0) return;
  if (recent_.size() < most) {
    recent_.push_back(token);
  } else {
    recent_[seen_ % most] = token;
  }
  ++seen_;
}

// After CTRL (Keskar et al., 2019); a token that occurred several times counts once.
void Sampler::penalize(std::span<float> scores) const {
  const auto penalty = static_cast<float>(options_.repetition_penalty);
  for (const int token : std::set<int>(recent_.begin(), recent_.end())) {
    float& score = scores[static_cast<size_t>(token)];
    score = score > 0 ? score / penalty : score * penalty;
  }
}

// Of equal ones the first.
bool Sampler::likelier(const Candidate& a, const Candidate& b) {
  return a.score != b.score ? a.score > b.score : a.token < b.token;
}

void Sampler::keep_best(size_t count) {
  if (count >= candidates_.size()) return;
  const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(candidates_.begin(), end, candidates_.end(), likelier);
  candidates_.resize(count);
}

// Sorts no more than are kept.
void Sampler::keep_likeliest(double weight) {
  const auto last = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
  std::make_heap(candidates_.begin(), candidates_.end(), last);
  auto end = candidates_.end();
  for (double kept = 0; kept < weight && end != candidates_.begin(); --end) {
    std::pop_heap(candidates_.begin(), end, last);
    kept += std::prev(end)->weight;
  }
  candidates_.erase(candidates_.begin(), end);
}

int Sampler::choose(std::span<const float> given) {
  std::span<const float> scores = given;
  if (!recent_.empty()) {
    scores_.assign(given.begin(), given.end());
    penalize(scores_);
    scores = scores_;
  }
  const auto best = std::max_element(scores.begin(), scores.end());
  const bool has_nan = std::any_of(scores.begin(), scores.end(), [](float s) { return s != s; });
  if (best == scores.end() || has_nan || !std::isfinite(*best)) {
    throw std::runtime_error(
        "sample: expected scores that are numbers, got others: are the weights damaged, or does "
        "their dtype hold too small numbers?");
  }
  if (options_.temperature == 0) return static_cast<int>(best - scores.begin());

  candidates_.clear();
  for (size_t i = 0; i < scores.size(); ++i)
    candidates_.push_back({scores[i], static_cast<int>(i)});
  if (options_.top_k > 0) keep_best(static_cast<size_t>(options_.top_k));

  double total = 0;
  for (Candidate& candidate : candidates_) {
    candidate.weight = std::exp((candidate.score - *best) / options_.temperature);
    total += candidate.weight;
  }
  if (options_.top_p < 1) keep_likeliest(options_.top_p * total);
  std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < options_.min_p; });
  total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;

  // 53 bits of the generator, whose sequence the standard fixes.
  const double place = static_cast<double>(random_() >> 11) * 0x1p-53 * total;
  double sum = 0;
  for (const Candidate& candidate : candidates_) {
    sum += candidate.weight;
    if (place < sum) return candidate.token;
  }
  return candidates_.back().token;
}

}  // namespace llm
