#include "mica/ops/quantized_rows.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

#include "mica/engine/cpu/targets.h"
#include "mica/ops/small_floats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/ops/quantized_rows.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef MICA_OPS_QUANTIZED_ROWS_ONCE
#define MICA_OPS_QUANTIZED_ROWS_ONCE
namespace mica::ops {

// The kernels of the widths that exist, by kind and bits.
using QuantRowTable = std::array<std::array<QuantRowKernels, 9>, code_kinds>;

}  // namespace mica::ops
#endif

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

  QuantVector operator()(const uint8_t* codes, int64_t index) const {
    const int64_t bit = index * bits;
    const uint32_t low = codes[bit / 8];
    const uint32_t high = bit % 8 + bits > 8 ? codes[bit / 8 + 1] : 0;
    const auto code = static_cast<uint8_t>((low | high << 8) >> (bit % 8) & ((1u << bits) - 1));
    const QuantFloats d;
    if constexpr (kind == CodeKind::integer) return hn::Set(d, static_cast<float>(code));
    if constexpr (kind == CodeKind::e2m1) return hn::Set(d, e2m1_to_float(code));
    return hn::Set(d, e4m3_to_float(code));
  }
};

#else

// The values of the codes from `index` on, which is a multiple of the lanes.
template <CodeKind kind, int bits>
class Codes {
 public:
  static constexpr int64_t lanes = hn::MaxLanes(QuantFloats());
  static_assert(lanes >= 4 && lanes <= 16);

  Codes() {
    HWY_ALIGN uint8_t bytes[4 * lanes];
    HWY_ALIGN uint32_t shifts[lanes];
    for (int64_t i = 0; i < lanes; ++i) {
      const auto first = static_cast<uint8_t>(i * bits / 8);
      bytes[4 * i] = first;
      bytes[4 * i + 1] = i * bits % 8 + bits > 8 ? static_cast<uint8_t>(first + 1) : 0x80;
      bytes[4 * i + 2] = bytes[4 * i + 3] = 0x80;  // zeros
      shifts[i] = static_cast<uint32_t>(i * bits % 8);
    }
    bytes_ = hn::Load(Bytes(), bytes);
    shifts_ = hn::Load(Words(), shifts);
  }

  QuantVector operator()(const uint8_t* codes, int64_t index) const {
    const Words du;
    const auto loaded = hn::LoadDup128(Bytes(), codes + index * bits / 8);
    const auto spread = hn::BitCast(du, hn::TableLookupBytesOr0(loaded, bytes_));
    const auto code = hn::And(hn::Shr(spread, shifts_), hn::Set(du, (1u << bits) - 1));
    if constexpr (kind == CodeKind::integer) return to_float(code);
    if constexpr (kind == CodeKind::e2m1) return small_float<1, 126>(code, 2, 0.5f);
    const QuantFloats d;
    const auto value = small_float<3, 120>(code, 8, 0x1p-9f);
    const auto is_nan = hn::Eq(hn::And(code, hn::Set(du, 0x7f)), hn::Set(du, 0x7f));
    return hn::IfThenElse(hn::RebindMask(d, is_nan),
                          hn::Set(d, std::numeric_limits<float>::quiet_NaN()), value);
  }

 private:
  using Words = hn::Rebind<uint32_t, QuantFloats>;
  using Bytes = hn::Repartition<uint8_t, Words>;

  static QuantVector to_float(hn::Vec<Words> code) {
    return hn::ConvertTo(QuantFloats(), hn::BitCast(hn::Rebind<int32_t, QuantFloats>(), code));
  }

