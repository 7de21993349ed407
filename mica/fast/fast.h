// Fused layers: one pass over memory where a composition would take several. Each equals its
// composed definition up to rounding, and has derivatives of every order. And kernels of a user's
// own as lazy ops.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "mica/array/array.h"
#include "mica/stream.h"

namespace mica {

enum class MathMode { Safe = 0, Relaxed = 1, Fast = 2 };

// How Metal would compile a kernel.
struct CompileOptions {
  MathMode math_mode = MathMode::Safe;
  bool operator==(const CompileOptions&) const = default;
};

namespace fast {

// x * rsqrt(mean(x^2) + eps) over the last axis, times weight (n); computed in at least float32.
array rms_norm(const array& x, const std::optional<array>& weight, float eps,
               StreamOrDevice s = {});

// (x - mean(x)) * rsqrt(var(x) + eps) over the last axis, times weight (n), plus bias (n); computed
// in at least float32.
array layer_norm(const array& x, const std::optional<array>& weight,
                 const std::optional<array>& bias, float eps, StreamOrDevice s = {});

// logsumexp(logits) - logits[target] over the last axis, float32. logits (..., classes), floating;
// targets (...), integers, counted from the end where negative.
array cross_entropy(const array& logits, const array& targets, StreamOrDevice s = {});

// Rotary position embedding: of each row of x (batch, ..., length, size) the first `dims` elements
// are rotated in pairs: neighbours if `traditional`, otherwise elements dims / 2 apart. Pair i of
// the row at position p turns by scale * p * base^(-2 i / dims), or by scale * p / freqs[i];
// exactly one of base and freqs (dims / 2) is given. Rows count from `offset`: one for all, or
// (batch) of them, integers. The offset is an argument of plans: a decoding loop plans once.
array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           int offset, const std::optional<array>& freqs = std::nullopt, StreamOrDevice s = {});
array rope(const array& x, int dims, bool traditional, std::optional<float> base, float scale,
           const array& offset, const std::optional<array>& freqs = std::nullopt,
           StreamOrDevice s = {});

// softmax(scale * queries @ keys^T, masked) @ values; the softmax is computed in at least float32.
//   queries (B, H, Lq, D), keys (B, Hkv, Lk, D), values (B, Hkv, Lk, Dv); returns (B, H, Lq, Dv).
// H is a multiple of Hkv: consecutive heads share keys and values. mask_mode is "causal", where the
// last query sees all keys and each one before it one less, or "array" (also meant by "" with a
// mask): mask_arr broadcasts to (B, H, Lq, Lk), and hides keys where it is false, or is added to
// the scores. sinks (H): a score for each head that takes weight and has no value. force_fused asks
// for a fused kernel, which there always is.
array scaled_dot_product_attention(const array& queries, const array& keys, const array& values,
                                   const float scale, const std::string& mask_mode = "",
                                   std::optional<array> mask_arr = {},
                                   const std::optional<array>& sinks = {}, bool force_fused = false,
                                   StreamOrDevice s = {});

// Attention to a cache of fixed capacity, whose first `length` keys and values count (integer, one
// for all or (B)). The length is an argument of plans and the work follows it: a decoding loop
// plans once and reads no more than there is. Where `causal`, the last query sees the last of these
// keys.
array cached_attention(const array& queries, const array& keys, const array& values,
                       const array& length, float scale, bool causal = true,
                       const std::optional<array>& mask = std::nullopt,
                       const std::optional<array>& sinks = std::nullopt, StreamOrDevice s = {});

// The gated delta rule. For each step t, with state S (B, Hv, Dv, Dk) of at least float32:
//   S = S * gates;  S = S + beta * (v - S k) k^T;  output = S q.
// queries and keys (B, T, Hk, Dk), values (B, T, Hv, Dv), beta (B, T, Hv), gates (B, T, Hv) or
// (B, T, Hv, Dk); Hv is a multiple of Hk. A step whose mask (B, T) is false keeps the state and
// gives 0. Returns the outputs (B, T, Hv, Dv) and the last state.
std::vector<array> gated_delta_update(const array& queries, const array& keys, const array& values,
                                      const array& gates, const array& beta_,
                                      const std::optional<array>& initial_state = std::nullopt,
                                      const std::optional<array>& mask = std::nullopt,
                                      StreamOrDevice s = {});

// Operands of a cpu_kernel in memory; strides in elements.
struct KernelInput {
  const void* data;
  Shape shape;
  Strides strides;
  Dtype dtype;

  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};
// Row-contiguous, to be written whole.
struct KernelOutput {
  void* data;
  Shape shape;
  Dtype dtype;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};
using KernelFunction =
    std::function<void(const std::vector<KernelInput>&, const std::vector<KernelOutput>&)>;

struct CpuKernelOptions {
  // Inputs arrive row-contiguous; else with the strides that they happen to have.
  bool ensure_row_contiguous = true;
  // (inputs, cotangents, outputs) -> a cotangent for each input. Without it the kernel has no
  // derivatives; with it vjp, and jvp by differentiating it once more.
  std::function<std::vector<array>(const std::vector<array>&, const std::vector<array>&,
                                   const std::vector<array>&)>
      vjp = {};
};

class CpuKernel {
 public:
  // The outputs for some inputs, lazily.
  std::vector<array> operator()(const std::vector<array>& inputs,
                                const std::vector<Shape>& output_shapes,
                                const std::vector<Dtype>& output_dtypes,
                                StreamOrDevice s = {}) const;
  struct Definition;

