// The layouts of quantized blocks: ggml-common.h and ggml-quants.c of
// https://github.com/ggml-org/ggml

#include <array>
#include <cstring>

#include "mica/engine/buffer.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/node.h"
#include "mica/io/gguf.h"

namespace mica::io::gguf {

namespace {

constexpr size_t group_size = 32;  // of the formats that are kept

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

using Codes = std::array<uint8_t, group_size>;

// The format's first 16 elements are in the low halves of its bytes, the others in the high ones.
Codes halves(const std::byte* from) {
  Codes codes;
  for (size_t i = 0; i < 16; ++i) {
    codes[i] = static_cast<uint8_t>(low(from[i]));
    codes[16 + i] = static_cast<uint8_t>(high(from[i]));
  }
  return codes;
}

// The fifth bits of the elements are together in 32 bits.
Codes halves_and_fifth_bits(const std::byte* fifth, const std::byte* from) {
  Codes codes = halves(from);
  const auto bits = read<uint32_t>(fifth);
  for (size_t i = 0; i < group_size; ++i) {
    codes[i] = static_cast<uint8_t>(codes[i] | (bits >> i & 1) << 4);
  }
  return codes;
}

// Mica's packed weights: `bits` an element, the first in the lowest.
void pack(const Codes& codes, int bits, uint8_t* out) {
  unsigned pending = 0;
  int count = 0;
  for (const uint8_t code : codes) {
    pending |= static_cast<unsigned>(code) << count;
    for (count += bits; count >= 8; count -= 8, pending >>= 8) {
      *out++ = static_cast<uint8_t>(pending);
    }
  }
}

// A block of 32 elements of the affine format: scale * code + bias.
struct Affine {
  float16_t scale;
  float16_t bias;
  Codes codes;
};

float16_t times(float factor, float16_t scale) { return factor * static_cast<float>(scale); }

Affine read_q4_0(const std::byte* block) {
  const auto scale = read<float16_t>(block);
  return {scale, times(-8, scale), halves(block + 2)};
}

Affine read_q4_1(const std::byte* block) {
  return {read<float16_t>(block), read<float16_t>(block + 2), halves(block + 4)};
}

Affine read_q5_0(const std::byte* block) {
  const auto scale = read<float16_t>(block);
  return {scale, times(-16, scale), halves_and_fifth_bits(block + 2, block + 6)};
}

Affine read_q5_1(const std::byte* block) {
  return {read<float16_t>(block), read<float16_t>(block + 2),
          halves_and_fifth_bits(block + 4, block + 8)};
}

Affine read_q8_0(const std::byte* block) {
  const auto scale = read<float16_t>(block);
  Affine affine{scale, times(-128, scale), {}};
  for (size_t i = 0; i < group_size; ++i) {
    affine.codes[i] = static_cast<uint8_t>(block[2 + i]) ^ 0x80;
  }
  return affine;
}

using NamedArrays = std::vector<std::pair<std::string, array>>;

std::string prefix_of(const std::string& name) {
  return name.ends_with(".weight") ? name.substr(0, name.size() - std::strlen(".weight")) : name;
}

Shape packed_shape(const Shape& shape, int bits) {
  Shape packed = shape;
  packed.back() = shape.back() / static_cast<ShapeElem>(group_size) * bits;
  return packed;
}

Shape scales_shape(const Shape& shape) {
  Shape scales = shape;
  scales.back() = shape.back() / static_cast<ShapeElem>(group_size);
  return scales;
}

NamedArrays keep_affine(const TensorType& type, int bits, Affine (*read_block)(const std::byte*),
                        const std::string& name, std::span<const std::byte> blocks,
                        const Shape& shape) {
  array weights = uninitialized(packed_shape(shape, bits), uint32);
  array scales = uninitialized(scales_shape(shape), float16);
  array biases = uninitialized(scales_shape(shape), float16);
  const size_t bytes = group_size * static_cast<size_t>(bits) / 8;
  for_each_block(scales.size(), [&](size_t i) {
    const Affine affine = read_block(blocks.data() + i * type.block_bytes);
    scales.data<float16_t>()[i] = affine.scale;
    biases.data<float16_t>()[i] = affine.bias;
    pack(affine.codes, bits, weights.data<uint8_t>() + i * bytes);
  });
  const std::string prefix = prefix_of(name);
  return {{name, weights}, {prefix + ".scales", scales}, {prefix + ".biases", biases}};
}

// An exponent and 32 numbers of 4 bits, as in the mode mxfp4.
NamedArrays keep_mxfp4(const TensorType& type, const std::string& name,
                       std::span<const std::byte> blocks, const Shape& shape) {
  constexpr int bits = 4;
  array weights = uninitialized(packed_shape(shape, bits), uint32);
  array scales = uninitialized(scales_shape(shape), uint8);
  for_each_block(scales.size(), [&](size_t i) {
    const std::byte* const block = blocks.data() + i * type.block_bytes;
    scales.data<uint8_t>()[i] = static_cast<uint8_t>(block[0]);
    pack(halves(block + 1), bits, weights.data<uint8_t>() + i * group_size / 2);
  });
  return {{name, weights}, {prefix_of(name) + ".scales", scales}};
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

// 16 groups of 16: scales of 6 bits packed into 12 bytes; elements of 3, whose upper bits are
// apart.
void expand_q3_k(const std::byte* block, float16_t* out) {
  const std::byte* const upper = block;
  const std::byte* const quants = block + 32;
  const auto packed = [&](size_t i) { return static_cast<unsigned>(block[96 + i]); };
  const float d = read<float16_t>(block + 108);
  for (size_t group = 0; group < 16; ++group) {
    const unsigned lower_scale = group < 8 ? packed(group) & 15 : packed(group - 8) >> 4;
    const unsigned upper_scale = packed(8 + group % 4) >> (2 * (group / 4)) & 3;
    const float scale =
        d * static_cast<float>(static_cast<int>(lower_scale | upper_scale << 4) - 32);
    const size_t half = group / 8, quarter = group / 2 % 4, start = 16 * (group % 2);
    for (size_t i = 0; i < 16; ++i) {
      const unsigned l = static_cast<unsigned>(quants[32 * half + start + i]) >> (2 * quarter) & 3;
      const unsigned h = static_cast<unsigned>(upper[start + i]) >> (4 * half + quarter) & 1;
      out[16 * group + i] = scale * static_cast<float>(static_cast<int>(l | h << 2) - 4);
    }
  }
}

// Scales and minima of 6 bits packed into 12 bytes, of 8 groups of 32.
struct GroupScale {
  float scale, minimum;
};
GroupScale group_scale(const std::byte* block, size_t group) {
  const float d = read<float16_t>(block), dmin = read<float16_t>(block + 2);
  const auto packed = [&](size_t i) { return static_cast<unsigned>(block[4 + i]); };
  const bool first = group < 4;
  const unsigned s =
      first ? packed(group) & 63 : (packed(group + 4) & 15) | (packed(group - 4) >> 6) << 4;
  const unsigned m =
      first ? packed(group + 4) & 63 : packed(group + 4) >> 4 | (packed(group) >> 6) << 4;
  return {d * static_cast<float>(s), dmin * static_cast<float>(m)};
}

// Elements of 4 bits.
void expand_q4_k(const std::byte* block, float16_t* out) {
  const std::byte* const quants = block + 16;
  for (size_t group = 0; group < 8; ++group) {
    const auto [scale, minimum] = group_scale(block, group);
    const std::byte* const q = quants + 32 * (group / 2);
    for (size_t i = 0; i < 32; ++i) {
      const unsigned value = group % 2 ? high(q[i]) : low(q[i]);
      out[32 * group + i] = scale * static_cast<float>(value) - minimum;
    }
  }
}

// Elements of 5 bits, whose upper bits are apart.
void expand_q5_k(const std::byte* block, float16_t* out) {
  const std::byte* const upper = block + 16;
  const std::byte* const quants = block + 48;
  for (size_t group = 0; group < 8; ++group) {
    const auto [scale, minimum] = group_scale(block, group);
    const std::byte* const q = quants + 32 * (group / 2);
    for (size_t i = 0; i < 32; ++i) {
      const unsigned h = static_cast<unsigned>(upper[i]) >> group & 1;
      const unsigned value = (group % 2 ? high(q[i]) : low(q[i])) | h << 4;
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

// What codes of 4 bits stand for in the IQ4 types.
constexpr std::array<int8_t, 16> iq4_values{-127, -104, -83, -65, -49, -35, -22, -10,
                                            1,    13,   25,  38,  53,  69,  89,  113};

void expand_iq4(float scale, const std::byte* quants, float16_t* out) {
  const Codes codes = halves(quants);
  for (size_t i = 0; i < group_size; ++i) out[i] = scale * static_cast<float>(iq4_values[codes[i]]);
}

void expand_iq4_nl(const std::byte* block, float16_t* out) {
  expand_iq4(read<float16_t>(block), block + 2, out);
}

// 8 groups of 32: scales of 6 bits, whose upper two are apart.
void expand_iq4_xs(const std::byte* block, float16_t* out) {
  const float d = read<float16_t>(block);
  const auto upper = read<uint16_t>(block + 2);
  for (size_t group = 0; group < 8; ++group) {
    const std::byte lower = block[4 + group / 2];
    const unsigned scale = (group % 2 ? high(lower) : low(lower)) |
                           (static_cast<unsigned>(upper) >> (2 * group) & 3) << 4;
    expand_iq4(d * static_cast<float>(static_cast<int>(scale) - 32), block + 8 + 16 * group,
               out + group_size * group);
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

struct KeptAffine {
  std::string_view type;
  int bits;
  Affine (*read_block)(const std::byte*);
};
constexpr KeptAffine kept_affine[] = {
    {"Q4_0", 4, read_q4_0}, {"Q4_1", 4, read_q4_1}, {"Q5_0", 5, read_q5_0},
    {"Q5_1", 5, read_q5_1}, {"Q8_0", 8, read_q8_0},
};

struct Expanded {
  std::string_view type;
  Expand expand;
};
constexpr Expanded expanded[] = {
    {"BF16", expand_bf16},     {"Q2_K", expand_q2_k},     {"Q3_K", expand_q3_k},
    {"Q4_K", expand_q4_k},     {"Q5_K", expand_q5_k},     {"Q6_K", expand_q6_k},
    {"IQ4_NL", expand_iq4_nl}, {"IQ4_XS", expand_iq4_xs},
};

}  // namespace

NamedArrays unpack(const TensorType& type, const std::string& name,
                   std::span<const std::byte> blocks, const Shape& shape) {
  for (const KeptAffine& kept : kept_affine) {
    if (kept.type == type.name) {
      return keep_affine(type, kept.bits, kept.read_block, name, blocks, shape);
    }
  }
  for (const Expanded& other : expanded) {
    if (other.type == type.name) return {{name, expand_all(type, other.expand, blocks, shape)}};
  }
  return keep_mxfp4(type, name, blocks, shape);
}

}  // namespace mica::io::gguf
