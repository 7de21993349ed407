#include "sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "text.h"

namespace llm::testing {

namespace {

const std::vector<float> scores{1, 3, 2, 3, -1, 0};

// How often each token is chosen.
std::vector<int> counts(SamplingOptions options, const std::vector<float>& of = scores) {
  std::vector<int> counts(of.size());
  Sampler sampler(options);
  for (int i = 0; i < 4000; ++i) ++counts[static_cast<size_t>(sampler.choose(of))];
  return counts;
}

std::set<int> chosen(const SamplingOptions& options) {
  std::set<int> tokens;
  const std::vector<int> all = counts(options);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i]) tokens.insert(static_cast<int>(i));
  }
  return tokens;
}

TEST(Sampler, MostLikelyOrByProbability) {
  EXPECT_EQ(Sampler({}).choose(scores), 1);
  const double total = std::exp(1) + 2 * std::exp(3) + std::exp(2) + std::exp(-1) + 1;
  const std::vector<int> all = counts({.temperature = 1});
  for (size_t i = 0; i < scores.size(); ++i)
    EXPECT_NEAR(all[i], 4000 * std::exp(scores[i]) / total, 120) << i;
  EXPECT_EQ(chosen({.temperature = 0.01}), (std::set{1, 3}));
}

TEST(Sampler, LimitsTheChoice) {
  EXPECT_EQ(chosen({.temperature = 1, .top_k = 1}), (std::set{1}));
  EXPECT_EQ(chosen({.temperature = 1, .top_k = 3}), (std::set{1, 2, 3}));
  EXPECT_EQ(chosen({.temperature = 1, .top_k = 100}), (std::set{0, 1, 2, 3, 4, 5}));
  // Probabilities 0.40, 0.40, 0.15, 0.05, 0.02 and 0.01.
  EXPECT_EQ(chosen({.temperature = 1, .top_p = 0.3}), (std::set{1}));
  EXPECT_EQ(chosen({.temperature = 1, .top_p = 0.5}), (std::set{1, 3}));
  EXPECT_EQ(chosen({.temperature = 1, .top_p = 0.9}), (std::set{1, 2, 3}));
  EXPECT_EQ(chosen({.temperature = 1, .min_p = 0.2}), (std::set{1, 2, 3}));
  EXPECT_EQ(chosen({.temperature = 1, .min_p = 1}), (std::set{1, 3}));
  EXPECT_EQ(chosen({.temperature = 1, .top_k = 2, .top_p = 0.9, .min_p = 0.1}), (std::set{1, 3}));
}

TEST(Sampler, PenalizesRecentTokens) {
  Sampler sampler({.repetition_penalty = 2, .repetition_context = 2});
  sampler.remember(1);
  EXPECT_EQ(sampler.choose(scores), 3);
  sampler.remember(3);
  EXPECT_EQ(sampler.choose(scores), 2);
  sampler.remember(2);  // 1 is forgotten
  EXPECT_EQ(sampler.choose(scores), 1);
  const std::vector<float> negative{-3, -2};
  Sampler other({.repetition_penalty = 2});
  other.remember(1);
  other.remember(1);
  EXPECT_EQ(other.choose(negative), 0);
}

TEST(Sampler, SameSeedSameTokens) {
  const auto draw = [](uint64_t seed) {
    Sampler sampler({.temperature = 1, .seed = seed});
    std::vector<int> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back(sampler.choose(scores));
    return tokens;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST(Sampler, RefusesBadOptionsAndScores) {
  const auto error = [](const SamplingOptions& options) -> std::string {
    try {
      Sampler sampler(options);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error({.temperature = -1}), "temperature: expected a number from 0 on, got -1");
  EXPECT_EQ(error({.top_k = -1}), "top_k: expected a number from 0 on, got -1");
  EXPECT_EQ(error({.top_p = 0}), "top_p: expected a number above 0 and up to 1, got 0");
  EXPECT_EQ(error({.min_p = 2}), "min_p: expected a number from 0 to 1, got 2");
  EXPECT_EQ(error({.repetition_penalty = 0}),
            "repetition_penalty: expected a number above 0, got 0");
  EXPECT_EQ(error({.repetition_context = -1}),
            "repetition_context: expected a number from 0 on, got -1");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::vector<float>& bad :
       {std::vector<float>{}, {1, nan}, {nan, 1}, {1, infinity}, {-infinity, -infinity}})
    EXPECT_THROW(Sampler({.temperature = 1}).choose(bad), std::runtime_error);
  EXPECT_EQ(Sampler({.temperature = 1}).choose(std::vector<float>{-infinity, 1}), 1);
}

TEST(StopFilter, HoldsBackWhatMayBecomeAStop) {
  StopFilter filter({"stop", "\n\n"});
  EXPECT_EQ(filter.push("a s"), "a ");
  EXPECT_EQ(filter.push("t"), "");
  EXPECT_EQ(filter.push("ep\n"), "step");
  EXPECT_EQ(filter.push("st"), "\n");
  EXPECT_FALSE(filter.stopped());
  EXPECT_EQ(filter.push("op and more"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.push("more"), "");
  EXPECT_EQ(filter.finish(), "");

  StopFilter open({"stop"});
  EXPECT_EQ(open.push("so sto"), "so ");
  EXPECT_EQ(open.finish(), "sto");
  StopFilter none({});
  EXPECT_EQ(none.push("text"), "text");
  StopFilter both({"bc", "ab"});
  EXPECT_EQ(both.push("xabc"), "x");
  EXPECT_TRUE(both.stopped());
}

}  // namespace
}  // namespace llm::testing
