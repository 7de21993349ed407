// Rows of single ops, of small chains of them, and of decoding's products.
#include <algorithm>
#include <array>
#include <cmath>

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

std::vector<double> values(const array& a) {
  const array plain = contiguous(astype(a, float32));
  const float* data = plain.data<float>();
  return {data, data + plain.size()};
}

// Some places of [0, size), spread over all of it.
std::vector<size_t> places(size_t size) {
  std::vector<size_t> out{0, size - 1};
  for (size_t i = 0; i < 200; ++i) out.push_back(i * 2654435761u % size);
  return out;
}

// Compares some elements of the only result with reference(place).
std::function<void(const std::vector<array>&)> checking(std::function<double(size_t)> reference,
                                                        double tolerance) {
  return [=](const std::vector<array>& results) {
    const std::vector<double> all = values(results.at(0));
    std::vector<double> got, expected;
    for (const size_t place : places(all.size())) {
      got.push_back(all[place]);
      expected.push_back(reference(place));
    }
    expect_close(got, expected, tolerance);
  };
}

// A row with one large input.
Row unary(const std::string& name, array (*function)(const array&), double (*reference)(double)) {
  return {name + " 4096x4096", [=] {
            const array x = normal({large, large});
            const float* data = x.data<float>();
            return Workload{
                evaluating([=] { return function(x); }),
                checking([x, data, reference](size_t i) { return reference(data[i]); }, 1e-6), 1};
          }};
}

Workload fused() {
  const array a = normal({large, large}), w = normal({large}), b = normal({large});
  const auto reference = [=](size_t i) {
    const double x = a.data<float>()[i];
    const size_t column = i % large;
    return std::tanh(x * w.data<float>()[column] + b.data<float>()[column]) / (1 + std::exp(-x)) +
           x * 0.5;
  };
  return {evaluating([=] { return tanh(a * w + b) * sigmoid(a) + a * 0.5f; }),
          checking(reference, 2e-6), 1};
}

Workload layer_norm() {
  const array x = normal({large, large}), w = normal({large}), b = normal({large});
  const auto reference = [=](size_t i) {
    const float* row = x.data<float>() + i / large * large;
    double mean = 0, variance = 0;
    for (int j = 0; j < large; ++j) mean += row[j] / large;
    for (int j = 0; j < large; ++j) variance += (row[j] - mean) * (row[j] - mean) / large;
    const size_t column = i % large;
    return (row[column] - mean) / std::sqrt(variance + 1e-5) * w.data<float>()[column] +
           b.data<float>()[column];
  };
  return {evaluating([=] { return fast::layer_norm(x, w, b, 1e-5f); }), checking(reference, 1e-5),
          1};
}

Workload softmax_rows() {
  const array x = normal({large, large});
  const auto reference = [=](size_t i) {
    const float* row = x.data<float>() + i / large * large;
    double sum = 0;
    for (int j = 0; j < large; ++j) sum += std::exp(row[j]);
    return std::exp(row[i % large]) / sum;
  };
  return {evaluating([=] { return softmax(x, -1); }), checking(reference, 1e-7), 1};
}

Workload sum_axis0() {
  const array x = normal({large, large});
  const auto reference = [=](size_t column) {
    double sum = 0;
    for (size_t i = 0; i < large; ++i) sum += x.data<float>()[i * large + column];
    return sum;
  };
  return {evaluating([=] { return sum(x, 0); }), checking(reference, 1e-4), 1};
}

Workload square_product(Dtype dtype, double tolerance) {
  constexpr size_t n = 2048;
  array a = astype(normal({n, n}), dtype);
  a.eval();
  const auto reference = [plain = values(a)](size_t i) {
    double sum = 0;
    for (size_t k = 0; k < n; ++k) sum += plain[i / n * n + k] * plain[k * n + i % n];
    return sum;
  };
  return {evaluating([=] { return matmul(a, a); }), checking(reference, tolerance), 1};
}

// Each sum has an input of its own: equal ones would be computed once.
Workload small_adds() {
  std::vector<array> inputs;
  for (int i = 0; i < 1000; ++i) inputs.push_back(normal({16}));
  return {[=] {
            std::vector<array> sums;
            sums.reserve(inputs.size());
            for (const array& s : inputs) sums.push_back(s + s);
            eval(sums);
            return sums;
          },
          [=](const std::vector<array>& sums) {
            for (size_t i = 0; i < sums.size(); ++i) {
              std::vector<double> expected = values(inputs[i]);
              for (double& value : expected) value *= 2;
              expect_close(values(sums[i]), expected, 0);
            }
          }};
}

