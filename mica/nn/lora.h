// Low-rank adaptation: training a Linear by two small matrices beside it.
#pragma once

#include <string>

#include "mica/nn/dropout.h"
#include "mica/nn/linear.h"

namespace mica::nn {

struct LoRAOptions {
  int rank = 8;
  double scale = 20;
  double dropout = 0;  // of the inputs of lora_a
};

// linear(x) + scale * (dropout(x) @ lora_a) @ lora_b, with the linear layer, which may be
// quantized, frozen. It is a Linear, so that a slot of one takes it:
//   model.proj = nn::LoRALinear(*model.proj, {.rank = 4});
struct LoRALinear : Linear {
  using Options = LoRAOptions;
  array lora_a;  // (input_dims, rank), uniform in ±1 / sqrt(input_dims)
  array lora_b;  // (rank, output_dims), zeros
  Dropout dropout;
  MICA_MODULE(LoRALinear, lora_a, lora_b, dropout)

  explicit LoRALinear(const Linear& linear, const Options& options = {});
  array operator()(const array& x) const override;
  double scale() const { return scale_; }
  // The linear layer that computes the same: quantized if this one is, unless dequantize.
  Linear fuse(bool dequantize = false) const;
  std::string extra_repr() const override;

 private:
  double scale_;
};

}  // namespace mica::nn
