#include "tests/ops/op_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "mica/utils.h"

namespace mica::testing {
namespace {

using Random = std::mt19937_64;
using Doubles = std::vector<double>;

bool is_floating(Dtype dtype) { return issubdtype(dtype, inexact); }

size_t count_of(const Shape& shape) {
  size_t count = 1;
  for (int d : shape) count *= static_cast<size_t>(d);
  return count;
}

Random random_for(const OpRow& row, size_t number) {
  std::seed_seq seed(row.name.begin(), row.name.end());
  Random random(seed);
  random.discard(number);
  return random;
}

array from_doubles(const Doubles& data, const Shape& shape, Dtype dtype) {
  return astype(array(data.begin(), shape, float64), dtype);
}

Doubles draw(const Operand& operand, Dtype dtype, Random& random) {
  if (!operand.values.empty()) return operand.values;
  Doubles data(count_of(operand.shape));
  const bool is_unsigned = issubdtype(dtype, unsignedinteger);
  const Domain& d = operand.domain;
  std::uniform_real_distribution<double> uniform(is_unsigned ? std::max(d.low, 0.0) : d.low,
                                                 d.high);
  for (double& x : data) {
    if (dtype == bool_) {
      x = static_cast<double>(random() & 1);
      continue;
    }
    do {
      x = uniform(random);
      if (!is_floating(dtype)) x = std::round(x);
    } while (std::abs(x) < d.gap);
  }
  return data;
}

Arrays draw(const std::vector<Operand>& operands, Dtype dtype, Random& random) {
  Arrays inputs;
  for (const Operand& operand : operands) {
    const Dtype type = operand.dtype.value_or(dtype);
    inputs.push_back(from_doubles(draw(operand, type, random), operand.shape, type));
  }
  return inputs;
}

array draw_like(const array& a, Random& random) {
  return from_doubles(draw({a.shape(), {-1, 1}}, a.dtype(), random), a.shape(), a.dtype());
}

std::string text_of(const OpRow& row, const std::vector<Operand>& operands, Dtype dtype) {
  std::ostringstream text;
  text << row.name << " of";
  for (const Operand& operand : operands) {
    text << " " << operand.shape << " " << operand.dtype.value_or(dtype);
  }
  return text.str();
}

double tolerance_of(Dtype dtype) {
  if (dtype == float64) return 1e-12;
  if (dtype == float16) return 2e-3;
  if (dtype == bfloat16) return 1.6e-2;
  return is_floating(dtype) ? 4e-6 : 0;
}

double dot(const array& a, const array& b) {
  const Tensor x = to_tensor(a), y = to_tensor(b);
  double total = 0;
  for (size_t i = 0; i < x.data.size(); ++i) total += x.data[i] * y.data[i];
  return total;
}
double dot(const Arrays& a, const Arrays& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += dot(a[i], b[i]);
  return total;
}

// A row's function of its differentiable operands, and its floating-point outputs.
struct Differentiable {
  std::function<Arrays(const Arrays&)> fun;
  Arrays primals;
};
Differentiable differentiable(const OpRow& row, const std::vector<Operand>& operands,
                              const Arrays& inputs) {
  std::vector<size_t> places;
  Arrays primals;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!operands[i].differentiable || !is_floating(inputs[i].dtype())) continue;
    places.push_back(i);
    primals.push_back(inputs[i]);
  }
  auto fun = [&row, inputs, places](const Arrays& values) {
    Arrays replaced = inputs;
    for (size_t k = 0; k < places.size(); ++k) replaced[places[k]] = values[k];
    Arrays outputs = row.fun(replaced);
    std::erase_if(outputs, [](const array& a) { return !is_floating(a.dtype()); });
    return outputs;
  };
  return {fun, primals};
}

Arrays moved(const Arrays& primals, const Arrays& directions, double step) {
  Arrays result;
  for (size_t i = 0; i < primals.size(); ++i) {
    result.push_back(primals[i] + directions[i] * array(step, directions[i].dtype()));
  }
  return result;
}

Arrays draw_like(const Arrays& arrays, Random& random) {
  Arrays drawn;
  for (const array& a : arrays) drawn.push_back(draw_like(a, random));
  return drawn;
}

// A central difference of the scalar f along the directions.
double difference(const std::function<double(const Arrays&)>& f, const Arrays& primals,
                  const Arrays& directions) {
  const double h = primals.front().dtype() == float64 ? 1e-5 : 1e-2;
  return (f(moved(primals, directions, h)) - f(moved(primals, directions, -h))) / (2 * h);
}

void expect_near(double got, double want, double tolerance, const std::string& what) {
  EXPECT_LE(std::abs(got - want), tolerance * (1 + std::abs(want)))
      << what << ": got " << got << ", want " << want;
}

