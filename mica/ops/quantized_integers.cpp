#include "mica/ops/quantized_integers.h"

#include <algorithm>
#include <cstring>

#define HWY_WANT_AVX3_DL  // AVX-512 with VNNI
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/ops/quantized_integers.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
// Processors of this target have VNNI, but Highway 1.0 does not say so to the compiler.
#if HWY_TARGET == HWY_AVX3_DL && HWY_COMPILER_GCC_ACTUAL
#pragma GCC target("avx512vnni")
#endif
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Elsewhere Highway spreads the sums of pairs over two vectors.
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || !HWY_ARCH_X86

IntegerKernels kernels_of_target() { return {0, nullptr, nullptr, nullptr}; }

#else

// At most 16 lanes: a vector of pairs of codes has one for each of its rows.
using Floats = hn::CappedTag<float, 16>;
using Integers = hn::RebindToSigned<Floats>;
using Words = hn::RebindToUnsigned<Floats>;
using Pairs = hn::Repartition<int16_t, Integers>;
using Bytes = hn::Repartition<uint8_t, Integers>;
using FloatVector = hn::Vec<Floats>;
using IntegerVector = hn::Vec<Integers>;
using WordVector = hn::Vec<Words>;
using PairVector = hn::Vec<Pairs>;

constexpr int64_t lanes = hn::MaxLanes(Floats());
// Vectors across and rows down a block of sums, all in registers together with the integer sums.
constexpr int across = 2;
constexpr int most_down = HWY_MAX_BYTES >= 64 ? 6 : 2;
constexpr int64_t columns = across * lanes;
constexpr int largest_group = 128;
constexpr float largest_value = 32767;
constexpr float least_magnitude = 1e-30f;  // below it scales lose bits

// A word of w codes becomes w / 2 pairs: codes i and i + w / 2, which one shift and mask bring into
// the halves of a word.
constexpr int pairs_of_word(IntegerCodes kind) { return kind == IntegerCodes::bytes ? 2 : 4; }

// Puts the values of 8 codes, which are one or two words, in the order of their pairs.
PairVector in_pairs(PairVector values, IntegerCodes order) {
  alignas(16) static constexpr uint8_t of_nibbles[16] = {0, 1, 8,  9,  2, 3, 10, 11,
                                                         4, 5, 12, 13, 6, 7, 14, 15};
  alignas(16) static constexpr uint8_t of_bytes[16] = {0, 1, 4,  5,  2,  3,  6,  7,
                                                       8, 9, 12, 13, 10, 11, 14, 15};
  const Bytes bytes;
  const auto places = hn::LoadDup128(bytes, order == IntegerCodes::bytes ? of_bytes : of_nibbles);
  return hn::BitCast(Pairs(), hn::TableLookupBytes(hn::BitCast(bytes, values), places));
}

