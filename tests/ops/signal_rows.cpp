// Rows of Fourier transforms, einsum and ops about sorted sequences and bits, whose values are
// compared with mlx's in their tests.
#include "mica/fft/fft.h"
#include "mica/ops/einsum.h"
#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"

namespace mica::testing {
namespace {

using Function = std::function<Arrays(const Arrays&)>;

OpRow row(std::string name, Function fun, std::vector<std::vector<Operand>> cases, Dtype dtype) {
  OpRow result{std::move(name), std::move(fun), std::move(cases)};
  result.dtypes = {float32};
  result.derivatives = dtype;
  result.second_order = false;  // linear
  return result;
}

// The parts of complex results, which are of complex inputs given as parts.
Arrays parts(const array& a) { return {real(a), imag(a)}; }

array complex_of(const Arrays& x) { return x[0] + x[1] * array(complex64_t(0, 1)); }

std::vector<OpRow> fourier_rows() {
  const std::vector<std::vector<Operand>> lines{{{{1}}}, {{{2, 7}}}, {{{3, 8}}}, {{{37}}}};
  const std::vector<std::vector<Operand>> pairs{{{{2, 7}}, {{2, 7}}}, {{{3, 8}}, {{3, 8}}}};
  return {
      row(
          "fft", [](const Arrays& x) { return parts(fft::fft(complex_of(x))); }, pairs, float32),
      row(
          "ifft", [](const Arrays& x) { return parts(fft::ifft(complex_of(x), 0)); }, pairs,
          float32),
      row(
          "rfft", [](const Arrays& x) { return parts(fft::rfft(x[0])); }, lines, float32),
      row(
          "irfft_even", [](const Arrays& x) { return Arrays{fft::irfft(complex_of(x))}; }, pairs,
          float32),
      row(
          "irfft_odd", [](const Arrays& x) { return Arrays{fft::irfft(complex_of(x), 9, -1)}; },
          pairs, float32),
      row(
          "rfft2",
          [](const Arrays& x) {
            return parts(fft::rfft2(x[0], {4, 5}, {1, 0}));
          },
          {{{{3, 6}}}, {{{4, 2, 3}}}}, float32),
      row(
          "irfftn", [](const Arrays& x) { return Arrays{fft::irfftn(complex_of(x))}; }, pairs,
          float32),
      row(
          "stft", [](const Arrays& x) { return parts(fft::stft(x[0], 6, 2)); },
          {{{{11}}}, {{{2, 9}}}}, float32),
      row(
          "istft", [](const Arrays& x) { return Arrays{fft::istft(complex_of(x), 6, 2)}; },
          {{{{4, 3}}, {{4, 3}}}}, float32),
  };
}

std::vector<OpRow> composed_rows() {
  OpRow product = row(
      "einsum", [](const Arrays& x) { return Arrays{einsum("...ij,jk,jk->k...", x)}; },
      {{{{2, 3}}, {{3, 4}}, {{1, 4}}}, {{{2, 2, 3}}, {{3, 1}}, {{3, 2}}}}, float64);
  product.second_order = true;
  OpRow places = row(
      "searchsorted", [](const Arrays& x) { return Arrays{searchsorted(sort(x[0]), x[1])}; },
      {{{{7}}, {{2, 3}}}}, float32);
  places.derivatives = std::nullopt;  // integers
  return {
      product,
      places,
      row(
          "diagonal_sum", [](const Arrays& x) { return Arrays{einsum("iij->j", x)}; },
          {{{{3, 3, 2}}}}, float64),
      row(
          "diff", [](const Arrays& x) { return Arrays{diff(x[0], 2)}; }, {{{{2, 5}}}, {{{3}}}},
          float64),
      row(
          "hadamard_transform", [](const Arrays& x) { return Arrays{hadamard_transform(x[0])}; },
          {{{{2, 24}}}, {{{8}}}}, float64),
      row(
          "masked_scatter",
          [](const Arrays& x) { return Arrays{masked_scatter(x[0], x[1], x[2])}; },
          {{{{2, 3}}, {{2}, {}, bool_, false}, {{3}}},
           {{{2, 3}}, {{2, 3}, {}, bool_, false}, {{6}}}},
          float64),
      row(
          "unique", [](const Arrays& x) { return unique(x[0], 7); }, {{{{2, 3}}}}, float64),
      row(
          "view_as_complex", [](const Arrays& x) { return parts(view(x[0], complex64)); },
          {{{{2, 6}}}, {{{4}}}}, float32),
      row(
          "view_as_floats", [](const Arrays& x) { return Arrays{view(complex_of(x), float32)}; },
          {{{{2, 3}}, {{2, 3}}}}, float32),
  };
}

}  // namespace

std::vector<OpRow> signal_rows() {
  std::vector<OpRow> rows;
  for (auto* family : {fourier_rows, composed_rows}) {
    for (OpRow& one : family()) rows.push_back(std::move(one));
  }
  return rows;
}

}  // namespace mica::testing
