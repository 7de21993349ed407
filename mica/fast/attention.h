// Scaled dot product attention.
//
// Shapes: queries (B, H, Lq, D), keys (B, Hkv, Lk, D), values (B, Hkv, Lk, Dv), all of one floating
// dtype; H is a multiple of Hkv, and consecutive query heads share a key head. The result is
// softmax(scale q k^T, masked) v. It is computed block by block, so that scores are never stored:
// a row needs only its largest score m and its sum l of exp(score - m) to make them again.
#pragma once

#include <optional>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// Which scores count, and the inputs that say so.
struct AttentionOptions {
  bool causal;   // query i sees keys up to i + keys - Lq, the others are hidden
  bool masked;   // a mask (B, H, Lq, Lk): false hides a key; other dtypes (that of q) are added
  bool sinks;    // a score (H) for each head that takes weight and gives no value
  bool lengths;  // only the first lengths[b] (int32, (B)) keys are there

  bool operator==(const AttentionOptions&) const = default;
};

// Inputs: queries, keys, values, then mask, sinks and lengths where there are any. Outputs: the
// result (B, H, Lq, Dv), and m and l (B, H, Lq), of at least float32; m counts as a constant in
// derivatives, for no result depends on it. A hidden key has the lowest finite score: where all are
// hidden, all weigh the same.
struct Attention {
  float scale;
  AttentionOptions options;

  static constexpr const char* name = "scaled_dot_product_attention";
  static constexpr bool strided_inputs = true;
  bool operator==(const Attention&) const = default;
  void add_to_key(engine::Key& key) const;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// Inputs: those of Attention without the sinks, then the cotangent of its result, m, l, and delta
// (B, H, Lq): the sum over a row of cotangent times result, less the cotangent of l times l.
// Outputs: the cotangents of queries, keys and values.
struct AttentionBackward {
  float scale;
  AttentionOptions options;

  static constexpr const char* name = "scaled_dot_product_attention_backward";
  static constexpr bool strided_inputs = true;
  bool operator==(const AttentionBackward&) const = default;
  void add_to_key(engine::Key& key) const;
  std::vector<array> composed(const std::vector<array>& inputs) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The inputs that both ops begin with, by name. T is array, or a kernel's operand.
template <class T>
struct AttentionInputs {
  const T *queries, *keys, *values;
  const T *mask = nullptr, *sinks = nullptr, *lengths = nullptr;
  size_t count = 3;  // how many there are

  AttentionInputs(const AttentionOptions& options, const T* inputs)
      : queries(inputs), keys(inputs + 1), values(inputs + 2) {
    if (options.masked) mask = inputs + count++;
    if (options.sinks) sinks = inputs + count++;
    if (options.lengths) lengths = inputs + count++;
  }
};

}  // namespace mica::ops
