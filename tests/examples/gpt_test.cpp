// The program of examples/gpt, run as a user runs it.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "process.h"

namespace mica::testing {

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class GptProgram : public ::testing::Test {
 protected:
  GptProgram() {
    std::string text;
    for (int i = 0; i < 600; ++i)
      text += "line " + std::to_string(i) + " of a text that repeats itself.\n";
    write_file(folder_ / "text.txt", text);
  }

  std::vector<std::string> train(const std::string& output,
                                 const std::vector<std::string>& more = {}) const {
    std::vector<std::string> command{GPT_PROGRAM,
                                     "train",
                                     "--output",
                                     folder_ / output,
                                     "--layers=1",
                                     "--dims=32",
                                     "--heads=2",
                                     "--context=32",
                                     "--batch-size=8",
                                     "--steps=40",
                                     "--warmup=5",
                                     "--dropout=0.1",
                                     "--seed=3",
                                     "--validate-every=10",
                                     "--log-every=4",
                                     "--sample-every=30",
                                     "--checkpoint-every=8"};
    command.insert(command.end(), more.begin(), more.end());
    if (std::find(more.begin(), more.end(), "--data") == more.end()) {
      command.push_back("--data");
      command.push_back(folder_ / "text.txt");
    }
    return command;
  }

  void expect_same_runs(const std::string& a, const std::string& b) const {
    for (const char* name : {"model.safetensors", "checkpoint.safetensors", "config.json",
                             "tokenizer.json", "log.csv", "curves.svg", "run.json"})
      EXPECT_TRUE(contents(folder_ / (a + "/" + name)) == contents(folder_ / (b + "/" + name)))
          << name << " differs";
  }

  TemporaryFolder folder_;
};

TEST_F(GptProgram, GoesOnAfterAKillAsIfThereHadBeenNone) {
  const Finished whole = run(train("whole"));
  ASSERT_EQ(whole.status, 0) << whole.output;
  EXPECT_TRUE(contains(whole.output, "\nstep 40/40  loss ")) << whole.output;
  EXPECT_TRUE(contains(whole.output, "a sample after step 30:\n  | ")) << whole.output;
  const size_t at = whole.output.rfind("validation loss: ");
  ASSERT_NE(at, std::string::npos) << whole.output;
  EXPECT_LT(std::stod(whole.output.substr(at + 17)), 3.7);  // log 256 is 5.5
  EXPECT_EQ(whole.output.find_first_of("\r\x1b"), std::string::npos);

  const Finished killed = run(train("part"), {.kill_at = "step 20/40"});
  EXPECT_EQ(killed.status, 128 + 9) << killed.output;
  EXPECT_FALSE(contains(killed.output, "step 40/40"));
  // Only what the run did not have before is said: the options are in its folder.
  const Finished resumed = run({GPT_PROGRAM, "train", "--resume", "--output", folder_ / "part"});
  ASSERT_EQ(resumed.status, 0) << resumed.output;
  EXPECT_FALSE(contains(resumed.output, "step 10/40")) << resumed.output;
  expect_same_runs("whole", "part");
}

TEST_F(GptProgram, GoesOnAfterCtrlC) {
  const Finished stopped = run(train("part"), {.interrupt_at = "step 10/40"});
  EXPECT_EQ(stopped.status, 130) << stopped.output;
  EXPECT_TRUE(contains(stopped.output, "interrupted after step ")) << stopped.output;
  ASSERT_EQ(run(train("part", {"--resume", "--quiet"})).output.find("step"), std::string::npos);
  ASSERT_EQ(run(train("whole", {"--quiet"})).status, 0);
  expect_same_runs("whole", "part");
}

TEST_F(GptProgram, WritesText) {
  ASSERT_EQ(
      run(train("out", {"--steps=60", "--tokenizer=bpe", "--vocab-size=300", "--tensorboard"}))
          .status,
      0);
  const std::vector<std::string> sample{GPT_PROGRAM, "sample", folder_ / "out", "--tokens=20",
                                        "--prompt",  "line 5", "--seed=1"};
  const Finished first = run(sample), second = run(sample);
  ASSERT_EQ(first.status, 0) << first.output;
  EXPECT_TRUE(first.output.starts_with("line 5")) << first.output;
  EXPECT_GT(first.output.size(), 25u) << first.output;
  EXPECT_EQ(first.output, second.output);
  const std::string config = contents(folder_ / "out/config.json");
  EXPECT_TRUE(contains(config, "\"model_type\": \"gpt2\"")) << config;
}

TEST_F(GptProgram, NamesWhatIsWrongInOneLine) {
  write_file(folder_ / "empty", "");
  write_file(folder_ / "short", "too short");
  write_file(folder_ / "other.txt", std::string(20'000, 'x'));
  ASSERT_EQ(run(train("run", {"--steps=8", "--quiet"})).status, 0);
  const std::string at_run = "'" + folder_ / "run" + "'";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {train("a", {"--data", "/no/such"}),
       "gpt: read_text: can't read '/no/such': No such file or directory"},
      {train("a", {"--data", folder_ / "empty"}),
       "gpt: read_text: expected text in '" + folder_ / "empty" + "', got none"},
      {train("a", {"--data", folder_ / "short"}),
       "gpt: --data: expected more than 32 tokens for training, the --context, got 8; give more "
       "text, another --validation or a shorter --context"},
      {train("a", {"--heads=3"}), "gpt: --heads: expected a divisor of --dims, 32, got 3"},
      {train("a", {"--steps=0"}), "--steps: Value 0 not in range"},
      {train("a", {"--tokenizer=words"}), "--tokenizer: words not in {char,bpe}"},
      {train("a", {"--resume"}),
       "gpt: --resume: expected a run in '" + folder_ / "a" + "', got none"},
      {train("run"), "gpt: --output: " + at_run +
                         " holds a run; go on with it by --resume, or give another folder"},
      {train("run", {"--resume", "--dims=64"}),
       "gpt: --dims: expected 32, as in the run in " + at_run +
           ", got 64; leave it out, or give another --output"},
      {train("run", {"--resume"}), "gpt: --steps: expected 8, as in the run in " + at_run},
      {{GPT_PROGRAM, "sample", folder_ / "none"},
       "gpt: can't read '" + folder_ / "none/config.json" + "': No such file or directory"},
      {{GPT_PROGRAM}, "gpt: expected train or sample, got none; see gpt --help"}};
  for (const auto& [command, expected] : cases) {
    const Finished finished = run(command);
    EXPECT_NE(finished.status, 0);
    EXPECT_TRUE(contains(finished.output, expected)) << finished.output << "expected " << expected;
    EXPECT_LE(std::count(finished.output.begin(), finished.output.end(), '\n'), 2)
        << finished.output;
  }
  write_file(folder_ / "text.txt", "another text");
  const Finished changed = run({GPT_PROGRAM, "train", "--resume", "--output", folder_ / "run"});
  EXPECT_TRUE(contains(changed.output, "gpt: --data: expected the text of the run in " + at_run))
      << changed.output;
}

}  // namespace

}  // namespace mica::testing
