// Evaluation: fusion, the plan cache, donation, streams and threads.
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "mica/counters.h"
#include "mica/engine/engine.h"
#include "mica/memory.h"
#include "mica/mica.h"
#include "mica/ops/ops.h"

namespace mica {
namespace {

array ramp(Shape shape, float step = 0.01f) {
  size_t n = 1;
  for (ShapeElem d : shape) n *= static_cast<size_t>(d);
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = std::sin(static_cast<float>(i) * step);
  return array(values.begin(), std::move(shape));
}

template <class... Arrays>
void compute(const Arrays&... arrays) {
  engine::evaluate(std::vector<array>{arrays...}, false);
}
void compute(const std::vector<array>& arrays) { engine::evaluate(arrays, false); }

// What evaluating f() counts.
template <class F>
Counters counted(F&& f) {
  const Counters before = counters();
  f();
  const Counters after = counters();
  return {.plan_hits = after.plan_hits - before.plan_hits,
          .plan_misses = after.plan_misses - before.plan_misses,
          .kernels = after.kernels - before.kernels,
          .bytes = after.bytes - before.bytes,
          .temporaries = after.temporaries - before.temporaries};
}

TEST(Evaluate, ElementwiseExpressionIsOneKernelWithoutTemporaries) {
  const array a = ramp({64, 300}), w = ramp({300}, 0.3f), b = ramp({300}, 0.7f);
  const array y = tanh(a * w + b) * sigmoid(a) + a / 2;
  const Counters c = counted([&] { compute(y); });
  EXPECT_EQ(c.kernels, 1u);
  EXPECT_EQ(c.temporaries, 0u);
  EXPECT_EQ(c.bytes, 2 * a.nbytes() + w.nbytes() + b.nbytes() + 4);
  for (int i = 0; i < 64 * 300; i += 7) {
    const float x = a.data<float>()[i], k = w.data<float>()[i % 300], c0 = b.data<float>()[i % 300];
    EXPECT_NEAR(y.data<float>()[i], std::tanh(x * k + c0) / (1 + std::exp(-x)) + x / 2, 1e-6);
  }
}

TEST(Evaluate, FusionChangesNoBit) {
  for (const Dtype dtype : {float32, float16, bfloat16, float64}) {
    const array a = astype(ramp({1000}), dtype), b = astype(ramp({1000}, 0.37f), dtype);
    const array fused = (a * b + a) * b - a;
    array product = a * b;
    compute(product);
    array sum = product + a;
    compute(sum);
    array scaled = sum * b;
    compute(scaled);
    const array stepwise = scaled - a;
    EXPECT_TRUE(array_equal(fused, stepwise).item<bool>()) << dtype;
  }
}

TEST(Evaluate, ElementwiseInputFusesIntoReduction) {
  const array a = ramp({200, 70});
  const array rows = sum(square(a) * 2, 1), columns = sum(square(a) * 2, 0);
  EXPECT_EQ(counted([&] { compute(rows); }).kernels, 1u);
  EXPECT_EQ(counted([&] { compute(columns); }).kernels, 1u);
  for (int r = 0; r < 200; r += 13) {
    double expected = 0;
    for (int c = 0; c < 70; ++c) expected += 2 * std::pow(a.data<float>()[r * 70 + c], 2.0);
    EXPECT_NEAR(rows.data<float>()[r], expected, 1e-5 * expected);
  }
  for (int c = 0; c < 70; c += 3) {
    double expected = 0;
    for (int r = 0; r < 200; ++r) expected += 2 * std::pow(a.data<float>()[r * 70 + c], 2.0);
    EXPECT_NEAR(columns.data<float>()[c], expected, 1e-5 * expected);
  }
}

TEST(Evaluate, CommonSubexpressionsRunOnce) {
  const array a = ramp({500});
  const array y = exp(a) * sum(exp(a)) + exp(a);
  const array same = sum(exp(a));
  compute(y, same);
  const double total = same.item<float>();
  EXPECT_NEAR(y.data<float>()[3], std::exp(a.data<float>()[3]) * (total + 1), 1e-3);
  const array twice = sum(a) + sum(a);
  EXPECT_EQ(counted([&] { compute(twice); }).kernels, 2u);
}

TEST(Evaluate, ScalarsAndSliceStartsAreArgumentsOfAPlan) {
  const array a = ramp({40, 30});
  const auto step = [&](float scale, int start) {
    return sum(slice(a, {start, 0}, {start + 10, 30}) * scale).item<float>();
  };
  const auto expected = [&](float scale, int start) {
    double total = 0;
    for (int i = start * 30; i < (start + 10) * 30; ++i) total += a.data<float>()[i] * scale;
    return total;
  };
  EXPECT_NEAR(step(1, 0), expected(1, 0), 1e-4);
  const Counters c = counted([&] {
    EXPECT_NEAR(step(2.5f, 7), expected(2.5f, 7), 1e-4);
    EXPECT_NEAR(step(-1, 30), expected(-1, 30), 1e-4);
  });
  EXPECT_EQ(c.plan_hits, 2u);
  EXPECT_EQ(c.plan_misses, 0u);
}

TEST(Evaluate, SlicesWithDifferentStartsAreNotMerged) {
  const array a = ramp({20});
  const array y = slice(a, {0}, {5}) - slice(a, {5}, {10});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(y.data<float>()[i], a.data<float>()[i] - a.data<float>()[i + 5]);
  }
}

TEST(Evaluate, ReusesTheBufferOfAnInputNobodyHolds) {
  array p = ramp({1 << 16});
  const float before = p.data<float>()[5];
  const void* buffer = p.data<float>();
  p = p + p * 0.5f;
  compute(p);
  EXPECT_EQ(p.data<float>(), buffer);
  EXPECT_EQ(p.data<float>()[5], before + before * 0.5f);

  const array held = p;
  p = p * 2.0f;
  compute(p);
  EXPECT_NE(p.data<float>(), held.data<float>());
  EXPECT_EQ(p.data<float>()[5], 2 * held.data<float>()[5]);
}

TEST(Evaluate, NeverWritesOverAnInputStillReadByAView) {
  array a = ramp({256, 256});
  std::vector<float> original(a.data<float>(), a.data<float>() + a.size());
  array y = a + transpose(a);
  a = array(0.0f);
  compute(y);
  for (int i = 0; i < 256; i += 5) {
    for (int j = 0; j < 256; j += 3) {
      EXPECT_EQ(y.data<float>()[i * 256 + j], original[static_cast<size_t>(i * 256 + j)] +
                                                  original[static_cast<size_t>(j * 256 + i)]);
    }
  }
}

TEST(Evaluate, IntermediatesThatSomeoneHoldsAreComputedOnce) {
  const array a = ramp({100});
  const array h = exp(a);
  const array y = h + 1;
  compute(y);
  EXPECT_TRUE(h.is_available());
  EXPECT_EQ(counted([&] { compute(h); }).kernels, 0u);
  EXPECT_FLOAT_EQ(h.data<float>()[1], std::exp(a.data<float>()[1]));
}

TEST(Evaluate, EvaluatingOneArrayLeavesOthersLazy) {
  const array big = zeros({100000, 100000}) + 1;
  const array small = ramp({3}) + 1;
  const size_t before = get_active_memory();
  compute(small);
  EXPECT_FALSE(big.is_available());
  EXPECT_LT(get_active_memory(), before + (size_t{1} << 20));
}

TEST(Evaluate, KeptConstantsAreContiguous) {
  const array z = zeros({3, 4}), y = z + 1;
  compute(z, y);
  EXPECT_TRUE(z.flags().row_contiguous);
  EXPECT_EQ(z.data_size(), 12u);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(z.data<float>()[i], 0.0f);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(y.data<float>()[i], 1.0f);
}

TEST(Evaluate, SmallIndependentProgramsRunAsOneKernel) {
  std::vector<array> inputs, sums;
  for (int i = 0; i < 1000; ++i) inputs.push_back(ramp({16}, 0.001f * static_cast<float>(i)));
  const array y = ramp({16}, 3.0f);
  for (const array& x : inputs) sums.push_back(x + y);
  EXPECT_EQ(counted([&] { compute(sums); }).kernels, 1u);
  for (size_t i = 0; i < sums.size(); i += 37) {
    EXPECT_EQ(sums[i].data<float>()[9], inputs[i].data<float>()[9] + y.data<float>()[9]);
  }
}

TEST(Evaluate, MillionNodesDeep) {
  array x(0.0f);
  for (int i = 0; i < 1000000; ++i) x = x + 1.0f;
  EXPECT_EQ(x.item<float>(), 1e6f);
}

TEST(Evaluate, DestroysAMillionUnevaluatedNodes) {
  array x(0.0f);
  for (int i = 0; i < 1000000; ++i) x = x + 1.0f;
  x = array(1.0f);
  EXPECT_EQ(x.item<float>(), 1.0f);
}

TEST(Evaluate, AMillionViewsDeep) {
  array x = array({{1.0f, 2.0f, 3.0f}, {4.0f, 5.0f, 6.0f}}) + 1.0f;
  for (int i = 0; i < 1'000'001; ++i) x = transpose(x);
  EXPECT_EQ(x.shape(), Shape({3, 2}));
  const array y = contiguous(x);
  y.eval();
  EXPECT_EQ(std::vector<float>(y.data<float>(), y.data<float>() + 6),
            std::vector<float>({2, 5, 3, 6, 4, 7}));
}

TEST(Evaluate, WorksAcrossStreams) {
  const Stream one = new_stream(Device::cpu), two = new_stream(Device::cpu);
  const array a = ramp({1000});
  const array left = exp(a, one), right = sin(a, two);
  const array joined = add(multiply(left, right, two), left, one);
  const array y = sum(joined, one);
  double expected = 0;
  for (int i = 0; i < 1000; ++i) {
    const double x = a.data<float>()[i];
    expected += std::exp(x) * std::sin(x) + std::exp(x);
  }
  EXPECT_NEAR(y.item<float>(), expected, 1e-5 * std::abs(expected));
}

TEST(Evaluate, AsynchronousResultsArriveOnWait) {
  array x = ramp({1 << 18});
  for (int i = 0; i < 10; ++i) {
    x = tanh(x * 1.01f);
    engine::evaluate({&x, 1}, true);
  }
  x.wait();
  EXPECT_TRUE(x.is_available());
  double v = std::sin(3 * 0.01f);
  for (int i = 0; i < 10; ++i) v = std::tanh(v * 1.01f);
  EXPECT_NEAR(x.data<float>()[3], v, 1e-5);
}

TEST(Evaluate, ThreadsBuildAndEvaluateAtOnce) {
  const array shared = exp(ramp({4096}));
  std::vector<std::thread> threads;
  std::vector<float> results(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      float total = 0;
      for (int i = 0; i < 20; ++i) {
        total += sum(shared * static_cast<float>(t + i % 3)).item<float>();
      }
      results[static_cast<size_t>(t)] = total;
    });
  }
  for (auto& thread : threads) thread.join();
  const double base = sum(shared).item<float>();
  for (int t = 0; t < 8; ++t) {
    double expected = 0;
    for (int i = 0; i < 20; ++i) expected += base * (t + i % 3);
    EXPECT_NEAR(results[static_cast<size_t>(t)], expected, 1e-3 * std::abs(expected) + 1e-3);
  }
}

