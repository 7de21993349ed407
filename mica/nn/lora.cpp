#include "mica/nn/lora.h"

#include <cmath>

#include "mica/nn/values.h"
#include "mica/ops/ops.h"
#include "mica/random/random.h"

namespace mica::nn {

LoRALinear::LoRALinear(const Linear& linear, const Options& options)
    : Linear(linear), lora_a(0.0f), lora_b(0.0f), dropout(options.dropout), scale_(options.scale) {
  if (options.rank < 1) fail_as("LoRALinear", "rank of at least 1", std::to_string(options.rank));
  freeze({.recurse = false, .keys = {"weight", "scales", "biases", "bias"}});
  const double limit = 1 / std::sqrt(input_dims());
  lora_a = random::uniform(-limit, limit, {input_dims(), options.rank});
  lora_b = zeros({options.rank, output_dims()});
}

array LoRALinear::operator()(const array& x) const try {
  const array y = apply_linear(x);
  const array update = matmul(matmul(dropout(x), lora_a), lora_b);
  return hooked(y + astype(update * weak(scale_, update), y.dtype()), x);
} catch (const std::invalid_argument&) {
  detail::rethrow_from(*this);
}

Linear LoRALinear::fuse(bool dequantize) const {
  Linear fused = dequantized();
  const array update = matmul(transpose(lora_b), transpose(lora_a));
  fused.weight = fused.weight + astype(update * weak(scale_, update), fused.weight.dtype());
  if (is_quantized() && !dequantize) {
    const Quantization& format = *quantization();
    fused.quantize({format.group_size, format.bits, format.mode, format.inputs});
  }
  return fused;
}

std::string LoRALinear::extra_repr() const {
  return Linear::extra_repr() + ", rank=" + repr(lora_a.shape(1)) + ", scale=" + repr(scale_);
}

}  // namespace mica::nn
