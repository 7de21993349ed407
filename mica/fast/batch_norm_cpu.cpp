#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/targets.h"
#include "mica/fast/batch_norm.h"
#include "mica/fast/batch_norm_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "mica/fast/batch_norm_cpu.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace mica::ops {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using Floats = hn::ScalableTag<float>;

// Calls f(tag, j) for the columns at j: four vectors, then one, then single elements.
template <class F>
HWY_INLINE void for_columns(int64_t width, F&& f) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + lanes <= width; j += lanes) f(d, j);
  for (; j < width; ++j) f(hn::CappedTag<float, 1>(), j);
}

// Sums of two terms over the rows: add(tag, at, j, first, second) adds those of the elements at
// `at`, in the columns at j. Columns are taken by fours of vectors, so that sums stay in registers.
template <class Add>
HWY_INLINE void sum_columns(int64_t rows, int64_t width, float* first, float* second, Add&& add) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t j = 0;
  for (; j + 4 * lanes <= width; j += 4 * lanes) {
    hn::Vec<Floats> a[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    hn::Vec<Floats> b[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t k = 0; k < 4; ++k) {
        const int64_t column = j + k * lanes;
        add(d, row * width + column, column, a[k], b[k]);
      }
    }
    for (int64_t k = 0; k < 4; ++k) {
      hn::StoreU(a[k], d, first + j + k * lanes);
      if (second) hn::StoreU(b[k], d, second + j + k * lanes);
    }
  }
  for_columns(width - j, [&](auto tag, int64_t i) {
    auto a = hn::Zero(tag), b = hn::Zero(tag);
    for (int64_t row = 0; row < rows; ++row) add(tag, row * width + j + i, j + i, a, b);
    hn::StoreU(a, tag, first + j + i);
    if (second) hn::StoreU(b, tag, second + j + i);
  });
}

void batch_sums(const float* x, int64_t rows, int64_t width, float* sums) {
  sum_columns(rows, width, sums, nullptr, [x](auto d, int64_t at, int64_t, auto& sum, auto&) {
    sum = hn::Add(sum, hn::LoadU(d, x + at));
  });
}

// The sums of the deviations from `centers`, and of their squares.
void batch_deviations(const float* x, const float* centers, int64_t rows, int64_t width,
                      float* sums, float* squares) {
  sum_columns(rows, width, sums, squares,
              [x, centers](auto d, int64_t at, int64_t j, auto& sum, auto& square) {
                const auto deviation = hn::Sub(hn::LoadU(d, x + at), hn::LoadU(d, centers + j));
                sum = hn::Add(sum, deviation);
                square = hn::MulAdd(deviation, deviation, square);
              });
}

// Of a block of rows, by its batch_deviations, into the moments of `count` rows before it.
void merge_moments(double count, double rows, const float* centers, const float* sums,
                   const float* squares, int64_t width, double* total_means,
                   double* total_squares) {
  const double part = rows / (count + rows), cross = count * part;
  for (int64_t j = 0; j < width; ++j) {
    const double sum = static_cast<double>(sums[j]);
    const double off = sum / rows;  // by the rounding of the block's mean to a float
    const double apart = static_cast<double>(centers[j]) + off - total_means[j];
    total_means[j] += apart * part;
    total_squares[j] += static_cast<double>(squares[j]) - sum * off + apart * apart * cross;
  }
}

void add_to_doubles(const float* x, int64_t width, double* to) {
  for (int64_t j = 0; j < width; ++j) to[j] += static_cast<double>(x[j]);
}

// y may be x.
void batch_normalize_rows(const float* x, const BatchColumns& c, int64_t rows, int64_t width,
                          bool relu, float* y) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    for_columns(width, [&](auto d, int64_t j) {
      const auto deviation = hn::Sub(hn::LoadU(d, x + j), hn::LoadU(d, c.mean + j));
      auto v = hn::MulAdd(deviation, hn::LoadU(d, c.scale + j), hn::LoadU(d, c.shift + j));
      if (relu) v = hn::IfThenZeroElse(hn::Le(v, hn::Zero(d)), v);
      hn::StoreU(v, d, y + j);
    });
  }
}

