// How arrays are printed, promoted and broadcast.
#include <gtest/gtest.h>

#include <sstream>

#include "mica/ops/ops.h"
#include "mica/utils.h"
#include "tests/ops/golden/cases.h"

namespace mica::golden {
namespace {

using Out = Outputs;
using In = Inputs;

// The bytes of what is printed, as Python is set to print it.
array text(const array& a, int precision = -1) {
  PrintFormatter& formatter = get_global_formatter();
  const PrintFormatter before = formatter;
  formatter.capitalize_bool = true;
  formatter.format_options.precision = precision;
  std::ostringstream os;
  os << a;
  formatter = before;
  const std::string bytes = os.str();
  return array(bytes.begin(), {static_cast<ShapeElem>(bytes.size())}, uint8);
}

constexpr Case printing[] = {
    {"print", [](In x) -> Out { return text(x[0]); }, {}, true},
    {"print_0", [](In x) -> Out { return text(x[0], 0); }, {}, true},
    {"print_3", [](In x) -> Out { return text(x[0], 3); }, {}, true},
    {"print_8", [](In x) -> Out { return text(x[0], 8); }, {}, true},
};

constexpr Dtype dtypes[] = {bool_, uint8, uint16,  uint32,  uint64,  int8,     int16,
                            int32, int64, float16, float32, float64, bfloat16, complex64};
constexpr Dtype::Category categories[] = {complexfloating, floating, inexact, signedinteger,
                                          unsignedinteger, integer,  number,  generic};

int number_of(Dtype dtype) {
  return static_cast<int>(std::find(std::begin(dtypes), std::end(dtypes), dtype) - dtypes);
}

// f(a, b) for each a of rows and b of columns.
template <class Rows, class Columns, class F>
array table(const Rows& rows, const Columns& columns, F f) {
  using T = decltype(f(rows[0], columns[0]));
  std::vector<array> result;
  for (const auto& a : rows) {
    std::vector<array> row;
    for (const auto& b : columns) row.push_back(array(static_cast<T>(f(a, b))));
    result.push_back(stack(row));
  }
  return stack(result);
}

array promotions() {
  return table(dtypes, dtypes, [](Dtype a, Dtype b) { return number_of(promote_types(a, b)); });
}

// Dtypes, then categories, in rows and columns.
array subtypes() {
  const auto is_sub = [](const auto& a, const auto& b) { return issubdtype(a, b); };
  const array of_dtypes =
      concatenate({table(dtypes, dtypes, is_sub), table(dtypes, categories, is_sub)}, 1);
  const array of_categories =
      concatenate({table(categories, dtypes, is_sub), table(categories, categories, is_sub)}, 1);
  return concatenate({of_dtypes, of_categories}, 0);
}

array sizes() {
  std::vector<int> result;
  for (Dtype dtype : dtypes) result.push_back(size_of(dtype));
  return array(result.begin(), {static_cast<ShapeElem>(result.size())});
}

array float_limits() {
  std::vector<array> rows;
  for (Dtype dtype : {float16, bfloat16, float32, complex64}) {
    const finfo f(dtype);
    rows.push_back(array({f.min, f.max, f.eps, f.smallest_normal, static_cast<double>(f.bits)}));
  }
  return stack(rows);
}

array integer_limits() {
  std::vector<array> rows;
  for (Dtype dtype : {uint8, uint16, uint32, int8, int16, int32}) {
    const iinfo i(dtype);
    rows.push_back(array({i.min, static_cast<int64_t>(i.max)}));
  }
  return stack(rows);
}

array broadcast(const array& a, const array& b) {
  const Shape shape = broadcast_shapes(a.shape(), b.shape());
  return array(shape.begin(), {static_cast<ShapeElem>(shape.size())});
}

constexpr Case types[] = {
    {"broadcast_shapes", [](In x) -> Out { return broadcast(x[0], x[1]); }, {}, true},
    {"promote_types", [](In) -> Out { return promotions(); }},
    {"result_type", [](In x) -> Out { return zeros({}, result_type(x)); }},
    {"issubdtype", [](In) -> Out { return subtypes(); }},
    {"size_of", [](In) -> Out { return sizes(); }},
    {"finfo", [](In) -> Out { return float_limits(); }},
    {"iinfo", [](In) -> Out { return integer_limits(); }},
};

TEST(TextGoldens, Printing) { expect_cases("ops/printing", printing); }
TEST(TextGoldens, Types) { expect_cases("ops/types", types); }

}  // namespace
}  // namespace mica::golden
