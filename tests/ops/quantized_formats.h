// Every format of quantized arrays, under the names that tests/golden/quantized_goldens.py gives
// them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mica/ops/ops.h"

namespace mica::test {

struct Format {
  std::string name;
  std::optional<int> group_size, bits;
  std::string mode;

  std::vector<array> quantize(const array& w) const {
    return mica::quantize(w, group_size, bits, mode);
  }
  array dequantize(const std::vector<array>& q, std::optional<Dtype> dtype = std::nullopt) const {
    return mica::dequantize(q[0], q[1], biases(q), group_size, bits, mode, std::nullopt, dtype);
  }
  array matmul(const array& x, const std::vector<array>& q, bool transpose = true) const {
    return quantized_matmul(x, q[0], q[1], biases(q), transpose, group_size, bits, mode);
  }
  static std::optional<array> biases(const std::vector<array>& q) {
    return q.size() == 3 ? std::optional<array>(q[2]) : std::nullopt;
  }
};

inline std::vector<Format> float_formats() {
  return {{"mxfp4", std::nullopt, std::nullopt, "mxfp4"},
          {"mxfp8", std::nullopt, std::nullopt, "mxfp8"},
          {"nvfp4", std::nullopt, std::nullopt, "nvfp4"}};
}

inline std::vector<Format> all_formats() {
  std::vector<Format> formats = float_formats();
  for (int group_size : {32, 64, 128}) {
    for (int bits : {1, 2, 3, 4, 5, 6, 8}) {
      formats.push_back({"affine_" + std::to_string(group_size) + "_" + std::to_string(bits),
                         group_size, bits, "affine"});
    }
  }
  return formats;
}

}  // namespace mica::test