bool round_row(const float* x, int64_t k, int group_size, IntegerCodes order,
               const IntegerRow& row) {
  const Floats d;
  const hn::Rebind<int16_t, Floats> half;
  bool usable = true;
  for (int64_t begin = 0, group = 0; begin < k; begin += group_size, ++group) {
    FloatVector largest = hn::Zero(d), poison = hn::Zero(d);
    for (int64_t at = begin; at < begin + group_size; at += lanes) {
      const FloatVector value = hn::LoadU(d, x + at);
      largest = hn::Max(largest, hn::Abs(value));
      poison = hn::MulAdd(value, hn::Zero(d), poison);  // NaN unless all are finite
    }
    const float most = hn::GetLane(hn::MaxOfLanes(d, largest));
    const bool finite = hn::GetLane(hn::SumOfLanes(d, poison)) == 0;
    const float factor = most == 0 ? 0 : largest_value / most;
    usable &= finite && (most == 0 || most >= least_magnitude);
    HWY_ALIGN int16_t rounded[largest_group] = {};
    IntegerVector sum = hn::Zero(Integers());
    for (int64_t i = 0; i < group_size; i += lanes) {
      const IntegerVector value =
          hn::NearestInt(hn::Mul(hn::LoadU(d, x + begin + i), hn::Set(d, factor)));
      sum = hn::Add(sum, value);
      hn::StoreU(hn::DemoteTo(half, value), half, rounded + i);
    }
    const Pairs pairs;
    for (int64_t i = 0; i < group_size; i += 2 * lanes) {
      const int64_t left = std::min<int64_t>(group_size - i, 2 * lanes);
      const auto ordered = in_pairs(hn::LoadU(pairs, rounded + i), order);
      if (left == 2 * lanes) {
        hn::StoreU(ordered, pairs, row.values + begin + i);
      } else {
        HWY_ALIGN int16_t last[2 * lanes];
        hn::Store(ordered, pairs, last);
        std::copy_n(last, left, row.values + begin + i);
      }
    }
    row.scales[group] = most / largest_value;
    row.sums[group] =
        static_cast<float>(hn::GetLane(hn::SumOfLanes(Integers(), sum))) * row.scales[group];
  }
  return usable;
}

// The codes of a word in each lane, as pairs.
template <IntegerCodes kind, int pair>
PairVector codes_of(WordVector words) {
  const Words du;
  const Pairs pairs;
  constexpr int bits = kind == IntegerCodes::bytes ? 8 : 4;
  const auto codes = hn::And(hn::ShiftRight<pair * bits>(words),
                             hn::Set(du, kind == IntegerCodes::bytes ? 0x00ff00ff : 0x000f000f));
  if constexpr (kind != IntegerCodes::doubled_e2m1) {
    return hn::BitCast(pairs, codes);
  } else {
    // Twice the values, and 12, so that all are bytes above 0; 0x80 looks up 0.
    alignas(16) static constexpr uint8_t values[16] = {12, 13, 14, 15, 16, 18, 20, 24,
                                                       12, 11, 10, 9,  8,  6,  4,  0};
    const Bytes bytes;
    const auto index = hn::BitCast(bytes, hn::Or(codes, hn::Set(du, 0x80008000)));
    const auto looked_up = hn::TableLookupBytesOr0(hn::LoadDup128(bytes, values), index);
    return hn::Sub(hn::BitCast(pairs, looked_up), hn::Set(pairs, 12));
  }
}

// Words of all rows, four of a row at once, so placed that vectors of them are transposed within
// their blocks of 128 bits.
class StagedWords {
 public:
  static constexpr int64_t most = 16;

  // Of one row: `count` <= most words.
  void put(int64_t row, const uint8_t* words, int64_t count) {
    uint32_t* const to = staged_ + row / lanes * 4 * lanes + row % 4 * lanes + row % lanes / 4 * 4;
    if (count == most) {
      for (int64_t i = 0; i < most; i += 4) std::memcpy(to + i * columns, words + 4 * i, 16);
    } else {
      for (int64_t i = 0; i < count; i += 4) {
        std::memcpy(to + i * columns, words + 4 * i,
                    static_cast<size_t>(std::min<int64_t>(count - i, 4)) * 4);
      }
    }
  }

  // Words [first, first + 4) of the rows in a vector's lanes; first is a multiple of 4.
  void get(int64_t first, int64_t vector, WordVector (&words)[4]) const {
    const Words du;
    const hn::Repartition<uint64_t, Words> du64;
    const uint32_t* const from = staged_ + first * columns + vector * 4 * lanes;
    const WordVector a = hn::Load(du, from), b = hn::Load(du, from + lanes);
    const WordVector c = hn::Load(du, from + 2 * lanes), e = hn::Load(du, from + 3 * lanes);
    const auto low_ab = hn::BitCast(du64, hn::InterleaveLower(du, a, b));
    const auto low_ce = hn::BitCast(du64, hn::InterleaveLower(du, c, e));
    const auto high_ab = hn::BitCast(du64, hn::InterleaveUpper(du, a, b));
    const auto high_ce = hn::BitCast(du64, hn::InterleaveUpper(du, c, e));
    words[0] = hn::BitCast(du, hn::InterleaveLower(du64, low_ab, low_ce));
    words[1] = hn::BitCast(du, hn::InterleaveUpper(du64, low_ab, low_ce));
    words[2] = hn::BitCast(du, hn::InterleaveLower(du64, high_ab, high_ce));
    words[3] = hn::BitCast(du, hn::InterleaveUpper(du64, high_ab, high_ce));
  }

