// Rows of the fused ops, whose values are compared with mlx's in tests/fast, and of a user's
// kernel.
#include "mica/fast/fast.h"
#include "mica/fast/recurrence.h"
#include "mica/ops/ops.h"
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

std::vector<OpRow> rope_rows() {
  return {
      row("rope", [](const Arrays& x) { return Arrays{fast::rope(x[0], 4, false, 100, 0.5f, 3)}; },
          {{{{2, 3, 6}}}, {{{2, 1, 3, 4}}}}),
      row("rope_traditional_inverse",
          [](const Arrays& x) {
            const auto rope = [](const array& x) {
              return fast::rope(x, 4, true, 100, 1, array({3, 1}));
            };
            return Arrays{vjp(rope, x[0], x[1]).second};
          },
          {{{{2, 3, 4}}, {{2, 3, 4}}}}),
      row("rope_freqs",
          [](const Arrays& x) {
            return Arrays{fast::rope(x[0], 4, false, std::nullopt, 1, 1, x[1])};
          },
          {{{{2, 3, 5}}, {{2}, {0.5, 2}}}}),
  };
}

// The gradients of fun in its operands, as a function of these and of the cotangents.
Function gradient_of(const Function& fun, size_t outputs = 1) {
  return [fun, outputs](const Arrays& x) {
    const auto middle = x.end() - static_cast<std::ptrdiff_t>(outputs);
    return vjp(fun, Arrays(x.begin(), middle), Arrays(middle, x.end())).second;
  };
}

std::vector<OpRow> recurrence_rows() {
  const auto function = [](ops::RecurrentCell cell) {
    return [cell](const Arrays& x) {
      return ops::recurrence(cell, x[0], x[1], x[2],
                             x.size() > 3 ? std::optional(x[3]) : std::nullopt);
    };
  };
  const Function rnn = function(ops::RecurrentCell::rnn);
  const Function gru = function(ops::RecurrentCell::gru);
  const Function lstm = function(ops::RecurrentCell::lstm);
  const Operand states{{2, 3, 2}};
  return {
      row("rnn", rnn, {{{{2, 3, 2}}, {{2, 2}}, {{2, 2}}}}),
      row("gru", gru, {{{{2, 3, 6}}, {{6, 2}}, {{2, 2}}, {{2}}}}),
      row("lstm", lstm, {{{{2, 3, 8}}, {{8, 2}}, {{2, 2}}, {{2, 2}}}}),
      row("rnn_gradient", gradient_of(rnn), {{{{2, 3, 2}}, {{2, 2}}, {{2, 2}}, states}}),
      row("gru_gradient", gradient_of(gru), {{{{2, 3, 6}}, {{6, 2}}, {{2, 2}}, {{2}}, states}}),
      row("lstm_gradient", gradient_of(lstm, 2),
          {{{{2, 3, 8}}, {{8, 2}}, {{2, 2}}, {{2, 2}}, states, states}}),
  };
}

// Attention to x[0], x[1], x[2], with what else a case needs behind them.
array attend(const Arrays& x, const std::string& mode, const std::optional<array>& mask = {},
             const std::optional<array>& sinks = {}) {
  return fast::scaled_dot_product_attention(x[0], x[1], x[2], 0.5f, mode, mask, sinks);
}

std::vector<OpRow> attention_rows() {
  const std::vector<Operand> operands{{{2, 2, 3, 4}}, {{2, 1, 5, 4}}, {{2, 1, 5, 3}}};
  const auto with = [&](std::vector<Operand> more) {
    std::vector<Operand> all = operands;
    all.insert(all.end(), more.begin(), more.end());
    return std::vector<std::vector<Operand>>{all};
  };
  const Operand seen{{2, 1, 3, 5}, {}, bool_, false};
  const Operand cotangent{{2, 2, 3, 3}};
  const Function plain = [](const Arrays& x) { return Arrays{attend(x, "")}; };
  const Function causal = [](const Arrays& x) { return Arrays{attend(x, "causal")}; };
  const auto boolean = [&](const Arrays& x) { return attend(x, "", x[3]); };
  std::vector<OpRow> rows{
      row("attention", plain, with({})),
      row("attention_causal", causal, with({})),
      row(
          "attention_boolean", [=](const Arrays& x) { return Arrays{boolean(x)}; }, with({seen})),
      row(
          "attention_additive", [](const Arrays& x) { return Arrays{attend(x, "array", x[3])}; },
          with({{{2, 3, 5}}})),
      row(
          "attention_sinks", [](const Arrays& x) { return Arrays{attend(x, "causal", {}, x[3])}; },
          with({{{2}}})),
      row(
          "attention_lengths",
          [](const Arrays& x) {
            return Arrays{fast::cached_attention(x[0], x[1], x[2], array({4, 2}), 0.5f)};
          },
          with({})),
      row("attention_gradient", gradient_of(plain), with({cotangent})),
      row("attention_causal_gradient", gradient_of(causal), with({cotangent})),
  };
  return rows;
}

// The squares of x, computed by a kernel of float or double.
array squares(const array& x) {
  const auto kernel = fast::cpu_kernel(
      "squares",
      [](const std::vector<fast::KernelInput>& in, const std::vector<fast::KernelOutput>& out) {
        const auto square = [&]<class T>(const T* from, T* to) {
          size_t size = 1;
          for (int n : in[0].shape) size *= static_cast<size_t>(n);
          for (size_t i = 0; i < size; ++i) to[i] = from[i] * from[i];
        };
        if (in[0].dtype == float64) return square(in[0].as<double>(), out[0].as<double>());
        square(in[0].as<float>(), out[0].as<float>());
      },
      {.vjp = [](const Arrays& x, const Arrays& cotangents, const Arrays&) {
        return Arrays{2 * x[0] * cotangents[0]};
      }});
  return kernel({x}, {x.shape()}, {x.dtype()})[0];
}

OpRow kernel_row() {
  return unary_row("cpu_kernel", squares, [](double x) { return x * x; }, {},
                   {.dtypes = {float32, float64}});
}

}  // namespace

std::vector<OpRow> fast_rows() {
  std::vector<OpRow> rows = rope_rows();
  for (auto* part : {attention_rows, recurrence_rows}) {
    for (OpRow& r : part()) rows.push_back(std::move(r));
  }
  rows.push_back(kernel_row());
  return rows;
}

}  // namespace mica::testing
