#include "mica/ops/quantized_kernels.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "mica/engine/cpu/kernel_table.h"
#include "mica/engine/cpu/targets.h"
#include "mica/ops/small_floats.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/ops/quantized_kernels.cpp"
#include "hwy/cache_control.h"
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
  using Vector = hn::Vec<hn::Rebind<uint32_t, QuantFloats>>;

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
  using Vector = hn::Vec<Words>;

  Codes() {
    HWY_ALIGN uint8_t bytes[4 * lanes];
    HWY_ALIGN uint32_t shifts[lanes];
    for (int64_t i = 0; i < lanes; ++i) {
      const auto first = static_cast<uint8_t>(i * bits / 8);
      bytes[4 * i] = first;
      bytes[4 * i + 1] = i * bits % 8 + bits > 8 ? static_cast<uint8_t>(first + 1) : 0x80;
      bytes[4 * i + 2] = bytes[4 * i + 3] = 0x80;  // zeros
      shifts[i] = static_cast<uint32_t>(i * bits % (in_one_word ? 32 : 8));
    }
    bytes_ = hn::Load(Bytes(), bytes);
    shifts_ = hn::Load(Words(), shifts);
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

  // The first `words` 32-bit words, over and over.
  template <int64_t words>
  static Vector repeat(const uint8_t* from) {
    const Words du;
    if constexpr (words == 4) return hn::BitCast(du, hn::LoadDup128(Bytes(), from));
    std::conditional_t<words == 2, uint64_t, uint32_t> word = 0;
    std::memcpy(&word, from, sizeof(word));
    return hn::BitCast(du, hn::Set(hn::Repartition<decltype(word), Words>(), word));
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
  hn::Vec<Words> shifts_;
};

#endif

// Codes as dot reads them, `unit` at once. Where their width divides a word, each of the unit's
// words is in every lane of the vectors whose lane number is its own modulo their count, and one
// shift brings up another code in each lane; other widths are read in order.
template <CodeKind kind, int bits, int unit>
class Units {
  using CodesOfKind = Codes<kind, bits>;

 public:
  static constexpr int64_t lanes = CodesOfKind::lanes, vectors = unit / lanes;
  static constexpr bool by_words = lanes >= 4 && (bits == 1 || bits == 2 || bits == 4);
  static constexpr int64_t words = unit * bits / 32;
  static_assert(!by_words || (words >= 1 && words <= 4));
  using Vector = typename CodesOfKind::Vector;

  // The place within a unit of the code in a lane of a vector.
  static constexpr int64_t place(int64_t vector, int64_t lane) {
    if (!by_words) return vector * lanes + lane;
    return lane % words * (32 / bits) + lane / words + vector * (lanes / words);
  }

  Units() {
    if constexpr (by_words) {
      const hn::Rebind<uint32_t, QuantFloats> du;
      for (int64_t v = 0; v < vectors; ++v) {
        HWY_ALIGN uint32_t shifts[lanes];
        for (int64_t i = 0; i < lanes; ++i) {
          shifts[i] = static_cast<uint32_t>(place(v, i) * bits % 32);
        }
        shifts_[v] = hn::Load(du, shifts);
      }
    }
  }

  // The vectors of codes from `index` on; but for those that are read in order, whatever lies above
  // their bits comes along.
  void load(const uint8_t* codes, int64_t index, Vector (&out)[vectors]) const {
    if constexpr (by_words) {
      const Vector all = CodesOfKind::template repeat<words>(codes + index * bits / 8);
      for (int64_t v = 0; v < vectors; ++v) out[v] = hn::Shr(all, shifts_[v]);
    } else {
      for (int64_t v = 0; v < vectors; ++v) out[v] = ordered_.load(codes, index + v * lanes);
    }
  }

  static Vector without_rest(Vector codes) {
    if constexpr (!by_words) return codes;
    const hn::Rebind<uint32_t, QuantFloats> du;
    return hn::And(codes, hn::Set(du, (1u << bits) - 1));
  }

 private:
  CodesOfKind ordered_;
  Vector shifts_[by_words ? vectors : 1];
};

// The weights of one group: of its codes, scaled. Where a vector has a lane for each code, all of
// them are computed once, and looked up.
template <CodeKind kind, int bits>
class GroupWeights {
  using CodesOfKind = Codes<kind, bits>;

 public:
  static constexpr bool looked_up = CodesOfKind::lanes >= 1 << bits;
  // Whether looking up ignores what lies above a code's bits: x86 reads as many bits of an index
  // as lanes have numbers (but debug builds of Highway look at all), and the table repeats.
  static constexpr bool ignores_rest = looked_up && HWY_ARCH_X86 && !HWY_IS_DEBUG_BUILD;

  GroupWeights(const QuantRows& rows, int64_t row, int64_t group) {
    const QuantFloats d;
    const int64_t parameter = row * rows.group_stride + group;
    scale_ = hn::Set(d, rows.scales[parameter]);
    if constexpr (kind == CodeKind::integer) bias_ = hn::Set(d, rows.biases[parameter]);
    if constexpr (looked_up) {
      const hn::Rebind<uint32_t, QuantFloats> du;
      table_ = scaled(CodesOfKind::value(hn::And(hn::Iota(du, 0), hn::Set(du, (1u << bits) - 1))));
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
void unpack_to_bytes(const uint8_t* codes, int64_t count, uint8_t* bytes) {
  using CodesOfKind = Codes<kind, bits>;
  const hn::Rebind<int32_t, QuantFloats> di;
  const hn::Rebind<uint8_t, QuantFloats> db;
  const CodesOfKind reader;
  for (int64_t i = 0; i < count; i += CodesOfKind::lanes) {
    hn::StoreU(hn::DemoteTo(db, hn::BitCast(di, reader.load(codes, i))), db, bytes + i);
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

// Whether m rows are multiplied with codes before these are scaled, group by group.
template <CodeKind kind, int bits, int m>
constexpr bool scaled_last = m == 1 && !GroupWeights<kind, bits>::looked_up;

constexpr int64_t whole_vectors(int64_t count) { return (count + 15) / 16 * 16; }

// Behind the elements of x come the sums of its groups.
template <CodeKind kind, int bits, int unit>
void prepare_units(const float* x, int64_t k, int group_size, float* out) {
  using UnitsOfKind = Units<kind, bits, unit>;
  for (int64_t at = 0; at < k; at += unit) {
    for (int64_t v = 0; v < UnitsOfKind::vectors; ++v) {
      for (int64_t i = 0; i < UnitsOfKind::lanes; ++i) {
        out[at + v * UnitsOfKind::lanes + i] = x[at + UnitsOfKind::place(v, i)];
      }
    }
  }
  if constexpr (kind == CodeKind::integer && scaled_last<kind, bits, 1>) {
    const QuantFloats d;
    float* const sums = out + whole_vectors(k);
    for (int64_t group = 0; group * group_size < k; ++group) {
      QuantVector sum = hn::Zero(d);
      for (int64_t at = group * group_size; at < (group + 1) * group_size;
           at += UnitsOfKind::lanes) {
        sum = hn::Add(sum, hn::LoadU(d, x + at));
      }
      sums[group] = hn::GetLane(hn::SumOfLanes(d, sum));
    }
  }
}

// The sums of x's groups times a row's biases.
template <int64_t lanes>
float biases_share(const float* sums, const float* biases, int64_t groups) {
  const QuantFloats d;
  QuantVector share = hn::Zero(d);
  int64_t group = 0;
  for (; group + lanes <= groups; group += lanes) {
    share = hn::MulAdd(hn::LoadU(d, sums + group), hn::LoadU(d, biases + group), share);
  }
  float result = hn::GetLane(hn::SumOfLanes(d, share));
  for (; group < groups; ++group) result += sums[group] * biases[group];
  return result;
}

template <CodeKind kind, int bits, int unit, int m, int row_count>
HWY_NOINLINE void dot_block(const float* x, int64_t x_row, int64_t k, const QuantRows& rows,
                            int group_size, float* out, int64_t out_row) {
  const QuantFloats d;
  using UnitsOfKind = Units<kind, bits, unit>;
  using Weights = GroupWeights<kind, bits>;
  constexpr bool scale_last = scaled_last<kind, bits, m>;
  constexpr int64_t lanes = UnitsOfKind::lanes, vectors = UnitsOfKind::vectors;
  const UnitsOfKind units;
  const uint8_t* const codes = rows.codes;
  const int64_t code_stride = rows.code_stride;
  const uint8_t* const next_codes = codes + row_count * code_stride;
  const float* const next_scales = rows.scales + row_count * rows.group_stride;
  const float* const next_biases =
      kind == CodeKind::integer ? rows.biases + row_count * rows.group_stride : nullptr;
  QuantVector sums[m][row_count];
  for (auto& row : sums) {
    for (QuantVector& sum : row) sum = hn::Zero(d);
  }
  constexpr int product_count = scale_last ? row_count : 1;
  QuantVector products[product_count];
  const auto add_group = [&]<size_t... j>(int64_t group, std::index_sequence<j...>) {
    const Weights weights[]{Weights(rows, j, group)...};
    for (QuantVector& product : products) product = hn::Zero(d);
    const int64_t end = (group + 1) * group_size;
    for (int64_t at = group * group_size; at < end; at += unit) {
      QuantVector inputs[m][vectors];
      for (int i = 0; i < m; ++i) {
        for (int64_t v = 0; v < vectors; ++v) {
          inputs[i][v] = hn::LoadU(d, x + i * x_row + at + v * lanes);
        }
      }
      for (int row = 0; row < row_count; ++row) {
        typename UnitsOfKind::Vector loaded[vectors];
        units.load(codes + row * code_stride, at, loaded);
        for (int64_t v = 0; v < vectors; ++v) {
          auto code = loaded[v];
          if constexpr (!Weights::ignores_rest) code = UnitsOfKind::without_rest(code);
          if constexpr (scale_last) {
            products[row] = hn::MulAdd(Codes<kind, bits>::value(code), inputs[0][v], products[row]);
          } else {
            const QuantVector weight = weights[row](code);
            for (int i = 0; i < m; ++i) {
              sums[i][row] = hn::MulAdd(weight, inputs[i][v], sums[i][row]);
            }
          }
        }
      }
    }
    if constexpr (scale_last) {
      ((sums[0][j] = hn::MulAdd(products[j], hn::Set(d, rows.scales[j * rows.group_stride + group]),
                                sums[0][j])),
       ...);
    }
    // A share of the rows that are read after these, which lie behind them: many short streams, of
    // which the processor foresees few.
    const int64_t code_share = row_count * group_size * bits / 8;
    for (int64_t byte = 0; byte < code_share; byte += 64) {
      hwy::Prefetch(next_codes + group * code_share + byte);
    }
    hwy::Prefetch(next_scales + group * row_count);
    if constexpr (kind == CodeKind::integer) hwy::Prefetch(next_biases + group * row_count);
  };
  for (int64_t group = 0; group * group_size < k; ++group) {
    add_group(group, std::make_index_sequence<row_count>());
  }
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < row_count; ++j) {
      float sum = hn::GetLane(hn::SumOfLanes(d, sums[i][j]));
      if constexpr (scale_last && kind == CodeKind::integer) {
        sum += biases_share<lanes>(x + i * x_row + whole_vectors(k),
                                   rows.biases + j * rows.group_stride, k / group_size);
      }
      out[i * out_row + j] = sum;
    }
  }
}

// Rows whose sums, weights and codes stay in registers.
template <int m>
constexpr int rows_at_once = m == 1 && hn::MaxLanes(QuantFloats()) == 16 ? 8 : 4;

template <CodeKind kind, int bits, int unit, int m>
void dot_rows(const float* x, int64_t x_row, int64_t k, const QuantRows& rows, int group_size,
              float* out, int64_t out_row) {
  QuantRows rest = rows;
  const auto advance = [&](int count) {
    rest.codes += count * rows.code_stride;
    rest.scales += count * rows.group_stride;
    if (rest.biases) rest.biases += count * rows.group_stride;
  };
  constexpr int at_once = rows_at_once<m>;
  int j = 0;
  for (; j + at_once <= rows.count; j += at_once, advance(at_once)) {
    dot_block<kind, bits, unit, m, at_once>(x, x_row, k, rest, group_size, out + j, out_row);
  }
  for (; j < rows.count; ++j, advance(1)) {
    dot_block<kind, bits, unit, m, 1>(x, x_row, k, rest, group_size, out + j, out_row);
  }
}

template <CodeKind kind, int bits, int unit>
void dot_units(const float* x, int m, int64_t k, const QuantRows& rows, int group_size, float* out,
               int64_t out_row) {
  const int64_t x_row = prepared_size(k, group_size);
  switch (m) {
    case 1:
      return dot_rows<kind, bits, unit, 1>(x, x_row, k, rows, group_size, out, out_row);
    case 2:
      return dot_rows<kind, bits, unit, 2>(x, x_row, k, rows, group_size, out, out_row);
    case 3:
      return dot_rows<kind, bits, unit, 3>(x, x_row, k, rows, group_size, out, out_row);
    default:
      return dot_rows<kind, bits, unit, 4>(x, x_row, k, rows, group_size, out, out_row);
  }
}

// Groups of 16 are units of their own; only E2M1 codes have them.
template <CodeKind kind, int bits>
void prepare(const float* x, int64_t k, int group_size, float* out) {
  if constexpr (kind == CodeKind::e2m1) {
    if (group_size % 32 != 0) return prepare_units<kind, bits, 16>(x, k, group_size, out);
  }
  prepare_units<kind, bits, 32>(x, k, group_size, out);
}

template <CodeKind kind, int bits>
void dot(const float* x, int m, int64_t k, const QuantRows& rows, int group_size, float* out,
         int64_t out_row) {
  if constexpr (kind == CodeKind::e2m1) {
    if (group_size % 32 != 0) {
      return dot_units<kind, bits, 16>(x, m, k, rows, group_size, out, out_row);
    }
  }
  dot_units<kind, bits, 32>(x, m, k, rows, group_size, out, out_row);
}

template <CodeKind kind, int bits>
void add_kernels(QuantRowTable& table) {
  table[static_cast<size_t>(kind)][bits] = {unpack_codes<kind, bits>, unpack_to_bytes<kind, bits>,
                                            dequantize_row<kind, bits>, prepare<kind, bits>,
                                            dot<kind, bits>};
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
  return cpu::filled<QuantRowTable>(HWY_DYNAMIC_DISPATCH(fill_quant_row_table));
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