TEST(Evaluate, NodesEndOnAnotherThreadThanTheirOwn) {
  const array x = ramp({16});
  std::vector<array> sums;
  std::thread([&] {
    for (int i = 0; i < 3000; ++i) sums.push_back(x + static_cast<float>(i));
  }).join();
  compute(sums);
  EXPECT_EQ(sums[2999].data<float>()[0], x.data<float>()[0] + 2999);
  sums.clear();
  for (int i = 0; i < 3000; ++i) sums.push_back(where(x > 0, x * 2, x));
  std::thread([ended = std::move(sums)]() mutable { ended.clear(); }).join();
  EXPECT_EQ((x + x).data<float>()[1], 2 * x.data<float>()[1]);
}

TEST(Evaluate, OutputsMayBeEvaluatedAlready) {
  const array x = ramp({1000});
  array before = exp(x);
  engine::evaluate({&before, 1}, true);
  const array after = x + 1;
  compute(after, before, after);
  EXPECT_EQ(after.status(), array::available);
  EXPECT_EQ(before.status(), array::available);
  EXPECT_EQ(after.data<float>()[999], x.data<float>()[999] + 1);
}

TEST(Evaluate, AnErrorConcernsWhatNeedsItsResultsAlone) {
  const array x = ramp({4, 3}) * 2;
  const array bad = take(x, array({9}), 0);
  const array view = reshape(bad, {3}), after = exp(view) + 1, beside = sum(x * x) + 1;
  const auto expect_failure = [](const array& a) {
    try {
      compute(a);
      ADD_FAILURE() << "no error";
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(),
                   "gather of (4, 3), (1,): index 9 is out of bounds for axis 0 with size 4");
    }
  };
  EXPECT_THROW(compute(after, beside, view), std::runtime_error);
  EXPECT_EQ(x.data<float>()[5], ramp({4, 3}).data<float>()[5] * 2);
  EXPECT_EQ(beside.item<float>(), (sum(x * x) + 1).item<float>());
  for (const array& failed : {bad, view, after, after + 1, sum(view), x + bad}) {
    expect_failure(failed);
  }
  compute(x + 1);
}

