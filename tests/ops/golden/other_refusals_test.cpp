// Misuses of random draws, norms, limits, devices and transforms.
#include "mica/mica.h"
#include "tests/ops/golden/refusals.h"

namespace mica::golden {
namespace {

constexpr Refusal others[] = {
    {"uniform: expected parameters that broadcast to (3,), got (4,)",
     [] { random::uniform(v, v, {3}); }},
    {"uniform: expected dtype float32, float16 or bfloat16, got int32",
     [] { random::uniform({2}, int32); }},
    {"uniform: expected dimensions of at least 0, got (-2,)", [] { random::uniform({-2}); }},
    {"uniform: expected dtype float32, float16 or bfloat16, got complex64",
     [] { random::uniform({2}, complex64); }},
    {"bits: expected a width of 1, 2 or 4 bytes, got 3", [] { random::bits({2}, 3); }},
    {"bits: expected no negative dimensions, got (-1,)", [] { random::bits({-1}, 4); }},
    {"bits: expected a width of 1, 2 or 4 bytes, got 8", [] { random::bits({2}, 8); }},
    {"bits: expected a uint32 key (2,), got uint32 (3,)",
     [] { random::uniform({2}, zeros({3}, uint32)); }},
    {"bits: expected a uint32 key (2,), got int32 (2,)",
     [] { random::uniform({2}, zeros({2}, int32)); }},
    {"split: expected a uint32 key (2,), got uint32 (2, 2)",
     [] {
       random::split(zeros({2, 2}, uint32));
     }},
    {"split: expected num of at least 0, got -1", [] { random::split(random::key(0), -1); }},
    {"normal: expected a floating dtype or complex64, got int32",
     [] { random::normal({2}, int32); }},
    {"normal: expected dimensions of at least 0, got (-2,)", [] { random::normal({-2}); }},
    {"normal: expected shapes that broadcast together, got (3,) and (4,)",
     [] { random::normal({3}, float32, v, std::nullopt, random::key(0)); }},
    {"randint: expected an integer dtype or bool, got float32",
     [] { random::randint(0, 5, {2}, float32); }},
    {"randint: expected parameters that broadcast to (3,), got (2,)",
     [] {
       random::randint(array({1, 2}), array(5), {3});
     }},
    {"bernoulli: expected p of a floating dtype, got int32", [] { random::bernoulli(array(1)); }},
    {"bernoulli: expected parameters that broadcast to (3,), got (4,)",
     [] { random::bernoulli(v, {3}); }},
    {"truncated_normal: expected a floating dtype, got int32",
     [] { random::truncated_normal(array(0.f), array(1.f), {2}, int32); }},
    {"truncated_normal: expected parameters that broadcast to (3,), got (4,)",
     [] { random::truncated_normal(v, v, {3}); }},
    {"gumbel: expected a floating dtype, got int32", [] { random::gumbel({2}, int32); }},
    {"categorical: expected axis in [-2, 2), got 2", [] { random::categorical(m, 2); }},
    {"categorical: expected parameters that broadcast to (2,), got (3,)",
     [] { random::categorical(m, -1, Shape{2}); }},
    {"categorical: expected num_samples of at least 0, got -1",
     [] { random::categorical(m, -1, -1); }},
    {"categorical: expected an array with axes, got axis -1 of a scalar",
     [] { random::categorical(s); }},
    {"categorical: expected axis in [-2, 2), got -3", [] { random::categorical(m, -3, 2); }},
    {"laplace: expected a floating dtype, got int32", [] { random::laplace({2}, int32); }},
    {"permutation: expected axis in [-2, 2), got 2", [] { random::permutation(m, 2); }},
    {"permutation: expected x of at least 0, got -1", [] { random::permutation(-1); }},
    {"permutation: expected an array with axes, got axis 0 of a scalar",
     [] { random::permutation(s, 0); }},
    {"rms_norm: expected x with at least one dimension, got ()",
     [] { fast::rms_norm(s, std::nullopt, 1e-5f); }},
    {"rms_norm: expected weight (4,), got (3,)", [] { fast::rms_norm(m, ones({3}), 1e-5f); }},
    {"rms_norm: expected weight (4,), got (3, 4)", [] { fast::rms_norm(m, m, 1e-5f); }},
    {"rms_norm: expected weight (4,), got ()", [] { fast::rms_norm(m, s, 1e-5f); }},
    {"layer_norm: expected x with at least one dimension, got ()",
     [] { fast::layer_norm(s, std::nullopt, std::nullopt, 1e-5f); }},
    {"layer_norm: expected weight (4,), got (3,)",
     [] { fast::layer_norm(m, ones({3}), std::nullopt, 1e-5f); }},
    {"layer_norm: expected bias (4,), got (3,)", [] { fast::layer_norm(m, v, ones({3}), 1e-5f); }},
    {"layer_norm: expected bias (4,), got (3, 4)", [] { fast::layer_norm(m, v, m, 1e-5f); }},
    {"broadcast_shapes: shapes (2, 3) and (4,) cannot be broadcast",
     [] {
       broadcast_shapes({2, 3}, {4});
     }},
    {"expected axis in [-3, 3), got 3", [] { normalize_axis_index(3, 3); }},
    {"expected axis in [-3, 3), got -4", [] { normalize_axis_index(-4, 3); }},
    {"finfo: expected a floating-point dtype, got int32", [] { finfo{int32}; }},
    {"iinfo: expected an integer dtype, got float32", [] { iinfo{float32}; }},
    {"finfo: expected a floating-point dtype, got bool", [] { finfo{bool_}; }},
    {"iinfo: expected an integer dtype, got bool", [] { iinfo{bool_}; }},
    {"expected a dimension of at most 2147483647, got 1099511627776",
     [] { safe_cast(int64_t{1} << 40); }},
    {"set_default_device: expected an available device, got Device(gpu, 0); this build of mica has "
     "Device(cpu, 0) only",
     [] { set_default_device(Device(Device::gpu)); }},
    {"new_stream: expected an available device, got Device(gpu, 0); this build of mica has "
     "Device(cpu, 0) only",
     [] { new_stream(Device(Device::gpu)); }},
    {"default_stream: expected an available device, got Device(gpu, 0); this build of mica has "
     "Device(cpu, 0) only",
     [] { default_stream(Device(Device::gpu)); }},
    {"default_stream: expected an available device, got Device(gpu, 0); this build of mica has "
     "Device(cpu, 0) only",
     [] { add(s, s, Device(Device::gpu)); }},
    {"item: expected an array with one element, got shape (4,)", [] { array(v).item<float>(); }},
    {"item: expected an array with one element, got shape (0, 3)", [] { array(e).item<float>(); }},
    {"array: expected an array with axes to iterate over, got a scalar", [] { s.begin(); }},
    {"array: expected 4 elements for shape (2, 2), got 3",
     [] {
       array({1, 2, 3}, Shape{2, 2});
     }},
    {"array: expected dimensions of 0 or more, got shape (-1,)",
     [] { array(std::vector<float>{}.begin(), Shape{-1}); }},
    {"vjp: expected 2 cotangents, one for each output, got 1",
     [] {
       vjp([](const std::vector<array>& x) { return x; }, std::vector<array>{s, s},
           std::vector<array>{s});
     }},
    {"vjp: expected cotangent 0 of its output's shape (4,), got ()",
     [] {
       vjp([](const std::vector<array>& x) { return x; }, std::vector<array>{v},
           std::vector<array>{s});
     }},
    {"jvp: expected 2 tangents, one for each primal, got 1",
     [] {
       jvp([](const std::vector<array>& x) { return x; }, std::vector<array>{s, s},
           std::vector<array>{s});
     }},
    {"jvp: expected tangent 0 of its primal's shape (4,), got ()",
     [] {
       jvp([](const std::vector<array>& x) { return x; }, std::vector<array>{v},
           std::vector<array>{s});
     }},
    {"grad: expected a function whose value has shape (), got (4,); reduce it with sum or mean",
     [] { grad([](const array& x) { return x * x; })(v); }},
    {"grad: expected argnums in [-1, 1) for a function of 1 arguments, got 1",
     [] {
       grad([](const std::vector<array>& x) { return x[0] * x[0]; }, std::vector<int>{1})({s});
     }},
    {"grad: expected each argnum once, got 0 twice",
     [] {
       grad([](const std::vector<array>& x) { return x[0] * x[0]; }, std::vector<int>{0, 0})({s});
     }},
    {"grad: expected argnums in [-1, 1) for a function of 1 arguments, got -2",
     [] {
       grad([](const std::vector<array>& x) { return x[0] * x[0]; }, std::vector<int>{-2})({s});
     }},
    {"grad: expected at least one argnum, got none",
     [] {
       grad([](const std::vector<array>& x) { return x[0] * x[0]; }, std::vector<int>{})({s});
     }},
    {"vmap: expected in axis -1 (not mapped) or in [0, 1) for input 0 of shape (4,), got 1",
     [] { vmap([](const array& x) { return x; }, 1, 0)(v); }},
    {"vmap: expected an input with a mapped axis, got none",
     [] { vmap([](const array& x) { return x; }, -1, -1)(v); }},
    {"vmap: expected mapped axes of one size, got 4 and 3 (input 1 of shape (3,))",
     [] { vmap([](const array& x, const array& y) { return x + y; })(v, ones({3})); }},
    {"vmap: expected out axis in [0, 1) for output 0, got 3",
     [] { vmap([](const array& x) { return x; }, 0, 3)(v); }},
    {"vmap: expected in axis -1 (not mapped) or in [0, 0) for input 0 of shape (), got 0",
     [] { vmap([](const array& x) { return x; }, 0, 0)(s); }},
};

TEST(Refusals, DrawsNormsAndTransforms) { expect_refusals(others); }

}  // namespace
}  // namespace mica::golden