// The cotangent of what is before the relu, if there is one: as the forward pass computes it.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V before_relu(D d, V cotangent, V deviation, const BatchColumns& c, int64_t j) {
  const V y = hn::MulAdd(deviation, hn::LoadU(d, c.scale + j), hn::LoadU(d, c.shift + j));
  return hn::IfThenElseZero(hn::Gt(y, hn::Zero(d)), cotangent);
}

// The sums of the cotangent, and of its products with the deviations of x.
template <bool relu>
HWY_INLINE void backward_sums(const float* x, const float* cotangent, const BatchColumns& c,
                              int64_t rows, int64_t width, float* sums, float* products) {
  sum_columns(rows, width, sums, products, [&](auto d, int64_t at, int64_t j, auto& a, auto& b) {
    const auto deviation = hn::Sub(hn::LoadU(d, x + at), hn::LoadU(d, c.mean + j));
    auto g = hn::LoadU(d, cotangent + at);
    if (relu) g = before_relu(d, g, deviation, c, j);
    a = hn::Add(a, g);
    b = hn::MulAdd(g, deviation, b);
  });
}

void batch_backward_sums(const float* x, const float* cotangent, const BatchColumns& c,
                         int64_t rows, int64_t width, bool relu, float* sums, float* products) {
  if (relu) {
    backward_sums<true>(x, cotangent, c, rows, width, sums, products);
  } else {
    backward_sums<false>(x, cotangent, c, rows, width, sums, products);
  }
}

