// Code as users write it: it compiles unchanged, and runs.
#include <mica/mica.h>

#include <iostream>
#include <map>
#include <string>
#include <vector>

using namespace mica;

struct MLP : nn::Module {
  std::vector<nn::Linear> layers;
  MICA_MODULE(MLP, layers)

  MLP(int in_dims, int out_dims) : layers{{in_dims, 128}, {128, 128}, {128, out_dims}} {}

  array operator()(array x) {
    for (size_t i = 0; i < layers.size(); ++i) {
      if (i > 0) x = maximum(x, 0);
      x = layers[i](x);
    }
    return x;
  }
};

// Slots are constructed and called like what they hold, and take any subclass of it.
struct Attention : nn::Module {
  nn::Slot<nn::Linear> q_proj, o_proj;
  nn::Slot<nn::RMSNorm> norm;
  nn::Conv2d patch{3, 64, 3, {.stride = 2, .padding = 1}};
  std::vector<nn::Slot<nn::Linear>> experts;
  std::optional<array> scale;
  nn::Linear w{10, 20};
  MICA_MODULE(Attention, q_proj, o_proj, norm, patch, experts, scale, MICA_KEY(w, "weights"))

  explicit Attention(int dims)
      : q_proj(dims, dims, {.bias = false}),
        o_proj(dims, dims),
        norm(dims, {.eps = 1e-6}),
        experts{{dims, dims}, {dims, dims, {.bias = false}}} {}

  array operator()(const array& x) { return o_proj(q_proj(norm(x))); }
};

struct DoubledLinear : nn::Linear {
  using nn::Linear::Linear;
  array operator()(const array& x) const override { return 2 * nn::Linear::operator()(x); }
};

// Raw arrays as parameters, nesting, a const model for inference.
struct MyLayer : nn::Module {
  array weight = zeros({10, 10});
  array bias = zeros({10});
  std::vector<std::map<std::string, nn::Linear>> heads;
  nn::BatchNorm norm{10};
  MICA_MODULE(MyLayer, weight, bias, heads, norm)

  MyLayer() : heads{{{"a", {10, 3}}, {"b", {10, 4}}}} {}
  array operator()(const array& x) const {
    return heads[0].at("a")(norm(matmul(x, weight.T()) + bias));
  }
};

array infer(const MyLayer& model, const array& x) { return model(x); }

int main() {
  MyLayer layer;
  layer.eval();
  std::cout << infer(layer, ones({2, 10})).shape()
            << layer.parameters()["heads"][0]["b"]["weight"].shape() << "\n";
  nn::Sequential wrapped{nn::Linear(4, 10), MyLayer(), nn::Dropout(0.1)};
  std::cout << wrapped(ones({2, 4})).square().mean().shape() << "\n";

  MLP mlp(2, 10);
  Tree params = mlp.parameters();
  std::cout << params["layers"][0]["weight"].shape() << "\n" << params["layers"][0] << "\n";
  eval(mlp.parameters());

  auto l2_loss = [&](const array& x, const array& y) { return mean(square(mlp(x) - y)); };
  auto loss_and_grad = nn::value_and_grad(mlp, l2_loss);

  optimizers::AdamW opt({.learning_rate = 1e-3});
  auto [loss, grads] = loss_and_grad(random::normal({32, 2}), zeros({32, 10}));
  opt.update(mlp, grads);
  eval(loss, mlp.parameters(), opt.state());
  std::cout << mlp << "\n";

  Attention attention(64);
  Attention snapshot = attention;            // a copy is independent
  attention.q_proj = DoubledLinear(64, 64);  // replaced in place, and copied with its dynamic type
  attention.freeze({.keys = {"experts"}});
  std::cout << attention.q_proj->weight.shape() << attention.parameters()["weights"]["bias"].shape()
            << "\n";

  nn::Sequential model{nn::Linear(784, 256), nn::ReLU(), nn::Linear(256, 128), nn::ReLU(),
                       nn::Linear(128, 10)};
  nn::quantize(model, {.group_size = 64, .bits = 4});
  std::cout << model << "\n";  // (layers.0): QuantizedLinear(...)
  array logits = model(random::normal({8, 784}));
  array targets = random::randint(0, 10, {8});
  std::cout << nn::losses::cross_entropy(logits, targets,
                                         {.label_smoothing = 0.1, .reduction = nn::Reduction::mean})
            << "\n";

  nn::LSTM lstm(128, 256);
  auto [output, state] = lstm(random::normal({4, 7, 128}));
  auto [h, c] = state;
  std::cout << output.shape() << h.shape() << c.shape() << "\n";

  auto shapes = tree_map([](const array& p) { return p.shape(); }, mlp.parameters());
  auto f = [&](const Tree& params, const array& x) {
    mlp.update(params);
    return sum(mlp(x));
  };  // the functional pattern
  auto [value, gradients] = value_and_grad(f)(mlp.trainable_parameters(), zeros({10, 2}));
  size_t count = 0;
  for (const auto& [path, p] : tree_flatten(mlp.parameters())) count += p.size();
  std::cout << count << " parameters\n";

  auto second =
      grad([](const array& x) { return grad([](const array& y) { return sum(y * y * y); })(x); });
  std::cout << second(array(2.0f)) << "\n";  // 12
}