double derivative_tolerance(const OpRow& row, size_t elements) {
  const double unit = *row.derivatives == float64 ? 1e-7 : 5e-3;
  return unit * row.tolerance * std::sqrt(1.0 + static_cast<double>(elements));
}

// Calls check(function, primals, cotangents, random, tolerance, text) for each case.
template <class Check>
void for_each_derivative(const OpRow& row, const Check& check) {
  if (!row.derivatives) return;
  for (size_t i = 0; i < row.cases.size(); ++i) {
    Random random = random_for(row, i);
    const Arrays inputs = draw(row.cases[i], *row.derivatives, random);
    const auto [fun, primals] = differentiable(row, row.cases[i], inputs);
    ASSERT_FALSE(primals.empty()) << row.name << " has no differentiable operand";
    const Arrays outputs = fun(primals);
    size_t elements = 0;
    for (const array& a : primals) elements += a.size();
    for (const array& a : outputs) elements += a.size();
    check(fun, primals, draw_like(outputs, random), random, derivative_tolerance(row, elements),
          text_of(row, row.cases[i], *row.derivatives));
  }
}

// The array with the same elements, strided: every second one of a larger buffer.
array sliced(const array& a) {
  if (a.ndim() == 0 || a.size() == 0) return a;
  const int last = static_cast<int>(a.ndim()) - 1;
  Shape wide = a.shape();
  wide[last] *= 2;
  const array doubled = reshape(stack({a, zeros_like(a)}, -1), wide);
  eval(doubled);
  return slice(doubled, Shape(a.ndim(), 0), wide, [&] {
    Shape strides(a.ndim(), 1);
    strides[last] = 2;
    return strides;
  }());
}

array transposed(const array& a) {
  const array t = contiguous(transpose(a));
  eval(t);
  return transpose(t);
}

// Which inputs are mapped, and along which axes: each alone along each of its axes, then all along
// the first and along the last.
std::vector<std::vector<int>> batch_axes(const std::vector<Operand>& operands) {
  std::vector<std::vector<int>> choices;
  for (size_t i = 0; i < operands.size(); ++i) {
    for (size_t axis = 0; axis <= operands[i].shape.size(); ++axis) {
      choices.emplace_back(operands.size(), -1)[i] = static_cast<int>(axis);
    }
  }
  if (operands.size() > 1) {
    choices.emplace_back(operands.size(), 0);
    std::vector<int>& last = choices.emplace_back();
    for (const Operand& operand : operands) last.push_back(static_cast<int>(operand.shape.size()));
  }
  return choices;
}

// fun mapped along the axes against a loop over the samples.
void check_batch(const std::function<Arrays(const Arrays&)>& fun,
                 const std::vector<Arrays>& samples, const std::vector<int>& axes,
                 bool last_out_axis, double factor, const std::string& what) {
  std::vector<Arrays> looped;
  for (const Arrays& sample : samples) {
    Arrays inputs = sample;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (axes[i] < 0) inputs[i] = samples[0][i];
    }
    looped.push_back(fun(inputs));
  }
  Arrays inputs;
  for (size_t i = 0; i < axes.size(); ++i) {
    Arrays column;
    for (const Arrays& sample : samples) column.push_back(sample[i]);
    inputs.push_back(axes[i] < 0 ? column[0] : stack(column, axes[i]));
  }
  std::vector<int> out_axes;
  for (const array& output : looped[0]) {
    out_axes.push_back(last_out_axis ? static_cast<int>(output.ndim()) : 0);
  }
  const Arrays outputs = vmap(fun, axes, out_axes)(inputs);
  ASSERT_EQ(outputs.size(), looped[0].size()) << what;
  std::ostringstream where;
  where << what << ", mapped along";
  for (int axis : axes) where << " " << axis;
  for (size_t k = 0; k < outputs.size(); ++k) {
    Arrays column;
    for (const Arrays& result : looped) column.push_back(result[k]);
    expect_close(outputs[k], stack(column, out_axes[k]), where.str(), factor);
  }
}

bool is_empty(const std::vector<Operand>& operands) {
  return std::any_of(operands.begin(), operands.end(),
                     [](const Operand& o) { return count_of(o.shape) == 0; });
}

Tensor broadcast(const Tensor& t, const Shape& shape) {
  Tensor out{shape, Doubles(count_of(shape))};
  const size_t missing = shape.size() - t.shape.size();
  for (size_t i = 0; i < out.data.size(); ++i) {
    size_t rest = i, from = 0, stride = 1;
    for (size_t d = shape.size(); d-- > missing;) {
      const size_t index = rest % static_cast<size_t>(shape[d]);
      rest /= static_cast<size_t>(shape[d]);
      const auto size = static_cast<size_t>(t.shape[d - missing]);
      if (size != 1) from += index * stride;
      stride *= size;
    }
    out.data[i] = t.data[from];
  }
  return out;
}

