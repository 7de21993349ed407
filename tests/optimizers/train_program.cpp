// train_program STATE STEPS OUTPUT [compiled]: goes on from the file STATE where there is one,
// takes STEPS steps and writes the file OUTPUT.
#include <filesystem>
#include <iostream>
#include <string>

#include "mica/mica.h"

using namespace mica;

namespace {

struct Net : nn::Module {
  nn::Linear first{8, 16};
  nn::BatchNorm norm{16};
  nn::Dropout dropout{0.3};
  nn::Linear second{16, 3};
  MICA_MODULE(Net, first, norm, dropout, second)

  array operator()(const array& x) const { return second(dropout(nn::relu(norm(first(x))))); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: train_program STATE STEPS OUTPUT [compiled]\n";
    return 2;
  }
  const std::string file = argv[1], output = argv[3];
  const uint64_t steps = std::stoull(argv[2]);

  random::seed(5);
  Net net;
  optimizers::AdamW optimizer({.learning_rate = optimizers::cosine_decay(1e-2, 50)});
  const array data = random::normal({64, 8}, float32, 0.0f, 1.0f, random::key(1));
  const array labels = argmax(slice(data, {0, 0}, {64, 3}), 1);
  auto loss_and_grad = nn::value_and_grad(net, [&](const array& x, const array& y) {
    return nn::losses::cross_entropy(net(x), y, {.reduction = nn::Reduction::mean});
  });
  auto plain = [&](const array& x, const array& y) {
    auto [loss, gradients] = loss_and_grad(x, y);
    optimizer.update(net, gradients);
    return loss;
  };
  std::function<array(const array&, const array&)> step = plain;
  if (argc > 4) step = nn::compile(plain, net, optimizer);

  TrainState state(net, optimizer);
  if (std::filesystem::exists(file)) state.load(file);
  for (const uint64_t end = state.position + steps; state.position < end; ++state.position) {
    const int row = static_cast<int>(state.position % 4) * 16;
    const array x = slice(data, {row, 0}, {row + 16, 8});
    const array loss = step(x + 0.1f * random::normal({16, 8}), slice(labels, {row}, {row + 16}));
    eval(loss, net, optimizer);
  }
  state.save(output);
}
