// A user's own kernels as lazy ops.
#include "mica/fast/fast.h"

#include "mica/mica.h"
#include "tests/golden.h"
#include "tests/ops/expect.h"

namespace mica {
namespace {

using fast::cpu_kernel;
using fast::KernelInput;
using fast::KernelOutput;
using test::expect_array;
using test::expect_error;
using test::values;

// The product and the sum of two vectors.
void product_and_sum(const std::vector<KernelInput>& in, const std::vector<KernelOutput>& out) {
  const float *x = in[0].as<float>(), *y = in[1].as<float>();
  for (int i = 0; i < in[0].shape[0]; ++i) {
    out[0].as<float>()[i] = x[i] * y[i];
    out[1].as<float>()[i] = x[i] + y[i];
  }
}

const fast::CpuKernelOptions with_vjp{.vjp = [](const std::vector<array>& x,
                                                const std::vector<array>& cotangents,
                                                const std::vector<array>&) {
  return std::vector<array>{cotangents[0] * x[1] + cotangents[1],
                            cotangents[0] * x[0] + cotangents[1]};
}};

std::vector<array> apply(const fast::CpuKernel& kernel, const std::vector<array>& x) {
  return kernel(x, {x[0].shape(), x[0].shape()}, {float32, float32});
}

TEST(CpuKernel, RunsLazily) {
  int calls = 0;
  const auto kernel = cpu_kernel("count", [&](const auto&, const std::vector<KernelOutput>& out) {
    out[0].as<int32_t>()[0] = ++calls;
  });
  const array once = kernel({}, {{1}}, {int32})[0];
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(once.item<int>(), 1);
  EXPECT_EQ(once.item<int>(), 1);
  EXPECT_EQ(calls, 1);
}

TEST(CpuKernel, ComputesBetweenOtherOps) {
  const auto kernel = cpu_kernel("product_and_sum", product_and_sum);
  const array x({1.0f, 2.0f, 3.0f}), y({4.0f, 5.0f, 6.0f});
  const auto out = apply(kernel, {x * 2, y});
  expect_array<float>(out[0] + 1, {3}, {9, 21, 37});
  expect_array<float>(out[1], {3}, {6, 9, 12});
}

TEST(CpuKernel, SeesContiguousInputsUnlessItTakesStrides) {
  const array x = test::counting({2, 3});
  const auto layout = [](const std::vector<KernelInput>& in, const std::vector<KernelOutput>& out) {
    out[0].as<int32_t>()[0] = static_cast<int32_t>(in[0].strides[0]);
    out[0].as<int32_t>()[1] = static_cast<int32_t>(in[0].strides[1]);
  };
  const auto strides = [&](const fast::CpuKernelOptions& options) {
    return cpu_kernel("strides", layout, options)({transpose(x)}, {{2}}, {int32})[0];
  };
  expect_array<int32_t>(strides({}), {2}, {2, 1});
  expect_array<int32_t>(strides({.ensure_row_contiguous = false}), {2}, {1, 3});
}

TEST(CpuKernel, KernelsOfOneShapeKeepApart) {
  const auto constant = [](float value) {
    return cpu_kernel("constant", [value](const auto&, const std::vector<KernelOutput>& out) {
      out[0].as<float>()[0] = value;
    });
  };
  const auto one = constant(1), two = constant(2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(one({}, {{1}}, {float32})[0].item<float>(), 1);
    EXPECT_EQ(two({}, {{1}}, {float32})[0].item<float>(), 2);
  }
  expect_array<float>(one({}, {{1}}, {float32})[0] - two({}, {{1}}, {float32})[0], {1}, {-1});
}

TEST(CpuKernel, DifferentiatesByItsVjp) {
  const auto kernel = cpu_kernel("product_and_sum", product_and_sum, with_vjp);
  const array x({1.0f, 2.0f}), y({4.0f, 5.0f});
  const auto fun = [&](const std::vector<array>& in) { return apply(kernel, in); };
  const array a({1.0f, 10.0f}), b({2.0f, 3.0f});
  const auto gradients = vjp(fun, std::vector<array>{x, y}, std::vector<array>{a, b}).second;
  expect_array<float>(gradients[0], {2}, {6, 53});
  expect_array<float>(gradients[1], {2}, {3, 23});
  const auto tangents = jvp(fun, std::vector<array>{x, y}, std::vector<array>{a, b}).second;
  expect_array<float>(tangents[0], {2}, {6, 56});
  expect_array<float>(tangents[1], {2}, {3, 13});
  const auto square = [&](const array& x) { return sum(apply(kernel, {x, x})[0]); };
  const array second = grad([&](const array& x) { return sum(grad(square)(x) * a); })(x);
  expect_array<float>(second, {2}, {2, 20});
}

TEST(CpuKernel, MapsElementByElement) {
  const auto kernel = cpu_kernel("product_and_sum", product_and_sum, with_vjp);
  const array xs = test::counting({3, 2}), y({10.0f, 100.0f});
  const auto mapped = [&](const array& x, const array& y) { return apply(kernel, {x, y})[0]; };
  expect_array<float>(vmap(mapped, {0, -1})(xs, y), {3, 2}, {10, 200, 30, 400, 50, 600});
  expect_array<float>(vmap(mapped, {1, -1})(transpose(xs), y), {3, 2}, {10, 200, 30, 400, 50, 600});
  const auto gradient = [&](const array& x) {
    return grad([&](const array& x) { return sum(mapped(x, y)); })(x);
  };
  expect_array<float>(vmap(gradient)(xs), {3, 2}, {10, 100, 10, 100, 10, 100});
}

TEST(CpuKernel, ErrorsSurfaceAtEval) {
  const auto kernel = cpu_kernel(
      "broken", [](const auto&, const auto&) { throw std::runtime_error("out of luck"); });
  array out = kernel({}, {{2}}, {float32})[0];
  try {
    out.eval();
    FAIL() << "no error";
  } catch (const std::exception& e) {
    EXPECT_NE(std::string(e.what()).find("out of luck"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("cpu_kernel"), std::string::npos) << e.what();
  }
}

TEST(CpuKernel, RefusesBadArguments) {
  expect_error([] { cpu_kernel("none", nullptr); },
               "cpu_kernel: expected a kernel, got an empty function");
  expect_error([] { fast::CpuKernel()({}, {{1}}, {float32}); },
               "cpu_kernel: expected one made by cpu_kernel(), got an empty one");
  const auto kernel = cpu_kernel("plain", product_and_sum);
  expect_error(
      [&] { kernel({}, {{1}}, {}); },
      "cpu_kernel \"plain\": expected as many output dtypes as shapes, at least one, got 0 "
      "and 1");
  expect_error([&] { kernel({}, {{-1}}, {float32}); },
               "cpu_kernel \"plain\": expected output shapes without negative sizes, got (-1,)");
  const array x({1.0f, 2.0f});
  expect_error([&] { grad([&](const array& x) {
                       return sum(apply(kernel, {x, x})[0]);
                     })(x); },
               "cpu_kernel \"plain\": expected a vjp in its options to differentiate it, got none");
  const auto wrong =
      cpu_kernel("wrong", product_and_sum, {.vjp = [](const auto& x, const auto&, const auto&) {
                   return std::vector<array>{x[0], array(0.0f)};
                 }});
  expect_error([&] { grad([&](const array& x) {
                       return sum(apply(wrong, {x, x})[0]);
                     })(x); },
               "cpu_kernel \"wrong\": expected its vjp to return (2,) for input 1, got ()");
}

TEST(DeviceKernels, SayWhatIsMissing) {
  expect_error<std::runtime_error>(
      [] { fast::metal_kernel("k", {"x"}, {"y"}, ""); },
      "metal_kernel \"k\": there is no Metal on Linux; use cpu_kernel or cuda_kernel");
  expect_error<std::runtime_error>(
      [] { fast::cuda_kernel("k", {"x"}, {"y"}, ""); },
      "cuda_kernel \"k\": mica was built without CUDA; use cpu_kernel");
  expect_error<std::runtime_error>(
      [] {
        fast::precompiled_cuda_kernel("k", "", {}, {}, {}, {}, {1, 1, 1}, {1, 1, 1});
      },
      "precompiled_cuda_kernel \"k\": mica was built without CUDA; use cpu_kernel");
}

}  // namespace
}  // namespace mica