 private:
  friend CpuKernel cpu_kernel(const std::string&, KernelFunction, CpuKernelOptions);
  std::shared_ptr<const Definition> definition_;
};

// A function of memory as a lazy op: `kernel` is called when the outputs are evaluated, on the
// stream's thread, possibly for several evaluations at once. It must depend on its inputs alone;
// what it throws is thrown by eval. vmap calls it once for each element of the batch.
//
//   const auto halve = fast::cpu_kernel("halve", [](const auto& in, const auto& out) {
//     for (int i = 0; i < in[0].shape[0]; ++i) {
//       out[0].template as<float>()[i] = in[0].template as<float>()[i] / 2;
//     }
//   });
//   const array y = halve({x}, {x.shape()}, {float32})[0];
CpuKernel cpu_kernel(const std::string& name, KernelFunction kernel, CpuKernelOptions options = {});

using TemplateArg = std::variant<int, bool, Dtype>;
using ScalarArg = std::variant<bool, int, float>;

using CustomKernelFunction = std::function<std::vector<array>(
    const std::vector<array>&, const std::vector<Shape>&, const std::vector<Dtype>&,
    std::tuple<int, int, int>, std::tuple<int, int, int>,
    std::vector<std::pair<std::string, TemplateArg>>, std::optional<float>, bool, StreamOrDevice)>;

// Throws std::runtime_error: there is no Metal on Linux.
CustomKernelFunction metal_kernel(const std::string& name,
                                  const std::vector<std::string>& input_names,
                                  const std::vector<std::string>& output_names,
                                  const std::string& source, const std::string& header = "",
                                  bool ensure_row_contiguous = true, bool atomic_outputs = false,
                                  const CompileOptions& compile_options = {});

// Throw std::runtime_error in a build without CUDA.
CustomKernelFunction cuda_kernel(const std::string& name,
                                 const std::vector<std::string>& input_names,
                                 const std::vector<std::string>& output_names,
                                 const std::string& source, const std::string& header = "",
                                 bool ensure_row_contiguous = true, int shared_memory = 0);
std::vector<array> precompiled_cuda_kernel(
    const std::string& name, const std::string& compiled_source, const std::vector<array>& inputs,
    const std::vector<Shape>& output_shapes, const std::vector<Dtype>& output_dtypes,
    const std::vector<ScalarArg>& scalars, std::tuple<int, int, int> grid,
    std::tuple<int, int, int> threadgroup, int shared_memory = 0,
    std::optional<float> init_value = std::nullopt, bool ensure_row_contiguous = false,
    StreamOrDevice s = {});

}  // namespace fast
}  // namespace mica