 private:
  HWY_ALIGN uint32_t staged_[most * columns] = {};
};

template <IntegerCodes kind>
void unpack_panel_of(const uint8_t* codes, int64_t stride, int64_t count, int64_t k,
                     int16_t* panel) {
  const Pairs pairs;
  constexpr int64_t pair_count = pairs_of_word(kind), word_size = pair_count * 2 * columns;
  const int64_t words = k / (2 * pair_count);
  StagedWords staged;
  for (int64_t first = 0; first < words; first += StagedWords::most) {
    const int64_t width = std::min(StagedWords::most, words - first);
    for (int64_t row = 0; row < count; ++row) {
      staged.put(row, codes + row * stride + first * 4, width);
    }
    for (int64_t begin = 0; begin < width; begin += 4) {
      for (int64_t v = 0; v < across; ++v) {
        WordVector block[4];
        staged.get(begin, v, block);
        const int64_t end = std::min<int64_t>(width - begin, 4);
        for (int64_t i = 0; i < end; ++i) {
          int16_t* const to = panel + (first + begin + i) * word_size + v * 2 * lanes;
          hn::StoreU(codes_of<kind, 0>(block[i]), pairs, to);
          hn::StoreU(codes_of<kind, 1>(block[i]), pairs, to + 2 * columns);
          if constexpr (pair_count == 4) {
            hn::StoreU(codes_of<kind, 2>(block[i]), pairs, to + 4 * columns);
            hn::StoreU(codes_of<kind, 3>(block[i]), pairs, to + 6 * columns);
          }
        }
      }
    }
  }
}

void unpack_panel(const uint8_t* codes, int64_t stride, int64_t count, int64_t k, IntegerCodes kind,
                  int16_t* panel) {
  switch (kind) {
    case IntegerCodes::nibbles:
      return unpack_panel_of<IntegerCodes::nibbles>(codes, stride, count, k, panel);
    case IntegerCodes::doubled_e2m1:
      return unpack_panel_of<IntegerCodes::doubled_e2m1>(codes, stride, count, k, panel);
    case IntegerCodes::bytes:
      return unpack_panel_of<IntegerCodes::bytes>(codes, stride, count, k, panel);
  }
}

// sums + the products of each pair: one instruction with VNNI, otherwise two. Compilers order the
// additions of two as they like, which takes registers: pairs that they see together are few.
#if HWY_TARGET == HWY_AVX3_DL && HWY_COMPILER_GCC_ACTUAL
constexpr int pairs_at_once = 8;
#else
constexpr int pairs_at_once = 1;
#endif
HWY_INLINE IntegerVector add_products(PairVector a, PairVector b, IntegerVector sums) {
#if HWY_TARGET == HWY_AVX3_DL && HWY_COMPILER_GCC_ACTUAL
  return IntegerVector{_mm512_dpwssd_epi32(sums.raw, a.raw, b.raw)};
#else
  IntegerVector unused = hn::Zero(Integers());
  return hn::ReorderWidenMulAccumulate(Integers(), a, b, sums, unused);
#endif
}

