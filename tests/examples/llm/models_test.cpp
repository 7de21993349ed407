// Each family's scores and continuations beside those of transformers.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "checkpoints.h"
#include "mica/counters.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"
#include "tests/golden.h"

namespace llm::testing {

using namespace mica;

namespace {

const std::vector<std::string> names = {"llama",  "llama3", "llama-linear", "mistral",
                                        "qwen2",  "qwen3",  "qwen2-window", "gemma",
                                        "gemma2", "gemma3", "gpt2"};

array row(const array& scores, int i) {
  return flatten(slice(scores, {i, 0}, {i + 1, scores.shape(1)}));
}

// 1e-4 of the largest score: both sides compute in float32, in another order.
void expect_scores(const array& actual, const array& wanted) {
  golden::expect_close(actual, wanted, 0, 1e-4 * max(abs(wanted)).item<float>());
}

class EachFamily : public ::testing::TestWithParam<std::string> {
 protected:
  const LoadedModel loaded_ = load_model(checkpoint(GetParam()));
  const LanguageModel& model_ = *loaded_.model;
  const Expected expected_ = expected(GetParam());
  const int count_ = static_cast<int>(expected_.prompt.size());
};

TEST_P(EachFamily, ScoresAfterEachToken) {
  Cache cache(model_.windows());
  const array prompt(expected_.prompt.begin(), Shape{1, count_});
  expect_scores(squeeze(model_(prompt, cache), 0), expected_.scores);
  EXPECT_EQ(cache.position(), count_);
}

TEST_P(EachFamily, ContinuesWithTheSameTokens) {
  Session session(model_);
  const array scores = session.feed(expected_.prompt);
  expect_scores(scores, row(expected_.scores, count_ - 1));
  EXPECT_EQ(continue_greedily(session, scores, expected_.continuation.size()),
            expected_.continuation);
}

// In chunks of which some go beyond a window, with a cache that grows from the smallest on.
TEST_P(EachFamily, PromptsInChunks) {
  for (const int chunk : {1, 3, 7, 11}) {
    Session session(model_, {.capacity = 1}, chunk);
    const array scores = session.feed(expected_.prompt);
    expect_scores(scores, row(expected_.scores, count_ - 1));
    EXPECT_EQ(continue_greedily(session, scores, expected_.continuation.size()),
              expected_.continuation)
        << chunk;
  }
}

TEST_P(EachFamily, SeveralTextsAtOnce) {
  Cache cache(model_.windows()), alone(model_.windows());
  std::vector<int> both = expected_.prompt;
  both.insert(both.end(), expected_.prompt.rbegin(), expected_.prompt.rend());
  const array scores = model_(array(both.begin(), Shape{2, count_}), cache);
  expect_scores(take(scores, 0, 0), expected_.scores);
  const array reversed(expected_.prompt.rbegin(), Shape{1, count_});
  expect_scores(take(scores, 1, 0), squeeze(model_(reversed, alone), 0));
}

INSTANTIATE_TEST_SUITE_P(Models, EachFamily, ::testing::ValuesIn(names), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// Every token from the second on, also where a window or a bound on the cache makes it a ring.
TEST(Decoding, HitsThePlanCacheAtEveryPosition) {
  for (const auto& [name, most] :
       {std::pair("llama", std::optional<int>()), std::pair("llama", std::optional(24)),
        std::pair("mistral", std::optional<int>()), std::pair("gemma2", std::optional<int>())}) {
    const LoadedModel loaded = load_model(checkpoint(name));
    Session session(*loaded.model, {.capacity = 160, .most = most});
    const array scores = session.feed(expected(name).prompt);
    continue_greedily(session, scores, 3);
    const Counters before = counters();
    continue_greedily(session, scores, 120);
    EXPECT_EQ(counters().plan_misses, before.plan_misses) << name;
    EXPECT_GE(counters().plan_hits, before.plan_hits + 119) << name;
  }
}

// A cache that keeps few tokens gives what attention to those tokens alone gives.
TEST(Decoding, KeepsTheFirstTokensAndTheLast) {
  const LoadedModel loaded = load_model(checkpoint("llama"));
  const std::vector<int> prompt = expected("llama").prompt;
  for (const int chunk : {1, 5, 20}) {
    Session session(*loaded.model, {.capacity = 2, .most = 12, .keep = 3}, chunk);
    Session one_by_one(*loaded.model, {.most = 12, .keep = 3}, 1);
    expect_scores(session.feed(prompt), one_by_one.feed(prompt));
    const std::vector<int> more{7, 8, 9};
    expect_scores(session.feed(more), one_by_one.feed(more));
  }
}

TEST(Decoding, RefusesBadTokensAndCaches) {
  const LoadedModel loaded = load_model(checkpoint("gpt2"));
  const auto expect_error = [](const auto& call, const std::string& text) {
    try {
      call();
      ADD_FAILURE() << "expected: " << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), text);
    }
  };
  Session session(*loaded.model);
  expect_error([&] { session.feed({}); }, "feed: expected at least one token, got none");
  expect_error(
      [&] {
        session.feed(std::vector<int>{3, 280});
      },
      "feed: expected tokens below 280, got 280");
  expect_error([&] { session.feed(std::vector<int>{-1}); },
               "feed: expected tokens below 280, got -1");
  expect_error([&] { session.feed(std::vector<int>(65, 5)); },
               "gpt2: expected at most 64 positions, got 65");
  expect_error([&] { Session(*loaded.model, {}, 0); },
               "session: expected chunks of at least 1 token, got 0");
  expect_error([&] { Session(*loaded.model, {.most = 4}); },
               "cache: expected room for more than the 4 tokens that are kept, got 4");
}

}  // namespace
}  // namespace llm::testing
