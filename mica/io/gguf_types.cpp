// The types of metadata and tensors.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

#include "mica/io/gguf.h"

namespace mica::io::gguf {

namespace {

struct ValueDtype {
  ValueType type;
  Dtype dtype;
};
constexpr ValueDtype value_dtypes[] = {
    {ValueType::uint8, uint8},     {ValueType::int8, int8},       {ValueType::uint16, uint16},
    {ValueType::int16, int16},     {ValueType::uint32, uint32},   {ValueType::int32, int32},
    {ValueType::float32, float32}, {ValueType::boolean, bool_},   {ValueType::uint64, uint64},
    {ValueType::int64, int64},     {ValueType::float64, float64},
};

constexpr TensorType tensor_types[] = {
    {0, "F32", 1, 4, float32},  {1, "F16", 1, 2, float16},    {2, "Q4_0", 32, 18, {}},
    {3, "Q4_1", 32, 20, {}},    {6, "Q5_0", 32, 22, {}},      {7, "Q5_1", 32, 24, {}},
    {8, "Q8_0", 32, 34, {}},    {10, "Q2_K", 256, 84, {}},    {11, "Q3_K", 256, 110, {}},
    {12, "Q4_K", 256, 144, {}}, {13, "Q5_K", 256, 176, {}},   {14, "Q6_K", 256, 210, {}},
    {20, "IQ4_NL", 32, 18, {}}, {23, "IQ4_XS", 256, 136, {}}, {24, "I8", 1, 1, int8},
    {25, "I16", 1, 2, int16},   {26, "I32", 1, 4, int32},     {27, "I64", 1, 8, int64},
    {28, "F64", 1, 8, float64}, {30, "BF16", 1, 2, {}},       {39, "MXFP4", 32, 17, {}},
};

}  // namespace

std::optional<Dtype> dtype_of(ValueType type) {
  for (const auto& value : value_dtypes)
    if (value.type == type) return value.dtype;
  return std::nullopt;
}

std::optional<ValueType> value_type_of(Dtype dtype) {
  for (const auto& value : value_dtypes)
    if (value.dtype == dtype) return value.type;
  return std::nullopt;
}

const TensorType* find_tensor_type(uint32_t id) {
  for (const auto& type : tensor_types)
    if (type.id == id) return &type;
  return nullptr;
}

const TensorType* find_tensor_type(Dtype dtype) {
  for (const auto& type : tensor_types)
    if (type.dtype == dtype) return &type;
  return nullptr;
}

}  // namespace mica::io::gguf
