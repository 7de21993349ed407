#include "tests/ops/golden/cases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <unordered_map>

#include "mica/ops/ops.h"
#include "mica/transforms/compile.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"

namespace mica::golden {

namespace {

using File = std::unordered_map<std::string, array>;

// "vjp add(f32,row)[1]" taken apart; of an input of calls, only the kind.
enum class Kind { input, value, vjp, jvp, refusal };
struct Key {
  Kind kind = Kind::input;
  std::string call;
  std::string function;
  std::vector<std::string> inputs;
  size_t index = 0;
};

Key parse(std::string_view text) {
  Key key;
  if (text.find('(') == text.npos) return key;
  key.kind = Kind::value;
  for (auto [prefix, kind] : {std::pair("vjp ", Kind::vjp), std::pair("jvp ", Kind::jvp),
                              std::pair("refuse ", Kind::refusal)}) {
    if (!text.starts_with(prefix)) continue;
    key.kind = kind;
    text.remove_prefix(std::string_view(prefix).size());
  }
  const size_t open = text.find('('), close = text.find(')');
  key.call = text.substr(0, close + 1);
  key.function = text.substr(0, open);
  std::stringstream inputs(std::string(text.substr(open + 1, close - open - 1)));
  for (std::string input; std::getline(inputs, input, ',');) key.inputs.push_back(input);
  if (close + 2 < text.size()) {
    std::from_chars(text.data() + close + 2, text.data() + text.size(), key.index);
  }
  return key;
}

// A call and what the file knows of it.
struct Call {
  Key key;
  std::map<size_t, array> values, gradients, tangents;
  bool refused = false;
};

std::map<std::string, Call> calls_of(const File& file) {
  std::map<std::string, Call> calls;
  for (const auto& [name, value] : file) {
    const Key key = parse(name);
    if (key.kind == Kind::input) continue;
    Call& call = calls[key.call];
    call.key = key;
    if (key.kind == Kind::refusal) call.refused = true;
    if (key.kind == Kind::value) call.values.emplace(key.index, value);
    if (key.kind == Kind::vjp) call.gradients.emplace(key.index, value);
    if (key.kind == Kind::jvp) call.tangents.emplace(key.index, value);
  }
  return calls;
}

// The same values in other layouts.
array same(const array& a) { return a; }
array columns_first(const array& a) { return transpose(contiguous(transpose(a))); }
array backwards(const array& a) {
  std::vector<int> axes;
  for (size_t i = 0; i < a.ndim(); ++i) axes.push_back(static_cast<int>(i));
  array stored = contiguous(flip(a, axes));
  stored.eval();
  return flip(stored, axes);
}
array spread(const array& a) {
  if (a.ndim() == 0) return a;
  array stored = repeat(a, 2, -1);
  stored.eval();
  Shape steps(a.ndim(), 1);
  steps.back() = 2;
  return slice(stored, Shape(a.ndim(), 0), stored.shape(), steps);
}
struct Layout {
  const char* name;
  array (*apply)(const array&);
};
constexpr Layout layouts[] = {{"contiguous", same},
                              {"columns first", columns_first},
                              {"backwards", backwards},
                              {"every second", spread}};

bool is_inexact(const array& a) { return issubdtype(a.dtype(), inexact); }

// The direction of tests/golden/cases.py.
array direction(const array& like) {
  std::vector<float> values(like.size());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((7 * i + 3) % 11) / 4 - 1.25f;
  }
  const array numbers(values.begin(), like.shape(), like.dtype());
  return like.dtype() == complex64 ? numbers * array(complex64_t{1, -0.5f}) : numbers;
}

std::vector<array> directions(const std::vector<array>& like) {
  std::vector<array> result;
  std::transform(like.begin(), like.end(), std::back_inserter(result), direction);
  return result;
}

// The distance from |x| to the next larger value of the dtype.
double ulp(double x, Dtype dtype) {
  const int digits = dtype == float64 ? 52 : dtype == float16 ? 10 : dtype == bfloat16 ? 7 : 23;
  const int lowest = dtype == float64 ? -1022 : dtype == float16 ? -14 : -126;
  const int exponent = x == 0 ? lowest : std::max(std::ilogb(x), lowest);
  return std::ldexp(1, exponent - digits);
}

double distance(double got, double wanted, double size, Dtype dtype, Tolerance t) {
  if (got == wanted || (std::isnan(got) && std::isnan(wanted))) return 0;
  if (!std::isfinite(got) || !std::isfinite(wanted)) return INFINITY;
  const double ulps = dtype == float16 || dtype == bfloat16 ? t.half_ulps : t.ulps;
  return std::abs(got - wanted) / (t.absolute + ulps * ulp(size, dtype));
}

std::string element_text(const array& a, size_t i) {
  std::ostringstream text;
  text.precision(17);
  if (a.dtype() == complex64) {
    text << a.data<complex64_t>()[i].real() << " + " << a.data<complex64_t>()[i].imag() << 'j';
  } else {
    text << a.data<double>()[i];
  }
  return text.str();
}

// Empty, or in which elements the values differ.
std::string difference(const array& actual, const array& expected, Tolerance tolerance) {
  std::ostringstream text;
  if (actual.shape() != expected.shape() || actual.dtype() != expected.dtype()) {
    text << "expected " << expected.shape() << ' ' << expected.dtype() << ", got " << actual.shape()
         << ' ' << actual.dtype();
    return text.str();
  }
  const Dtype dtype = expected.dtype();
  const bool rounded = is_inexact(expected);
  if (!rounded && dtype != bool_ && dtype.size() == 8) {  // not all of them are doubles
    const array same = array_equal(actual, expected);
    return same.item<bool>() ? "" : "expected other 64-bit integers";
  }
  const Dtype wide = dtype == complex64 ? complex64 : float64;
  const array got = contiguous(astype(actual, wide));
  const array wanted = contiguous(astype(expected, wide));
  eval(got, wanted);
  if (!rounded) tolerance = {.ulps = 0, .half_ulps = 0};
  size_t outside = 0, worst = 0;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    double error;
    if (wide == complex64) {
      const complex64_t a = got.data<complex64_t>()[i], b = wanted.data<complex64_t>()[i];
      const double size = std::abs(b);
      error = std::max(distance(a.real(), b.real(), size, dtype, tolerance),
                       distance(a.imag(), b.imag(), size, dtype, tolerance));
    } else {
      const double b = wanted.data<double>()[i];
      error = distance(got.data<double>()[i], b, std::abs(b), dtype, tolerance);
    }
    if (error > 1) ++outside;
    if (error > largest) largest = error, worst = i;
  }
  if (outside == 0) return "";
  text << outside << " of " << expected.size() << " elements differ, most of all element " << worst
       << ": expected " << element_text(wanted, worst) << ", got " << element_text(got, worst)
       << ", " << largest << " times the tolerance (shape " << expected.shape() << ", " << dtype
       << ')';
  return text.str();
}

