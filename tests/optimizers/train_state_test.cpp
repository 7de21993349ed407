#include "mica/optimizers/train_state.h"

#include <cstdlib>
#include <string>

#include "mica/mica.h"
#include "tests/golden.h"
#include "tests/io/files.h"

namespace mica {
namespace {

using golden::expect_same;

class TrainStateTest : public FilesTest {
 protected:
  std::string path() const { return file("a.safetensors"); }
};

// Each run is a process of its own.
TEST_F(TrainStateTest, ResumesBitForBit) {
  const auto run = [&](const std::string& from, int steps, const std::string& to,
                       const char* mode) {
    const std::string command = std::string(MICA_TRAIN_PROGRAM) + " '" + file(from) + "' " +
                                std::to_string(steps) + " '" + file(to) + "' " + mode;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  };
  for (const char* mode : {"", "compiled"}) {
    SCOPED_TRACE(mode);
    run("none", 9, "whole.safetensors", mode);
    run("none", 4, "part.safetensors", mode);
    run("part.safetensors", 5, "resumed.safetensors", mode);
    const std::string whole = bytes_of(file("whole.safetensors"));
    EXPECT_GT(whole.size(), 1000u);
    EXPECT_NE(bytes_of(file("part.safetensors")), whole);
    EXPECT_TRUE(bytes_of(file("resumed.safetensors")) == whole) << "the states differ";
  }
}

TEST_F(TrainStateTest, HoldsAllThatARunNeeds) {
  random::seed(1);
  nn::BatchNorm norm(3);
  optimizers::SGD optimizer(
      {.learning_rate = optimizers::step_decay(0.1, 0.5, 2), .momentum = 0.9});
  auto step = nn::value_and_grad(norm, [&](const array& x) { return sum(square(norm(x))); });
  for (int i = 0; i < 3; ++i) optimizer.update(norm, step(random::normal({4, 3})).second);
  TrainState state(norm, optimizer);
  state.position = uint64_t{1} << 40;
  state.save(path());
  const Tree saved = norm.state(), saved_optimizer = optimizer.state();
  const array next = random::normal({2});

  random::seed(2);
  nn::BatchNorm other(3);
  optimizers::SGD fresh({.learning_rate = optimizers::step_decay(0.1, 0.5, 2), .momentum = 0.9});
  TrainState loaded(other, fresh);
  loaded.load(path());
  EXPECT_EQ(loaded.position, uint64_t{1} << 40);
  tree_map([](const array& a, const array& b) { expect_same(a, b); }, other.state(), saved);
  EXPECT_EQ(fresh.step().item<uint64_t>(), 3u);
  for (const auto& [name, value] : tree_flatten(saved_optimizer)) {
    SCOPED_TRACE(name);
    bool found = false;
    for (const auto& [other_name, other_value] : tree_flatten(fresh.state())) {
      if (other_name != name) continue;
      expect_same(other_value, value);
      found = true;
    }
    EXPECT_TRUE(found);
  }
  expect_same(random::normal({2}), next);
}

TEST_F(TrainStateTest, BeforeTheFirstStep) {
  nn::Linear layer(2, 3);
  optimizers::Adam optimizer(1e-3);
  TrainState(layer, optimizer).save(path());
  optimizers::Adam other(1e-2);
  TrainState(layer, other).load(path());
  EXPECT_EQ(other.learning_rate().item<float>(), 1e-3f);
  auto step = nn::value_and_grad(layer, [&](const array& x) { return sum(layer(x)); });
  other.update(layer, step(ones({1, 2})).second);
  EXPECT_EQ(other.step().item<uint64_t>(), 1u);
}

TEST_F(TrainStateTest, FilesOfOtherRuns) {
  nn::Linear layer(2, 3);
  optimizers::Adam adam(1e-3);
  auto step = nn::value_and_grad(layer, [&](const array& x) { return sum(layer(x)); });
  adam.update(layer, step(ones({1, 2})).second);
  TrainState(layer, adam).save(path());
  const auto error = [&](nn::Module& model, optimizers::Optimizer& optimizer) {
    const Tree before = optimizer.state();
    TrainState state(model, optimizer);
    std::string text;
    try {
      state.load(path());
    } catch (const std::invalid_argument& e) {
      text = e.what();
    }
    EXPECT_EQ(tree_flatten(optimizer.state()).size(), tree_flatten(before).size());
    const std::string start = "TrainState (" + path() + "): expected ";
    return text.starts_with(start) ? text.substr(start.size()) : "not named: " + text;
  };
  optimizers::SGD sgd(0.1);
  const std::string other = error(layer, sgd);
  EXPECT_TRUE(other.starts_with("the state of such an optimizer, got a ")) << other;
  optimizers::Adam fresh(1e-3);
  nn::Linear wide(2, 4);
  EXPECT_EQ(error(wide, fresh), "model.weight (4, 2) of float32, got (3, 2) of float32");
  nn::Linear plain(2, 3, {.bias = false});
  const std::string extra = error(plain, fresh);
  EXPECT_EQ(extra, "nothing else, got model.bias");
  nn::Embedding table(3, 2);
  nn::Bilinear pair(2, 2, 3);
  EXPECT_EQ(error(pair, fresh), "model.weight (3, 2, 2) of float32, got (3, 2) of float32");

  layer.save_weights(path());
  EXPECT_EQ(error(layer, fresh), "'mica training state 1', got another kind of file");
}

TEST_F(TrainStateTest, WeightsOfBothFormats) {
  struct Pair : nn::Module {
    std::vector<nn::Linear> layers{{2, 3}, {3, 2}};
    MICA_MODULE(Pair, layers)
  };
  Pair saved, loaded;
  for (const char* name : {"a.npz", "b.safetensors"}) {
    SCOPED_TRACE(name);
    saved.save_weights(file(name));
    loaded = Pair();
    loaded.load_weights(file(name));
    tree_map([](const array& a, const array& b) { expect_same(a, b); }, loaded.parameters(),
             saved.parameters());
    nn::Linear other(2, 3);
    EXPECT_THROW(other.load_weights(file(name)), std::invalid_argument);
    other.load_weights(file(name), false);
  }
  EXPECT_THROW(saved.save_weights(file("a.bin")), std::invalid_argument);
  EXPECT_THROW(loaded.load_weights(file("a.bin")), std::invalid_argument);
}

}  // namespace
}  // namespace mica
