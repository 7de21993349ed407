// Products of matrices chosen by index, in segments and in blocks.
#include <gtest/gtest.h>

#include "tests/nn/goldens.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using test::counting;
using test::expect_array;
using test::expect_error;
using test::values;

class BlockMaskedMM : public test::Seeded {};
class GatherMM : public test::Seeded {};
class SegmentedMM : public test::Seeded {};

const array lhs({{0, 3}, {1, 1}}), rhs({4, 2}), ascending({0, 0, 3, 4});

TEST_F(GatherMM, Values) {
  const Goldens file = golden::load("ops/gather_products");
  const array a = file.at("a"), b = swapaxes(file.at("b"), -1, -2);
  expect_case(file, "gather_mm.both",
              [](const std::vector<array>& in) { return gather_mm(in[0], in[1], lhs, rhs); },
              {a, b}, file.at("gather_mm.both.cotangent"), {1e-5, 2e-5});
  const auto expect = [&](const std::string& name, const array& got) {
    SCOPED_TRACE(name);
    golden::expect_close(got, file.at("gather_mm." + name), 1e-5, 1e-5);
  };
  expect("rhs", gather_mm(a, b, {}, ascending, true));
  expect("rhs", gather_mm(a, contiguous(b), array({-4, 1, 2, 3}), ascending));
  expect("lhs", gather_mm(a, b, array({3, 3, 1, 0, 2})));
  expect("none", gather_mm(a, slice(b, {0, 0, 0}, {4, 64, 6})));
  expect("vector", gather_mm(a[{0, 0}], b, {}, ascending));
  // The wheel's CPU knows float32 only.
  for (Dtype dtype : {float16, bfloat16, float64}) {
    expect_close(astype(gather_mm(astype(a, dtype), astype(b, dtype), lhs, rhs), float32),
                 file.at("gather_mm.both.output"),
                 dtype == float64 ? Tolerance{1e-5, 1e-5} : Tolerance{3e-2, 0.1});
  }
}

array composed_gather(const std::vector<array>& in, const array& l, const array& r) {
  return matmul(take(in[0], l, 0), take(in[1], r, 0));
}

// Sorted or not, cotangents of matrices that are used often add up, and of those never used are 0.
TEST_F(GatherMM, GradientsMatchCopies) {
  const array a = random::normal({4, 3, 8}), b = random::normal({5, 8, 6});
  const array l({0, 1, 1, 3, 0, 2});
  for (const array& r : {array({4, 0, 4, 2, 0, 0}), array({0, 0, 1, 3, 3, 3})}) {
    for (const bool sorted : {false, true}) {
      if (sorted && values<int>(r)[0] != 0) continue;
      const auto gathered = [&](const std::vector<array>& in) {
        return std::vector<array>{gather_mm(in[0], in[1], l, r, sorted)};
      };
      const auto copied = [&](const std::vector<array>& in) {
        return std::vector<array>{composed_gather(in, l, r)};
      };
      const std::vector<array> cotangent{random::normal({6, 3, 6})};
      const auto got = vjp(gathered, {a, b}, cotangent).second;
      const auto want = vjp(copied, {a, b}, cotangent).second;
      for (size_t i = 0; i < 2; ++i) golden::expect_close(got[i], want[i], 1e-4, 1e-5);
    }
  }
}

TEST_F(GatherMM, Vmap) {
  const array a = random::normal({2, 4, 3, 8}), b = random::normal({2, 5, 8, 6});
  const array l({{0, 1, 1}, {3, 0, 2}}), r({{0, 2, -1}, {1, 1, 3}});
  for (int which = 1; which < 16; ++which) {
    SCOPED_TRACE(which);
    std::vector<array> inputs{a, b, l, r};
    std::vector<int> axes;
    for (size_t i = 0; i < 4; ++i) {
      axes.push_back(which >> i & 1 ? 0 : -1);
      if (axes.back() < 0) inputs[i] = inputs[i][{0}];
    }
    const auto f = [](const std::vector<array>& in) {
      return std::vector<array>{gather_mm(in[0], in[1], in[2], in[3], false)};
    };
    const array got = vmap(f, axes, {0})(inputs)[0];
    for (int row = 0; row < 2; ++row) {
      std::vector<array> one = inputs;
      for (size_t i = 0; i < 4; ++i) {
        if (axes[i] == 0) one[i] = one[i][{row}];
      }
      golden::expect_close(got[{row}], f(one)[0], 1e-5, 1e-5);
    }
  }
}

