// Rows of gather and scatter.
#include <algorithm>
#include <cmath>

#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"
#include "tests/ops/references.h"

namespace mica::testing {
namespace {

Operand indices(const Shape& shape, std::vector<double> values, Dtype dtype = int32) {
  return {shape, {}, dtype, false, std::move(values)};
}

int wrapped(double index, int n) { return static_cast<int>(index) + (index < 0 ? n : 0); }

// x[i, index[i, j], ...] along an axis, for indices equal in shape but along it.
Tensor gathered_along(const Tensor& x, const Tensor& index, size_t axis) {
  Tensor out{index.shape, {}};
  for_each_index(index.shape, [&](std::vector<int> at) {
    at[axis] = wrapped(index.data[position(index.shape, at)], x.shape[axis]);
    size_t from = 0;
    for (size_t i = 0; i < at.size(); ++i) {
      from = from * static_cast<size_t>(x.shape[i]) + static_cast<size_t>(at[i]);
    }
    out.data.push_back(x.data[from]);
  });
  return out;
}

std::vector<OpRow> gather_rows() {
  std::vector<OpRow> rows;
  for (int axis : {0, 1, 2}) {
    rows.push_back({"take_axis" + std::to_string(axis),
                    [axis](const Arrays& in) { return Arrays{take(in[0], in[1], axis)}; },
                    {{{{3, 4, 3}}, indices({2, 2}, {0, -1, 2, 0})},
                     {{{3, 4, 3}}, indices({}, {1}, uint8)},
                     {{{3, 4, 3}}, indices({0}, {}, int64)}},
                    [axis](const std::vector<Tensor>& in) {
                      Tensor flat = along(in[0], axis, [&](const Line& line) {
                        Line out;
                        for (double i : in[1].data) {
                          out.push_back(
                              line[static_cast<size_t>(wrapped(i, static_cast<int>(line.size())))]);
                        }
                        return out;
                      });
                      Shape shape(in[0].shape.begin(), in[0].shape.begin() + axis);
                      shape.insert(shape.end(), in[1].shape.begin(), in[1].shape.end());
                      shape.insert(shape.end(), in[0].shape.begin() + axis + 1, in[0].shape.end());
                      if (in[1].data.empty()) flat.data.clear();
                      return std::vector<Tensor>{{shape, flat.data}};
                    }});
    rows.push_back(
        {"take_along_axis" + std::to_string(axis),
         [axis](const Arrays& in) { return Arrays{take_along_axis(in[0], in[1], axis)}; },
         {{{{2, 2, 2}}, indices({2, 2, 2}, {0, 1, 1, -1, 0, 0, -2, 1})}},
         [axis](const std::vector<Tensor>& in) {
           return std::vector<Tensor>{gathered_along(in[0], in[1], static_cast<size_t>(axis))};
         }});
    rows.push_back(
        {"put_along_axis" + std::to_string(axis),
         [axis](const Arrays& in) { return Arrays{put_along_axis(in[0], in[1], in[2], axis)}; },
         {{{{2, 2, 2}}, indices({2, 2, 2}, {0, 1, 1, 0, 1, 0, 0, 1}), {{2, 2, 2}}}}});
    rows.push_back(
        {"scatter_add_axis" + std::to_string(axis),
         [axis](const Arrays& in) { return Arrays{scatter_add_axis(in[0], in[1], in[2], axis)}; },
         {{{{2, 2, 2}}, indices({2, 2, 2}, {0, 0, 1, -1, 0, 0, 0, 1}), {{2, 2, 2}}}}});
  }
  rows.push_back(
      {"gather",
       [](const Arrays& in) {
         return Arrays{gather(in[0], {in[1], in[2]}, {2, 0}, {2, 3, 1})};
       },
       {{{{4, 3, 5}}, indices({2, 1}, {0, 4}), indices({3}, {0, 2, 1})}},
       [](const std::vector<Tensor>& in) {
         Tensor out{{2, 3, 2, 3, 1}, {}};
         for_each_index(out.shape, [&](const std::vector<int>& at) {
           const int x = static_cast<int>(in[2].data[static_cast<size_t>(at[1])]);
           const int z = static_cast<int>(in[1].data[static_cast<size_t>(at[0])]);
           out.data.push_back(in[0].data[position(in[0].shape, {x + at[2], at[3], z + at[4]})]);
         });
         return std::vector<Tensor>{out};
       }});
  return rows;
}

using Combine = std::function<double(double, double)>;

// Rows of x at one index each, and single elements at two.
void add_scatter(std::vector<OpRow>& rows, const std::string& name,
                 array (*fun)(const array&, const std::vector<array>&, const array&,
                              const std::vector<int>&, StreamOrDevice),
                 const Combine& combine, const std::vector<double>& index,
                 const Domain& domain = {}) {
  rows.push_back({name,
                  [fun](const Arrays& in) { return Arrays{fun(in[0], {in[1]}, in[2], {0}, {})}; },
                  {{{{4, 3}, domain}, indices({3}, index), {{3, 1, 3}, domain}}},
                  [combine](const std::vector<Tensor>& in) {
                    Tensor out = in[0];
                    for (size_t i = 0; i < 3; ++i) {
                      const int row = wrapped(in[1].data[i], 4);
                      for (size_t j = 0; j < 3; ++j) {
                        double& to = out.data[static_cast<size_t>(row) * 3 + j];
                        to = combine(to, in[2].data[i * 3 + j]);
                      }
                    }
                    return std::vector<Tensor>{out};
                  }});
  rows.push_back(
      {name + "_two_axes",
       [fun](const Arrays& in) {
         return Arrays{fun(in[0], {in[1], in[2]}, in[3], {1, 0}, {})};
       },
       {{{{4, 3}, domain}, indices({3}, {0, 2, 1}), indices({3}, index), {{3, 1, 1}, domain}}},
       [combine](const std::vector<Tensor>& in) {
         Tensor out = in[0];
         for (size_t i = 0; i < 3; ++i) {
           const auto row = static_cast<size_t>(wrapped(in[2].data[i], 4));
           double& to = out.data[row * 3 + static_cast<size_t>(in[1].data[i])];
           to = combine(to, in[3].data[i]);
         }
         return std::vector<Tensor>{out};
       }});
}

std::vector<OpRow> scatter_rows() {
  std::vector<OpRow> rows;
  // The gradient of set sees no order of repeated indices: they are apart here.
  add_scatter(rows, "scatter", scatter, [](double, double u) { return u; }, {2, 0, -1});
  add_scatter(rows, "scatter_add", scatter_add, std::plus<double>(), {2, 0, 2});
  add_scatter(rows, "scatter_prod", scatter_prod, std::multiplies<double>(), {2, 0, 2}, {0.5, 1.5});
  add_scatter(rows, "scatter_max", scatter_max, [](double a, double b) { return std::max(a, b); },
              {2, 0, 2});
  add_scatter(rows, "scatter_min", scatter_min, [](double a, double b) { return std::min(a, b); },
              {2, 0, 2});
  return rows;
}

}  // namespace

std::vector<OpRow> indexing_rows() {
  std::vector<OpRow> rows = gather_rows();
  for (OpRow& row : scatter_rows()) rows.push_back(std::move(row));
  return rows;
}

}  // namespace mica::testing
