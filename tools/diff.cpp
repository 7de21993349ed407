#include <fmt/format.h>

#include <set>

#include "mica/ops/checks.h"
#include "mica/ops/ops.h"
#include "program.h"
#include "table.h"
#include "weights.h"

namespace tools {
namespace {

using mica::array;

struct Difference {
  double absolute = 0;  // the largest
  double relative = 0;  // the largest of |a - b| / |b|, where b is not 0
  bool beyond = false;  // the tolerances
};

// In double precision; equal values, both NaN included, differ by 0.
Difference difference(const array& a, const array& b, const DiffOptions& options) {
  if (a.size() == 0) return {};
  const bool is_complex = mica::issubdtype(a.dtype(), mica::complexfloating);
  const mica::Dtype dtype = is_complex ? mica::complex64 : mica::float64;
  const array x = astype(a, dtype), y = astype(b, dtype);
  const array equal = logical_or(x == y, logical_and(x != x, y != y));
  const array zero = array(0.0, mica::float64);
  const array distance = where(equal, zero, astype(abs(x - y), mica::float64));
  const array size = astype(abs(y), mica::float64);
  const array nonzero = size > zero;
  const array ratio =
      where(nonzero, distance / where(nonzero, size, array(1.0, mica::float64)), zero);
  const array limit =
      array(options.absolute, mica::float64) + array(options.relative, mica::float64) * size;
  // A distance that is NaN, one value being so, is beyond every limit.
  const array beyond = any(logical_and(logical_not(equal), logical_not(distance <= limit)));
  return {max(distance).item<double>(), max(ratio).item<double>(), beyond.item<bool>()};
}

std::string description(const array& a) {
  return mica::to_string(a.shape()) + " " + mica::dtype_name(a.dtype());
}

}  // namespace

bool diff(const DiffOptions& options, std::ostream& output, std::optional<int> width) {
  const Weights a = read_weights(options.a), b = read_weights(options.b);
  std::set<std::string> names;
  for (const auto& [name, value] : a.arrays) names.insert(name);
  for (const auto& [name, value] : b.arrays) names.insert(name);

  std::vector<Row> rows;
  size_t same = 0;
  for (const std::string& name : names) {
    const auto in_a = a.arrays.find(name), in_b = b.arrays.find(name);
    if (in_a == a.arrays.end() || in_b == b.arrays.end()) {
      const bool only_a = in_b == b.arrays.end();
      rows.push_back({name, only_a ? "only in A" : "only in B",
                      description(only_a ? in_a->second : in_b->second), ""});
      continue;
    }
    const array &x = in_a->second, &y = in_b->second;
    const bool other_dtype = x.dtype() != y.dtype();
    if (x.shape() != y.shape()) {
      rows.push_back({name, "shape", description(x), description(y)});
      continue;
    }
    const Difference found = difference(x, y, options);
    if (other_dtype)
      rows.push_back({name, "dtype", mica::dtype_name(x.dtype()), mica::dtype_name(y.dtype())});
    if (found.beyond)
      rows.push_back({name, "values", fmt::format("{:.3g} absolute", found.absolute),
                      fmt::format("{:.3g} relative", found.relative)});
    if (!other_dtype && !found.beyond) ++same;
  }
  if (!rows.empty()) print_table(output, {"tensor", "differs in", "A", "B"}, rows, {}, width);
  output << fmt::format("{} of {} tensors are the same\n", same, names.size());
  return rows.empty();
}

}  // namespace tools