void expect_arrays(const std::string& what, const std::vector<array>& actual,
                   const std::map<size_t, array>& expected, Tolerance tolerance) {
  if (actual.size() != expected.size()) {
    ADD_FAILURE() << what << ": expected " << expected.size() << " arrays, got " << actual.size();
    return;
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    const std::string text = difference(actual[i], expected.at(i), tolerance);
    if (!text.empty()) ADD_FAILURE() << what << '[' << i << "]: " << text;
  }
}

using Function = std::function<std::vector<array>(const std::vector<array>&)>;

// The function compiled, fused with what makes its inputs, and mapped over a batch of two.
void expect_transformed(const std::string& what, const Function& function,
                        const std::vector<array>& inputs, const std::map<size_t, array>& expected,
                        Tolerance tolerance) {
  expect_arrays("compiled " + what, compile(function)(inputs), expected, tolerance);
  if (inputs.empty()) return;
  std::vector<array> computed, batched;
  std::vector<int> axes;
  for (const array& x : inputs) {
    computed.push_back(maximum(x, x));
    batched.push_back(stack({x, x}, -1));
    axes.push_back(static_cast<int>(x.ndim()));
  }
  expect_arrays("fused " + what, function(computed), expected, tolerance);
  const std::vector<array> mapped = vmap(function, axes)(batched);
  for (int i = 0; i < 2; ++i) {
    std::vector<array> one;
    for (const array& y : mapped) one.push_back(take(y, i, 0));
    expect_arrays("mapped " + what, one, expected, tolerance);
  }
}

