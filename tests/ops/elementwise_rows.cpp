// Rows of the elementwise ops.
#include <cmath>

#include "mica/ops/ops.h"
#include "tests/ops/all_rows.h"

namespace mica::testing {
namespace {

using Unary = array (*)(const array&, StreamOrDevice);
using Binary = array (*)(const array&, const array&, StreamOrDevice);

const std::vector<Dtype> with_integers = {float32, float64, float16, bfloat16, int32, uint8, int64};
const std::vector<Dtype> only_integers = {int32, uint8, int16, uint64, int64};
const std::vector<Dtype> wide_floats = {float32, float64};
const std::vector<Dtype> all_kinds = {float32, float16, int8, uint32, int64, bool_, complex64};

OpRow unary(const char* name, Unary fun, std::function<double(double)> reference,
            Domain domain = {}, RowOptions options = {}) {
  return unary_row(
      name, [fun](const array& x) { return fun(x, {}); }, std::move(reference), domain,
      std::move(options));
}

OpRow binary(const char* name, Binary fun, std::function<double(double, double)> reference,
             Domain a = {}, Domain b = {}, RowOptions options = {}) {
  return binary_row(
      name, [fun](const array& x, const array& y) { return fun(x, y, {}); }, std::move(reference),
      a, b, std::move(options));
}

// Results of float16 and bfloat16 that jump where their operands round are not compared.
RowOptions without_halves() { return {.dtypes = wide_floats}; }

RowOptions without_derivatives(std::vector<Dtype> dtypes) {
  return {.dtypes = std::move(dtypes), .derivatives = std::nullopt};
}

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

double modulo(double a, double b) { return a - b * std::floor(a / b); }

double inverse_erf(double y) {
  double x = 0;
  for (int i = 0; i < 100; ++i) x -= (std::erf(x) - y) / (M_2_SQRTPI * std::exp(-x * x));
  return x;
}

std::vector<OpRow> unary_rows() {
  const Domain off_zero{-2, 2, 0.1}, positive{0.1, 4}, unit{-0.9, 0.9}, shifts{1.1, 4};
  return {
      unary("abs", abs, [](double x) { return std::abs(x); }, off_zero, {.dtypes = with_integers}),
      unary("negative", negative, [](double x) { return -x; }, {}, {.dtypes = {float32, int32}}),
      unary("positive", mica::positive, [](double x) { return x; }),
      unary("sign", sign, sign_of, off_zero, {.dtypes = with_integers}),
      unary("ceil", ceil, [](double x) { return std::ceil(x); }, {}, {.dtypes = with_integers}),
      unary("floor", floor, [](double x) { return std::floor(x); }, {}, {.dtypes = with_integers}),
      unary("trunc", trunc, [](double x) { return std::trunc(x); }, {}, {.dtypes = with_integers}),
      unary("round", round, [](double x) { return std::nearbyint(x); }, {-4, 4},
            {.dtypes = with_integers}),
      unary(
          "sqrt", sqrt, [](double x) { return std::sqrt(x); }, positive),
      unary(
          "rsqrt", rsqrt, [](double x) { return 1 / std::sqrt(x); }, positive),
      unary("square", square, [](double x) { return x * x; }, {}, {.dtypes = with_integers}),
      unary("reciprocal", reciprocal, [](double x) { return 1 / x; }, {-2, 2, 0.3}),
      unary("exp", exp, [](double x) { return std::exp(x); }),
      unary("expm1", expm1, [](double x) { return std::expm1(x); }),
      unary(
          "log", log, [](double x) { return std::log(x); }, positive),
      unary(
          "log2", log2, [](double x) { return std::log2(x); }, positive),
      unary(
          "log10", log10, [](double x) { return std::log10(x); }, positive),
      unary("log1p", log1p, [](double x) { return std::log1p(x); }, {-0.8, 4}),
      unary("sin", sin, [](double x) { return std::sin(x); }, {-4, 4}),
      unary("cos", cos, [](double x) { return std::cos(x); }, {-4, 4}),
      unary("tan", tan, [](double x) { return std::tan(x); }, {-1.2, 1.2}),
      unary(
          "arcsin", arcsin, [](double x) { return std::asin(x); }, unit),
      unary(
          "arccos", arccos, [](double x) { return std::acos(x); }, unit),
      unary("arctan", arctan, [](double x) { return std::atan(x); }),
      unary("sinh", sinh, [](double x) { return std::sinh(x); }),
      unary("cosh", cosh, [](double x) { return std::cosh(x); }),
      unary("tanh", tanh, [](double x) { return std::tanh(x); }),
      unary("arcsinh", arcsinh, [](double x) { return std::asinh(x); }),
      unary("arccosh", arccosh, [](double x) { return std::acosh(x); }, shifts, {.tolerance = 10}),
      unary(
          "arctanh", arctanh, [](double x) { return std::atanh(x); }, unit),
      unary("sigmoid", sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }),
      unary("erf", erf, [](double x) { return std::erf(x); }),
      unary("erfinv", erfinv, inverse_erf, unit),
      unary("degrees", degrees, [](double x) { return x * 180 / M_PI; }),
      unary("radians", radians, [](double x) { return x * M_PI / 180; }),
      unary("real", real, [](double x) { return x; }, {}, {.dtypes = {complex64, float32}}),
      unary("imag", imag, [](double) { return 0; }, {}, {.dtypes = {complex64, float32}}),
      unary("conjugate", conjugate, [](double x) { return x; }, {},
            {.dtypes = {complex64, float32}}),
      unary(
          "logical_not", logical_not, [](double x) { return x == 0; }, {},
          without_derivatives(all_kinds)),
      unary(
          "bitwise_invert", bitwise_invert, [](double x) { return -x - 1; }, {-9, 9},
          without_derivatives({int32, int8, int64})),
      unary(
          "isfinite", isfinite, [](double) { return 1; }, {}, without_derivatives(all_kinds)),
      unary_row(
          "astype", [](const array& x) { return astype(x, float64); }, [](double x) { return x; },
          {}, {.dtypes = all_kinds, .derivatives = float32, .second_order = false}),
      unary_row(
          "clip", [](const array& x) { return clip(x, array(-1), array(0.5f)); },
          [](double x) { return std::min(std::max(x, -1.0), 0.5); }, {-2, 2},
          {.dtypes = {float32, float64, float16}}),
      unary_row(
          "round_to_decimals", [](const array& x) { return round(x, 1); },
          [](double x) { return std::nearbyint(x * 10) / 10; }, {}, without_halves()),
      unary_row(
          "nan_to_num", [](const array& x) { return nan_to_num(log(x), 7.0f); },
          [](double x) { return x < 0 ? 7 : std::log(x); }, off_zero,
          {.dtypes = wide_floats, .derivatives = std::nullopt}),
  };
}

std::vector<OpRow> binary_rows() {
  const Domain off_zero{-2, 2, 0.3}, positive{0.2, 3}, small{0, 5};
  std::vector<Dtype> signed_dtypes = {float32, float64, float16, bfloat16, int32, int64};
  const RowOptions arithmetic{.dtypes = with_integers}, signed_only{.dtypes = signed_dtypes};
  const RowOptions truth = without_derivatives(all_kinds);
  const RowOptions bits = without_derivatives(only_integers);
  const auto compare = [&](const char* name, Binary fun, auto reference) {
    return binary(name, fun, reference, {}, {}, without_derivatives(with_integers));
  };
  return {
      binary(
          "add", add, [](double a, double b) { return a + b; }, {}, {}, arithmetic),
      binary(
          "subtract", subtract, [](double a, double b) { return a - b; }, {}, {}, signed_only),
      binary(
          "multiply", multiply, [](double a, double b) { return a * b; }, {}, {}, arithmetic),
      binary(
          "divide", divide, [](double a, double b) { return a / b; }, {}, off_zero),
      binary("floor_divide", floor_divide, [](double a, double b) { return std::floor(a / b); },
             {-9, 9}, {1, 4}, {.dtypes = {float32, float64, int32, int8}}),
      binary("remainder", remainder, modulo, {-9, 9}, {1, 4},
             {.dtypes = {float32, float64, int32, int8, uint16}}),
      binary(
          "maximum", maximum, [](double a, double b) { return std::max(a, b); }, {}, {},
          arithmetic),
      binary(
          "minimum", minimum, [](double a, double b) { return std::min(a, b); }, {}, {},
          arithmetic),
      binary("power", power, [](double a, double b) { return std::pow(a, b); }, positive, {-2, 2}),
      binary(
          "integer_power", power, [](double a, double b) { return std::pow(a, b); }, {-3, 3}, small,
          without_derivatives({int32, int64, uint32})),
      binary(
          "arctan2", arctan2, [](double a, double b) { return std::atan2(a, b); }, off_zero,
          off_zero),
      binary("logaddexp", logaddexp,
             [](double a, double b) { return std::log(std::exp(a) + std::exp(b)); }),
      binary(
          "logical_and", logical_and, [](double a, double b) { return a != 0 && b != 0; }, {}, {},
          truth),
      binary(
          "logical_or", logical_or, [](double a, double b) { return a != 0 || b != 0; }, {}, {},
          truth),
      binary(
          "logical_xor", logical_xor, [](double a, double b) { return (a != 0) != (b != 0); }, {},
          {}, truth),
      binary(
          "bitwise_and", bitwise_and, [](double a, double b) { return int64_t(a) & int64_t(b); },
          {0, 99}, {0, 99}, bits),
      binary(
          "bitwise_or", bitwise_or, [](double a, double b) { return int64_t(a) | int64_t(b); },
          {0, 99}, {0, 99}, bits),
      binary(
          "bitwise_xor", bitwise_xor, [](double a, double b) { return int64_t(a) ^ int64_t(b); },
          {0, 99}, {0, 99}, bits),
      binary(
          "left_shift", left_shift, [](double a, double b) { return a * std::exp2(b); }, small,
          small, bits),
      binary(
          "right_shift", right_shift,
          [](double a, double b) { return std::floor(a / std::exp2(b)); }, {0, 99}, small, bits),
      compare("equal", equal, [](double a, double b) { return a == b; }),
      compare("not_equal", not_equal, [](double a, double b) { return a != b; }),
      compare("greater", greater, [](double a, double b) { return a > b; }),
      compare("greater_equal", greater_equal, [](double a, double b) { return a >= b; }),
      compare("less", less, [](double a, double b) { return a < b; }),
      compare("less_equal", less_equal, [](double a, double b) { return a <= b; }),
      binary_row(
          "isclose", [](const array& a, const array& b) { return isclose(a, b, 0.1, 0.2, true); },
          [](double a, double b) { return std::abs(a - b) <= 0.2 + 0.1 * std::abs(b); }, {}, {},
          without_derivatives(wide_floats)),
  };
}

OpRow where_row() {
  OpRow row{"where", [](const Arrays& x) { return Arrays{where(x[0], x[1], x[2])}; }, {}};
  const auto condition = [](Shape shape) { return Operand{std::move(shape), {}, bool_, false}; };
  for (const Shape& shape : usual_shapes())
    row.cases.push_back({condition(shape), {shape}, {shape}});
  row.cases.push_back({condition({3, 1}), {{5}}, {{}}});
  row.dtypes = {float32, float16, int8, complex64};
  return row;
}

OpRow nan_equal_row() {
  OpRow row{"array_equal_with_nan",
            [](const Arrays& x) { return Arrays{array_equal(x[0], x[1], true)}; },
            {{{{2}, {}, {}, true, {NAN, 1}}, {{2}, {}, {}, true, {NAN, 1}}},
             {{{2}, {}, {}, true, {NAN, 1}}, {{2}, {}, {}, true, {1, 1}}}}};
  row.reference = [](const std::vector<Tensor>& x) {
    return std::vector<Tensor>{{{}, {std::isnan(x[1].data[0]) ? 1.0 : 0.0}}};
  };
  row.derivatives = std::nullopt;
  return row;
}

}  // namespace

std::vector<OpRow> elementwise_rows() {
  std::vector<OpRow> rows = unary_rows();
  for (OpRow& row : binary_rows()) rows.push_back(std::move(row));
  rows.push_back(where_row());
  rows.push_back(nan_equal_row());
  return rows;
}

}  // namespace mica::testing