// Rows [row, row + down) of x.
template <int down, bool biased>
HWY_NOINLINE void block(const IntegerRows& x, int64_t row, const IntegerPanel& panel, bool add,
                        float* out) {
  const Floats d;
  const Integers di;
  const Pairs pairs;
  const int64_t groups = x.k / x.group_size, k = x.k;
  const int16_t* values = x.values + row * k + x.first;
  const float* const x_scales = x.scales + row * groups + x.first / x.group_size;
  const float* const x_sums = x.sums + row * groups + x.first / x.group_size;
  const int16_t* codes = panel.codes;
  FloatVector sums[down][across];
  for (int i = 0; i < down; ++i) {
    for (int j = 0; j < across; ++j) {
      sums[i][j] = add ? hn::LoadU(d, out + i * columns + j * lanes) : hn::Zero(d);
    }
  }
  for (int64_t group = 0; group < x.count / x.group_size; ++group) {
    IntegerVector products[down][across];
    for (auto& of_row : products) {
      for (IntegerVector& product : of_row) product = hn::Zero(di);
    }
    for (int pair = 0; pair < x.group_size / 2; pair += pairs_at_once) {
      for (int step = 0; step < pairs_at_once; ++step, values += 2, codes += 2 * columns) {
        PairVector weights[across];
        for (int j = 0; j < across; ++j) weights[j] = hn::LoadU(pairs, codes + j * 2 * lanes);
        for (int i = 0; i < down; ++i) {
          int32_t both = 0;
          std::memcpy(&both, values + i * k, sizeof(both));
          const PairVector inputs = hn::BitCast(pairs, hn::Set(di, both));
          for (int j = 0; j < across; ++j) {
            products[i][j] = add_products(weights[j], inputs, products[i][j]);
          }
        }
      }
    }
    for (int j = 0; j < across; ++j) {
      const int64_t parameter = group * columns + j * lanes;
      const FloatVector scale = hn::LoadU(d, panel.scales + parameter);
      for (int i = 0; i < down; ++i) {
        const FloatVector product =
            hn::Mul(hn::ConvertTo(d, products[i][j]), hn::Set(d, x_scales[i * groups + group]));
        sums[i][j] = hn::MulAdd(product, scale, sums[i][j]);
        if constexpr (biased) {
          sums[i][j] = hn::MulAdd(hn::Set(d, x_sums[i * groups + group]),
                                  hn::LoadU(d, panel.biases + parameter), sums[i][j]);
        }
      }
    }
  }
  for (int i = 0; i < down; ++i) {
    for (int j = 0; j < across; ++j) hn::StoreU(sums[i][j], d, out + i * columns + j * lanes);
  }
}

template <int down>
void block_of(int64_t rows, const IntegerRows& x, int64_t row, const IntegerPanel& panel, bool add,
              float* out) {
  if constexpr (down > 0) {
    if (rows < down) return block_of<down - 1>(rows, x, row, panel, add, out);
    if (panel.biases) {
      block<down, true>(x, row, panel, add, out);
    } else {
      block<down, false>(x, row, panel, add, out);
    }
  }
}

// Rows in blocks of nearly equal height.
void multiply_panel(const IntegerRows& x, const IntegerPanel& panel, bool add, float* sums) {
  const int64_t blocks = (x.m + most_down - 1) / most_down;
  for (int64_t i = 0, row = 0; i < blocks; ++i) {
    const int64_t height = (x.m - row + blocks - i - 1) / (blocks - i);
    block_of<most_down>(height, x, row, panel, add, sums + row * columns);
    row += height;
  }
}

IntegerKernels kernels_of_target() { return {columns, round_row, unpack_panel, multiply_panel}; }

#endif

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {
HWY_EXPORT(kernels_of_target);
}

IntegerKernels make_integer_kernels() { return HWY_DYNAMIC_DISPATCH(kernels_of_target)(); }

const IntegerKernels& integer_kernels() {
  static const IntegerKernels kernels = make_integer_kernels();
  return kernels;
}

}  // namespace mica::ops
#endif
