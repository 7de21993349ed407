// Convolutions with channels last, over one to three spatial axes, and their transposes.
#pragma once

#include <optional>
#include <vector>

#include "mica/engine/op.h"

namespace mica::ops {

// How a kernel moves over an input; the vectors have an entry for each spatial axis.
struct ConvWindow {
  std::vector<int> stride;
  std::vector<int> padding_lo, padding_hi;  // negative padding crops
  std::vector<int> kernel_dilation;
  std::vector<int> input_dilation;  // zeros between the input's elements
  int groups = 1;
  bool flip = false;  // the kernel's spatial axes reversed

  bool operator==(const ConvWindow&) const = default;
  void add_to_key(engine::Key& key) const;
};

// input (N, spatial..., C), weight (O, kernel..., C / groups) and, where `biased`, bias (O)
// -> (N, spatial..., O).
struct Convolution {
  ConvWindow window;
  bool biased = false;

  static constexpr const char* name = "convolution";
  bool operator==(const Convolution&) const = default;
  void add_to_key(engine::Key& key) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The transpose of Convolution in its input: a cotangent of its output and its weight give the
// cotangent of an input with these spatial sizes.
struct ConvolutionBackwardData {
  ConvWindow window;
  std::vector<int> spatial;

  static constexpr const char* name = "convolution_backward_data";
  bool operator==(const ConvolutionBackwardData&) const = default;
  void add_to_key(engine::Key& key) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// The transpose of Convolution in its weight: its input and a cotangent of its output give the
// cotangent of a weight with these spatial sizes.
struct ConvolutionBackwardWeights {
  ConvWindow window;
  std::vector<int> kernel;

  static constexpr const char* name = "convolution_backward_weights";
  bool operator==(const ConvolutionBackwardWeights&) const = default;
  void add_to_key(engine::Key& key) const;
  std::vector<array> vjp(const engine::VjpArgs&) const;
  std::vector<array> jvp(const engine::JvpArgs&) const;
  engine::Batched vmap(const engine::VmapArgs&) const;
  void cpu(const cpu::Call&) const;
};

// conv_general of what it takes, plus bias (O) where given: in one op where both have one dtype.
array conv_with_bias(const array& input, const array& weight, const std::optional<array>& bias,
                     const std::vector<int>& stride, const std::vector<int>& padding_lo,
                     const std::vector<int>& padding_hi, const std::vector<int>& dilation,
                     int groups);

}  // namespace mica::ops
