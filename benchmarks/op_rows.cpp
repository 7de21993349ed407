// Rows of single ops, of small chains of them, and of decoding's products.
#include <utility>

#include "inputs.h"
#include "rows.h"

namespace benchmarks {

namespace {

using namespace mica;

constexpr int large = 4096;

using Function = std::function<array()>;

// Evaluates one array a step.
Step evaluating(Function function) {
  return [function = std::move(function)] {
    array result = function();
    result.eval();
    return std::vector<array>{result};
  };
}

// A row with one large input.
Row unary(const std::string& name, array (*function)(const array&)) {
  return {name + " 4096x4096", [=] {
            const array x = values(0, {large, large});
            return Workload{evaluating([=] { return function(x); }), 1};
          }};
}

Workload fused() {
  const array a = values(0, {large, large}), w = values(1, {large}), b = values(2, {large});
  return {evaluating([=] { return tanh(a * w + b) * sigmoid(a) + a * 0.5f; }), 1};
}

Workload layer_norm() {
  const array x = values(0, {large, large}), w = values(1, {large}), b = values(2, {large});
  return {evaluating([=] { return fast::layer_norm(x, w, b, 1e-5f); }), 1};
}

Workload square_product(Dtype dtype) {
  array a = astype(values(0, {2048, 2048}), dtype);
  a.eval();
  return {evaluating([=] { return matmul(a, a); }), 1};
}

Workload small_adds() {
  std::vector<array> inputs;
  for (uint32_t i = 0; i < 1000; ++i) inputs.push_back(values(i, {16}));
  return {[=] {
    std::vector<array> sums;
    sums.reserve(inputs.size());
    for (const array& s : inputs) sums.push_back(s + s);
    eval(sums);
    return sums;
  }};
}

Workload convolution() {
  const array x = values(0, {16, 56, 56, 64}), k = values(1, {64, 3, 3, 64});
  return {evaluating([=] { return conv2d(x, k, {1, 1}, {1, 1}); }), 1};
}

Workload self_attention() {
  const array q = values(0, {4, 8, 1024, 64});
  return {evaluating([=] { return fast::scaled_dot_product_attention(q, q, q, 0.125f); }), 1};
}

// The products of one token through a model of 100 million weights: an input and a matrix each.
std::vector<std::pair<array, array>> decode_operands() {
  constexpr int dims = 1024, hidden = 2816, layers = 8, vocabulary = 8192;
  const array x_dims = values(dims, {1, dims}), x_hidden = values(hidden, {1, hidden});
  std::vector<std::pair<array, array>> operands;
  const auto add = [&](const array& x, int to) {
    const auto seed = static_cast<uint32_t>(operands.size());
    operands.emplace_back(x, values(seed, {to, x.shape(1)}));
  };
  for (int layer = 0; layer < layers; ++layer) {
    for (int i = 0; i < 4; ++i) add(x_dims, dims);
    for (int i = 0; i < 2; ++i) add(x_dims, hidden);
    add(x_hidden, dims);
  }
  add(x_dims, vocabulary);
  return operands;
}

Workload decode() {
  const auto operands = decode_operands();
  return {[=] {
            std::vector<array> products;
            products.reserve(operands.size());
            for (const auto& [x, w] : operands) products.push_back(matmul(x, w.T()));
            eval(products);
            return products;
          },
          1};  // products that do not wait for each other run as one
}

Workload decode_4bit() {
  std::vector<std::pair<array, std::vector<array>>> operands;
  for (const auto& [x, w] : decode_operands()) {
    operands.emplace_back(x, quantize(w, 64, 4));
    eval(operands.back().second);
  }
  return {[=] {
            std::vector<array> products;
            products.reserve(operands.size());
            for (const auto& [x, q] : operands)
              products.push_back(quantized_matmul(x, q[0], q[1], q[2], true, 64, 4));
            eval(products);
            return products;
          },
          1};
}

}  // namespace

std::vector<Row> op_rows() {
  return {
      unary("copy", [](const array& x) { return x + 0; }),
      unary("exp", [](const array& x) { return exp(x); }),
      unary("gelu", [](const array& x) { return nn::gelu(x); }),
      {"tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096", fused},
      {"layer_norm 4096x4096", layer_norm},
      unary("softmax", [](const array& x) { return softmax(x, -1); }),
      unary("sum axis0", [](const array& x) { return sum(x, 0); }),
      {"matmul 2048 f32", [] { return square_product(float32); }},
      {"matmul 2048 bf16", [] { return square_product(bfloat16); }},
      {"1000 small adds (16)", small_adds},
      {"conv2d 3x3 64->64 56x56 B16", convolution},
      {"sdpa B4 H8 T1024 D64", self_attention},
      {"100M decode matvecs f32 B1", decode},
      {"100M decode matvecs 4-bit g64 B1", decode_4bit},
  };
}

}  // namespace benchmarks
