// searchsorted, unique, diff, masked_scatter, windows, hadamard_transform and view give mlx's
// values.
#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::expect_error;

class Searching : public ::testing::Test {
 protected:
  void expect(const std::string& name, const array& actual, double tolerance = 1e-6) const {
    SCOPED_TRACE(name);
    golden::expect_close(actual, file_.at(name), tolerance, tolerance);
  }

  const std::unordered_map<std::string, array> file_ = golden::load("ops/searching");
};

TEST_F(Searching, SearchSorted) {
  const array sequence = file_.at("sequence"), values = file_.at("values");
  const array pairs({complex64_t(1, 1), complex64_t(1, 2), complex64_t(2, 0)});
  for (const std::string side : {"left", "right"}) {
    expect(side, searchsorted(sequence, values, side));
    expect(side + "_mixed", searchsorted(file_.at("small"), file_.at("mixed"), side));
    expect(side + "_complex", searchsorted(pairs, array({complex64_t(1, 2)}), side));
  }
  golden::expect_same(searchsorted(sequence, values), file_.at("left"));
  test::expect_array<uint32_t>(searchsorted(zeros({0}), ones({2})), {2}, {0, 0});
  test::expect_array<uint32_t>(searchsorted(sequence, zeros({0})), {0}, {});
  const array batch = stack({sequence, sequence + array(2.0f)});
  const array places = vmap([&](const array& s) {
    return searchsorted(s, array({2.0f, 3.0f}));
  })(batch);
  test::expect_array<uint32_t>(places, {2, 2}, {1, 3, 0, 0});
}

TEST_F(Searching, Unique) {
  const array table = file_.at("table"), floats = file_.at("floats");
  const auto expect_all = [&](const std::string& name, const std::vector<array>& results) {
    ASSERT_EQ(results.size(), 4u);
    for (size_t i = 0; i < 4; ++i) expect("unique_" + name + "." + std::to_string(i), results[i]);
  };
  expect_all("exact", unique(table, 3, true, true, true));
  expect_all("short", unique(table, 2, true, true, true));
  expect_all("long", unique(table, 5, true, true, true));
  expect_all("none", unique(table, 0, true, true, true));
  expect_all("nan", unique(floats, 5, true, true, true));
  expect_all("scalar", unique(array(5), 2, true, true, true));
  expect_all("filled", unique(table, 5, true, true, true, array(9)));
  EXPECT_EQ(unique(table, 3).size(), 1u);
  expect("unique_exact.2", unique(table, 3, false, true)[1]);
  expect("unique_exact.3", unique(table, 3, false, false, true)[1]);
  const auto empty = unique(zeros({0, 2}), 2, true, true, true, array(7));
  test::expect_array<float>(empty[0], {2}, {7, 7});
  test::expect_array<uint32_t>(empty[2], {0, 2}, {});
}

TEST_F(Searching, UniqueValuesCarryGradients) {
  const auto f = [](const array& x) { return sum(square(unique(x, 3)[0])); };
  test::expect_array<float>(grad(f)(array({2.0f, 1.0f, 2.0f, 3.0f})), {4}, {4, 2, 0, 6});
}

TEST_F(Searching, Diff) {
  const array a = file_.at("diff.a");
  expect("diff.default", diff(a));
  expect("diff.n", diff(a, 2));
  expect("diff.zero", diff(a, 0));
  expect("diff.axis", diff(a, 1, 0));
  expect("diff.axis", diff(a, 1, -2));
  expect("diff.empty", diff(a, 9));
  expect("diff.bool", diff(a > array(3)));
  expect("diff.unsigned", diff(astype(a, uint8)));
  expect("diff.axis", transpose(diff(transpose(a))));
}

TEST_F(Searching, MaskedScatter) {
  const array target = file_.at("masked.target"), source = file_.at("masked.source");
  const array mask({{true, false, true}, {false, true, false}});
  expect("masked.all", masked_scatter(target, mask, flatten(source)));
  const array second = slice(source, {1, 0}, {2, 3});
  expect("masked.rows", masked_scatter(target, array({true, false}), second));
  test::expect_array<int>(masked_scatter(array(1), array(true), array(5.5f)), {}, {5});
  test::expect_array<float>(masked_scatter(zeros({0, 2}), zeros({0}, bool_), ones({2})), {0, 2},
                            {});
  const auto [outputs, gradients] = vjp(
      [&](const std::vector<array>& x) {
        return std::vector<array>{masked_scatter(x[0], mask, flatten(x[1]))};
      },
      std::vector<array>{target, source}, std::vector<array>{test::counting({2, 3})});
  test::expect_array<float>(gradients[0], {2, 3}, {0, 2, 0, 4, 0, 6});
  test::expect_array<float>(gradients[1], {2, 3}, {1, 3, 5, 0, 0, 0});
}

