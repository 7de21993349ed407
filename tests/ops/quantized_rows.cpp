// Rows of quantized arrays, and of products of matrices chosen by index and in segments. Their
// values are compared with mlx's in quantize_test.cpp and its neighbours.
#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"

namespace mica::testing {
namespace {

Operand integers_of(Shape shape, std::vector<double> values, Dtype dtype = int32) {
  Operand operand{std::move(shape)};
  operand.dtype = dtype;
  operand.differentiable = false;
  operand.values = std::move(values);
  return operand;
}

// Any bits are codes.
Operand codes(Shape shape) {
  Operand operand{std::move(shape), {0, 4e9}};
  operand.dtype = uint32;
  operand.differentiable = false;
  return operand;
}

OpRow row(std::string name, std::function<Arrays(const Arrays&)> fun,
          std::vector<std::vector<Operand>> cases) {
  OpRow result{std::move(name), std::move(fun), std::move(cases)};
  result.tolerance = 10;
  return result;
}

std::vector<OpRow> product_of_pairs_rows() {
  const Operand lhs = integers_of({3}, {1, 0, 1}), rhs = integers_of({3}, {2, 0, -1});
  const Operand ascending = integers_of({3}, {0, 2, 2});
  const Operand segments = integers_of({4, 2}, {0, 2, 1, 4, 3, 3, 2, 9}, uint32);
  return {
      row("gather_mm", [](const Arrays& x) { return Arrays{gather_mm(x[0], x[1], x[2], x[3])}; },
          {{{{2, 3, 4}}, {{3, 4, 2}}, lhs, rhs}}),
      row("gather_mm_sorted",
          [](const Arrays& x) { return Arrays{gather_mm(x[0], x[1], {}, x[2], true)}; },
          {{{{3, 2, 4}}, {{3, 4, 2}}, ascending}}),
      row("segmented_mm", [](const Arrays& x) { return Arrays{segmented_mm(x[0], x[1], x[2])}; },
          {{{{3, 5}}, {{5, 2}}, segments}}),
  };
}

std::vector<OpRow> quantized_product_rows() {
  const Operand lhs = integers_of({3}, {1, 0, 1}), rhs = integers_of({3}, {2, 0, 2});
  return {
      row("dequantize", [](const Arrays& x) { return Arrays{dequantize(x[0], x[1], x[2], 32, 4)}; },
          {{codes({2, 8}), {{2, 2}}, {{2, 2}}}}),
      row("quantized_matmul",
          [](const Arrays& x) {
            return Arrays{quantized_matmul(x[0], x[1], x[2], x[3], true, 32, 4)};
          },
          {{{{3, 64}}, codes({4, 8}), {{4, 2}}, {{4, 2}}}}),
      row("quantized_matmul_plain",
          [](const Arrays& x) {
            return Arrays{quantized_matmul(x[0], x[1], x[2], x[3], false, 32, 2)};
          },
          {{{{3, 4}}, codes({4, 4}), {{4, 2}}, {{4, 2}}}}),
      row("gather_qmm",
          [](const Arrays& x) {
            return Arrays{gather_qmm(x[0], x[1], x[2], x[3], x[4], x[5], true, 32, 4)};
          },
          {{{{2, 3, 32}}, codes({3, 4, 4}), {{3, 4, 1}}, {{3, 4, 1}}, lhs, rhs}}),
  };
}

}  // namespace

std::vector<OpRow> quantized_rows() {
  std::vector<OpRow> rows = product_of_pairs_rows();
  for (OpRow& r : quantized_product_rows()) rows.push_back(std::move(r));
  for (int bits : {1, 4}) {
    rows.push_back(row("quantize_" + std::to_string(bits),
                       [bits](const Arrays& x) { return quantize(x[0], 32, bits); },
                       {{{{2, 64}}}, {{{2, 2, 32}}}}));
  }
  OpRow fp8 = row("to_fp8", [](const Arrays& x) { return Arrays{to_fp8(x[0])}; }, {{{{3, 5}}}});
  fp8.derivatives = std::nullopt;
  rows.push_back(std::move(fp8));
  return rows;
}

}  // namespace mica::testing