void expect_derivatives(const std::string& what, const Case& c, const Call& call,
                        const std::vector<array>& inputs, bool transformed) {
  std::vector<array> floats;
  for (const array& x : inputs)
    if (is_inexact(x)) floats.push_back(x);
  const auto of_floats = [&](const std::vector<array>& given) {
    std::vector<array> all;
    size_t next = 0;
    for (const array& x : inputs) all.push_back(is_inexact(x) ? given[next++] : x);
    return c.function(all).arrays;
  };
  Tolerance twice = c.tolerance;
  twice.ulps *= 2, twice.half_ulps *= 2, twice.absolute *= 2;
  if (!call.gradients.empty()) {
    const auto cotangents = directions(of_floats(floats));
    const auto gradients = [&](const std::vector<array>& x) {
      return vjp(of_floats, x, cotangents).second;
    };
    expect_arrays("vjp " + what, gradients(floats), call.gradients, twice);
    if (transformed) expect_transformed("vjp " + what, gradients, floats, call.gradients, twice);
  }
  if (!call.tangents.empty()) {
    const auto along = directions(floats);
    expect_arrays("jvp " + what, jvp(of_floats, floats, along).second, call.tangents, twice);
  }
}

void expect_refusal(const Case& c, const std::string& what, const std::vector<array>& inputs) {
  try {
    c.function(inputs);
    ADD_FAILURE() << what << ": expected an error";
  } catch (const std::invalid_argument&) {
  } catch (const std::out_of_range&) {
  } catch (const std::overflow_error&) {
  }
}

void expect_call(const Case& c, const Call& call, const File& file) {
  for (const Layout& layout : layouts) {
    std::vector<array> inputs;
    for (const std::string& name : call.key.inputs) inputs.push_back(layout.apply(file.at(name)));
    const std::string what = call.key.call + ", " + layout.name;
    try {
      if (call.refused) {
        expect_refusal(c, what, inputs);
      } else {
        const bool transformed = &layout == layouts && !c.reads_values;
        const auto function = [&](const std::vector<array>& x) { return c.function(x).arrays; };
        expect_arrays(what, function(inputs), call.values, c.tolerance);
        if (transformed) expect_transformed(what, function, inputs, call.values, c.tolerance);
        expect_derivatives(what, c, call, inputs, transformed);
      }
    } catch (const std::exception& error) {
      ADD_FAILURE() << what << ": " << error.what();
    }
    if (inputs.empty() || call.refused) return;
  }
}

}  // namespace

void expect_cases(const std::string& name, std::span<const Case> cases) {
  const File file = load(name);
  std::map<std::string, const Case*> by_name;
  for (const Case& c : cases) {
    EXPECT_TRUE(by_name.emplace(c.name, &c).second) << c.name << " is in the table twice";
  }
  std::set<std::string> called;
  for (const auto& [text, call] : calls_of(file)) {
    called.insert(call.key.function);
    const auto found = by_name.find(call.key.function);
    if (found == by_name.end()) {
      ADD_FAILURE() << name << ": the table has no function for " << text;
    } else {
      expect_call(*found->second, call, file);
    }
  }
  for (const Case& c : cases) {
    EXPECT_TRUE(called.contains(c.name)) << name << ": the file has no call of " << c.name;
  }
}

}  // namespace mica::golden
