// The gguf format: what its reader and writer share.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mica/array/array.h"

namespace mica::io::gguf {

inline constexpr uint32_t magic = 0x46554747;  // "GGUF"
inline constexpr uint32_t version = 3;
inline constexpr uint32_t default_alignment = 32;
inline constexpr const char* alignment_key = "general.alignment";

// Kinds of metadata, with the numbers of the format.
enum class ValueType : uint32_t {
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  float32,
  boolean,
  string,
  array,
  uint64,
  int64,
  float64,
};
std::optional<Dtype> dtype_of(ValueType type);  // none for strings, arrays and unknown types
std::optional<ValueType> value_type_of(Dtype dtype);

// How a tensor is stored: blocks of block_size elements, block_bytes each.
struct TensorType {
  uint32_t id;
  const char* name;
  uint32_t block_size;
  uint32_t block_bytes;
  std::optional<Dtype> dtype;  // where the elements are plain numbers
};
// Of the types that mica reads.
const TensorType* find_tensor_type(uint32_t id);
const TensorType* find_tensor_type(Dtype dtype);

// The arrays that stand for a tensor whose elements are not plain numbers. Q4_0, Q4_1, Q5_0, Q5_1
// and Q8_0 are mica's affine format with groups of 32, "x.weight" packed beside "x.scales" and
// "x.biases"; MXFP4 is its mode mxfp4, without biases; the others become float16.
std::vector<std::pair<std::string, array>> unpack(const TensorType& type, const std::string& name,
                                                  std::span<const std::byte> blocks,
                                                  const Shape& shape);

}  // namespace mica::io::gguf
