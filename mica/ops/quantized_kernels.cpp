#include "mica/ops/quantized_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "mica/engine/cpu/targets.h"
#include "mica/ops/small_floats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/ops/quantized_kernels.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes, so that the codes of one vector lie within 16 bytes.
using QuantFloats = hn::CappedTag<float, 16>;
using QuantVector = hn::Vec<QuantFloats>;

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128

template <CodeKind kind, int bits>
class Codes {
 public:
  static constexpr int64_t lanes = 1;
  static constexpr bool interleaved = false;
  using Vector = hn::Vec<hn::Rebind<uint32_t, QuantFloats>>;

  Vector load_for_dot(const uint8_t* codes, int64_t index) const { return load(codes, index); }
  Vector load(const uint8_t* codes, int64_t index) const {
    const int64_t bit = index * bits;
    const uint32_t low = codes[bit / 8];
    const uint32_t high = bit % 8 + bits > 8 ? codes[bit / 8 + 1] : 0;
    return hn::Set(hn::Rebind<uint32_t, QuantFloats>(),
                   (low | high << 8) >> (bit % 8) & ((1u << bits) - 1));
  }

  static QuantVector value(Vector vector) {
    const auto code = static_cast<uint8_t>(hn::GetLane(vector));
    const QuantFloats d;
    if constexpr (kind == CodeKind::integer) return hn::Set(d, static_cast<float>(code));
    if constexpr (kind == CodeKind::e2m1) return hn::Set(d, e2m1_to_float(code));
    return hn::Set(d, e4m3_to_float(code));
  }
};

#else

template <CodeKind kind, int bits>
class Codes {
  using Words = hn::Rebind<uint32_t, QuantFloats>;
  using Bytes = hn::Repartition<uint8_t, Words>;

 public:
  static constexpr int64_t lanes = hn::MaxLanes(QuantFloats());
  static_assert(lanes >= 4 && lanes <= 16);
  // Whether dot takes the codes of a vector in the order 0, 8, 1, 9...: one shift of all 64 bits in
  // every pair of lanes.
  static constexpr bool interleaved = bits == 4 && lanes == 16;
  using Vector = hn::Vec<Words>;

  Codes() {
    HWY_ALIGN uint8_t bytes[4 * lanes];
    HWY_ALIGN uint32_t shifts[lanes], pair_shifts[lanes];
    for (int64_t i = 0; i < lanes; ++i) {
      const auto first = static_cast<uint8_t>(i * bits / 8);
      bytes[4 * i] = first;
      bytes[4 * i + 1] = i * bits % 8 + bits > 8 ? static_cast<uint8_t>(first + 1) : 0x80;
      bytes[4 * i + 2] = bytes[4 * i + 3] = 0x80;  // zeros
      shifts[i] = static_cast<uint32_t>(i * bits % (in_one_word ? 32 : 8));
      pair_shifts[i] = static_cast<uint32_t>(i / 2 * bits % 32);
    }
    bytes_ = hn::Load(Bytes(), bytes);
    shifts_ = hn::Load(Words(), shifts);
    pair_shifts_ = hn::Load(Words(), pair_shifts);
  }

  // The codes from `index` on, which is a multiple of the lanes.
  Vector load(const uint8_t* codes, int64_t index) const {
    const Words du;
    const uint8_t* const from = codes + index * bits / 8;
    if constexpr (bits == 8) {
      return hn::PromoteTo(du, hn::LoadU(hn::Rebind<uint8_t, Words>(), from));
    } else {
      const auto mask = hn::Set(du, (1u << bits) - 1);
      return hn::And(hn::Shr(spread(from), shifts_), mask);
    }
  }

  // The same for dot.
  Vector load_for_dot(const uint8_t* codes, int64_t index) const {
    if constexpr (interleaved) {
      const Words du;
      uint64_t all = 0;
      std::memcpy(&all, codes + index / 2, sizeof(all));
      const auto pairs = hn::BitCast(du, hn::Set(hn::Repartition<uint64_t, Words>(), all));
      return hn::And(hn::Shr(pairs, pair_shifts_), hn::Set(du, 15));
    } else {
      return load(codes, index);
    }
  }

  static QuantVector value(Vector code) {
    if constexpr (kind == CodeKind::integer) return to_float(code);
    if constexpr (kind == CodeKind::e2m1) return small_float<1, 126>(code, 2, 0.5f);
    const QuantFloats d;
    const Words du;
    const auto value = small_float<3, 120>(code, 8, 0x1p-9f);
    const auto is_nan = hn::Eq(hn::And(code, hn::Set(du, 0x7f)), hn::Set(du, 0x7f));
    return hn::IfThenElse(hn::RebindMask(d, is_nan),
                          hn::Set(d, std::numeric_limits<float>::quiet_NaN()), value);
  }

