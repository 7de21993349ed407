// examples/resnet: its network beside torch's, its pictures, its training, the program.
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "model.h"
#include "process.h"
#include "shapes.h"
#include "tests/golden.h"
#include "train.h"

namespace resnet {

namespace {

using namespace mica;
using mica::testing::Finished;
using mica::testing::run;
using mica::testing::TemporaryFolder;
using mica::testing::write_file;

size_t count(const Tree& tree) {
  return tree_reduce([](size_t n, const array& p) { return n + p.size(); }, tree, size_t{0});
}

TEST(ResNet, HasThePapersParameters) {
  EXPECT_EQ(count(ResNet(3).trainable_parameters()), 269'722u);  // 0.27 million, table 6
  EXPECT_EQ(count(ResNet(9).trainable_parameters()), 853'018u);  // 0.85 million
}

TEST(ResNet, ComputesWhatTorchDoes) {
  const auto expected = golden::load("examples/resnet");
  ResNet model(2, 4);
  std::vector<std::pair<std::string, array>> weights;
  for (const auto& [name, value] : expected)
    if (name.starts_with("weights.")) weights.emplace_back(name.substr(8), value);
  model.load_weights(weights);
  auto loss_and_gradients = nn::value_and_grad(model, [&](const array& x, const array& y) {
    return nn::losses::cross_entropy(model(x), y, {.reduction = nn::Reduction::mean});
  });
  const auto [loss, gradients] = loss_and_gradients(expected.at("x"), expected.at("y"));
  golden::expect_close(loss, expected.at("loss"), 1e-5, 1e-6);
  golden::expect_close(gradients["conv"]["weight"], expected.at("gradient"), 1e-3, 1e-5);
  model.eval();
  golden::expect_close(model(expected.at("x")), expected.at("logits"), 1e-4, 1e-5);
}

TEST(Shapes, DependOnSeedAndNumberAlone) {
  const data::Dataset one = draw_shapes(20, 1), again = draw_shapes(30, 1),
                      other = draw_shapes(20, 2);
  std::vector<int> classes_seen(classes);
  for (size_t i = 0; i < one.size(); ++i) {
    const data::Sample sample = one[i];
    EXPECT_EQ(sample[0].shape(), (Shape{32, 32, 3}));
    EXPECT_EQ(sample[0].dtype(), uint8);
    golden::expect_same(sample[0], again[i][0]);
    EXPECT_FALSE(array_equal(sample[0], other[i][0]).item<bool>());
    ++classes_seen[static_cast<size_t>(sample[1].item<int>())];
  }
  EXPECT_EQ(classes_seen, std::vector<int>(classes, 2));
}

TEST(ResNetTraining, LearnsAndPlansNothingFromTheThirdStepOn) {
  random::seed(0);
  ResNet model(1, 8);
  std::ostringstream out;
  std::vector<uint64_t> misses;
  int reached = 0;
  const auto epochs = train(
      model, draw_shapes(480, 3), draw_shapes(200, 4),
      {.epochs = 8, .batch_size = 32, .learning_rate = 0.1}, {}, out,
      [&](int epoch, const Epoch&) { reached = epoch; },
      [&] {
        misses.push_back(counters().plan_misses);
        return false;
      });
  ASSERT_EQ(epochs.size(), 8u);
  EXPECT_EQ(reached, 8);
  EXPECT_GT(epochs.back().held_out.accuracy, 0.6);  // 0.1 by chance
  EXPECT_LT(epochs.back().training.loss, epochs.front().training.loss - 0.8);
  // Asked before the first epoch, and before each of its 15 steps.
  EXPECT_EQ(misses[15], misses[4]);
  EXPECT_NE(out.str().find("epoch 8/8  loss "), std::string::npos);
}

TEST(ResNetProgram, SaysWhatItTrainsOn) {
  const TemporaryFolder folder;
  const Finished finished = run({RESNET_PROGRAM, "--pictures=64", "--epochs=2", "--batch-size=32",
                                 "--blocks=1", "--width=4", "--output", folder / "out"});
  ASSERT_EQ(finished.status, 0) << finished.output;
  EXPECT_NE(finished.output.find("not on CIFAR-10.\nAccuracies say nothing about photographs.\n"
                                 "ResNet-8: "),
            std::string::npos)
      << finished.output;
  EXPECT_NE(finished.output.find("\nbest held-out accuracy: 0."), std::string::npos);
  const TemporaryFolder cifar;
  std::string records;
  for (int i = 0; i < 20; ++i) records += static_cast<char>(i % 10) + std::string(3072, 'a');
  for (int i = 1; i <= 5; ++i)
    write_file(cifar / ("data_batch_" + std::to_string(i) + ".bin"), records);
  write_file(cifar / "test_batch.bin", records);
  const std::vector<std::string> command{RESNET_PROGRAM, "--data",          cifar / ".",
                                         "--epochs=1",   "--batch-size=50", "--blocks=1",
                                         "--width=4",    "--output",        folder / "out"};
  const Finished real = run(command);
  EXPECT_TRUE(real.output.starts_with("CIFAR-10 from ")) << real.output;
  EXPECT_NE(real.output.find("100 training pictures, 20 held out"), std::string::npos);
  write_file(cifar / "data_batch_4.bin", records.substr(1));
  const Finished broken = run(command);
  EXPECT_EQ(broken.status, 1);
  EXPECT_EQ(broken.output, "resnet: read_cifar10 (" + cifar / "./data_batch_4.bin" +
                               "): size: expected a multiple of 3073 bytes, got 61459\n");
}

}  // namespace

}  // namespace resnet
