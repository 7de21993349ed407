// What can be quantized in place: layers whose storage format is a property of their weight.
#pragma once

#include <optional>

#include "mica/array/array.h"

namespace mica::nn {

// As mica::quantize's modes.
enum class QuantizationMode { affine, mxfp4, mxfp8, nvfp4 };
const char* name_of(QuantizationMode mode);

struct QuantizationOptions {
  std::optional<int> group_size = std::nullopt;  // default: the mode's, 64, 32, 32 and 16
  std::optional<int> bits = std::nullopt;        // default: the mode's, 4, 4, 8 and 4
  QuantizationMode mode = QuantizationMode::affine;
  // The layer's inputs too, as they come (nn::QQLinear): not in mode affine.
  bool quantize_input = false;
};

// The format of a weight that is quantized.
struct Quantization {
  int group_size;
  int bits;
  QuantizationMode mode;
  bool inputs;
  int columns;  // elements in a row; packed rows end with zeros up to a whole group
};

// Implemented by layers that nn::quantize converts; a module of the user's may too.
class Quantizable {
 public:
  virtual ~Quantizable() = default;
  virtual bool is_quantized() const = 0;
  // Throws std::invalid_argument where quantize(options) can't be done; changes nothing.
  virtual void check_quantize(const QuantizationOptions& options) const = 0;
  virtual void quantize(const QuantizationOptions& options) = 0;
};

namespace detail {

// A layer's matrix and what belongs to it while it is packed.
struct Packed {
  const array& weight;
  const std::optional<array>&scales, &biases;
  Quantization format;

  // x @ weight.T for x (..., columns)
  array product(const array& x) const;
  // In mode affine of the scales' dtype, else of dtype, or bfloat16 without one.
  array dequantized(std::optional<Dtype> dtype = std::nullopt) const;
};

// The options with the mode's defaults, for a weight of so many columns. Throws
// std::invalid_argument for formats that don't exist.
Quantization settle(const QuantizationOptions& options, int columns);
// "group_size=64, bits=4, mode=affine"
std::string repr(const Quantization& format);
// Replaces a weight by its codes, and sets the scales and, in mode affine, the biases.
void pack(const Quantization& format, array& weight, std::optional<array>& scales,
          std::optional<array>& biases);

}  // namespace detail
}  // namespace mica::nn