TEST_F(GatherMM, Errors) {
  const array a = ones({2, 3, 4}), b = ones({5, 4, 6}), index({0, 1});
  expect_error(
      [&] {
        gather_mm(a, ones({5, 3, 6}), index);
      },
      "gather_mm: expected a (..., m, k) and b (..., k, n), got (2, 3, 4) and (5, 3, 6)");
  expect_error([&] { gather_mm(a, b, array({0.0f}), index); },
               "gather_mm: expected integer indices, got float32");
  expect_error([&] { gather_mm(astype(a, complex64), b, index, index); },
               "gather_mm: expected a and b of real floats, got complex64 and float32");
  expect_error(
      [&] {
        gather_mm(a, b, index, array({0, 1, 2}));
      },
      "gather_mm: expected shapes that broadcast together, got (2,) and (3,)");
  expect_error<std::runtime_error>(
      [&] {
        gather_mm(a, b, array({0, 2}), index).eval();
      },
      "gather_mm of (2, 3, 4), (5, 4, 6), (2,), (2,): index 2 is out of "
      "bounds for 2 matrices");
}

TEST_F(SegmentedMM, Values) {
  const Goldens file = golden::load("ops/block_products");
  const array a = file.at("a"), b = file.at("b"), segments = file.at("segments");
  const array expected = file.at("segmented");
  golden::expect_close(segmented_mm(a, b, segments), expected, 1e-5, 1e-5);
  golden::expect_close(segmented_mm(transpose(contiguous(transpose(a))),
                                    transpose(contiguous(transpose(b))), astype(segments, int32)),
                       expected, 1e-5, 1e-5);
  const array last = reshape(array({39, 100}), {1, 2});  // cut off at 40
  golden::expect_close(segmented_mm(a, b, last), reshape(expected[{1, 1}], {1, 70, 36}), 1e-5,
                       1e-5);
  EXPECT_EQ(segmented_mm(a, b, array({3, 9})).shape(), (Shape{70, 36}));
  expect_array<float>(segmented_mm(ones({1, 4}), ones({4, 1}), array({{3, 1}, {5, 9}, {1, 3}})),
                      {3, 1, 1}, {0, 0, 2});
}

std::vector<array> by_masks(const std::vector<array>& in, const array& segments) {
  const array k = arange(in[0].shape(-1), int32);
  const array start = take(segments, array({0}), 1), end = take(segments, array({1}), 1);
  const array mask = astype(logical_and(greater_equal(k, start), less(k, end)), float32);
  return {matmul(expand_dims(in[0], 0) * expand_dims(mask, 1), in[1])};
}

TEST_F(SegmentedMM, Derivatives) {
  const array segments({{0, 3}, {2, 7}, {4, 4}, {5, 9}});
  const std::vector<array> inputs{random::normal({3, 9}), random::normal({9, 5})};
  const auto f = [&](const std::vector<array>& in) {
    return std::vector<array>{segmented_mm(in[0], in[1], segments)};
  };
  const auto composed = [&](const std::vector<array>& in) { return by_masks(in, segments); };
  const std::vector<array> cotangent{random::normal({4, 3, 5})};
  const auto got = vjp(f, inputs, cotangent).second;
  const auto want = vjp(composed, inputs, cotangent).second;
  for (size_t i = 0; i < 2; ++i) golden::expect_close(got[i], want[i], 1e-4, 1e-5);
  const std::vector<array> tangents{random::normal({3, 9}), random::normal({9, 5})};
  golden::expect_close(jvp(f, inputs, tangents).second[0],
                       jvp(composed, inputs, tangents).second[0], 1e-4, 1e-5);
}

TEST_F(SegmentedMM, Vmap) {
  const array a = random::normal({2, 3, 9}), b = random::normal({2, 9, 5});
  const array segments({{{0, 3}, {2, 7}}, {{1, 1}, {0, 9}}});
  for (int which = 1; which < 8; ++which) {
    SCOPED_TRACE(which);
    std::vector<array> inputs{a, b, segments};
    std::vector<int> axes;
    for (size_t i = 0; i < 3; ++i) {
      axes.push_back(which >> i & 1 ? 0 : -1);
      if (axes.back() < 0) inputs[i] = inputs[i][{0}];
    }
    const auto f = [](const std::vector<array>& in) {
      return std::vector<array>{segmented_mm(in[0], in[1], in[2])};
    };
    const array got = vmap(f, axes, {0})(inputs)[0];
    // Twice: both batches, one within the other.
    std::vector<array> deeper = inputs;
    std::vector<int> first(3, -1);
    deeper[0] = stack({inputs[0], array(2.0f) * inputs[0]});
    first[0] = 0;
    const auto inner = [&](const std::vector<array>& in) { return vmap(f, axes, {0})(in); };
    const array twice = vmap(inner, first, {0})(deeper)[0];
    for (int row = 0; row < 2; ++row) {
      std::vector<array> one = inputs;
      for (size_t i = 0; i < 3; ++i) {
        if (axes[i] == 0) one[i] = one[i][{row}];
      }
      const array want = f(one)[0];
      golden::expect_close(got[{row}], want, 1e-5, 1e-5);
      golden::expect_close(twice[{1, row}], array(2.0f) * want, 1e-5, 1e-5);
    }
  }
}

