// The types of metadata and tensors, and the layouts of quantized blocks.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, ggml-common.h and ggml-quants.c of the
// same project

#include <array>
#include <cstring>

#include "mica/engine/buffer.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/node.h"
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
    {0, "F32", 1, 4, float32},  {1, "F16", 1, 2, float16},  {2, "Q4_0", 32, 18, {}},
    {3, "Q4_1", 32, 20, {}},    {8, "Q8_0", 32, 34, {}},    {10, "Q2_K", 256, 84, {}},
    {12, "Q4_K", 256, 144, {}}, {14, "Q6_K", 256, 210, {}}, {24, "I8", 1, 1, int8},
    {25, "I16", 1, 2, int16},   {26, "I32", 1, 4, int32},   {27, "I64", 1, 8, int64},
    {28, "F64", 1, 8, float64}, {30, "BF16", 1, 2, {}},
};

constexpr size_t group_size = 32;  // of the affine format

template <class F>
void for_each_block(size_t count, F&& f) {
  constexpr int64_t least_per_thread = 1024;
  engine::parallel_for(static_cast<int64_t>(count), least_per_thread,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) f(static_cast<size_t>(i));
                       });
}

array uninitialized(const Shape& shape, Dtype dtype) {
  const size_t bytes = engine::element_count(shape, dtype) * dtype.size();
  return engine::make_leaf(engine::allocate(bytes), shape, dtype);
}

