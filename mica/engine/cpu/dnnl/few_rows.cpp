#include "mica/engine/cpu/dnnl/few_rows.h"

#include <algorithm>
#include <type_traits>

#include "mica/engine/cpu/kernel_table.h"
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/dnnl/few_rows.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

template <class T>
HWY_INLINE Vector load(const T* x) {
  const Floats d;
  if constexpr (std::is_same_v<T, float>) {
    return hn::LoadU(d, x);
  } else {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
    return hn::Set(d, static_cast<float>(*x));
#else
    using Half = std::conditional_t<std::is_same_v<T, bfloat16_t>, hwy::bfloat16_t, hwy::float16_t>;
    const hn::Rebind<Half, Floats> dh;
    return hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const Half*>(x)));
#endif
  }
}

// `rows` of a times `cols` columns of b. With `ahead` it asks for the columns that are read after
// these.
template <int rows, int cols, bool ahead, class T>
HWY_INLINE void dot_block(const float* a, int64_t k, const T* b, int64_t leading, float* out,
                          int64_t out_row) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Vector sums[rows][cols];
  for (auto& row : sums) {
    for (Vector& sum : row) sum = hn::Zero(d);
  }
  int64_t at = 0;
  for (; at + lanes <= k; at += lanes) {
    Vector y[cols];
    for (int j = 0; j < cols; ++j) {
      y[j] = load(b + j * leading + at);
      if constexpr (ahead) hwy::Prefetch(b + (cols + j) * leading + at);
    }
    for (int i = 0; i < rows; ++i) {
      const Vector x = hn::LoadU(d, a + i * k + at);
      for (int j = 0; j < cols; ++j) sums[i][j] = hn::MulAdd(x, y[j], sums[i][j]);
    }
  }
  // Without a loop inside, so that the sums stay in registers.
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      out[i * out_row + j] = hn::GetLane(hn::SumOfLanes(d, sums[i][j]));
    }
  }
  if (at == k) return;
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      float sum = out[i * out_row + j];
      for (int64_t l = at; l < k; ++l) sum += a[i * k + l] * static_cast<float>(b[j * leading + l]);
      out[i * out_row + j] = sum;
    }
  }
}

template <int rows, bool ahead, class T>
HWY_NOINLINE void dot_rows(const float* a, int64_t k, const T* b, int64_t leading, int64_t begin,
                           int64_t end, float* out, int64_t out_row) {
  int64_t j = begin;
  for (; j + 4 <= end; j += 4) {
    dot_block<rows, 4, ahead>(a, k, b + j * leading, leading, out + j, out_row);
  }
  for (; j < end; ++j) dot_block<rows, 1, ahead>(a, k, b + j * leading, leading, out + j, out_row);
}

// Passes all rows over columns that stay in the L1 cache.
template <bool ahead, class T>
void pass_rows(const float* a, int64_t m, int64_t k, const T* b, int64_t leading, int64_t begin,
               int64_t end, float* out, int64_t out_row) {
  const int64_t block =
      std::clamp<int64_t>(16384 / (std::max<int64_t>(k, 1) * int64_t{sizeof(T)}) / 4 * 4, 4, 64);
  for (int64_t first = begin; first < end; first += block) {
    const int64_t last = std::min(first + block, end);
    int64_t i = 0;
    for (; i + 4 <= m; i += 4) {
      dot_rows<4, ahead>(a + i * k, k, b, leading, first, last, out + i * out_row, out_row);
    }
    const float* rest = a + i * k;
    float* const to = out + i * out_row;
    if (m - i == 3) dot_rows<3, ahead>(rest, k, b, leading, first, last, to, out_row);
    if (m - i == 2) dot_rows<2, ahead>(rest, k, b, leading, first, last, to, out_row);
    if (m - i == 1) dot_rows<1, ahead>(rest, k, b, leading, first, last, to, out_row);
  }
}

template <class T>
void contiguous_columns(const float* a, int64_t m, int64_t k, const T* b, int64_t leading,
                        int64_t begin, int64_t end, float* out, int64_t out_row) {
  // One row over long columns reads streams that the processor follows by itself, and better. It
  // loses short ones at their ends, and more rows leave memory idle while they pass.
  const bool ahead = m > 1 || k * int64_t{sizeof(T)} < 4096;
  const auto pass = ahead ? pass_rows<true, T> : pass_rows<false, T>;
  pass(a, m, k, b, leading, begin, end, out, out_row);
}

// Adds `depth` rows of b to the sums of all rows of a.
template <int depth, class T>
HWY_NOINLINE void add_rows(const float* a, int64_t m, int64_t k, const T* b, int64_t leading,
                           int64_t begin, int64_t end, float* out, int64_t out_row) {
  const Floats d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = begin;
  for (; j + lanes <= end; j += lanes) {
    Vector y[depth];
    for (int l = 0; l < depth; ++l) y[l] = load(b + l * leading + j);
    for (int64_t i = 0; i < m; ++i) {
      Vector sum = hn::LoadU(d, out + i * out_row + j);
      for (int l = 0; l < depth; ++l) sum = hn::MulAdd(hn::Set(d, a[i * k + l]), y[l], sum);
      hn::StoreU(sum, d, out + i * out_row + j);
    }
  }
  for (; j < end; ++j) {
    for (int64_t i = 0; i < m; ++i) {
      float sum = out[i * out_row + j];
      for (int l = 0; l < depth; ++l) sum += a[i * k + l] * static_cast<float>(b[l * leading + j]);
      out[i * out_row + j] = sum;
    }
  }
}

template <class T>
void contiguous_rows(const float* a, int64_t m, int64_t k, const T* b, int64_t leading,
                     int64_t begin, int64_t end, float* out, int64_t out_row) {
  for (int64_t i = 0; i < m; ++i) {
    std::fill(out + i * out_row + begin, out + i * out_row + end, 0.0f);
  }
  int64_t l = 0;
  for (; l + 8 <= k; l += 8) {
    add_rows<8>(a + l, m, k, b + l * leading, leading, begin, end, out, out_row);
  }
  for (; l < k; ++l) {
    add_rows<1>(a + l, m, k, b + l * leading, leading, begin, end, out, out_row);
  }
}

void fill_few_rows_table(FewRowsTable& table) {
  std::apply(
      []<class... T>(FewRowsKernels<T>&... kernels) {
        ((kernels = {contiguous_columns<T>, contiguous_rows<T>}), ...);
      },
      table);
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {
namespace {
HWY_EXPORT(fill_few_rows_table);
}

const FewRowsTable& few_rows_table() {
  static const FewRowsTable table = filled<FewRowsTable>(HWY_DYNAMIC_DISPATCH(fill_few_rows_table));
  return table;
}

}  // namespace mica::cpu
#endif