void set_options(OpRow& row, RowOptions options) {
  row.dtypes = std::move(options.dtypes);
  row.derivatives = options.derivatives;
  row.second_order = options.second_order;
  row.tolerance = options.tolerance;
}

}  // namespace

std::vector<Shape> usual_shapes() {
  return {{}, {0}, {1}, {7}, {3, 5}, {1, 2, 1, 3}, {2, 0, 3}, {17, 67}};
}

std::vector<std::pair<Shape, Shape>> usual_shape_pairs() {
  return {{{}, {}},        {{7}, {7}},       {{}, {3}},           {{3, 5}, {5}},
          {{0}, {1}},      {{3, 1}, {1, 5}}, {{2, 1, 3}, {4, 1}}, {{17, 67}, {17, 67}},
          {{5}, {2, 3, 5}}};
}

OpRow unary_row(std::string name, std::function<array(const array&)> fun,
                std::function<double(double)> reference, Domain domain, RowOptions options) {
  OpRow row{std::move(name), [fun](const Arrays& x) { return Arrays{fun(x[0])}; }, {}};
  for (const Shape& shape : usual_shapes()) row.cases.push_back({{shape, domain}});
  row.reference = [reference](const std::vector<Tensor>& x) {
    Tensor out = x[0];
    for (double& value : out.data) value = reference(value);
    return std::vector<Tensor>{out};
  };
  set_options(row, std::move(options));
  return row;
}

OpRow binary_row(std::string name, std::function<array(const array&, const array&)> fun,
                 std::function<double(double, double)> reference, Domain a, Domain b,
                 RowOptions options) {
  OpRow row{std::move(name), [fun](const Arrays& x) { return Arrays{fun(x[0], x[1])}; }, {}};
  for (const auto& [left, right] : usual_shape_pairs()) {
    row.cases.push_back({{left, a}, {right, b}});
  }
  row.reference = [reference](const std::vector<Tensor>& x) {
    const Shape shape = broadcast_shapes(x[0].shape, x[1].shape);
    Tensor out = broadcast(x[0], shape);
    const Tensor right = broadcast(x[1], shape);
    for (size_t i = 0; i < out.data.size(); ++i) {
      out.data[i] = reference(out.data[i], right.data[i]);
    }
    return std::vector<Tensor>{out};
  };
  set_options(row, std::move(options));
  return row;
}

Tensor to_tensor(const array& a) {
  const array real_part = issubdtype(a.dtype(), complexfloating) ? real(a) : a;
  const array wide = contiguous(astype(real_part, float64));
  eval(wide);
  const double* data = wide.data<double>();
  return {a.shape(), Doubles(data, data + wide.size())};
}

