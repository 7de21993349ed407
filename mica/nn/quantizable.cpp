#include "mica/nn/quantizable.h"

#include <string>

#include "mica/ops/ops.h"
#include "mica/ops/quantized.h"

namespace mica::nn {

const char* name_of(QuantizationMode mode) {
  switch (mode) {
    case QuantizationMode::mxfp4:
      return "mxfp4";
    case QuantizationMode::mxfp8:
      return "mxfp8";
    case QuantizationMode::nvfp4:
      return "nvfp4";
    default:
      return "affine";
  }
}

namespace detail {

int Packed::columns() const {
  return static_cast<int>(int64_t{weight.shape(-1)} * 32 / format.bits);
}

array Packed::product(const array& x) const {
  if (format.inputs) {
    return qqmm(x, weight, scales, format.group_size, format.bits, name_of(format.mode));
  }
  return quantized_matmul(x, weight, *scales, biases, true, format.group_size, format.bits,
                          name_of(format.mode));
}

array Packed::dequantized(std::optional<Dtype> dtype) const {
  if (format.mode == QuantizationMode::affine) dtype = std::nullopt;
  return dequantize(weight, *scales, biases, format.group_size, format.bits, name_of(format.mode),
                    std::nullopt, dtype);
}

Quantization settle(const QuantizationOptions& options) {
  const ops::QuantFormat format =
      ops::quant_format("quantize", name_of(options.mode), options.group_size, options.bits);
  return {format.group_size, format.bits, options.mode, options.quantize_input};
}

std::string repr(const Quantization& format) {
  return "group_size=" + std::to_string(format.group_size) +
         ", bits=" + std::to_string(format.bits) + ", mode=" + name_of(format.mode);
}

void pack(const Quantization& format, array& weight, std::optional<array>& scales,
          std::optional<array>& biases) {
  const std::vector<array> parts =
      mica::quantize(weight, format.group_size, format.bits, name_of(format.mode));
  weight = parts[0];
  scales = parts[1];
  biases = parts.size() == 3 ? std::optional<array>(parts[2]) : std::nullopt;
}

}  // namespace detail
}  // namespace mica::nn
