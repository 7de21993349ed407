// Rows of the ops of layers, whose values are compared with mlx.nn's in tests/nn, and of random
// bits.
#include "mica/fast/batch_norm.h"
#include "mica/fast/fast.h"
#include "mica/ops/convolution.h"
#include "mica/ops/ops.h"
#include "mica/ops/pooling.h"
#include "mica/random/random.h"
#include "mica/transforms/transforms.h"
#include "tests/ops/all_rows.h"

namespace mica::testing {
namespace {

using Function = std::function<Arrays(const Arrays&)>;

OpRow row(std::string name, Function fun, std::vector<std::vector<Operand>> cases) {
  OpRow result{std::move(name), std::move(fun), std::move(cases)};
  result.tolerance = 10;
  return result;
}

// The gradients of fun in its operands, as a function of these and of the cotangent.
Function gradient_of(const Function& fun) {
  return [fun](const Arrays& x) {
    const Arrays primals(x.begin(), x.end() - 1);
    return vjp(fun, primals, {x.back()}).second;
  };
}

std::vector<OpRow> convolution_rows() {
  const Function plain = [](const Arrays& x) { return Arrays{conv2d(x[0], x[1])}; };
  const Function strided = [](const Arrays& x) {
    return Arrays{conv2d(x[0], x[1], {2, 1}, {1, 2}, {1, 2}, 2)};
  };
  const Function line = [](const Arrays& x) { return Arrays{conv1d(x[0], x[1], 2, 1)}; };
  const Function biased = [](const Arrays& x) {
    return Arrays{ops::conv_with_bias(x[0], x[1], x[2], {2, 1}, {1, 0}, {0, 1}, {1, 2}, 2)};
  };
  const Function up = [](const Arrays& x) {
    return Arrays{conv_transpose2d(x[0], x[1], {2, 2}, {1, 0})};
  };
  return {
      row("conv2d", plain, {{{{2, 5, 6, 3}}, {{4, 3, 2, 3}}}}),
      row("conv2d_strided_in_groups", strided, {{{{1, 6, 7, 4}}, {{6, 3, 2, 2}}}}),
      row("conv1d", line, {{{{2, 7, 3}}, {{4, 3, 3}}}}),
      row("conv_transpose2d", up, {{{{1, 4, 3, 3}}, {{2, 3, 3, 3}}}}),
      row("conv2d_biased", biased, {{{{1, 6, 7, 4}}, {{6, 3, 2, 2}}, {{6}}}}),
      row("conv2d_gradient", gradient_of(plain),
          {{{{2, 5, 6, 3}}, {{4, 3, 2, 3}}, {{2, 3, 5, 4}}}}),
      row("conv2d_gradient_in_groups", gradient_of(strided),
          {{{{1, 6, 7, 4}}, {{6, 3, 2, 2}}, {{1, 3, 9, 6}}}}),
  };
}

std::vector<OpRow> pooling_rows() {
  const Function largest = [](const Arrays& x) {
    return Arrays{max_pool(x[0], {2, 3}, {2, 1}, {1, 0})};
  };
  const Function average = [](const Arrays& x) {
    return Arrays{avg_pool(x[0], {2, 3}, {2, 1}, {1, 0})};
  };
  const std::vector<std::vector<Operand>> image{{{{2, 5, 4, 3}}}};
  const std::vector<std::vector<Operand>> with_cotangent{{{{2, 5, 4, 3}}, {{2, 3, 2, 3}}}};
  return {
      row("max_pool", largest, image),
      row("avg_pool", average, image),
      row("max_pool_gradient", gradient_of(largest), with_cotangent),
      row("avg_pool_gradient", gradient_of(average), with_cotangent),
  };
}

std::vector<OpRow> norm_rows() {
  const Function layer = [](const Arrays& x) {
    return Arrays{fast::layer_norm(x[0], x[1], x[2], 1e-3f)};
  };
  const Function batch = [](const Arrays& x) {
    const auto [y, mean, var] = ops::batch_normalize(x[0], x[1], x[2], 1e-3);
    return Arrays{y, mean, var};
  };
  const Function batch_y = [](const Arrays& x) {
    return Arrays{ops::batch_normalize(x[0], x[1], x[2], 1e-3).y};
  };
  const Function root = [](const Arrays& x) { return Arrays{fast::rms_norm(x[0], x[1], 1e-3f)}; };
  return {
      row("layer_norm", layer, {{{{3, 7}}, {{7}}, {{7}}}, {{{2, 3, 16}}, {{16}}, {{16}}}}),
      row("layer_norm_plain",
          [](const Arrays& x) {
            return Arrays{fast::layer_norm(x[0], std::nullopt, std::nullopt, 1e-3f)};
          },
          {{{{4, 5}}}}),
      row("rms_norm", root, {{{{3, 7}}, {{7}}}, {{{2, 3, 16}}, {{16}}}}),
      row("batch_norm", batch, {{{{6, 3}}, {{3}}, {{3}}}, {{{2, 3, 16}}, {{16}}, {{16}}}}),
      row("batch_norm_gradient", gradient_of(batch_y), {{{{6, 3}}, {{3}}, {{3}}, {{6, 3}}}}),
      row("layer_norm_gradient", gradient_of(layer), {{{{3, 7}}, {{7}}, {{7}}, {{3, 7}}}}),
      row("rms_norm_gradient", gradient_of(root), {{{{3, 7}}, {{7}}, {{3, 7}}}}),
      row("softmax_gradient",
          gradient_of([](const Arrays& x) { return Arrays{softmax(x[0], -1)}; }),
          {{{{3, 7}}, {{3, 7}}}}),
  };
}

}  // namespace

std::vector<OpRow> layer_rows() {
  std::vector<OpRow> rows;
  for (auto* part : {convolution_rows, pooling_rows, norm_rows}) {
    for (OpRow& r : part()) rows.push_back(std::move(r));
  }
  OpRow bits{"random_bits",
             [](const Arrays& x) {
               return Arrays{random::bits({3, 5}, 4, x[0])};
             },
             {{{{2}, {0, 4e9}}}}};
  bits.dtypes = {uint32};
  bits.derivatives = std::nullopt;
  rows.push_back(std::move(bits));
  return rows;
}

}  // namespace mica::testing
