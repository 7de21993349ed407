// Rows of reductions, scans, sorting, softmax and logsumexp.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"
#include "tests/ops/references.h"

namespace mica::testing {
namespace {

using Reduction = std::function<double(const Line&)>;
using Axes = std::vector<int>;

double total(const Line& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double product(const Line& x) {
  return std::accumulate(x.begin(), x.end(), 1.0, [](double a, double b) { return a * b; });
}
double largest(const Line& x) { return *std::max_element(x.begin(), x.end()); }
double smallest(const Line& x) { return *std::min_element(x.begin(), x.end()); }
double average(const Line& x) { return total(x) / static_cast<double>(x.size()); }
double variance(const Line& x) {
  double sum = 0;
  for (double v : x) sum += (v - average(x)) * (v - average(x));
  return sum / static_cast<double>(x.size());
}
double log_sum_exp(const Line& x) {
  double sum = 0;
  for (double v : x) sum += std::exp(v);
  return std::log(sum);
}
double middle(Line x) {
  std::sort(x.begin(), x.end());
  const size_t n = x.size();
  return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}
double position_of_largest(const Line& x) {
  return static_cast<double>(std::max_element(x.begin(), x.end()) - x.begin());
}
double position_of_smallest(const Line& x) {
  return static_cast<double>(std::min_element(x.begin(), x.end()) - x.begin());
}

struct Traits {
  bool of_empty = false;  // has a value over no elements
  std::vector<Dtype> dtypes = {float32, float64, float16, bfloat16};
  std::optional<Dtype> derivatives = float64;
  bool second_order = true;
  Domain domain = {};
  // Of a function along one axis; small where a difference could step over a neighbour.
  Shape large = {3, 70, 67};
};

template <class F>
OpRow reduction(const std::string& name, F&& fun, const Reduction& reference, const Axes& axes,
                bool keepdims, const Traits& traits) {
  OpRow row{name,
            [fun, axes, keepdims](const Arrays& in) { return Arrays{fun(in[0], axes, keepdims)}; },
            {{{{3, 4, 5}, traits.domain}}, {{{2, 1, 7}, traits.domain}}},
            [=](const std::vector<Tensor>& in) {
              return std::vector<Tensor>{reduce_axes(in[0], axes, keepdims, reference)};
            }};
  if (traits.of_empty) row.cases.push_back({{{0, 3, 2}, traits.domain}});
  row.cases.push_back({{{5, 33, 9}, traits.domain}});
  row.dtypes = traits.dtypes;
  row.derivatives = traits.derivatives;
  row.second_order = traits.second_order;
  row.tolerance = 20;
  return row;
}

// Over the first, the last, several and all axes.
template <class F>
void add_reductions(std::vector<OpRow>& rows, const std::string& name, F&& fun,
                    const Reduction& reference, const Traits& traits = {}) {
  rows.push_back(reduction(name + "_first", fun, reference, {0}, false, traits));
  rows.push_back(reduction(name + "_last", fun, reference, {2}, true, traits));
  rows.push_back(reduction(name + "_two", fun, reference, {0, 2}, false, traits));
  rows.push_back(reduction(name + "_all", fun, reference, {0, 1, 2}, true, traits));
}

#define MICA_TEST_FUNCTION(f) [](const array& x, const Axes& axes, bool k) { return f(x, axes, k); }

std::vector<OpRow> all_reductions() {
  std::vector<OpRow> rows;
  const std::vector<Dtype> with_integers{float32, float64, float16, bfloat16, int32, uint8, int64};
  const Traits integers{.dtypes = with_integers};
  const Traits sums{.of_empty = true, .dtypes = with_integers};
  const Traits products{.of_empty = true, .dtypes = {float32, float64}, .domain = {0.7, 1.3}};
  const Traits logical{.of_empty = true,
                       .dtypes = {float32, bool_, int32},
                       .derivatives = std::nullopt,
                       .domain = {-1, 1, 0.1}};
  add_reductions(rows, "sum", MICA_TEST_FUNCTION(sum), total, sums);
  add_reductions(rows, "mean", MICA_TEST_FUNCTION(mean), average);
  add_reductions(rows, "prod", MICA_TEST_FUNCTION(prod), product, products);
  add_reductions(rows, "max", MICA_TEST_FUNCTION(max), largest, integers);
  add_reductions(rows, "min", MICA_TEST_FUNCTION(min), smallest, integers);
  add_reductions(rows, "var", MICA_TEST_FUNCTION(var), variance);
  add_reductions(rows, "std", MICA_TEST_FUNCTION(mica::std),
                 [](const Line& x) { return std::sqrt(variance(x)); });
  add_reductions(rows, "logsumexp", MICA_TEST_FUNCTION(logsumexp), log_sum_exp);
  add_reductions(rows, "median", MICA_TEST_FUNCTION(median), middle);
  add_reductions(
      rows, "all", MICA_TEST_FUNCTION(all),
      [](const Line& x) { return std::count(x.begin(), x.end(), 0.0) == 0; }, logical);
  add_reductions(
      rows, "any", MICA_TEST_FUNCTION(any),
      [](const Line& x) {
        return static_cast<size_t>(std::count(x.begin(), x.end(), 0.0)) < x.size();
      },
      logical);
  return rows;
}

#undef MICA_TEST_FUNCTION

// A function along one axis: of the last, of a middle one.
template <class F>
void add_along(std::vector<OpRow>& rows, const std::string& name, F&& fun,
               const std::function<Line(const Line&)>& reference, const Traits& traits = {}) {
  for (int axis : {-1, 1, 0}) {
    OpRow row{name + (axis < 0    ? "_last"
                      : axis == 0 ? "_first"
                                  : "_middle"),
              [fun, axis](const Arrays& in) { return Arrays{fun(in[0], axis)}; },
              {{{{2, 3, 4}, traits.domain}},
               {{{1, 5, 1}, traits.domain}},
               {{traits.large, traits.domain}}},
              [=](const std::vector<Tensor>& in) {
                return std::vector<Tensor>{along(in[0], axis, reference)};
              }};
    row.dtypes = traits.dtypes;
    row.derivatives = traits.derivatives;
    row.second_order = traits.second_order;
    row.tolerance = 20;
    rows.push_back(std::move(row));
  }
}

Line running(Line x, bool reverse, bool inclusive, double neutral,
             const std::function<double(double, double)>& combine) {
  if (reverse) std::reverse(x.begin(), x.end());
  Line out;
  double state = neutral;
  for (double v : x) {
    const double next = combine(state, v);
    out.push_back(inclusive ? next : state);
    state = next;
  }
  if (reverse) std::reverse(out.begin(), out.end());
  return out;
}

// Every direction; exclusive ones but where their first element is infinite.
template <class F>
void add_scans(std::vector<OpRow>& rows, const std::string& name, F&& fun, double neutral,
               const std::function<double(double, double)>& combine, const Traits& traits = {}) {
  for (bool reverse : {false, true}) {
    for (bool inclusive : {true, false}) {
      if (!inclusive && std::isinf(neutral)) continue;
      add_along(
          rows, name + (reverse ? "_reverse" : "") + (inclusive ? "" : "_exclusive"),
          [=](const array& x, int axis) { return fun(x, axis, reverse, inclusive); },
          [=](const Line& x) { return running(x, reverse, inclusive, neutral, combine); }, traits);
    }
  }
}

std::vector<OpRow> all_scans() {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<OpRow> rows;
  const Traits wide{.dtypes = {float32, float64}};
  const Traits ordered{.large = {3, 7, 9}};
  const Traits near_one{.dtypes = {float32, float64}, .domain = {0.9, 1.1}};
  add_scans(
      rows, "cumsum",
      [](const array& x, int axis, bool r, bool i) { return cumsum(x, axis, r, i); }, 0,
      std::plus<double>(), wide);
  add_scans(
      rows, "cumprod",
      [](const array& x, int axis, bool r, bool i) { return cumprod(x, axis, r, i); }, 1,
      std::multiplies<double>(), near_one);
  add_scans(
      rows, "cummax",
      [](const array& x, int axis, bool r, bool i) { return cummax(x, axis, r, i); }, -infinity,
      [](double a, double b) { return std::max(a, b); }, ordered);
  add_scans(
      rows, "cummin",
      [](const array& x, int axis, bool r, bool i) { return cummin(x, axis, r, i); }, infinity,
      [](double a, double b) { return std::min(a, b); }, ordered);
  Traits logs = wide;
  logs.second_order = false;
  add_scans(
      rows, "logcumsumexp",
      [](const array& x, int axis, bool r, bool i) { return logcumsumexp(x, axis, r, i); },
      -infinity, [](double a, double b) { return std::log(std::exp(a) + std::exp(b)); }, logs);
  return rows;
}

Line softmaxed(Line x) {
  const double sum = std::exp(log_sum_exp(x));
  for (double& v : x) v = std::exp(v) / sum;
  return x;
}

Line sorted(Line x) {
  std::sort(x.begin(), x.end());
  return x;
}

Line sorting_positions(const Line& x) {
  Line positions(x.size());
  std::iota(positions.begin(), positions.end(), 0.0);
  std::stable_sort(positions.begin(), positions.end(), [&](double a, double b) {
    return x[static_cast<size_t>(a)] < x[static_cast<size_t>(b)];
  });
  return positions;
}

}  // namespace

std::vector<OpRow> reduction_rows() {
  std::vector<OpRow> rows = all_reductions();
  for (OpRow& row : all_scans()) rows.push_back(std::move(row));
  const Traits ordered{.large = {3, 7, 9}};
  add_along(
      rows, "softmax", [](const array& x, int axis) { return softmax(x, axis); }, softmaxed);
  add_along(
      rows, "sort", [](const array& x, int axis) { return sort(x, axis); }, sorted, ordered);
  add_along(
      rows, "topk", [](const array& x, int axis) { return topk(x, 1, axis); },
      [](const Line& x) { return Line{largest(x)}; }, ordered);
  const Traits positions{.dtypes = {float32, float64}, .derivatives = std::nullopt};
  add_along(
      rows, "argsort", [](const array& x, int axis) { return argsort(x, axis); }, sorting_positions,
      positions);
  add_along(
      rows, "argmax", [](const array& x, int axis) { return argmax(x, axis, true); },
      [](const Line& x) { return Line{position_of_largest(x)}; }, positions);
  add_along(
      rows, "argmin", [](const array& x, int axis) { return argmin(x, axis, true); },
      [](const Line& x) { return Line{position_of_smallest(x)}; }, positions);
  return rows;
}

}  // namespace mica::testing
