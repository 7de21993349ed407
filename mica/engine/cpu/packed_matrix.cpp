#include "mica/engine/cpu/packed_matrix.h"

#include <algorithm>

#include "mica/engine/cpu/copy.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/engine/cpu/packed_matrix.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;

// Vectors across and rows down a block of sums, which stays in registers: 24 of 32, or 12 of 16.
constexpr int across = HWY_MAX_BYTES >= 64 ? 4 : 2;
constexpr int most_down = 6;

int64_t panel_columns() { return across * static_cast<int64_t>(hn::Lanes(Floats())); }

// Rows of b that stay in the nearest caches while all of a passes over them.
constexpr int64_t depth = 256;

// `columns` of them count, the others of the panel are made but not stored. Adds to what `out`
// holds, unless `first`.
template <int down>
HWY_NOINLINE void block(const float* a, int64_t a_row, int64_t k, const float* b, int64_t columns,
                        bool first, float* out, int64_t out_row) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  Vector sums[down][across];
  for (auto& row : sums) {
    for (Vector& sum : row) sum = hn::Zero(d);
  }
  for (int64_t l = 0; l < k; ++l, b += across * lanes) {
    Vector y[across];
    for (int j = 0; j < across; ++j) y[j] = hn::LoadU(d, b + j * lanes);
    for (int i = 0; i < down; ++i) {
      const Vector x = hn::Set(d, a[i * a_row + l]);
      for (int j = 0; j < across; ++j) sums[i][j] = hn::MulAdd(x, y[j], sums[i][j]);
    }
  }
  for (int i = 0; i < down; ++i, out += out_row) {
    if (columns == across * lanes) {
      for (int j = 0; j < across; ++j) {
        float* const to = out + j * lanes;
        hn::StoreU(first ? sums[i][j] : hn::Add(hn::LoadU(d, to), sums[i][j]), d, to);
      }
    } else {
      HWY_ALIGN float line[across * HWY_MAX_BYTES / sizeof(float)];
      for (int j = 0; j < across; ++j) hn::StoreU(sums[i][j], d, line + j * lanes);
      for (int64_t j = 0; j < columns; ++j) out[j] = first ? line[j] : out[j] + line[j];
    }
  }
}

template <int down>
void block_of(int64_t rows, const float* a, int64_t a_row, int64_t k, const float* b,
              int64_t columns, bool first, float* out, int64_t out_row) {
  if constexpr (down > 0) {
    if (rows == down) return block<down>(a, a_row, k, b, columns, first, out, out_row);
    block_of<down - 1>(rows, a, a_row, k, b, columns, first, out, out_row);
  }
}

// Rows in blocks of nearly equal height.
void multiply_panel(const float* a, int64_t a_row, int64_t m, int64_t k, const float* b,
                    int64_t columns, float* out, int64_t out_row) {
  const int64_t blocks = (m + most_down - 1) / most_down;
  for (int64_t l = 0; l == 0 || l < k; l += depth) {
    for (int64_t i = 0, row = 0; i < blocks; ++i) {
      const int64_t height = (m - row + blocks - i - 1) / (blocks - i);
      block_of<most_down>(height, a + row * a_row + l, a_row, std::min(depth, k - l),
                          b + l * panel_columns(), columns, l == 0, out + row * out_row, out_row);
      row += height;
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::cpu {
namespace {
HWY_EXPORT(panel_columns);
HWY_EXPORT(multiply_panel);
}  // namespace

int64_t PackedMatrix::panel() {
  static const int64_t columns = HWY_DYNAMIC_DISPATCH(panel_columns)();
  return columns;
}

PackedMatrix::PackedMatrix(const float* b, int64_t row_stride, int64_t column_stride, int64_t k,
                           int64_t n)
    : k_(k), n_(n), panels_(panels(n) * panel() * k * sizeof(float)) {
  engine::parallel_for(panels(n), 16384 / (panel() * k + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* const to = panels_.as<float>() + i * panel() * k;
      const int64_t columns = std::min(panel(), n - i * panel());
      if (columns < panel()) std::fill_n(to, panel() * k, 0.0f);
      const Shape shape{static_cast<ShapeElem>(k), static_cast<ShapeElem>(columns)};
      copy_strided(b + i * panel() * column_stride, {row_stride, column_stride}, to, {panel(), 1},
                   shape, sizeof(float));
    }
  });
}

void PackedMatrix::multiply(const float* a, int64_t a_row, int64_t m, int64_t begin, int64_t end,
                            float* out, int64_t out_row) const {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t first = i * panel();
    HWY_DYNAMIC_DISPATCH(multiply_panel)
    (a, a_row, m, k_, panels_.as<float>() + first * k_, std::min(panel(), n_ - first), out + first,
     out_row);
  }
}

}  // namespace mica::cpu
#endif
