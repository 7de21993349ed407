// One row of an op drives all of its tests: the forward pass against a reference in double
// precision, vjp against central differences, jvp against vjp, vmap against a loop; over dtypes,
// shapes and strided inputs. To test an op, add a row to a function of all_rows.h.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mica/array/array.h"

namespace mica::testing {

using Arrays = std::vector<array>;

// Where the elements of an operand lie. Integers are rounded; unsigned ones are not negative; truth
// values are drawn evenly.
struct Domain {
  double low = -2;
  double high = 2;
  double gap = 0;  // least distance from 0
};

struct Operand {
  Shape shape;
  Domain domain = {};
  std::optional<Dtype> dtype = {};  // where it is not one of the row's
  bool differentiable = true;       // false for indices, conditions, ...
  std::vector<double> values = {};  // in place of random ones
};

// Elements in row-major order.
struct Tensor {
  Shape shape;
  std::vector<double> data;
};
using Reference = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

struct OpRow {
  std::string name;  // letters, digits and underscores
  std::function<Arrays(const Arrays&)> fun;
  std::vector<std::vector<Operand>> cases;  // the operands of a call each
  Reference reference = {};                 // none: the forward pass is tested elsewhere
  std::vector<Dtype> dtypes = {float32, float64, float16, bfloat16};
  // The dtype in which derivatives are tested; none where there are none to test.
  std::optional<Dtype> derivatives = float64;
  bool second_order = true;
  bool vmap = true;
  double tolerance = 1;  // a factor for all tolerances, as for sums of many elements
};

// Shapes for operands of one shape: (), (0), odd, with leading ones, large.
std::vector<Shape> usual_shapes();
// Pairs of shapes that broadcast.
std::vector<std::pair<Shape, Shape>> usual_shape_pairs();

struct RowOptions {
  std::vector<Dtype> dtypes = {float32, float64, float16, bfloat16};
  std::optional<Dtype> derivatives = float64;
  bool second_order = true;
  double tolerance = 1;
};
// Rows of elementwise functions.
OpRow unary_row(std::string name, std::function<array(const array&)> fun,
                std::function<double(double)> reference, Domain domain = {},
                RowOptions options = {});
OpRow binary_row(std::string name, std::function<array(const array&, const array&)> fun,
                 std::function<double(double, double)> reference, Domain a = {}, Domain b = {},
                 RowOptions options = {});

// The checks, each a set of GoogleTest expectations.
void check_forward(const OpRow& row);
void check_strided(const OpRow& row);
void check_vjp(const OpRow& row);
void check_jvp(const OpRow& row);
void check_second_order(const OpRow& row);
void check_vmap(const OpRow& row);

// Elements in double precision; those of a complex array are its real parts.
Tensor to_tensor(const array& a);
// Compares shapes and elements: |got - want| <= tolerance (1 + |want|), where the tolerance is that
// of got's dtype times the factor; equal NaN and infinities agree. Reports the first elements that
// differ and the largest error.
void expect_close(const array& got, const Tensor& want, const std::string& what, double factor = 1);
void expect_close(const array& got, const array& want, const std::string& what, double factor = 1);

}  // namespace mica::testing