 private:
  static constexpr bool in_one_word = lanes * bits <= 32;

  // In each lane the byte, or two, in which its code starts; or all of them.
  Vector spread(const uint8_t* from) const {
    const Words du;
    if constexpr (in_one_word) {
      uint32_t word = 0;
      std::memcpy(&word, from, static_cast<size_t>(lanes * bits / 8));
      return hn::Set(du, word);
    } else {
      return hn::BitCast(du, hn::TableLookupBytesOr0(hn::LoadDup128(Bytes(), from), bytes_));
    }
  }

  static QuantVector to_float(Vector code) {
    return hn::ConvertTo(QuantFloats(), hn::BitCast(hn::Rebind<int32_t, QuantFloats>(), code));
  }

  // A float of `bits` bits whose fraction has `fraction` of them: the exponent moved to its place
  // and `rebias` added; below the first normal code, multiples of `unit`.
  template <int fraction, uint32_t rebias>
  static QuantVector small_float(Vector code, uint32_t first_normal, float unit) {
    const QuantFloats d;
    const Words du;
    const auto magnitude = hn::And(code, hn::Set(du, (1u << (bits - 1)) - 1));
    const auto normal =
        hn::BitCast(d, hn::Add(hn::ShiftLeft<23 - fraction>(magnitude), hn::Set(du, rebias << 23)));
    const auto subnormal = hn::Mul(to_float(magnitude), hn::Set(d, unit));
    const auto is_normal = hn::RebindMask(d, hn::Gt(magnitude, hn::Set(du, first_normal - 1)));
    const auto sign = hn::ShiftLeft<32 - bits>(hn::AndNot(magnitude, code));
    return hn::Or(hn::IfThenElse(is_normal, normal, subnormal), hn::BitCast(d, sign));
  }

  hn::Vec<Bytes> bytes_;
  hn::Vec<Words> shifts_, pair_shifts_;
};

#endif

// The weights of one group: of its codes, scaled. Where a vector has a lane for each code, all of
// them are computed once, and looked up.
template <CodeKind kind, int bits>
class GroupWeights {
  using CodesOfKind = Codes<kind, bits>;
  static constexpr bool looked_up = CodesOfKind::lanes == 1 << bits;

 public:
  GroupWeights(const QuantRows& rows, int64_t row, int64_t group) {
    const QuantFloats d;
    const int64_t parameter = row * rows.group_stride + group;
    scale_ = hn::Set(d, rows.scales[parameter]);
    if constexpr (kind == CodeKind::integer) bias_ = hn::Set(d, rows.biases[parameter]);
    if constexpr (looked_up) {
      table_ = scaled(CodesOfKind::value(hn::Iota(hn::Rebind<uint32_t, QuantFloats>(), 0)));
    }
  }

  QuantVector operator()(typename CodesOfKind::Vector code) const {
    if constexpr (looked_up) {
      return hn::TableLookupLanes(table_, hn::IndicesFromVec(QuantFloats(), code));
    } else {
      return scaled(CodesOfKind::value(code));
    }
  }

 private:
  QuantVector scaled(QuantVector value) const {
    if constexpr (kind == CodeKind::integer) return hn::MulAdd(value, scale_, bias_);
    return hn::Mul(value, scale_);
  }

  QuantVector scale_, bias_, table_;
};

template <CodeKind kind, int bits>
void unpack_codes(const uint8_t* codes, int64_t count, float* values) {
  const QuantFloats d;
  using CodesOfKind = Codes<kind, bits>;
  const CodesOfKind reader;
  for (int64_t i = 0; i < count; i += CodesOfKind::lanes) {
    hn::StoreU(CodesOfKind::value(reader.load(codes, i)), d, values + i);
  }
}

template <CodeKind kind, int bits>
void dequantize_row(const QuantRows& rows, int64_t first, int64_t count, int group_size,
                    float* out) {
  const QuantFloats d;
  using CodesOfKind = Codes<kind, bits>;
  const CodesOfKind reader;
  for (int64_t begin = first; begin < first + count; begin += group_size) {
    const GroupWeights<kind, bits> weights(rows, 0, begin / group_size);
    for (int64_t at = begin; at < begin + group_size; at += CodesOfKind::lanes) {
      hn::StoreU(weights(reader.load(rows.codes, at)), d, out + at - first);
    }
  }
}

template <CodeKind kind, int bits>
void arrange(const float* x, int64_t count, float* out) {
  for (int64_t at = 0; at < count; at += 16) {
    for (int64_t i = 0; i < 16; ++i) out[at + i] = x[at + i / 2 + i % 2 * 8];
  }
}

