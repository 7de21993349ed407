// Written for MLX C++: fits a line in many dimensions by gradient descent.
#include <iomanip>
#include <iostream>
#include <vector>

#include "mlx/mlx.h"

namespace mx = mlx::core;

int main() {
  constexpr int features = 20;
  constexpr int examples = 512;
  constexpr int steps = 300;
  const mx::array learning_rate(0.1f);

  mx::random::seed(42);
  mx::array true_weights = mx::random::normal({features});
  mx::array inputs = mx::random::normal({examples, features});
  mx::array noise = mx::multiply(mx::array(0.01f), mx::random::normal({examples}));
  mx::array targets = mx::add(mx::matmul(inputs, true_weights), noise);

  auto loss = [&](const mx::array& weights) {
    mx::array error = mx::matmul(inputs, weights) - targets;
    return mx::mean(mx::square(error)) / 2.0;
  };
  auto loss_and_gradient = mx::value_and_grad(std::function<mx::array(const mx::array&)>(loss));

  mx::array weights = mx::zeros({features}, mx::float32);
  std::cout << std::fixed << std::setprecision(3);
  for (int step = 0; step < steps; ++step) {
    auto [value, gradient] = loss_and_gradient(weights);
    weights = weights - learning_rate * gradient;
    mx::eval(value, weights);
    if (step % 50 == 0) std::cout << "step " << step << " loss " << value.item<float>() << "\n";
  }

  mx::array distance = mx::sqrt(mx::sum(mx::square(weights - true_weights)));
  mx::array largest = mx::argmax(mx::abs(weights));
  std::cout << "loss below 1e-3: " << (loss(weights).item<float>() < 1e-3f) << "\n"
            << "distance below 0.01: " << (distance.item<float>() < 0.01f) << "\n"
            << "largest weight: " << mx::take(weights, largest).item<float>() << " at "
            << largest.item<uint32_t>() << "\n"
            << "shapes: " << inputs.shape() << " " << weights.shape() << " " << largest.dtype()
            << "\n";
  std::vector<float> first(weights.data<float>(), weights.data<float>() + 4);
  std::cout << "first weights:";
  for (float w : first) std::cout << " " << w;
  std::cout << "\n";
}
