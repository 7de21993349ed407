// Rows of the ops that make and move elements: views, slices, joins. Their values are tested in the
// tests of each.
#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"

namespace mica::testing {

namespace {

using Function = std::function<Arrays(const Arrays&)>;

OpRow row(std::string name, Function fun, std::vector<std::vector<Operand>> cases) {
  OpRow row{std::move(name), std::move(fun), std::move(cases)};
  row.dtypes = {float32};
  row.second_order = false;  // linear
  return row;
}

OpRow unary(std::string name, array (*fun)(const array&), std::vector<Shape> shapes) {
  std::vector<std::vector<Operand>> cases;
  for (const Shape& shape : shapes) cases.push_back({{shape}});
  return row(
      std::move(name), [fun](const Arrays& x) { return Arrays{fun(x[0])}; }, std::move(cases));
}

Operand start(std::vector<double> values) {
  const auto size = static_cast<ShapeElem>(values.size());
  return {{size}, {}, int32, false, std::move(values)};
}

std::vector<OpRow> view_rows() {
  OpRow constant =
      unary("stop_gradient", [](const array& x) { return stop_gradient(x); }, {{}, {2, 3}});
  constant.derivatives = std::nullopt;  // zero, unlike differences
  OpRow counted = row("arange", [](const Arrays&) { return Arrays{arange(7)}; }, {{}});
  counted.derivatives = std::nullopt;
  counted.vmap = false;  // no operands
  return {
      unary(
          "reshape", [](const array& x) { return reshape(x, {-1}); }, usual_shapes()),
      unary("reshape_copies",
            [](const array& x) {
              return reshape(transpose(x), {2, 15});
            },
            {{5, 6}, {2, 3, 5}}),
      unary(
          "transpose", [](const array& x) { return transpose(x); }, usual_shapes()),
      unary("moveaxis", [](const array& x) { return moveaxis(x, 0, -1); }, {{2, 3, 5}, {0, 3}}),
      unary("broadcast_to",
            [](const array& x) {
              return broadcast_to(x, {2, 3, 5});
            },
            {{}, {5}, {3, 1}, {2, 1, 5}}),
      unary("as_strided",
            [](const array& x) {
              return as_strided(x, {3, 2}, {-1, 2}, 3);
            },
            {{9}, {2, 4}}),
      unary("contiguous", [](const array& x) { return contiguous(transpose(x)); },
            {{2, 3}, {0, 3}}),
      unary("contiguous_columns", [](const array& x) { return contiguous(transpose(x), true); },
            {{2, 3}}),
      unary(
          "copy", [](const array& x) { return copy(x); }, usual_shapes()),
      row("depends",
          [](const Arrays& x) {
            return depends({x[0], x[1]}, {x[2]});
          },
          {{{{2, 3}}, {{4}}, {{5}}}}),
      constant,
      counted,
  };
}

std::vector<OpRow> slice_rows() {
  return {
      unary("slice",
            [](const array& x) {
              return slice(x, {1, 4}, {4, -6}, {2, -3});
            },
            {{4, 5}, {7, 5}}),
      unary(
          "flip", [](const array& x) { return flip(x); }, usual_shapes()),
      row("dynamic_slice",
          [](const Arrays& x) {
            return Arrays{slice(x[0], x[1], {1, 0}, {2, 3})};
          },
          {{{{4, 5}}, start({2, 1})}, {{{2, 3}}, start({9, -9})}}),
      row("slice_update",
          [](const Arrays& x) {
            return Arrays{slice_update(x[0], x[1], Shape{0, 1}, Shape{2, 5}, Shape{1, 2})};
          },
          {{{{2, 5}}, {{2, 2}}}, {{{3, 5}}, {{1, 2}}}}),
      row("slice_update_add",
          [](const Arrays& x) {
            return Arrays{slice_update_add(x[0], x[1], Shape{1, 0}, Shape{3, 2})};
          },
          {{{{3, 4}}, {{2, 2}}}}),
      row("dynamic_slice_update",
          [](const Arrays& x) { return Arrays{slice_update(x[0], x[1], x[2], {1})}; },
          {{{{4, 5}}, {{4, 2}}, start({2})}, {{{2, 5}}, {{1, 5}}, start({9})}}),
      row("split",
          [](const Arrays& x) {
            return split(x[0], Shape{1, 3}, -1);
          },
          {{{{2, 5}}}, {{{4}}}}),
  };
}

// Updates that are not linear.
std::vector<OpRow> combining_rows() {
  using Update = array (*)(const array&, const array&, Shape, Shape, StreamOrDevice);
  const std::pair<const char*, Update> updates[] = {{"slice_update_prod", slice_update_prod},
                                                    {"slice_update_max", slice_update_max},
                                                    {"slice_update_min", slice_update_min}};
  std::vector<OpRow> rows;
  for (const auto& [name, update] : updates) {
    rows.push_back(row(name,
                       [update = update](const Arrays& x) {
                         return Arrays{update(x[0], x[1], Shape{0, 1}, Shape{2, 3}, {})};
                       },
                       {{{{2, 4}}, {{2, 2}}}}));
    rows.back().second_order = true;
  }
  return rows;
}

std::vector<OpRow> join_rows() {
  return {
      row("concatenate", [](const Arrays& x) { return Arrays{concatenate(x, 1)}; },
          {{{{2, 3}}, {{2, 1}}}, {{{2, 0}}, {{2, 4}}, {{2, 2}}}}),
      row("stack", [](const Arrays& x) { return Arrays{stack(x, -1)}; },
          {{{{2, 3}}, {{2, 3}}}, {{{}}, {{}}}}),
      row("pad",
          [](const Arrays& x) {
            return Arrays{pad(x[0], {{1, 0}, {0, 2}}, array(1))};
          },
          {{{{2, 3}}}, {{{0, 3}}}}),
      row("pad_reflect",
          [](const Arrays& x) {
            return Arrays{pad(x[0], {{1, 4}, {0, 2}}, array(0), "reflect")};
          },
          {{{{2, 3}}}}),
      row("roll", [](const Arrays& x) { return Arrays{roll(x[0], 2, 1)}; }, {{{{2, 3}}}}),
      row("tile",
          [](const Arrays& x) {
            return Arrays{tile(x[0], {2, 1, 3})};
          },
          {{{{2, 3}}}}),
      row("diagonal", [](const Arrays& x) { return Arrays{diagonal(x[0], 1, 0, 2)}; },
          {{{{3, 2, 4}}}}),
      row("diag", [](const Arrays& x) { return Arrays{diag(x[0], -2)}; }, {{{{3}}}}),
      row("tril", [](const Arrays& x) { return Arrays{tril(x[0], -1)}; }, {{{{2, 3, 4}}}}),
  };
}

}  // namespace

std::vector<OpRow> moving_rows() {
  std::vector<OpRow> rows;
  for (auto* family : {view_rows, slice_rows, combining_rows, join_rows}) {
    for (OpRow& one : family()) rows.push_back(std::move(one));
  }
  return rows;
}

}  // namespace mica::testing