TEST_F(SegmentedMM, Errors) {
  const array a = ones({3, 8}), b = ones({8, 2}), segments({{0, 8}});
  expect_error([&] { segmented_mm(expand_dims(a, 0), b, segments); },
               "segmented_mm: expected a (m, k) and b (k, n), got (1, 3, 8) and (8, 2)");
  expect_error(
      [&] {
        segmented_mm(a, ones({7, 2}), segments);
      },
      "segmented_mm: expected a (m, k) and b (k, n), got (3, 8) and (7, 2)");
  expect_error(
      [&] {
        segmented_mm(a, b, array({0.0f, 1.0f}));
      },
      "segmented_mm: expected integer segments, got float32");
  expect_error(
      [&] {
        segmented_mm(a, b, array({0, 1, 2}));
      },
      "segmented_mm: expected segments (..., 2), got (3,)");
  expect_error([&] { segmented_mm(astype(a, int32), astype(b, int32), segments); },
               "segmented_mm: expected a and b of real floats, got int32 and int32");
}

TEST_F(BlockMaskedMM, Values) {
  const Goldens file = golden::load("ops/block_products");
  const array a = file.at("a"), b = file.at("b");
  const array out = file.at("masks.out"), left = file.at("masks.lhs"), right = file.at("masks.rhs");
  const auto on = [](const array& mask) { return greater(mask, array(0.0f)); };
  const auto expect = [&](const std::string& name, const array& got) {
    SCOPED_TRACE(name);
    golden::expect_close(got, file.at(name), 1e-5, 1e-5);
  };
  expect("none", block_masked_mm(a, b, 32));
  expect("scaled", block_masked_mm(a, b, 32, out, left, right));
  expect("masked", block_masked_mm(a, b, 32, on(out), on(left), on(right)));
  expect("masked_out", block_masked_mm(a, b, 32, on(out)));
  expect("masked_lhs", block_masked_mm(a, b, 32, {}, on(left)));
  expect("masked_rhs", block_masked_mm(a, b, 32, {}, {}, on(right)));
  expect("block_64", block_masked_mm(a, b, 64, slice(out, {0, 0}, {2, 1})));
  expect("batched", block_masked_mm(stack({a, negative(a)}), b, 32, stack({out, out + out})));
}

TEST_F(BlockMaskedMM, DerivativesAndVmap) {
  const array a = random::normal({5, 4}), b = random::normal({4, 3});
  const array out = random::normal({3, 2}), left = random::normal({3, 2});
  const auto f = [](const std::vector<array>& in) {
    return std::vector<array>{block_masked_mm(in[0], in[1], 2, in[2], in[3])};
  };
  const auto spread = [](const array& mask, int rows, int columns) {
    const array wide = kron(mask, ones({2, 2}));
    return slice(wide, {0, 0}, {rows, columns});
  };
  const auto composed = [&](const std::vector<array>& in) {
    return std::vector<array>{matmul(in[0] * spread(in[3], 5, 4), in[1]) * spread(in[2], 5, 3)};
  };
  const std::vector<array> inputs{a, b, out, left}, cotangent{random::normal({5, 3})};
  const auto got = vjp(f, inputs, cotangent).second;
  const auto want = vjp(composed, inputs, cotangent).second;
  for (size_t i = 0; i < 4; ++i) golden::expect_close(got[i], want[i], 1e-4, 1e-5);
  const array masks = stack({out, array(3.0f) * out});
  const array mapped = vmap(f, {-1, -1, 0, -1}, {0})({a, b, masks, left})[0];
  golden::expect_close(mapped[{1}], array(3.0f) * f(inputs)[0], 1e-5, 1e-5);
}

// What a mask of bools leaves out need not be finite.
TEST_F(BlockMaskedMM, LeavesOutNaN) {
  array a = ones({2, 2});
  a = where(array({{true, false}, {true, true}}), a, array(NAN));
  expect_array<float>(block_masked_mm(a, ones({2, 1}), 1, {}, array({{true, false}, {true, true}})),
                      {2, 1}, {1, 2});
}

TEST_F(BlockMaskedMM, Errors) {
  const array a = ones({70, 40}), b = ones({40, 36});
  expect_error(
      [&] {
        block_masked_mm(a, b, 32, ones({2, 2}));
      },
      "block_masked_mm: expected mask_out that broadcasts to (..., 3, 2), got (2, 2)");
  expect_error([&] { block_masked_mm(a, b, 0); },
               "block_masked_mm: expected block_size of at least 1, got 0");
  expect_error([&] { block_masked_mm(a[{0}], b, 32); },
               "block_masked_mm: expected a and b with at least two dimensions, got (40,) and "
               "(40, 36)");
  expect_error([&] { block_masked_mm(astype(a, int32), astype(b, int32), 32); },
               "block_masked_mm: expected a and b of real floats, got int32 and int32");
}

}  // namespace
}  // namespace mica