void expect_close(const array& got, const Tensor& want, const std::string& what, double factor) {
  ASSERT_EQ(got.shape(), want.shape) << what;
  const Tensor values = to_tensor(got);
  const double tolerance = factor * tolerance_of(got.dtype());
  double largest = 0;
  size_t wrong = 0;
  std::ostringstream text;
  for (size_t i = 0; i < want.data.size(); ++i) {
    const double x = values.data[i], y = want.data[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const double error = std::abs(x - y);
    if (error <= tolerance * (1 + std::abs(y))) continue;  // false for NaN
    largest = std::max(largest, error);
    if (++wrong <= 3) text << "\n  [" << i << "]: got " << x << ", want " << y;
  }
  EXPECT_EQ(wrong, 0u) << what << " (" << got.dtype() << "): " << wrong << " of "
                       << want.data.size() << " differ, largest error " << largest << text.str();
}

void expect_close(const array& got, const array& want, const std::string& what, double factor) {
  EXPECT_EQ(got.dtype(), want.dtype()) << what;
  expect_close(got, to_tensor(want), what, factor);
}

void check_forward(const OpRow& row) {
  if (!row.reference) return;
  for (Dtype dtype : row.dtypes) {
    for (size_t i = 0; i < row.cases.size(); ++i) {
      Random random = random_for(row, i);
      const Arrays inputs = draw(row.cases[i], dtype, random);
      std::vector<Tensor> tensors;
      for (const array& input : inputs) tensors.push_back(to_tensor(input));
      const std::string what = text_of(row, row.cases[i], dtype);
      const std::vector<Tensor> want = row.reference(tensors);
      const Arrays got = row.fun(inputs);
      ASSERT_EQ(got.size(), want.size()) << what;
      for (size_t k = 0; k < got.size(); ++k) expect_close(got[k], want[k], what, row.tolerance);
    }
  }
}

void check_strided(const OpRow& row) {
  const Dtype dtype = row.dtypes.front();
  for (size_t i = 0; i < row.cases.size(); ++i) {
    Random random = random_for(row, i);
    const Arrays inputs = draw(row.cases[i], dtype, random);
    const Arrays want = row.fun(inputs);
    for (auto* restride : {sliced, transposed}) {
      Arrays strided;
      for (const array& input : inputs) strided.push_back(restride(input));
      eval(strided);
      const Arrays got = row.fun(strided);
      for (size_t k = 0; k < got.size(); ++k) {
        expect_close(got[k], want[k],
                     text_of(row, row.cases[i], dtype) +
                         (restride == sliced ? ", sliced inputs" : ", transposed inputs"),
                     row.tolerance);
      }
    }
  }
}

void check_vjp(const OpRow& row) {
  for_each_derivative(row, [](const auto& fun, const Arrays& primals, const Arrays& cotangents,
                              Random& random, double tolerance, const std::string& what) {
    const Arrays gradients = vjp(fun, primals, cotangents).second;
    for (size_t i = 0; i < primals.size(); ++i) {
      ASSERT_EQ(gradients[i].shape(), primals[i].shape()) << what;
      ASSERT_EQ(gradients[i].dtype(), primals[i].dtype()) << what;
      Arrays directions;
      for (size_t k = 0; k < primals.size(); ++k) {
        directions.push_back(k == i ? draw_like(primals[k], random) : zeros_like(primals[k]));
      }
      const double want =
          difference([&](const Arrays& x) { return dot(fun(x), cotangents); }, primals, directions);
      expect_near(dot(gradients, directions), want, tolerance,
                  what + ": vjp in operand " + std::to_string(i));
    }
  });
}

void check_jvp(const OpRow& row) {
  for_each_derivative(row, [](const auto& fun, const Arrays& primals, const Arrays& cotangents,
                              Random& random, double tolerance, const std::string& what) {
    const Arrays gradients = vjp(fun, primals, cotangents).second;
    for (size_t i = 0; i <= primals.size(); ++i) {  // one operand moves, then all
      Arrays tangents;
      for (size_t k = 0; k < primals.size(); ++k) {
        const bool moves = k == i || i == primals.size();
        tangents.push_back(moves ? draw_like(primals[k], random) : zeros_like(primals[k]));
      }
      auto f = [&](const Arrays& x) { return fun(x); };
      const Arrays found = jvp(std::function<Arrays(const Arrays&)>(f), primals, tangents).second;
      ASSERT_EQ(found.size(), cotangents.size()) << what;
      for (size_t k = 0; k < found.size(); ++k) {
        ASSERT_EQ(found[k].shape(), cotangents[k].shape()) << what;
      }
      expect_near(dot(found, cotangents), dot(gradients, tangents), tolerance,
                  what + ": jvp in operand " + std::to_string(i));
    }
  });
}

void check_second_order(const OpRow& row) {
  if (!row.second_order) return;
  for_each_derivative(row, [](const auto& fun, const Arrays& primals, const Arrays& cotangents,
                              Random& random, double tolerance, const std::string& what) {
    const Arrays weights = draw_like(primals, random);
    auto slope = [&](const Arrays& x) {  // a scalar: the gradient along the weights
      array total = array(0.0, primals[0].dtype());
      const Arrays gradients = vjp(fun, x, cotangents).second;
      for (size_t i = 0; i < x.size(); ++i) total = total + sum(gradients[i] * weights[i]);
      return Arrays{total};
    };
    const Arrays directions = draw_like(primals, random);
    const Arrays second = vjp(slope, primals, {ones({}, primals[0].dtype())}).second;
    const double want = difference([&](const Arrays& x) { return to_tensor(slope(x)[0]).data[0]; },
                                   primals, directions);
    expect_near(dot(second, directions), want, 10 * tolerance, what + ": second derivative");
  });
}

void check_vmap(const OpRow& row) {
  if (!row.vmap) return;
  const Dtype dtype = row.derivatives.value_or(row.dtypes.front());
  for (size_t i = 0; i < row.cases.size(); ++i) {
    const std::vector<Operand>& operands = row.cases[i];
    Random random = random_for(row, i);
    std::vector<Arrays> samples;
    for (int k = 0; k < 3; ++k) samples.push_back(draw(operands, dtype, random));
    const std::string what = "vmap: " + text_of(row, operands, dtype);
    bool last = false;
    for (const std::vector<int>& axes : batch_axes(operands)) {
      check_batch(row.fun, samples, axes, last, row.tolerance, what);
      last = !last;
    }
    if (!row.derivatives || is_empty(operands)) continue;
    auto gradients = [&](const Arrays& inputs) {
      const auto [fun, primals] = differentiable(row, operands, inputs);
      Arrays ones;
      for (const array& output : fun(primals)) ones.push_back(ones_like(output));
      return vjp(fun, primals, ones).second;
    };
    check_batch(gradients, samples, std::vector<int>(operands.size(), 0), false,
                100 * row.tolerance, what + ": vmap of vjp");
  }
}

}  // namespace mica::testing
