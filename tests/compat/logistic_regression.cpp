// Written for MLX C++: tells two clouds of points apart.
#include <iomanip>
#include <iostream>
#include <utility>
#include <vector>

#include "mlx/mlx.h"

using namespace mlx::core;

namespace {

std::vector<array> loss_and_accuracy(const std::vector<array>& arguments) {
  const array& weights = arguments[0];
  const array& bias = arguments[1];
  const array& points = arguments[2];
  const array& labels = arguments[3];
  array logits = addmm(bias, points, weights);
  array loss = mean(logaddexp(array(0.0f), logits) - labels * logits);
  array hits = equal(greater(logits, array(0.0f)), greater(labels, array(0.5f)));
  return {loss, mean(astype(hits, float32))};
}

}  // namespace

int main() {
  auto key = random::key(7);
  auto [point_key, center_key] = random::split(key);
  array labels = astype(arange(0, 400) % array(2), float32);
  array center = random::uniform(-1.0f, 1.0f, {1, 3}, float32, center_key);
  array signs = expand_dims(labels, 1) * array(2.0f) - array(1.0f);
  array points = random::normal({400, 3}, float32, 0.0f, 0.7f, point_key) + signs * center;
  labels = reshape(labels, {400, 1});

  array weights = zeros({3, 1});
  array bias = zeros({1});
  auto step = value_and_grad(loss_and_accuracy, {0, 1});
  std::cout << std::fixed << std::setprecision(3);
  for (int epoch = 0; epoch <= 100; ++epoch) {
    auto [values, gradients] = step({weights, bias, points, labels});
    if (epoch % 20 == 0) {
      eval(values);
      std::cout << "epoch " << epoch << " loss " << values[0].item<float>() << " accuracy "
                << values[1].item<float>() << std::endl;
    }
    weights = weights - array(0.5f) * gradients[0];
    bias = bias - array(0.5f) * gradients[1];
    eval({weights, bias});
  }

  // The same gradients without a tape: forward mode, along each axis in turn.
  auto loss_of_weights = [&](const array& w) {
    return loss_and_accuracy({w, bias, points, labels})[0];
  };
  auto slope_along = [&](const array& direction) {
    return jvp(std::function<array(const array&)>(loss_of_weights), weights,
               reshape(direction, {3, 1}))
        .second;
  };
  array slopes = vmap(std::function<array(const array&)>(slope_along))(eye(3));
  array gradient = grad(std::function<array(const array&)>(loss_of_weights))(weights);
  std::cout << "modes agree: " << allclose(slopes, flatten(gradient), 1e-3, 1e-5).item<bool>()
            << "\n";
  set_printoptions({3});
  std::cout << "weights " << transpose(weights) << "\n";
  std::cout << "counts " << sum(astype(labels, int32)) << " " << argmax(points, 1).dtype() << "\n";
}