Workload convolution() {
  constexpr size_t images = 16, side = 56, channels = 64;
  const array x = normal({images, side, side, channels}), k = normal({channels, 3, 3, channels});
  const auto reference = [=](size_t i) {
    const size_t to = i % channels, column = i / channels % side, row = i / channels / side % side,
                 image = i / channels / side / side;
    double sum = 0;
    for (size_t dy = 0; dy < 3; ++dy)
      for (size_t dx = 0; dx < 3; ++dx) {
        const size_t y = row + dy, z = column + dx;  // of the padded image
        if (y < 1 || y > side || z < 1 || z > side) continue;
        for (size_t from = 0; from < channels; ++from)
          sum += static_cast<double>(
                     x.data<float>()[((image * side + y - 1) * side + z - 1) * channels + from]) *
                 k.data<float>()[((to * 3 + dy) * 3 + dx) * channels + from];
      }
    return sum;
  };
  return {evaluating([=] { return conv2d(x, k, {1, 1}, {1, 1}); }), checking(reference, 2e-4), 1};
}

Workload self_attention() {
  constexpr size_t length = 1024, size = 64;
  const array q = normal({4, 8, length, size});
  const auto reference = [=](size_t i) {
    const size_t column = i % size, query = i / size % length;
    const float* head = q.data<float>() + i / size / length * length * size;
    double sum = 0, weighted = 0;
    for (size_t key = 0; key < length; ++key) {
      double score = 0;
      for (size_t j = 0; j < size; ++j) score += head[query * size + j] * head[key * size + j];
      const double weight = std::exp(score / 8 - 20);
      sum += weight;
      weighted += weight * head[key * size + column];
    }
    return weighted / sum;
  };
  return {evaluating([=] { return fast::scaled_dot_product_attention(q, q, q, 0.125f); }),
          checking(reference, 1e-5), 1};
}

// The products of one token through a model of 100 million weights: an input and a matrix each.
std::vector<std::pair<array, array>> decode_operands() {
  constexpr int dims = 1024, hidden = 2816, layers = 8, vocabulary = 8192;
  const array x_dims = normal({1, dims}), x_hidden = normal({1, hidden});
  std::vector<std::pair<array, array>> operands;
  for (int layer = 0; layer < layers; ++layer) {
    for (int i = 0; i < 4; ++i) operands.emplace_back(x_dims, normal({dims, dims}));
    for (int i = 0; i < 2; ++i) operands.emplace_back(x_dims, normal({hidden, dims}));
    operands.emplace_back(x_hidden, normal({dims, hidden}));
  }
  operands.emplace_back(x_dims, normal({vocabulary, dims}));
  return operands;
}

// Expects the products of the operands.
void check_decoded(const std::vector<std::pair<array, array>>& operands,
                   const std::vector<array>& products) {
  for (size_t i = 0; i < products.size(); ++i) {
    const auto& [x, w] = operands[i];
    std::vector<double> expected;
    const float* row = w.data<float>();
    for (int to = 0; to < w.shape(0); ++to, row += x.shape(1)) {
      double sum = 0;
      for (int j = 0; j < x.shape(1); ++j) sum += static_cast<double>(x.data<float>()[j]) * row[j];
      expected.push_back(sum);
    }
    expect_close(values(products[i]), expected, 1e-4);
  }
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
          [=](const std::vector<array>& products) { check_decoded(operands, products); },
          operands.size()};
}

Workload decode_4bit() {
  auto operands = decode_operands();
  std::vector<std::vector<array>> weights;
  for (auto& [x, w] : operands) {
    weights.push_back(quantize(w, 64, 4));
    const std::vector<array>& q = weights.back();
    w = dequantize(q[0], q[1], q[2], 64, 4);
    eval(q, w);
  }
  const size_t count = operands.size();
  return {
      [=] {
        std::vector<array> products;
        products.reserve(count);
        for (size_t i = 0; i < count; ++i) {
          const std::vector<array>& q = weights[i];
          products.push_back(quantized_matmul(operands[i].first, q[0], q[1], q[2], true, 64, 4));
        }
        eval(products);
        return products;
      },
      [=](const std::vector<array>& products) { check_decoded(operands, products); }, count};
}

}  // namespace

std::vector<Row> op_rows() {
  return {
      unary(
          "copy", [](const array& x) { return x + 0; }, [](double x) { return x; }),
      unary(
          "exp", [](const array& x) { return exp(x); }, [](double x) { return std::exp(x); }),
      unary(
          "gelu", [](const array& x) { return nn::gelu(x); },
          [](double x) { return x * (1 + std::erf(x / std::sqrt(2))) / 2; }),
      {"tanh(a*w+b)*sigmoid(a)+a*0.5 4096x4096", fused},
      {"layer_norm 4096x4096", layer_norm},
      {"softmax 4096x4096", softmax_rows},
      {"sum axis0 4096x4096", sum_axis0},
      {"matmul 2048 f32", [] { return square_product(float32, 1e-4); }},
      {"matmul 2048 bf16", [] { return square_product(bfloat16, 8e-3); }},
      {"1000 small adds (16)", small_adds},
      {"conv2d 3x3 64->64 56x56 B16", convolution},
      {"sdpa B4 H8 T1024 D64", self_attention},
      {"100M decode matvecs f32 B1", decode},
      {"100M decode matvecs 4-bit g64 B1", decode_4bit},
  };
}

}  // namespace benchmarks
