// Misuses of functions of elements, and of functions along axes.
#include "tests/ops/golden/cases.h"
#include "tests/ops/golden/refusals.h"

namespace mica::golden {
namespace {

using Axes = std::vector<int>;

template <class F>
struct Named {
  const char* name;
  F call;
};

constexpr Named<array (*)(const array&, StreamOrDevice)> real_functions[] = {
    {"ceil", ceil},       {"floor", floor}, {"trunc", trunc},   {"expm1", expm1},
    {"sigmoid", sigmoid}, {"erf", erf},     {"erfinv", erfinv},
};

constexpr Named<array (*)(const array&, const array&, StreamOrDevice)> integer_functions[] = {
    {"bitwise_and", bitwise_and}, {"bitwise_or", bitwise_or},   {"bitwise_xor", bitwise_xor},
    {"left_shift", left_shift},   {"right_shift", right_shift},
};

constexpr Named<array (*)(const array&, const array&, StreamOrDevice)> binary_functions[] = {
    {"add", add},
    {"subtract", subtract},
    {"multiply", multiply},
    {"divide", divide},
    {"floor_divide", floor_divide},
    {"remainder", remainder},
    {"maximum", maximum},
    {"minimum", minimum},
    {"power", power},
    {"arctan2", arctan2},
    {"logaddexp", logaddexp},
    {"logical_and", logical_and},
    {"logical_or", logical_or},
    {"logical_xor", logical_xor},
    {"equal", equal},
    {"not_equal", not_equal},
    {"greater", greater},
    {"greater_equal", greater_equal},
    {"less", less},
    {"less_equal", less_equal},
};

constexpr Named<Outputs (*)(const array&, int)> axis_functions[] = {
    {"all", [](const array& x, int axis) -> Outputs { return all(x, axis); }},
    {"any", [](const array& x, int axis) -> Outputs { return any(x, axis); }},
    {"sum", [](const array& x, int axis) -> Outputs { return sum(x, axis); }},
    {"mean", [](const array& x, int axis) -> Outputs { return mean(x, axis); }},
    {"prod", [](const array& x, int axis) -> Outputs { return prod(x, axis); }},
    {"max", [](const array& x, int axis) -> Outputs { return max(x, axis); }},
    {"min", [](const array& x, int axis) -> Outputs { return min(x, axis); }},
    {"logsumexp", [](const array& x, int axis) -> Outputs { return logsumexp(x, axis); }},
    {"var", [](const array& x, int axis) -> Outputs { return var(x, axis); }},
    {"std", [](const array& x, int axis) -> Outputs { return mica::std(x, axis); }},
    {"minmax", [](const array& x, int axis) -> Outputs { return minmax(x, axis); }},
    {"median", [](const array& x, int axis) -> Outputs { return median(x, axis); }},
    {"argmin", [](const array& x, int axis) -> Outputs { return argmin(x, axis); }},
    {"argmax", [](const array& x, int axis) -> Outputs { return argmax(x, axis); }},
    {"softmax", [](const array& x, int axis) -> Outputs { return softmax(x, axis); }},
    {"cumsum", [](const array& x, int axis) -> Outputs { return cumsum(x, axis); }},
    {"cumprod", [](const array& x, int axis) -> Outputs { return cumprod(x, axis); }},
    {"cummax", [](const array& x, int axis) -> Outputs { return cummax(x, axis); }},
    {"cummin", [](const array& x, int axis) -> Outputs { return cummin(x, axis); }},
    {"logcumsumexp", [](const array& x, int axis) -> Outputs { return logcumsumexp(x, axis); }},
    {"sort", [](const array& x, int axis) -> Outputs { return sort(x, axis); }},
    {"argsort", [](const array& x, int axis) -> Outputs { return argsort(x, axis); }},
};

constexpr Named<Outputs (*)(const array&, const Axes&)> axes_functions[] = {
    {"all", [](const array& x, const Axes& axes) -> Outputs { return all(x, axes); }},
    {"any", [](const array& x, const Axes& axes) -> Outputs { return any(x, axes); }},
    {"sum", [](const array& x, const Axes& axes) -> Outputs { return sum(x, axes); }},
    {"mean", [](const array& x, const Axes& axes) -> Outputs { return mean(x, axes); }},
    {"prod", [](const array& x, const Axes& axes) -> Outputs { return prod(x, axes); }},
    {"max", [](const array& x, const Axes& axes) -> Outputs { return max(x, axes); }},
    {"min", [](const array& x, const Axes& axes) -> Outputs { return min(x, axes); }},
    {"logsumexp", [](const array& x, const Axes& axes) -> Outputs { return logsumexp(x, axes); }},
    {"var", [](const array& x, const Axes& axes) -> Outputs { return var(x, axes); }},
    {"std", [](const array& x, const Axes& axes) -> Outputs { return mica::std(x, axes); }},
    {"minmax", [](const array& x, const Axes& axes) -> Outputs { return minmax(x, axes); }},
    {"median", [](const array& x, const Axes& axes) -> Outputs { return median(x, axes); }},
};

constexpr Refusal functions[] = {
    {"where: expected shapes that broadcast together, got (2,) and (2, 3, 4)",
     [] { where(ones({2}), a, s); }},
    {"where: expected shapes that broadcast together, got (2, 3, 4) and (3,)",
     [] { where(s, a, ones({3})); }},
    {"clip: expected a_min, a_max or both, got neither", [] { clip(a); }},
    {"clip: expected shapes that broadcast together, got (2, 3, 4) and (3,)",
     [] { clip(a, ones({3})); }},
    {"isclose: expected shapes that broadcast together, got (2, 3, 4) and (3,)",
     [] { isclose(a, ones({3})); }},
    {"isclose: expected shapes that broadcast together, got (2, 3, 4) and (3,)",
     [] { allclose(a, ones({3})); }},
    {"negative: expected numbers, got bool", [] { negative(b); }},
    {"bitwise_invert: expected integers or bools, got float32", [] { bitwise_invert(a); }},
    {"nan_to_num: expected real numbers, got complex64", [] { nan_to_num(c); }},
    {"remainder: expected real numbers, got complex64", [] { remainder(c, c); }},
    {"arctan2: expected real numbers, got complex64", [] { arctan2(c, c); }},
    {"divmod: expected real numbers, got complex64", [] { divmod(c, c); }},
    {"max: expected a non-empty axis 0, got a of shape (0, 3)", [] { max(e); }},
    {"max: expected a non-empty axis 0, got a of shape (0, 3)", [] { max(e, 0); }},
    {"min: expected a non-empty axis 0, got a of shape (0, 3)", [] { min(e); }},
    {"min: expected a non-empty axis 0, got a of shape (0, 3)", [] { min(e, 0); }},
    {"logsumexp: expected a non-empty a, got shape (0, 3)", [] { logsumexp(e); }},
    {"logsumexp: expected a non-empty a, got shape (0, 3)", [] { logsumexp(e, 0); }},
    {"min: expected a non-empty axis 0, got a of shape (0, 3)", [] { minmax(e); }},
    {"min: expected a non-empty axis 0, got a of shape (0, 3)", [] { minmax(e, 0); }},
    {"median: expected non-empty axes, got a of shape (0, 3)", [] { median(e); }},
    {"median: expected non-empty axes, got a of shape (0, 3)", [] { median(e, 0); }},
    {"argmin: expected a non-empty a, got shape (0,)", [] { argmin(e); }},
    {"argmin: expected a non-empty a, got shape (0, 3)", [] { argmin(e, 0); }},
    {"argmax: expected a non-empty a, got shape (0,)", [] { argmax(e); }},
    {"argmax: expected a non-empty a, got shape (0, 3)", [] { argmax(e, 0); }},
    {"sum: expected axis in [-3, 3), got 3", [] { count_nonzero(a, 3); }},
    {"sum: expected each axis once, got axis 0 twice",
     [] {
       count_nonzero(a, std::vector<int>{0, -3});
     }},
    {"softmax: expected each axis once, got axis 0 twice",
     [] {
       softmax(a, std::vector<int>{0, 0});
     }},
    {"partition: expected axis in [-3, 3), got 3", [] { partition(a, 1, 3); }},
    {"partition: expected kth in [-4, 4) along axis 2, got 4", [] { partition(a, 4, 2); }},
    {"partition: expected kth in [-4, 4) along axis 2, got -5", [] { partition(a, -5, 2); }},
    {"partition: expected kth in [-24, 24) along axis 0, got 24", [] { partition(a, 24); }},
    {"partition: expected an array with axes, got axis 0 of a scalar", [] { partition(s, 0, 0); }},
    {"argpartition: expected axis in [-3, 3), got 3", [] { argpartition(a, 1, 3); }},
    {"argpartition: expected kth in [-4, 4) along axis 2, got 4", [] { argpartition(a, 4, 2); }},
    {"argpartition: expected kth in [-4, 4) along axis 2, got -5", [] { argpartition(a, -5, 2); }},
    {"argpartition: expected kth in [-24, 24) along axis 0, got 24", [] { argpartition(a, 24); }},
    {"argpartition: expected an array with axes, got axis 0 of a scalar",
     [] { argpartition(s, 0, 0); }},
    {"topk: expected axis in [-3, 3), got 3", [] { topk(a, 1, 3); }},
    {"topk: expected k in [0, 4] along axis 2, got 5", [] { topk(a, 5, 2); }},
    {"topk: expected k in [0, 4] along axis 2, got -1", [] { topk(a, -1, 2); }},
    {"topk: expected k in [0, 24] along axis 0, got 25", [] { topk(a, 25); }},
};

TEST(Refusals, Functions) { expect_refusals(functions); }

TEST(Refusals, Dtypes) {
  for (const auto& [name, call] : real_functions) {
    expect_refusal(std::string(name) + ": expected real numbers, got complex64",
                   [call = call] { call(c, {}); });
  }
  for (const auto& [name, call] : integer_functions) {
    const std::string op(name);
    expect_refusal(op + ": expected integers or bools, got float32",
                   [call = call] { call(a, a, {}); });
    expect_refusal(op + ": expected integers or bools, got complex64",
                   [call = call] { call(c, i, {}); });
    expect_refusal(op + ": expected shapes that broadcast together, got (2, 3) and (2,)",
                   [call = call] {
                     call(zeros({2, 3}, int32), i, {});
                   });
  }
}

TEST(Refusals, ShapesThatDoNotBroadcast) {
  for (const auto& [name, call] : binary_functions) {
    expect_refusal(
        std::string(name) + ": expected shapes that broadcast together, got (2, 3, 4) and (3,)",
        [call = call] { call(a, ones({3}), {}); });
  }
}

TEST(Refusals, AxisOutside) {
  for (const auto& [name, call] : axis_functions) {
    const std::string op(name);
    expect_refusal(op + ": expected axis in [-3, 3), got 3", [call = call] { call(a, 3); });
    expect_refusal(op + ": expected axis in [-3, 3), got -4", [call = call] { call(a, -4); });
    const bool by_shape = op == "logsumexp" || op == "softmax";
    expect_refusal(op + (by_shape ? ": expected no axes for a of shape (), got axis 0"
                                  : ": expected an array with axes, got axis 0 of a scalar"),
                   [call = call] { call(s, 0); });
  }
}

TEST(Refusals, AxisTwice) {
  for (const auto& [name, call] : axes_functions) {
    const std::string error = std::string(name) + ": expected each axis once, got axis 1 twice";
    expect_refusal(error, [call = call] { call(a, {1, 1}); });
    expect_refusal(error, [call = call] { call(a, {1, -2}); });
  }
}

}  // namespace
}  // namespace mica::golden
