// Choosing a token by the scores that a model gives.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace llm {

struct SamplingOptions {
  double temperature = 0;         // 0: always the most likely token
  int top_k = 0;                  // among the k most likely; 0: all
  double top_p = 1;               // among the most likely that have this part of the probability
  double min_p = 0;               // among those that have this part of the most likely one's
  double repetition_penalty = 1;  // divides positive scores, multiplies others, of recent tokens
  int repetition_context = 64;    // how many tokens are recent
  uint64_t seed = 0;
};

// The same scores and options give the same tokens.
class Sampler {
 public:
  // Throws std::invalid_argument naming an option that is out of range.
  explicit Sampler(const SamplingOptions& options);

  // A token that the model has seen.
  void remember(int token);
  // Throws std::runtime_error where a score is NaN or the largest one not finite.
  int choose(std::span<const float> scores);

 private:
  struct Candidate {
    float score;
    int token;
    double weight = 0;  // relative to the most likely one's
  };

  void penalize(std::span<float> scores) const;
  static bool likelier(const Candidate& a, const Candidate& b);
  void keep_best(size_t count);
  // The fewest that have so much weight.
  void keep_likeliest(double weight);

  SamplingOptions options_;
  std::mt19937_64 random_;
  std::vector<int> recent_;  // a ring of repetition_context
  size_t seen_ = 0;
  std::vector<float> scores_;
  std::vector<Candidate> candidates_;
};

}  // namespace llm
