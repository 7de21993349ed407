// The network of examples/digits beside mlx.nn's.
#include <gtest/gtest.h>

#include <vector>

#include "data.h"
#include "model.h"
#include "tests/golden.h"

namespace digits {

namespace {

using mica::array;

TEST(DigitsNet, HasTheLossesOfMlx) {
  mica::random::seed(0);
  DigitsNet model(0);
  const Dataset data = read_dataset(MICA_SOURCE_DIR "/examples/digits/digits.csv.gz");
  mica::optimizers::AdamW optimizer(1e-3);
  auto step = nn::value_and_grad(model, [&](const array& x, const array& labels) {
    return nn::losses::cross_entropy(model(x), labels, {.reduction = nn::Reduction::mean});
  });
  std::vector<float> losses;
  for (int from = 0; from < 320; from += 32) {
    const int to = from + 32;
    const auto [loss, gradients] = step(slice(data.images, {from, 0, 0, 0}, {to, side, side, 1}),
                                        slice(data.labels, {from}, {to}));
    optimizer.update(model, gradients);
    eval(loss, model.state(), optimizer.state());
    losses.push_back(loss.item<float>());
  }
  mica::golden::expect_close(array(losses.begin(), {10}),
                             mica::golden::load("examples/digits").at("losses"), 1e-5, 0);
}

}  // namespace

}  // namespace digits