template <class T>
T read(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
unsigned low(std::byte b) { return static_cast<unsigned>(b) & 0xf; }
unsigned high(std::byte b) { return static_cast<unsigned>(b) >> 4; }

// A block of 32 elements as scale, bias and packed weights.
struct Packed {
  float16_t scale;
  float16_t bias;
  std::array<uint8_t, group_size> weights;  // the first 16 where two elements share a byte
};

// The format's first 16 elements are in the low halves of its bytes, the others in the high ones;
// neighbours share a byte in mica's.
void pack_halves(const std::byte* from, Packed& to) {
  for (size_t i = 0; i < 8; ++i) {
    to.weights[i] = static_cast<uint8_t>(low(from[2 * i]) | low(from[2 * i + 1]) << 4);
    to.weights[8 + i] = static_cast<uint8_t>(high(from[2 * i]) | high(from[2 * i + 1]) << 4);
  }
}

Packed pack_q4_0(const std::byte* block) {
  Packed packed{read<float16_t>(block), {}, {}};
  packed.bias = -8 * static_cast<float>(packed.scale);
  pack_halves(block + sizeof(float16_t), packed);
  return packed;
}

Packed pack_q4_1(const std::byte* block) {
  Packed packed{read<float16_t>(block), read<float16_t>(block + sizeof(float16_t)), {}};
  pack_halves(block + 2 * sizeof(float16_t), packed);
  return packed;
}

Packed pack_q8_0(const std::byte* block) {
  Packed packed{read<float16_t>(block), {}, {}};
  packed.bias = -128 * static_cast<float>(packed.scale);
  for (size_t i = 0; i < group_size; ++i) {
    packed.weights[i] = static_cast<uint8_t>(block[sizeof(float16_t) + i]) ^ 0x80;
  }
  return packed;
}

std::vector<std::pair<std::string, array>> unpack_affine(const TensorType& type, int bits,
                                                         Packed (*pack)(const std::byte*),
                                                         const std::string& name,
                                                         std::span<const std::byte> blocks,
                                                         const Shape& shape) {
  Shape weights_shape = shape, scales_shape = shape;
  weights_shape.back() = shape.back() / (32 / bits);
  scales_shape.back() = shape.back() / static_cast<ShapeElem>(group_size);
  array weights = uninitialized(weights_shape, uint32);
  array scales = uninitialized(scales_shape, float16);
  array biases = uninitialized(scales_shape, float16);
  const size_t bytes = group_size * static_cast<size_t>(bits) / 8;
  for_each_block(scales.size(), [&](size_t i) {
    const Packed packed = pack(blocks.data() + i * type.block_bytes);
    scales.data<float16_t>()[i] = packed.scale;
    biases.data<float16_t>()[i] = packed.bias;
    std::memcpy(weights.data<uint8_t>() + i * bytes, packed.weights.data(), bytes);
  });
  const std::string prefix =
      name.ends_with(".weight") ? name.substr(0, name.size() - std::strlen(".weight")) : name;
  return {{name, weights}, {prefix + ".scales", scales}, {prefix + ".biases", biases}};
}

// Writes the block's elements.
using Expand = void (*)(const std::byte* block, float16_t* out);

void expand_bf16(const std::byte* block, float16_t* out) {
  *out = static_cast<float>(read<bfloat16_t>(block));
}

// 16 groups of 16: scales and minima of 4 bits, elements of 2.
void expand_q2_k(const std::byte* block, float16_t* out) {
  const std::byte* const scales = block;
  const std::byte* const quants = block + 16;
  const float d = read<float16_t>(block + 80), dmin = read<float16_t>(block + 82);
  for (size_t group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(low(scales[group]));
    const float minimum = dmin * static_cast<float>(high(scales[group]));
    const std::byte* const q = quants + 32 * (group / 8) + 16 * (group % 2);
    const unsigned shift = 2 * (group / 2 % 4);
    for (size_t i = 0; i < 16; ++i) {
      const unsigned value = static_cast<unsigned>(q[i]) >> shift & 3;
      out[16 * group + i] = scale * static_cast<float>(value) - minimum;
    }
  }
}

// 8 groups of 32: scales and minima of 6 bits packed into 12 bytes, elements of 4.
void expand_q4_k(const std::byte* block, float16_t* out) {
  const float d = read<float16_t>(block), dmin = read<float16_t>(block + 2);
  const auto packed = [&](size_t i) { return static_cast<unsigned>(block[4 + i]); };
  const std::byte* const quants = block + 16;
  for (size_t group = 0; group < 8; ++group) {
    const bool first = group < 4;
    const unsigned s =
        first ? packed(group) & 63 : (packed(group + 4) & 15) | (packed(group - 4) >> 6) << 4;
    const unsigned m =
        first ? packed(group + 4) & 63 : packed(group + 4) >> 4 | (packed(group) >> 6) << 4;
    const float scale = d * static_cast<float>(s), minimum = dmin * static_cast<float>(m);
    const std::byte* const q = quants + 32 * (group / 2);
    for (size_t i = 0; i < 32; ++i) {
      const unsigned value = group % 2 ? high(q[i]) : low(q[i]);
      out[32 * group + i] = scale * static_cast<float>(value) - minimum;
    }
  }
}

// 16 groups of 16: scales of 8 bits; elements of 6, whose upper two are apart.
void expand_q6_k(const std::byte* block, float16_t* out) {
  const std::byte* const upper = block + 128;
  const std::byte* const scales = block + 192;
  const float d = read<float16_t>(block + 208);
  for (size_t i = 0; i < 256; ++i) {
    const size_t half = i / 128, quarter = i % 128 / 32, place = i % 32;
    const std::byte l = block[64 * half + 32 * (quarter % 2) + place];
    const unsigned h = static_cast<unsigned>(upper[32 * half + place]) >> (2 * quarter) & 3;
    const int value = static_cast<int>((quarter < 2 ? low(l) : high(l)) | h << 4) - 32;
    const auto scale = static_cast<int8_t>(scales[i / 16]);
    out[i] = d * static_cast<float>(scale) * static_cast<float>(value);
  }
}

array expand_all(const TensorType& type, Expand expand, std::span<const std::byte> blocks,
                 const Shape& shape) {
  array values = uninitialized(shape, float16);
  for_each_block(values.size() / type.block_size, [&](size_t i) {
    expand(blocks.data() + i * type.block_bytes, values.data<float16_t>() + i * type.block_size);
  });
  return values;
}

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

std::vector<std::pair<std::string, array>> unpack(const TensorType& type, const std::string& name,
                                                  std::span<const std::byte> blocks,
                                                  const Shape& shape) {
  const std::string_view kind = type.name;
  if (kind == "Q4_0") return unpack_affine(type, 4, pack_q4_0, name, blocks, shape);
  if (kind == "Q4_1") return unpack_affine(type, 4, pack_q4_1, name, blocks, shape);
  if (kind == "Q8_0") return unpack_affine(type, 8, pack_q8_0, name, blocks, shape);
  const Expand expand = kind == "Q2_K"   ? expand_q2_k
                        : kind == "Q4_K" ? expand_q4_k
                        : kind == "Q6_K" ? expand_q6_k
                                         : expand_bf16;
  return {{name, expand_all(type, expand, blocks, shape)}};
}

}  // namespace mica::io::gguf
