// Rows of matrix products, convolutions, pooling and normalization.
#include <algorithm>
#include <cmath>
#include <limits>

#include "mica/fast/fast.h"
#include "mica/ops/convolution.h"
#include "mica/ops/ops.h"
#include "mica/ops/pooling.h"
#include "mica/transforms/transforms.h"
#include "tests/ops/all_rows.h"
#include "tests/ops/references.h"

namespace mica::testing {
namespace {

// Matrices, batches that broadcast, and vectors on either side.
Tensor product(Tensor a, Tensor b) {
  const bool a_vector = a.shape.size() == 1, b_vector = b.shape.size() == 1;
  if (a_vector) a.shape.insert(a.shape.begin(), 1);
  if (b_vector) b.shape.push_back(1);
  while (a.shape.size() < b.shape.size()) a.shape.insert(a.shape.begin(), 1);
  while (b.shape.size() < a.shape.size()) b.shape.insert(b.shape.begin(), 1);
  const size_t last = a.shape.size() - 1;
  Shape shape = a.shape;
  for (size_t i = 0; i + 1 < last; ++i) shape[i] = std::max(a.shape[i], b.shape[i]);
  shape[last] = b.shape[last];
  Tensor out{shape, {}};
  for_each_index(shape, [&](const std::vector<int>& index) {
    std::vector<int> in_a = index, in_b = index;
    double sum = 0;
    for (int k = 0; k < a.shape[last]; ++k) {
      in_a[last] = k;
      in_b[last - 1] = k;
      sum += a.data[position(a.shape, in_a)] * b.data[position(b.shape, in_b)];
    }
    out.data.push_back(sum);
  });
  if (b_vector) out.shape.pop_back();
  if (a_vector) out.shape.erase(out.shape.end() - (b_vector ? 1 : 2));
  return out;
}

std::vector<OpRow> matmul_rows() {
  std::vector<OpRow> rows;
  rows.push_back(
      {"matmul",
       [](const Arrays& in) { return Arrays{matmul(in[0], in[1])}; },
       {{{{2, 3}}, {{3, 4}}},
        {{{3}}, {{3}}},
        {{{3}}, {{3, 2}}},
        {{{2, 3}}, {{3}}},
        {{{2, 0}}, {{0, 3}}},
        {{{4, 2, 3}}, {{3, 2}}},
        {{{2, 3}}, {{4, 3, 2}}},
        {{{2, 1, 2, 3}}, {{4, 3, 2}}},
        {{{33, 17}}, {{17, 40}}}},
       [](const std::vector<Tensor>& in) { return std::vector<Tensor>{product(in[0], in[1])}; }});
  rows.push_back({"matmul_of_transposes",
                  [](const Arrays& in) {
                    return Arrays{matmul(swapaxes(in[0], -1, -2), swapaxes(in[1], -1, -2))};
                  },
                  {{{{3, 2}}, {{4, 3}}}, {{{2, 3, 2}}, {{2, 5, 3}}}},
                  [](const std::vector<Tensor>& in) {
                    const auto transposed = [](const Tensor& t) {
                      Tensor out{t.shape, {}};
                      std::swap(out.shape.end()[-1], out.shape.end()[-2]);
                      for_each_index(out.shape, [&](std::vector<int> index) {
                        std::swap(index.end()[-1], index.end()[-2]);
                        out.data.push_back(t.data[position(t.shape, index)]);
                      });
                      return out;
                    };
                    return std::vector<Tensor>{product(transposed(in[0]), transposed(in[1]))};
                  }});
  rows.push_back({"addmm",
                  [](const Arrays& in) { return Arrays{addmm(in[0], in[1], in[2], 0.5f, 2.0f)}; },
                  {{{{4}}, {{2, 3}}, {{3, 4}}},
                   {{{2, 4}}, {{2, 3}}, {{3, 4}}},
                   {{{2, 1}}, {{2, 3}}, {{3, 4}}},
                   {{{}}, {{3}}, {{3}}},
                   {{{2}}, {{3}}, {{3, 2}}},
                   {{{2}}, {{5, 4, 3}}, {{3, 2}}},
                   {{{2}}, {{2, 4, 3}}, {{2, 3, 2}}}},
                  [](const std::vector<Tensor>& in) {
                    Tensor out = product(in[1], in[2]);
                    Shape c = in[0].shape;
                    while (c.size() < out.shape.size()) c.insert(c.begin(), 1);
                    size_t i = 0;
                    for_each_index(out.shape, [&](const std::vector<int>& index) {
                      out.data[i] = 0.5 * out.data[i] + 2 * in[0].data[position(c, index)];
                      ++i;
                    });
                    return std::vector<Tensor>{out};
                  }});
  rows.push_back({"addmm_plain",
                  [](const Arrays& in) { return Arrays{addmm(in[0], in[1], in[2])}; },
                  {{{{4}}, {{2, 3}}, {{3, 4}}}}});
  rows.push_back(
      {"outer", [](const Arrays& in) { return Arrays{outer(in[0], in[1])}; }, {{{{3}}, {{4}}}}});
  rows.push_back({"inner",
                  [](const Arrays& in) { return Arrays{inner(in[0], in[1])}; },
                  {{{{2, 3}}, {{4, 3}}}, {{{3}}, {{3}}}}});
  rows.push_back({"vecdot",
                  [](const Arrays& in) { return Arrays{vecdot(in[0], in[1], 0)}; },
                  {{{{4, 3}}, {{4, 3}}}}});
  rows.push_back(
      {"kron", [](const Arrays& in) { return Arrays{kron(in[0], in[1])}; }, {{{{2, 3}}, {{2}}}}});
  rows.push_back({"tensordot",
                  [](const Arrays& in) {
                    return Arrays{tensordot(in[0], in[1], {0, 2}, {1, 0})};
                  },
                  {{{{2, 3, 4}}, {{4, 2, 5}}}}});
  for (OpRow& row : rows) row.tolerance = 10;
  return rows;
}

struct Window {
  std::vector<int> stride, lo, hi, dilation, input_dilation;
  int groups = 1;
  bool flip = false;
};

Tensor convolved(const Window& w, const Tensor& x, const Tensor& weight) {
  const size_t rank = w.stride.size();
  Shape shape{x.shape[0]};
  for (size_t i = 0; i < rank; ++i) {
    const int padded = w.input_dilation[i] * (x.shape[i + 1] - 1) + 1 + w.lo[i] + w.hi[i];
    const int reach = w.dilation[i] * (weight.shape[i + 1] - 1) + 1;
    shape.push_back((padded - reach) / w.stride[i] + 1);
  }
  shape.push_back(weight.shape[0]);
  Tensor out{shape, {}};
  const Shape kernel(weight.shape.begin() + 1, weight.shape.end());  // with channels
  for_each_index(shape, [&](const std::vector<int>& at) {
    double sum = 0;
    for_each_index(kernel, [&](const std::vector<int>& k) {
      std::vector<int> in_x{at[0]}, in_weight{at[rank + 1]};
      for (size_t i = 0; i < rank; ++i) {
        const int dilated = at[i + 1] * w.stride[i] + k[i] * w.dilation[i] - w.lo[i];
        const int from = dilated / w.input_dilation[i];
        if (dilated < 0 || dilated % w.input_dilation[i] || from >= x.shape[i + 1]) return;
        in_x.push_back(from);
        in_weight.push_back(w.flip ? kernel[i] - 1 - k[i] : k[i]);
      }
      const int per_group = weight.shape[0] / w.groups;
      in_x.push_back(at[rank + 1] / per_group * kernel[rank] + k[rank]);
      in_weight.push_back(k[rank]);
      sum += x.data[position(x.shape, in_x)] * weight.data[position(weight.shape, in_weight)];
    });
    out.data.push_back(sum);
  });
  return out;
}

OpRow convolution_row(const std::string& name, const Window& w,
                      std::vector<std::vector<Operand>> cases) {
  OpRow row{"conv_" + name,
            [w](const Arrays& in) {
              return Arrays{conv_general(in[0], in[1], w.stride, w.lo, w.hi, w.dilation,
                                         w.input_dilation, w.groups, w.flip)};
            },
            std::move(cases),
            [w](const std::vector<Tensor>& in) {
              return std::vector<Tensor>{convolved(w, in[0], in[1])};
            }};
  row.tolerance = 20;
  return row;
}

std::vector<OpRow> convolution_rows() {
  const Window plain{{1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}};
  const Window strided{{2, 1}, {1, 0}, {1, 0}, {1, 1}, {1, 1}};
  const Window every{{2, 1}, {1, 0}, {2, 1}, {1, 2}, {2, 1}, 2, true};
  const Window cropped{{1, 2}, {-1, 1}, {0, -1}, {1, 1}, {1, 1}};
  std::vector<OpRow> rows{
      convolution_row("1d", {{2}, {1}, {1}, {1}, {1}}, {{{{2, 7, 3}}, {{4, 3, 3}}}}),
      convolution_row("2d", plain,
                      {{{{2, 5, 4, 3}}, {{2, 3, 2, 3}}}, {{{1, 9, 8, 16}}, {{16, 3, 3, 16}}}}),
      convolution_row("2d_strided", strided, {{{{1, 5, 4, 2}}, {{3, 3, 3, 2}}}}),
      convolution_row("2d_every_option", every, {{{{2, 4, 5, 4}}, {{4, 3, 2, 2}}}}),
      convolution_row("2d_cropped", cropped, {{{{1, 5, 6, 2}}, {{2, 2, 3, 2}}}}),
      convolution_row("3d", {{1, 2, 1}, {0, 1, 0}, {0, 1, 0}, {1, 1, 1}, {1, 1, 1}},
                      {{{{1, 3, 4, 3, 2}}, {{2, 2, 3, 2, 2}}}})};
  rows.push_back({"conv_transpose2d_every_option",
                  [](const Arrays& in) {
                    return Arrays{conv_transpose2d(in[0], in[1], {2, 1}, {1, 0}, {1, 2}, {1, 0})};
                  },
                  {{{{2, 3, 4, 2}}, {{3, 3, 2, 2}}}},
                  [](const std::vector<Tensor>& in) {
                    const Window w{{1, 1}, {1, 2}, {2, 2}, {1, 2}, {2, 1}, 1, true};
                    return std::vector<Tensor>{convolved(w, in[0], in[1])};
                  }});
  // The transposes are functions of their own, with derivatives and vmap.
  rows.push_back({"conv_gradients",
                  [](const Arrays& in) {
                    const auto f = [](const Arrays& x) {
                      return Arrays{conv2d(x[0], x[1], {2, 1}, {1, 0}, {1, 1}, 2)};
                    };
                    return vjp(f, Arrays{in[0], in[1]}, Arrays{in[2]}).second;
                  },
                  {{{{2, 4, 3, 4}}, {{4, 3, 2, 2}}, {{2, 2, 2, 4}}}}});
  return rows;
}

struct Pooling {
  std::vector<int> kernel, stride, padding;
};

Tensor pooled(const Pooling& p, const Tensor& x, double padding_value,
              const std::function<double(const Line&)>& f) {
  const size_t rank = p.kernel.size();
  Shape shape = x.shape;
  for (size_t i = 0; i < rank; ++i) {
    shape[i + 1] = (x.shape[i + 1] + 2 * p.padding[i] - p.kernel[i]) / p.stride[i] + 1;
  }
  Tensor out{shape, {}};
  for_each_index(shape, [&](const std::vector<int>& at) {
    Line window;
    for_each_index(Shape(p.kernel), [&](const std::vector<int>& k) {
      std::vector<int> from = at;
      bool inside = true;
      for (size_t i = 0; i < rank; ++i) {
        from[i + 1] = at[i + 1] * p.stride[i] + k[i] - p.padding[i];
        inside = inside && from[i + 1] >= 0 && from[i + 1] < x.shape[i + 1];
      }
      window.push_back(inside ? x.data[position(x.shape, from)] : padding_value);
    });
    out.data.push_back(f(window));
  });
  return out;
}

std::vector<OpRow> pooling_rows() {
  const std::vector<std::pair<Pooling, Shape>> cases{
      {{{2}, {2}, {0}}, {2, 6, 3}},
      {{{2, 3}, {2, 1}, {1, 1}}, {2, 5, 4, 3}},
      {{{2, 1, 2}, {1, 1, 2}, {0, 0, 1}}, {1, 3, 2, 4, 2}}};
  std::vector<OpRow> rows;
  for (const auto& [p, shape] : cases) {
    const std::string rank = std::to_string(p.kernel.size()) + "d";
    rows.push_back({"max_pool" + rank,
                    [p = p](const Arrays& in) {
                      return Arrays{max_pool(in[0], p.kernel, p.stride, p.padding)};
                    },
                    {{{shape}}},
                    [p = p](const std::vector<Tensor>& in) {
                      return std::vector<Tensor>{pooled(
                          p, in[0], -std::numeric_limits<double>::infinity(),
                          [](const Line& x) { return *std::max_element(x.begin(), x.end()); })};
                    }});
    rows.push_back({"avg_pool" + rank,
                    [p = p](const Arrays& in) {
                      return Arrays{avg_pool(in[0], p.kernel, p.stride, p.padding)};
                    },
                    {{{shape}}},
                    [p = p](const std::vector<Tensor>& in) {
                      return std::vector<Tensor>{pooled(p, in[0], 0, [](const Line& x) {
                        double sum = 0;
                        for (double v : x) sum += v;
                        return sum / static_cast<double>(x.size());
                      })};
                    }});
  }
  // Linear in the cotangent, piecewise constant in x, whose values stay apart.
  std::vector<double> apart;
  for (int i = 0; i < 40; ++i) apart.push_back((i * 17 % 40) / 10.0);
  const auto gradient_row = [&](const char* name, auto pool) {
    rows.push_back({name,
                    [pool](const Arrays& in) {
                      const auto f = [pool](const Arrays& x) {
                        return Arrays{pool(x[0], std::vector<int>{2, 2}, std::vector<int>{2, 1},
                                           std::vector<int>{1, 0})};
                      };
                      return vjp(f, Arrays{in[0]}, Arrays{in[1]}).second;
                    },
                    {{{{2, 4, 5, 1}, {}, {}, false, apart}, {{2, 3, 4, 1}}}}});
  };
  gradient_row("max_pool_gradient_of_distinct", [](const array& x, const auto& k, const auto& s,
                                                   const auto& p) { return max_pool(x, k, s, p); });
  gradient_row("avg_pool_gradient_padded", [](const array& x, const auto& k, const auto& s,
                                              const auto& p) { return avg_pool(x, k, s, p); });
  return rows;
}

// weight and bias may be empty.
Tensor normalized(const Tensor& x, const Line& weight, const Line& bias, bool centered) {
  return along(x, -1, [&](Line line) {
    const auto n = static_cast<double>(line.size());
    double mean = 0, square = 0;
    for (double v : line) mean += centered ? v / n : 0;
    for (double v : line) square += (v - mean) * (v - mean) / n;
    for (size_t i = 0; i < line.size(); ++i) {
      line[i] = (line[i] - mean) / std::sqrt(square + static_cast<double>(1e-3f)) *
                    (weight.empty() ? 1 : weight[i]) +
                (bias.empty() ? 0 : bias[i]);
    }
    return line;
  });
}

std::vector<OpRow> norm_rows() {
  std::vector<OpRow> rows;
  rows.push_back(
      {"layer_norm_weight_and_bias",
       [](const Arrays& in) { return Arrays{fast::layer_norm(in[0], in[1], in[2], 1e-3f)}; },
       {{{{3, 5}}, {{5}}, {{5}}}, {{{2, 3, 67}}, {{67}}, {{67}}}},
       [](const std::vector<Tensor>& in) {
         return std::vector<Tensor>{normalized(in[0], in[1].data, in[2].data, true)};
       }});
  rows.push_back({"layer_norm_without_parameters",
                  [](const Arrays& in) {
                    return Arrays{fast::layer_norm(in[0], std::nullopt, std::nullopt, 1e-3f)};
                  },
                  {{{{3, 5}}}, {{{7}}}, {{{0, 4}}}},
                  [](const std::vector<Tensor>& in) {
                    return std::vector<Tensor>{normalized(in[0], {}, {}, true)};
                  }});
  rows.push_back(
      {"layer_norm_bias",
       [](const Arrays& in) { return Arrays{fast::layer_norm(in[0], std::nullopt, in[1], 1e-3f)}; },
       {{{{3, 5}}, {{5}}}},
       [](const std::vector<Tensor>& in) {
         return std::vector<Tensor>{normalized(in[0], {}, in[1].data, true)};
       }});
  rows.push_back({"rms_norm_weight",
                  [](const Arrays& in) { return Arrays{fast::rms_norm(in[0], in[1], 1e-3f)}; },
                  {{{{3, 5}}, {{5}}}, {{{2, 3, 67}}, {{67}}}},
                  [](const std::vector<Tensor>& in) {
                    return std::vector<Tensor>{normalized(in[0], in[1].data, {}, false)};
                  }});
  for (OpRow& row : rows) row.tolerance = 10;
  return rows;
}

}  // namespace

std::vector<OpRow> product_rows() {
  std::vector<OpRow> rows;
  for (auto* family : {matmul_rows, convolution_rows, pooling_rows, norm_rows}) {
    for (OpRow& row : family()) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace mica::testing
