// The recurrent kernels give what their composed definitions give: states and gradients.
#include "mica/fast/recurrence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "mica/engine/cpu/parallel.h"
#include "mica/mica.h"
#include "tests/golden.h"

namespace mica {
namespace {

using Arrays = std::vector<array>;
using ops::Recurrence, ops::RecurrentCell, ops::recurrence;

struct Sizes {
  int sequences, steps, units;
};

class RecurrenceKernel : public ::testing::TestWithParam<RecurrentCell> {
 protected:
  ~RecurrenceKernel() override { engine::set_num_threads(threads_); }

  Arrays operands(const Sizes& sizes, Dtype dtype) const {
    const auto [sequences, steps, units] = sizes;
    const int parts = GetParam() == RecurrentCell::rnn   ? 1
                      : GetParam() == RecurrentCell::gru ? 3
                                                         : 4;
    Arrays x{random::normal({sequences, steps, parts * units}),
             random::normal({parts * units, units}) / std::sqrt(static_cast<float>(units)),
             random::normal({sequences, units})};
    if (GetParam() == RecurrentCell::gru) x.push_back(random::normal({units}));
    if (GetParam() == RecurrentCell::lstm) x.push_back(random::normal({sequences, units}));
    for (array& each : x) each = astype(each, dtype);
    eval(x);
    return x;
  }

  // States, then the gradients of a sum of them, by `states`.
  template <class F>
  static Arrays values(F&& states, const Arrays& operands) {
    const auto loss = [&](const Arrays& x) {
      array total(0.0f, x[0].dtype());
      for (const array& each : states(x)) total = total + sum(sin(each * 3.0f));
      return total;
    };
    std::vector<int> all(operands.size());
    std::iota(all.begin(), all.end(), 0);
    Arrays found = states(operands);
    for (const array& gradient : grad(loss, all)(operands)) found.push_back(gradient);
    eval(found);
    return found;
  }

  // Errors are relative to the largest value: sums of gradients cancel.
  void expect_composed(const Sizes& sizes, Dtype dtype, double tolerance) const {
    const std::string name = std::to_string(sizes.sequences) + " x " + std::to_string(sizes.units);
    SCOPED_TRACE(name);
    const RecurrentCell cell = GetParam();
    const auto kernel = [&](const Arrays& x) {
      return recurrence(cell, x[0], x[1], x[2], x.size() > 3 ? std::optional(x[3]) : std::nullopt);
    };
    const auto composed = [&](const Arrays& x) {
      Arrays states = Recurrence{cell}.composed(x);
      states.erase(states.begin() + (cell == RecurrentCell::lstm ? 2 : 1), states.end());
      return states;
    };
    const Arrays x = operands(sizes, dtype);
    const Arrays got = values(kernel, x), expected = values(composed, x);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const double largest = max(abs(expected[i])).item<double>();
      golden::expect_close(got[i], expected[i], 0, tolerance * largest);
    }
  }

  int threads_ = engine::num_threads();
};

TEST_P(RecurrenceKernel, IsItsCompositionWithinFivePartsInAMillion) {
  for (const int threads : {1, 2, 3}) {
    engine::set_num_threads(threads);
    // Without packing the weight; threads share the units; threads have sequences of their own.
    for (const Sizes& sizes : {Sizes{3, 5, 7}, {7, 12, 70}, {40, 6, 70}, {33, 4, 256}}) {
      expect_composed(sizes, float32, 5e-6);
    }
    expect_composed({40, 4, 9}, float64, 1e-14);
  }
}

// Cotangents that are one number for all, first states that are one row for all, a transposed
// weight, and every second step of x.
TEST_P(RecurrenceKernel, ReadsOperandsOfAnyLayout) {
  const Sizes sizes{20, 9, 32};
  const RecurrentCell cell = GetParam();
  const Arrays x = operands(sizes, float32);
  const auto gradients = [&](bool contiguous_operands) {
    const auto loss = [&](const Arrays& x) {
      Arrays in{slice(x[0], {0, 0, 0}, x[0].shape(), {1, 2, 1}), transpose(transpose(x[1]) * 2.0f),
                broadcast_to(slice(x[2], {0, 0}, {1, sizes.units}), x[2].shape())};
      if (x.size() > 3) in.push_back(x[3] + 1.0f);
      if (contiguous_operands) {
        for (array& each : in) each = contiguous(each);
      }
      const Arrays states = recurrence(cell, in[0], in[1], in[2],
                                       in.size() > 3 ? std::optional(in[3]) : std::nullopt);
      if (!contiguous_operands) return sum(states[0]);
      return sum(states[0] * ones(states[0].shape()));
    };
    std::vector<int> all(x.size());
    std::iota(all.begin(), all.end(), 0);
    Arrays found = grad(loss, all)(x);
    eval(found);
    return found;
  };
  const Arrays got = gradients(false), expected = gradients(true);
  for (size_t i = 0; i < got.size(); ++i) {
    golden::expect_close(got[i], expected[i], 0, 1e-6 * max(abs(expected[i])).item<double>());
  }
}

TEST_P(RecurrenceKernel, GivesTheSameBitsHoweverThreadsShareTheWork) {
  const Arrays x = operands({40, 6, 70}, float32);
  const auto run = [&](int threads) {
    engine::set_num_threads(threads);
    Arrays states =
        recurrence(GetParam(), x[0], x[1], x[2], x.size() > 3 ? std::optional(x[3]) : std::nullopt);
    eval(states);
    return states;
  };
  const Arrays one = run(1);
  for (const int threads : {2, 8}) {
    const Arrays many = run(threads);
    for (size_t i = 0; i < one.size(); ++i) golden::expect_same(many[i], one[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Cells, RecurrenceKernel,
                         ::testing::Values(RecurrentCell::rnn, RecurrentCell::gru,
                                           RecurrentCell::lstm));

}  // namespace
}  // namespace mica