TEST_F(Searching, Windows) {
  for (const int n : {0, 1, 2, 5, 8}) {
    const std::string end = "_" + std::to_string(n);
    expect("hanning" + end, hanning(n));
    expect("hamming" + end, hamming(n));
    expect("bartlett" + end, bartlett(n));
    expect("blackman" + end, blackman(n));
  }
  test::expect_array<float>(hanning(-1), {0}, {});
}

TEST_F(Searching, HadamardTransform) {
  for (const char* n : {"1", "2", "8", "12", "24", "20", "28", "56", "128", "512"}) {
    const std::string name = std::string("hadamard.") + n;
    expect(name + ".result", hadamard_transform(file_.at(name + ".a")), 1e-5);
  }
  const array a = file_.at("hadamard.8.a");
  expect("hadamard.scale", hadamard_transform(a, 0.5f));
  expect("hadamard.half", hadamard_transform(astype(a, float16)), 2e-3);
  expect("hadamard.int", hadamard_transform(arange(4)));
  const array large = sin(arange(0.0, 2.0 * 8192, float32));
  golden::expect_close(hadamard_transform(hadamard_transform(large)), large, 1e-4, 1e-4);
  const auto f = [](const array& x) { return sum(square(hadamard_transform(x))); };
  golden::expect_close(grad(f)(a), a * array(2.0f), 1e-5, 1e-5);
}

TEST_F(Searching, View) {
  const array a = file_.at("view.a");
  const std::pair<const char*, Dtype> dtypes[] = {
      {"int32", int32}, {"uint16", uint16},       {"int64", int64},
      {"uint8", uint8}, {"complex64", complex64}, {"bfloat16", bfloat16},
  };
  for (const auto& [name, dtype] : dtypes) {
    SCOPED_TRACE(name);
    golden::expect_same(view(a, dtype), file_.at(std::string("view.") + name));
  }
  golden::expect_same(view(transpose(a), uint8), file_.at("view.transposed"));
  const array pairs({complex64_t(1, 2), complex64_t(3, 0)});
  golden::expect_same(view(pairs, float32), file_.at("view.float32"));
  test::expect_array<bool>(view(array({0, 256}), bool_), {8},
                           {false, false, false, false, false, true, false, false});
  test::expect_array<int>(view(array(1.0f), int32), {}, {1065353216});
  test::expect_array<int64_t>(view(zeros({3, 0}), int64), {3, 0}, {});
  golden::expect_same(view(a * array(2.0f), float32), a * array(2.0f));
}

TEST_F(Searching, NumberOfElements) {
  const array a = zeros({2, 3, 4});
  test::expect_array<int>(number_of_elements(a, {0, -1}, false), {}, {8});
  test::expect_array<float>(number_of_elements(a, {1, 2}, true, float32), {}, {1.0f / 12});
  expect_error([&] { number_of_elements(a, {3}, false); },
               "number_of_elements: expected axis in [-3, 3), got 3");
}

TEST_F(Searching, RefusesWhatDoesNotFit) {
  const array a = zeros({2, 3});
  expect_error([&] { searchsorted(a, a); },
               "searchsorted: expected sorted_sequence with one axis, got (2, 3)");
  expect_error([&] { searchsorted(zeros({2}), a, "mid"); },
               "searchsorted: expected side left or right, got 'mid'");
  expect_error([&] { unique(a, -1); }, "unique: expected size of at least 0, got -1");
  expect_error([&] { unique(a, 2, false, false, false, zeros({2})); },
               "unique: expected fill_value of one element, got (2,)");
  expect_error([&] { unique(zeros({0}), 2); },
               "unique: expected a fill_value where a is empty and size is not 0, got none");
  expect_error([&] { diff(a, -1); }, "diff: expected n of at least 0, got -1");
  expect_error([&] { diff(a, 1, 2); }, "diff: expected axis in [-2, 2), got 2");
  expect_error([&] { masked_scatter(a, zeros({2}), a); },
               "masked_scatter: expected mask of bool, got float32");
  expect_error([&] { masked_scatter(a, zeros({3}, bool_), a); },
               "masked_scatter: expected mask of the leading axes of a (2, 3), got (3,)");
  expect_error([&] { masked_scatter(a, zeros({2}, bool_), zeros({6})); },
               "masked_scatter: expected src of rows that broadcast to (3,), got (6,)");
  expect_error([&] { hadamard_transform(a); },
               "hadamard_transform: expected m * 2^k elements along the last axis with m of 1, 12, "
               "20 or 28, got 3");
  expect_error(
      [&] {
        hadamard_transform(zeros({2, 0}));
      },
      "hadamard_transform: expected an array with elements, got (2, 0)");
  expect_error([&] { view(a, int64); },
               "view: expected a last axis of whole elements of int64, got (2, 3) float32");
  expect_error([&] { view(array(1.0f), int16); },
               "view: expected a last axis of whole elements of int16, got () float32");
  expect_error([&] { grad([](const array& x) { return sum(view(x, bfloat16)); })(ones({2})); },
               "view: the bits of float32 as bfloat16 have no derivative");
}

}  // namespace
}  // namespace mica