template <CodeKind kind, int bits, int m, int row_count>
void dot_block(const float* x, int64_t k, const QuantRows& rows, int group_size, float* out,
               int64_t out_row) {
  const QuantFloats d;
  const Codes<kind, bits> reader;
  constexpr int64_t lanes = Codes<kind, bits>::lanes;
  const uint8_t* const codes = rows.codes;
  const int64_t code_stride = rows.code_stride;
  QuantVector sums[m][row_count];
  for (auto& row : sums) {
    for (QuantVector& sum : row) sum = hn::Zero(d);
  }
  const auto add_group = [&]<size_t... j>(int64_t group, std::index_sequence<j...>) {
    const GroupWeights<kind, bits> weights[]{GroupWeights<kind, bits>(rows, j, group)...};
    const int64_t end = (group + 1) * group_size;
    for (int64_t at = group * group_size; at < end; at += lanes) {
      QuantVector inputs[m];
      for (int i = 0; i < m; ++i) inputs[i] = hn::LoadU(d, x + i * k + at);
      for (int row = 0; row < row_count; ++row) {
        const QuantVector weight = weights[row](reader.load_for_dot(codes + row * code_stride, at));
        for (int i = 0; i < m; ++i) sums[i][row] = hn::MulAdd(weight, inputs[i], sums[i][row]);
      }
    }
  };
  for (int64_t group = 0; group * group_size < k; ++group) {
    add_group(group, std::make_index_sequence<row_count>());
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < row_count; ++j) {
      out[i * out_row + j] = hn::GetLane(hn::SumOfLanes(d, sums[i][j]));
    }
  }
}

template <CodeKind kind, int bits, int m>
void dot_rows(const float* x, int64_t k, const QuantRows& rows, int group_size, float* out,
              int64_t out_row) {
  if (rows.count == most_dot_rows) {
    return dot_block<kind, bits, m, most_dot_rows>(x, k, rows, group_size, out, out_row);
  }
  QuantRows row = rows;
  for (int j = 0; j < rows.count; ++j) {
    dot_block<kind, bits, m, 1>(x, k, row, group_size, out + j, out_row);
    row.codes += rows.code_stride;
    row.scales += rows.group_stride;
    if (row.biases) row.biases += rows.group_stride;
  }
}

template <CodeKind kind, int bits>
void dot(const float* x, int m, int64_t k, const QuantRows& rows, int group_size, float* out,
         int64_t out_row) {
  switch (m) {
    case 1:
      return dot_rows<kind, bits, 1>(x, k, rows, group_size, out, out_row);
    case 2:
      return dot_rows<kind, bits, 2>(x, k, rows, group_size, out, out_row);
    case 3:
      return dot_rows<kind, bits, 3>(x, k, rows, group_size, out, out_row);
    default:
      return dot_rows<kind, bits, 4>(x, k, rows, group_size, out, out_row);
  }
}

template <CodeKind kind, int bits>
void add_kernels(QuantRowTable& table) {
  table[static_cast<size_t>(kind)][bits] = {
      unpack_codes<kind, bits>, dequantize_row<kind, bits>,
      Codes<kind, bits>::interleaved ? arrange<kind, bits> : nullptr, dot<kind, bits>};
}

void fill_quant_row_table(QuantRowTable& table) {
  add_kernels<CodeKind::integer, 1>(table);
  add_kernels<CodeKind::integer, 2>(table);
  add_kernels<CodeKind::integer, 3>(table);
  add_kernels<CodeKind::integer, 4>(table);
  add_kernels<CodeKind::integer, 5>(table);
  add_kernels<CodeKind::integer, 6>(table);
  add_kernels<CodeKind::integer, 8>(table);
  add_kernels<CodeKind::e2m1, 4>(table);
  add_kernels<CodeKind::e4m3, 8>(table);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {
HWY_EXPORT(fill_quant_row_table);
}

QuantRowTable make_quant_row_table() {
  QuantRowTable table{};
  HWY_DYNAMIC_DISPATCH(fill_quant_row_table)(table);
  return table;
}

const QuantRowKernels& quant_row_kernels(CodeKind kind, int bits) {
  static const QuantRowTable table = make_quant_row_table();
  const QuantRowKernels& kernels = table.at(static_cast<size_t>(kind)).at(bits);
  if (!kernels.dot) {
    throw std::logic_error("quantized rows: no kernel for codes of " + std::to_string(bits) +
                           " bits");
  }
  return kernels;
}

}  // namespace mica::ops
#endif