// (cotangent - its mean - deviation * slope) * scale; out may be the cotangent.
void batch_backward_rows(const float* x, const float* cotangent, const BatchColumns& c,
                         const float* cotangent_mean, const float* slope, int64_t rows,
                         int64_t width, bool relu, float* out) {
  for (int64_t row = 0; row < rows; ++row, x += width, cotangent += width, out += width) {
    for_columns(width, [&](auto d, int64_t j) {
      const auto deviation = hn::Sub(hn::LoadU(d, x + j), hn::LoadU(d, c.mean + j));
      auto g = hn::LoadU(d, cotangent + j);
      if (relu) g = before_relu(d, g, deviation, c, j);
      const auto across = hn::NegMulAdd(deviation, hn::LoadU(d, slope + j),
                                        hn::Sub(g, hn::LoadU(d, cotangent_mean + j)));
      hn::StoreU(hn::Mul(across, hn::LoadU(d, c.scale + j)), d, out + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace mica::ops
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mica::ops {
namespace {

HWY_EXPORT(batch_sums);
HWY_EXPORT(batch_deviations);
HWY_EXPORT(merge_moments);
HWY_EXPORT(add_to_doubles);
HWY_EXPORT(batch_normalize_rows);
HWY_EXPORT(batch_backward_sums);
HWY_EXPORT(batch_backward_rows);

// x (..., C) as rows of `width` = fold * C elements, so that few channels fill vectors too; what is
// left at the end is part of one.
struct WideRows {
  explicit WideRows(const cpu::Tensor& x) : channels(x.shape.back()) {
    constexpr int64_t lanes = 16, least = 128, enough = 256;
    const int64_t even = std::lcm(channels, lanes);
    if (channels < enough) fold = even * ((least + even - 1) / even) / channels;
    width = fold * channels;
    rows = static_cast<int64_t>(x.size) / width;
    rest = static_cast<int64_t>(x.size) % width;
    block = std::max<int64_t>(16, (1 << 12) / width);
    chunks = engine::chunk_count(rows, std::max<int64_t>(1, (1 << 14) / width));
  }

  // Calls f(begin, rows) on the blocks of a chunk.
  template <class F>
  void for_blocks(int chunk, F&& f) const {
    const int64_t end = engine::chunk_begin(rows, chunks, chunk + 1);
    for (int64_t row = engine::chunk_begin(rows, chunks, chunk); row < end; row += block) {
      f(row * width, std::min(block, end - row));
    }
  }

  // Calls f(offset, rows, width) on parts that make up x, in parallel.
  template <class F>
  void for_parts(F&& f) const {
    engine::parallel_chunks(chunks, [&](int chunk) {
      const int64_t begin = engine::chunk_begin(rows, chunks, chunk);
      f(begin * width, engine::chunk_begin(rows, chunks, chunk + 1) - begin, width);
    });
    if (rest > 0) f(rows * width, 1, rest);
  }

  // A value for each channel, repeated along the columns.
  std::vector<float> spread(const std::vector<float>& values) const {
    std::vector<float> columns;
    columns.reserve(static_cast<size_t>(width));
    for (int64_t i = 0; i < fold; ++i) columns.insert(columns.end(), values.begin(), values.end());
    return columns;
  }

  int64_t channels, fold = 1, width, rows, rest;
  int64_t block;  // rows, of which the elements stay in the cache nearest to a core
  int chunks;     // in which threads take the rows
};

struct Moments {
  explicit Moments(int64_t width)
      : mean(static_cast<size_t>(width)), squares(static_cast<size_t>(width)) {}

  double count = 0;                   // rows
  std::vector<double> mean, squares;  // of deviations from the mean
};

Moments moments_of_chunk(const WideRows& wide, const float* x, int chunk) {
  Moments total(wide.width);
  std::vector<float> centers(static_cast<size_t>(wide.width)), sums(centers), squares(centers);
  wide.for_blocks(chunk, [&](int64_t offset, int64_t rows) {
    HWY_DYNAMIC_DISPATCH(batch_sums)(x + offset, rows, wide.width, centers.data());
    for (float& center : centers) center /= static_cast<float>(rows);
    HWY_DYNAMIC_DISPATCH(batch_deviations)
    (x + offset, centers.data(), rows, wide.width, sums.data(), squares.data());
    const auto count = static_cast<double>(rows);
    HWY_DYNAMIC_DISPATCH(merge_moments)
    (total.count, count, centers.data(), sums.data(), squares.data(), wide.width, total.mean.data(),
     total.squares.data());
    total.count += count;
  });
  return total;
}

// What a channel is normalized with, for each column of the wide rows.
struct Columns {
  Columns(const WideRows& wide, std::span<const cpu::Tensor> inputs, bool affine, float eps) {
    const auto n = static_cast<size_t>(wide.channels);
    const float *of_mean = inputs[1].as<float>(), *var = inputs[2].as<float>();
    std::vector<float> scales(n), shifts(n);
    for (size_t i = 0; i < n; ++i) {
      inverse.push_back(1.0f / std::sqrt(var[i] + eps));
      scales[i] = affine ? inverse[i] * inputs[3].as<float>()[i] : inverse[i];
      if (affine) shifts[i] = inputs[4].as<float>()[i];
    }
    mean = wide.spread({of_mean, of_mean + n});
    scale = wide.spread(scales);
    shift = wide.spread(shifts);
  }

  BatchColumns view() const { return {mean.data(), scale.data(), shift.data()}; }

  std::vector<float> mean, scale, shift;
  std::vector<float> inverse;  // of the standard deviation, for each channel
};

// The sums over all rows, for each channel, of the cotangent and of its products with deviations.
struct BackwardSums {
  std::vector<double> cotangent, product;
};

BackwardSums backward_sums(const WideRows& wide, const BatchColumns& columns, const float* x,
                           const float* cotangent, bool relu) {
  const auto width = static_cast<size_t>(wide.width);
  std::vector<BackwardSums> parts(static_cast<size_t>(wide.chunks),
                                  {std::vector<double>(width), std::vector<double>(width)});
  const auto add = [&](BackwardSums& to, int64_t offset, int64_t rows, int64_t width) {
    std::vector<float> sums(static_cast<size_t>(2 * width));
    float* const products = sums.data() + width;
    HWY_DYNAMIC_DISPATCH(batch_backward_sums)
    (x + offset, cotangent + offset, columns, rows, width, relu, sums.data(), products);
    HWY_DYNAMIC_DISPATCH(add_to_doubles)(sums.data(), width, to.cotangent.data());
    HWY_DYNAMIC_DISPATCH(add_to_doubles)(products, width, to.product.data());
  };
  engine::parallel_chunks(wide.chunks, [&](int chunk) {
    wide.for_blocks(chunk, [&](int64_t offset, int64_t rows) {
      add(parts[static_cast<size_t>(chunk)], offset, rows, wide.width);
    });
  });
  if (wide.rest > 0) add(parts.back(), wide.rows * wide.width, 1, wide.rest);
  const auto n = static_cast<size_t>(wide.channels);
  BackwardSums total{std::vector<double>(n), std::vector<double>(n)};
  for (const BackwardSums& part : parts) {
    for (size_t j = 0; j < width; ++j) {
      total.cotangent[j % n] += part.cotangent[j];
      total.product[j % n] += part.product[j];
    }
  }
  return total;
}

}  // namespace

void BatchMoments::cpu(const cpu::Call& call) const {
  const WideRows wide(call.inputs[0]);
  const float* const x = call.inputs[0].as<float>();
  std::vector<Moments> parts(static_cast<size_t>(wide.chunks), Moments(wide.width));
  engine::parallel_chunks(wide.chunks, [&](int chunk) {
    parts[static_cast<size_t>(chunk)] = moments_of_chunk(wide, x, chunk);
  });
  for (int64_t i = 0; i < wide.channels; ++i) {
    double count = 0, mean = 0, squares = 0;
    const auto merge = [&](double more, double its_mean, double its_squares) {
      if (more == 0) return;
      const double apart = its_mean - mean, part = more / (count + more);
      mean += apart * part;
      squares += its_squares + apart * apart * count * part;
      count += more;
    };
    for (const Moments& part : parts) {
      for (auto j = static_cast<size_t>(i); j < part.mean.size(); j += wide.channels) {
        merge(part.count, part.mean[j], part.squares[j]);
      }
    }
    for (int64_t j = i; j < wide.rest; j += wide.channels) {
      merge(1, static_cast<double>(x[wide.rows * wide.width + j]), 0);
    }
    call.outputs[0].as<float>()[i] = static_cast<float>(mean);
    call.outputs[1].as<float>()[i] = static_cast<float>(squares / count);
  }
}

void BatchNormalize::cpu(const cpu::Call& call) const {
  const WideRows wide(call.inputs[0]);
  const Columns columns(wide, call.inputs, affine, eps);
  const float* const x = call.inputs[0].as<float>();
  float* const y = call.outputs[0].as<float>();
  wide.for_parts([&](int64_t offset, int64_t rows, int64_t width) {
    HWY_DYNAMIC_DISPATCH(batch_normalize_rows)
    (x + offset, columns.view(), rows, width, relu, y + offset);
  });
}

void BatchNormalizeBackward::cpu(const cpu::Call& call) const {
  const WideRows wide(call.inputs[1]);
  const Columns columns(wide, call.inputs.subspan(1), affine, eps);
  const float *const cotangent = call.inputs[0].as<float>(), *const x = call.inputs[1].as<float>();
  const BackwardSums sums = backward_sums(wide, columns.view(), x, cotangent, relu);
  const auto n = static_cast<size_t>(wide.channels);
  const double count = static_cast<double>(call.inputs[1].size) / static_cast<double>(n);
  std::vector<float> mean(n), slope(n);
  for (size_t i = 0; i < n; ++i) {
    const auto inverse = static_cast<double>(columns.inverse[i]);
    mean[i] = static_cast<float>(sums.cotangent[i] / count);
    slope[i] = static_cast<float>(sums.product[i] / count * inverse * inverse);
    if (!affine) continue;
    call.outputs[1].as<float>()[i] = static_cast<float>(sums.product[i] * inverse);
    call.outputs[2].as<float>()[i] = static_cast<float>(sums.cotangent[i]);
  }
  const std::vector<float> means = wide.spread(mean), slopes = wide.spread(slope);
  float* const out = call.outputs[0].as<float>();
  wide.for_parts([&](int64_t offset, int64_t rows, int64_t width) {
    HWY_DYNAMIC_DISPATCH(batch_backward_rows)
    (x + offset, cotangent + offset, columns.view(), means.data(), slopes.data(), rows, width, relu,
     out + offset);
  });
}

}  // namespace mica::ops
#endif