  // A float of `bits` bits whose fraction has `fraction` of them: the exponent moved to its place
  // and `rebias` added; below the first normal code, multiples of `unit`.
  template <int fraction, uint32_t rebias>
  static QuantVector small_float(hn::Vec<Words> code, uint32_t first_normal, float unit) {
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
  hn::Vec<Words> shifts_;
};

#endif

template <CodeKind kind, int bits>
void unpack_codes(const uint8_t* codes, int64_t count, float* values) {
  const QuantFloats d;
  const Codes<kind, bits> value_of;
  constexpr int64_t lanes = Codes<kind, bits>::lanes;
  for (int64_t i = 0; i < count; i += lanes) hn::StoreU(value_of(codes, i), d, values + i);
}

template <CodeKind kind, int bits, int m, int row_count>
void dot_block(const float* x, int64_t k, const QuantRow* rows, int group_size, float* out,
               int64_t out_row) {
  const QuantFloats d;
  const Codes<kind, bits> value_of;
  constexpr int64_t lanes = Codes<kind, bits>::lanes;
  QuantVector sums[m][row_count];
  for (auto& row : sums) {
    for (QuantVector& sum : row) sum = hn::Zero(d);
  }
  for (int64_t group = 0; group * group_size < k; ++group) {
    QuantVector scales[row_count], biases[row_count];
    for (int j = 0; j < row_count; ++j) {
      scales[j] = hn::Set(d, rows[j].scales[group]);
      if constexpr (kind == CodeKind::integer) biases[j] = hn::Set(d, rows[j].biases[group]);
    }
    const int64_t end = (group + 1) * group_size;
    for (int64_t at = group * group_size; at < end; at += lanes) {
      QuantVector inputs[m];
      for (int i = 0; i < m; ++i) inputs[i] = hn::LoadU(d, x + i * k + at);
      for (int j = 0; j < row_count; ++j) {
        QuantVector weight = value_of(rows[j].codes, at);
        if constexpr (kind == CodeKind::integer) {
          weight = hn::MulAdd(weight, scales[j], biases[j]);
        } else {
          weight = hn::Mul(weight, scales[j]);
        }
        for (int i = 0; i < m; ++i) sums[i][j] = hn::MulAdd(weight, inputs[i], sums[i][j]);
      }
    }
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < row_count; ++j) {
      out[i * out_row + j] = hn::GetLane(hn::SumOfLanes(d, sums[i][j]));
    }
  }
}

template <CodeKind kind, int bits, int m>
void dot_rows(const float* x, int64_t k, const QuantRow* rows, int row_count, int group_size,
              float* out, int64_t out_row) {
  if (row_count == most_dot_rows) {
    return dot_block<kind, bits, m, most_dot_rows>(x, k, rows, group_size, out, out_row);
  }
  for (int j = 0; j < row_count; ++j) {
    dot_block<kind, bits, m, 1>(x, k, rows + j, group_size, out + j, out_row);
  }
}

template <CodeKind kind, int bits>
void dot(const float* x, int m, int64_t k, const QuantRow* rows, int row_count, int group_size,
         float* out, int64_t out_row) {
  switch (m) {
    case 1:
      return dot_rows<kind, bits, 1>(x, k, rows, row_count, group_size, out, out_row);
    case 2:
      return dot_rows<kind, bits, 2>(x, k, rows, row_count, group_size, out, out_row);
    case 3:
      return dot_rows<kind, bits, 3>(x, k, rows, row_count, group_size, out, out_row);
    default:
      return dot_rows<kind, bits, 4>(x, k, rows, row_count, group_size, out, out_row);
  }
}

template <CodeKind kind, int bits>
void add_kernels(QuantRowTable& table) {
  table[static_cast<size_t>(kind)][bits] = {unpack_codes<kind, bits>, dot<kind, bits>};
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

const QuantRowKernels& quant_row_kernels(CodeKind kind, int bits) {
  static const QuantRowTable table = [] {
    QuantRowTable result{};
    HWY_DYNAMIC_DISPATCH(fill_quant_row_table)(result);
    return result;
  }();
  const QuantRowKernels& kernels = table.at(static_cast<size_t>(kind)).at(bits);
  if (!kernels.dot) {
    throw std::logic_error("quantized rows: no kernel for codes of " + std::to_string(bits) +
                           " bits");
  }
  return kernels;
}

}  // namespace mica::ops
#endif