TEST(Evaluate, WhatAnotherStreamFailedToComputeFails) {
  const Stream other = new_stream(Device::cpu);
  const array x = ramp({4, 3});
  const array bad = take(x, array({9}), 0, other), good = exp(x, other);
  const array needs = add(bad, x), fine = sum(good);
  EXPECT_THROW(compute(needs, fine), std::runtime_error);
  EXPECT_EQ(fine.item<float>(), sum(exp(x)).item<float>());
  EXPECT_THROW(compute(needs), std::runtime_error);
  async_eval({bad});
  EXPECT_THROW(compute(bad + 1), std::runtime_error);
}

TEST(Evaluate, EmptyArraysAndReductionsOfNothing) {
  const array empty = zeros({0, 3});
  EXPECT_EQ((exp(empty) + 1).size(), 0u);
  const array y = sum(exp(empty) + 1, 0);
  EXPECT_EQ(y.shape(), (Shape{3}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(y.data<float>()[i], 0.0f);
}

TEST(Evaluate, ReducesAnyAxesOfAnyLayout) {
  const array a = ramp({3, 40, 5, 7});
  const std::vector<std::vector<int>> all_axes = {{0},    {1},       {2},         {3},    {0, 1},
                                                  {0, 2}, {1, 3},    {0, 1, 3},   {1, 2}, {0, 3},
                                                  {2, 3}, {0, 2, 3}, {0, 1, 2, 3}};
  for (const bool transposed : {false, true}) {
    const array x = transposed ? transpose(a, {2, 0, 3, 1}) : a;
    const array flat = contiguous(x);
    compute(flat);
    for (const auto& axes : all_axes) {
      const array y = sum(x * 2, axes, true);
      compute(y);
      std::vector<double> expected(y.size(), 0);
      const Shape& shape = flat.shape();
      for (size_t i = 0; i < flat.size(); ++i) {
        size_t rest = i, index = 0, stride = 1;
        for (size_t d = 4; d-- > 0;) {
          const size_t at = rest % static_cast<size_t>(shape[d]);
          rest /= static_cast<size_t>(shape[d]);
          if (y.shape()[d] != 1) {
            index += at * stride;
            stride *= static_cast<size_t>(shape[d]);
          }
        }
        expected[index] += 2.0 * flat.data<float>()[i];
      }
      for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y.data<float>()[i], expected[i], 1e-3);
    }
  }
}

// Rows that a tile holds several of, whole tiles of them or not, and threads that begin inside one.
TEST(Evaluate, ShortRowsAreBroadcastAlongLongArrays) {
  random::seed(5);
  for (const int columns : {2, 7, 32, 64, 100, 128}) {
    SCOPED_TRACE(columns);
    const array x = random::normal({3001, columns});
    const array a = random::normal({columns}), b = random::normal({columns});
    eval(x, a, b);
    array shifted = x - a;
    shifted.eval();
    array expected = shifted * b;
    expected.eval();
    EXPECT_TRUE(array_equal((x - a) * b, expected).item<bool>());
    const array sums = sum((x - a) * b * x, 0), of_float64 = sum(astype(expected * x, float64), 0);
    EXPECT_TRUE(allclose(astype(sums, float64), of_float64, 1e-4, 1e-3).item<bool>());
  }
}

}  // namespace
}  // namespace mica
