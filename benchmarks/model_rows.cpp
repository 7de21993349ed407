// Rows that train a model: forward, backward and the optimizer's step.
#include <cmath>
#include <memory>

#include "inputs.h"
#include "rows.h"

namespace benchmarks {

namespace {

using namespace mica;

array cross_entropy(const array& logits, const array& targets) {
  return nn::losses::cross_entropy(logits, targets, {.reduction = nn::Reduction::mean});
}

// A model being trained on one batch; it has the address that value_and_grad keeps.
template <class Model, class Optimizer>
struct Training {
  Model model;
  Optimizer optimizer;
  array x, y;
};

template <class Model, class Optimizer>
Workload training(Model model, Optimizer optimizer, const array& x, const array& y) {
  using State = Training<Model, Optimizer>;
  const auto state = std::make_shared<State>(State{std::move(model), std::move(optimizer), x, y});
  initialise(state->model);
  auto loss_and_gradients = nn::value_and_grad(
      state->model,
      [s = state.get()](const array& x, const array& y) { return cross_entropy(s->model(x), y); });
  const Step step = [state, loss_and_gradients] {
    auto [loss, gradients] = loss_and_gradients(state->x, state->y);
    state->optimizer.update(state->model, gradients);
    eval(loss, state->model.state(), state->optimizer.state());
    return std::vector<array>{loss};
  };
  return {.step = step, .compared_steps = 3};
}

// With the correction of the moments' bias that the peers make.
optimizers::AdamW adamw(float learning_rate) {
  return optimizers::AdamW({.learning_rate = learning_rate, .bias_correction = true});
}

Workload mlp() {
  using nn::Linear, nn::ReLU;
  const array x = values(0, {256, 784}), y = labels(1, {256}, 10);
  nn::Sequential model{Linear(784, 128), ReLU(), Linear(128, 128), ReLU(), Linear(128, 10)};
  return training(std::move(model), adamw(1e-3f), x, y);
}

struct Flatten : nn::Module {
  MICA_MODULE(Flatten)
  array operator()(const array& x) const { return flatten(x, 1); }
};

Workload cnn() {
  const array x = values(0, {64, 32, 32, 3}), y = labels(1, {64}, 10);
  std::vector<nn::Layer> layers;
  for (const auto& [from, to] : {std::pair(3, 32), std::pair(32, 64), std::pair(64, 128)}) {
    layers.emplace_back(nn::Conv2d(from, to, 3, {.padding = 1}));
    layers.emplace_back(nn::BatchNorm(to));
    layers.emplace_back(nn::ReLU());
    layers.emplace_back(nn::MaxPool2d(2));
  }
  layers.emplace_back(Flatten());
  layers.emplace_back(nn::Linear(2048, 10));
  return training(nn::Sequential(std::move(layers)),
                  optimizers::SGD({.learning_rate = 0.1, .momentum = 0.9}), x, y);
}

struct Block : nn::Module {
  int heads;
  nn::LayerNorm norm1, norm2;
  nn::Linear qkv, project, up, down;
  MICA_MODULE(Block, norm1, norm2, qkv, project, up, down)

  Block(int dims, int heads)
      : heads(heads),
        norm1(dims),
        norm2(dims),
        qkv(dims, 3 * dims),
        project(dims, dims),
        up(dims, 4 * dims),
        down(4 * dims, dims) {}

  array operator()(const array& x) const {
    const int batch = x.shape(0), length = x.shape(1), dims = x.shape(2), size = dims / heads;
    const array split =
        transpose(reshape(qkv(norm1(x)), {batch, length, 3, heads, size}), {2, 0, 3, 1, 4});
    const array attended =
        fast::scaled_dot_product_attention(take(split, 0, 0), take(split, 1, 0), take(split, 2, 0),
                                           1 / std::sqrt(static_cast<float>(size)), "causal");
    const array joined = reshape(transpose(attended, {0, 2, 1, 3}), {batch, length, dims});
    const array h = x + project(joined);
    return h + down(nn::gelu(up(norm2(h))));
  }
};

// The loss: sums over all outputs, whose gradients the parameters get.
Workload lstm() {
  const auto model = std::make_shared<nn::LSTM>(128, 256);
  const array x = values(0, {32, 64, 128});
  initialise(*model);
  const auto loss_and_gradients = nn::value_and_grad(
      *model, [m = model.get()](const array& x) { return sum(m->steps(x).first); });
  const Step step = [model, loss_and_gradients, x] {
    auto [loss, gradients] = loss_and_gradients(x);
    std::vector<array> results{loss};
    for (const auto& [path, gradient] : tree_flatten(gradients)) results.push_back(gradient);
    eval(results);
    return results;
  };
  return {step};
}

Workload gpt() {
  const array tokens = labels(0, {8, 256}, 512), targets = labels(1, {8, 256}, 512);
  std::vector<nn::Layer> layers;
  layers.emplace_back(nn::Embedding(512, 256));
  for (int i = 0; i < 4; ++i) layers.emplace_back(Block(256, 8));
  layers.emplace_back(nn::LayerNorm(256));
  layers.emplace_back(nn::Linear(256, 512));
  return training(nn::Sequential(std::move(layers)), adamw(3e-4f), tokens, targets);
}

}  // namespace

std::vector<Row> model_rows() {
  return {
      {"mlp 784-128-128-10 train B256", mlp},
      {"cnn 3conv bn relu pool 32x32 train B64", cnn},
      {"lstm 128->256 T64 B32 fwd+bwd", lstm},
      {"gpt 4x256 T256 B8 V512 train", gpt},
  };
}

}  // namespace benchmarks
