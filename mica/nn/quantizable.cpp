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

namespace {

// The last axis with zeros up to a whole group. MLX refuses such rows.
array in_whole_groups(const Quantization& format, const array& x) {
  const int rest = format.columns % format.group_size;
  return rest == 0 ? x : pad(x, std::vector<int>{-1}, Shape{0}, Shape{format.group_size - rest});
}

}  // namespace

array Packed::product(const array& x) const {
  const array whole = in_whole_groups(format, x);
  if (!format.inputs) {
    return quantized_matmul(whole, weight, *scales, biases, true, format.group_size, format.bits,
                            name_of(format.mode));
  }
  return qqmm(whole, scales ? weight : in_whole_groups(format, weight), scales, format.group_size,
              format.bits, name_of(format.mode));
}

array Packed::dequantized(std::optional<Dtype> dtype) const {
  if (format.mode == QuantizationMode::affine) dtype = std::nullopt;
  const array whole = dequantize(weight, *scales, biases, format.group_size, format.bits,
                                 name_of(format.mode), std::nullopt, dtype);
  if (whole.shape(-1) == format.columns) return whole;
  return slice(whole, Shape{0, 0}, Shape{whole.shape(0), format.columns});
}

Quantization settle(const QuantizationOptions& options, int columns) {
  const ops::QuantFormat format =
      ops::quant_format("quantize", name_of(options.mode), options.group_size, options.bits);
  return {format.group_size, format.bits, options.mode, options.quantize_input, columns};
}

std::string repr(const Quantization& format) {
  return "group_size=" + std::to_string(format.group_size) +
         ", bits=" + std::to_string(format.bits) + ", mode=" + name_of(format.mode);
}

void pack(const Quantization& format, array& weight, std::optional<array>& scales,
          std::optional<array>& biases) {
  const std::vector<array> parts = mica::quantize(
      in_whole_groups(format, weight), format.group_size, format.bits, name_of(format.mode));
  weight = parts[0];
  scales = parts[1];
  biases = parts.size() == 3 ? std::optional<array>(parts[2]) : std::nullopt;
}

}  // namespace detail
}  // namespace mica::nn
