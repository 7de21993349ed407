// einsum gives mlx's values, paths and texts about them.
#include "mica/ops/einsum.h"

#include <gtest/gtest.h>

#include "mica/ops/ops.h"
#include "mica/transforms/transforms.h"
#include "tests/golden.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

class Einsum : public ::testing::Test {
 protected:
  std::string text(const std::string& name) const {
    const auto bytes = test::values<uint8_t>(file_.at(name));
    return {bytes.begin(), bytes.end()};
  }
  void expect_path(const std::string& name, const std::string& subscripts,
                   const std::vector<array>& operands) const {
    const auto [path, explanation] = einsum_path(subscripts, operands);
    EXPECT_EQ(explanation, text(name + ".text"));
    std::vector<int> flat;
    for (const std::vector<int>& step : path) {
      flat.insert(flat.end(), step.begin(), step.end());
      flat.push_back(-1);
    }
    EXPECT_EQ(flat, test::values<int>(file_.at(name + ".path")));
  }
  std::vector<array> operands(const std::string& name) const {
    std::vector<array> found;
    for (int i = 0; file_.contains(name + ".operands." + std::to_string(i)); ++i) {
      found.push_back(file_.at(name + ".operands." + std::to_string(i)));
    }
    return found;
  }

  const std::unordered_map<std::string, array> file_ = golden::load("ops/einsum");
};

TEST_F(Einsum, ValuesPathsAndTexts) {
  int count = 0;
  for (; file_.contains(std::to_string(count) + ".result"); ++count) {
    const std::string name = std::to_string(count);
    std::string subscripts = text(name + ".subscripts");
    SCOPED_TRACE(subscripts);
    if (subscripts == " ") subscripts.clear();
    golden::expect_close(einsum(subscripts, operands(name)), file_.at(name + ".result"), 1e-5,
                         1e-5);
    expect_path(name, subscripts, operands(name));
  }
  EXPECT_GT(count, 30);
}

TEST_F(Einsum, PathsOfManyOperands) {
  int count = 0;
  for (; file_.contains("paths." + std::to_string(count) + ".path"); ++count) {
    const std::string name = "paths." + std::to_string(count);
    const std::string subscripts = text(name + ".subscripts");
    SCOPED_TRACE(subscripts);
    const auto sizes = test::values<int>(file_.at(name + ".sizes"));
    std::vector<array> given;
    Shape shape;
    for (const char c : subscripts.substr(0, subscripts.find("->")) + ",") {
      if (c == ',') {
        given.push_back(ones(shape));
        shape.clear();
      } else {
        shape.push_back(sizes[static_cast<size_t>(c - 'a')]);
      }
    }
    expect_path(name, subscripts, given);
    // All elements are 1: the sum counts the elements summed over.
    float count_summed = 1;
    for (char c = 'a'; c <= 'g'; ++c) {
      const size_t arrow = subscripts.find("->");
      if (subscripts.find(c) < arrow && subscripts.find(c, arrow) == std::string::npos)
        count_summed *= static_cast<float>(sizes[static_cast<size_t>(c - 'a')]);
    }
    const array result = einsum(subscripts, given);
    golden::expect_close(result, full(result.shape(), array(count_summed)), 1e-6);
  }
  EXPECT_EQ(count, 60);
}

TEST_F(Einsum, DtypesAndEmptyOperands) {
  const array a = reshape(arange(6), {2, 3});
  test::expect_array<int>(einsum("ij->j", {a}), {3}, {3, 5, 7});
  test::expect_array<int>(einsum("ij,ij->ji", {a, a}), {3, 2}, {0, 9, 1, 16, 4, 25});
  EXPECT_EQ(einsum("ij,jk->ik", {astype(a, float16), ones({3, 4}, float16)}).dtype(), float16);
  test::expect_array<float>(einsum("ab,bc->ac", {zeros({2, 0}), zeros({0, 2})}), {2, 2},
                            {0, 0, 0, 0});
  test::expect_array<float>(einsum("ab->", {zeros({0, 3})}), {}, {0});
}

TEST_F(Einsum, DerivativesAndBatches) {
  const array a = file_.at("operands.a"), b = file_.at("operands.b");
  const auto f = [&](const array& x) { return sum(square(einsum("ij,jk->k", {x, b}))); };
  const auto expected = [&](const array& x) { return sum(square(sum(matmul(x, b), 0))); };
  golden::expect_close(grad(f)(a), grad(expected)(a));
  const array batch = stack({a, a * array(2.0f)});
  const array batched = vmap([&](const array& x) { return einsum("ij,jk->ki", {x, b}); })(batch);
  golden::expect_close(batched, swapaxes(matmul(batch, b), 1, 2));
}

TEST_F(Einsum, RefusesWhatDoesNotFit) {
  const array a = ones({2, 3}), b = ones({3, 4});
  const auto expect = [](const std::string& subscripts, const std::vector<array>& operands,
                         const std::string& message) {
    test::expect_error([&] { einsum(subscripts, operands); }, "einsum: expected " + message);
  };
  expect("", {}, "at least one operand, got none");
  expect("ij,jk", {a}, "an operand for each of 2 subscripts, got 1");
  expect("ijk", {a}, "operand 0 with the axes 'ijk', got (2, 3)");
  expect("ijk...", {a}, "operand 0 with the axes 'ijk...', got (2, 3)");
  expect("i1", {a}, "subscripts of letters and '...', got '1'");
  expect("i..", {a}, "subscripts of letters and '...', got '.'");
  expect("ij->j->i", {a}, "subscripts of letters and '...', got '-'");
  expect("...i...", {a}, "at most one '...' for each operand, got ...i...");
  expect("ii", {a}, "axes of one size for 'i' of operand 0, got (2, 3)");
  expect("ij,ik", {a, b}, "size 2 for 'i' of operand 1, got (3, 4)");
  expect("...j,...j", {a, ones({4, 3})}, "size 2 for '...' of operand 1, got (4, 3)");
  expect("ij->ik", {a}, "output subscripts that operands have, got ik");
  expect("ij->ii", {a}, "each output subscript once, got ii");
  test::expect_error([&] { einsum_path("ij", {}); },
                     "einsum_path: expected at least one operand, got none");
}

}  // namespace
}  // namespace mica
