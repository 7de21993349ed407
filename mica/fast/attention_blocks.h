// What the forward and backward kernels of attention share: operands as matrices, blocks of scores,
// loops over their rows. C is the type they compute in, float or double.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "mica/engine/cpu/call.h"
#include "mica/engine/cpu/dispatch.h"
#include "mica/engine/cpu/dnnl/dnnl.h"
#include "mica/engine/cpu/elementwise.h"
#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/scratch.h"
#include "mica/fast/attention.h"
#include "mica/ops/elementwise/logical.h"

namespace mica::ops {

// Rows and keys of a block of scores: small enough for a thread's second-level cache.
constexpr int64_t attention_block_rows = 128;
constexpr int64_t attention_block_keys = 512;

// Loops over n elements, for this machine's instruction set where C is float.
template <class C>
struct AttentionRows {
  // The largest element.
  C (*max)(const C* x, int64_t n);
  // x = exp(x - shift); returns the sum.
  C (*exp)(C* x, C shift, int64_t n);
  void (*scale)(C* x, C factor, int64_t n);
  void (*add)(C* x, const C* y, int64_t n);
  // Weights from scores, and the scores' cotangents from those of the weights:
  // p = exp(s - shift) * factor; dp = p * (dp - delta).
  void (*backward)(C* s, C* dp, C shift, C factor, C delta, int64_t n);
};
template <class C>
const AttentionRows<C>& attention_rows();

// out[i] = x[i * step], converted.
template <class T, class C>
void convert_row(const T* x, int64_t step, int64_t n, C* out) {
  if (step == 1 || n == 1) {
    static const cpu::ElementwiseKernel convert = cpu::cast_kernel(dtype_of<T>(), dtype_of<C>());
    return convert(out, x, nullptr, nullptr, static_cast<size_t>(n));
  }
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<C>(x[i * step]);
}

// The sizes of one call; rows are the queries of all heads that share a key head, heads outermost.
struct AttentionSizes {
  int64_t batch, heads, key_heads, queries, keys, size, value_size;
  int64_t group, rows;  // group: query heads that share a key head; rows = group * queries

  explicit AttentionSizes(const AttentionInputs<cpu::Tensor>& in)
      : batch(in.queries->shape[0]),
        heads(in.queries->shape[1]),
        key_heads(in.keys->shape[1]),
        queries(in.queries->shape[2]),
        keys(in.keys->shape[2]),
        size(in.queries->shape[3]),
        value_size(in.values->shape[3]),
        group(key_heads == 0 ? 0 : heads / key_heads),
        rows(group * queries) {}
};

// A contiguous matrix a times b, whose rows (or, `transposed`, columns) are `leading` elements
// apart, into the contiguous out.
template <class C>
struct Factor {
  const C* data;
  int64_t leading;
  bool transposed = false;
};

template <class C>
void attention_product(int64_t m, int64_t n, int64_t k, Factor<C> a, Factor<C> b, C* out,
                       bool accumulate) {
  cpu::MatmulProblem p;
  p.dtype = dtype_of<C>().val();
  p.m = m, p.n = n, p.k = k;
  p.a_row = a.transposed ? 1 : a.leading, p.a_col = a.transposed ? a.leading : 1;
  p.b_row = b.transposed ? 1 : b.leading, p.b_col = b.transposed ? b.leading : 1;
  if (accumulate) p.epilogue = cpu::Epilogue::accumulate;
  cpu::matmul(p, a.data, b.data, nullptr, out);
}

// Rows of keys or values as matrices, one for each (batch, key head): read in place where that is
// possible and wanted, otherwise copied, as C.
template <class T, class C = cpu::Compute<T>>
class AttentionMatrices {
 public:
  // Whether the rows' elements lie side by side.
  static bool readable(const cpu::Tensor& x) {
    return (x.strides[3] == 1 || x.shape[3] == 1) &&
           (x.strides[2] >= x.shape[3] || x.shape[2] == 1);
  }

  // How the rows will be read: by few products, each of which reads all; by kernels that take T in
  // place; or often, so that dense rows of C pay.
  enum class Use { once, raw, often };
  // Only the first count(b) rows of batch b are read.
  template <class Count>
  AttentionMatrices(const cpu::Tensor& x, Use use, Count&& count)
      : heads_(x.shape[1]),
        rows_(x.shape[2]),
        size_(x.shape[3]),
        strides_(x.strides),
        x_(x),
        in_place_(use == Use::raw || (std::is_same_v<T, C> && readable(x) &&
                                      (strides_[2] == size_ || use == Use::once))),
        leading_(in_place_ && rows_ > 1 ? strides_[2] : size_),
        copy_(in_place_ ? 0 : x.size * sizeof(C)) {
    if (!in_place_) copy(count);
  }

  Factor<C> at(int64_t b, int64_t head, int64_t row) const {
    if (in_place_) return {static_cast<const C*>(x_.data) + offset(b, head, row), leading_};
    return {copy_.as<C>() + ((b * heads_ + head) * rows_ + row) * size_, leading_};
  }

  // Of Use::raw: the first element, and the distance of rows.
  const T* raw(int64_t b, int64_t head, int64_t row) const {
    return x_.as<T>() + offset(b, head, row);
  }
  int64_t leading() const { return leading_; }

 private:
  int64_t offset(int64_t b, int64_t head, int64_t row) const {
    return b * strides_[0] + head * strides_[1] + row * strides_[2];
  }

  template <class Count>
  void copy(Count&& count) {
    C* const to = copy_.as<C>();
    engine::parallel_for(x_.shape[0] * heads_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i / heads_, used = count(b);
        for (int64_t row = 0; row < used; ++row) {
          convert_row(x_.as<T>() + offset(b, i % heads_, row), strides_[3], size_,
                      to + (i * rows_ + row) * size_);
        }
      }
    });
  }

  int64_t heads_, rows_, size_;
  Strides strides_;
  const cpu::Tensor& x_;
  bool in_place_;
  int64_t leading_;
  cpu::Scratch copy_;
};

// Which keys each row sees, and the masks' part in its scores.
template <class T, class C = cpu::Compute<T>>
class AttentionMask {
 public:
  AttentionMask(const AttentionOptions& options, const AttentionInputs<cpu::Tensor>& in,
                const AttentionSizes& sizes)
      : causal_(options.causal), mask_(in.mask), lengths_(in.lengths), sizes_(sizes) {}

  // How many keys batch b has.
  int64_t keys(int64_t b) const {
    if (!lengths_) return sizes_.keys;
    const int64_t length = lengths_->template as<int32_t>()[b * lengths_->strides[0]];
    return std::clamp<int64_t>(length, 0, sizes_.keys);
  }
  // Whether causality hides all of them from a row.
  bool hides_all(int64_t b, int64_t row) const {
    return causal_ && row % sizes_.queries + keys(b) < sizes_.queries;
  }
  // How many of them, from the first, have weight in a row: those that causality does not hide, or
  // all where it hides all.
  int64_t visible(int64_t b, int64_t row) const {
    const int64_t count = keys(b);
    if (!causal_ || hides_all(b, row)) return count;
    return std::min(count, row % sizes_.queries + 1 + count - sizes_.queries);
  }
  // The largest of these numbers among the rows [begin, end).
  int64_t visible(int64_t b, int64_t begin, int64_t end) const {
    int64_t most = 0;
    for (int64_t row = begin; row < end; ++row) most = std::max(most, visible(b, row));
    return most;
  }

  // Whether some scores of the row may be the constant of hidden keys.
  bool hides(int64_t b, int64_t row) const { return boolean() || hides_all(b, row); }

  // Masks the scores of keys [key, key + n).
  void apply(int64_t b, int64_t key_head, int64_t row, int64_t key, int64_t n, C* scores) const {
    if (hides_all(b, row)) {
      std::fill_n(scores, n, std::numeric_limits<C>::lowest());
      return;
    }
    if (!mask_) return;
    const Strides& strides = mask_->strides;
    const int64_t head = key_head * sizes_.group + row / sizes_.queries;
    const int64_t from =
        b * strides[0] + head * strides[1] + row % sizes_.queries * strides[2] + key * strides[3];
    if (boolean()) {
      const bool* mask = mask_->template as<bool>() + from;
      if (strides[3] == 1) return hide(mask, n, scores);
      for (int64_t i = 0; i < n; ++i) {
        if (!mask[i * strides[3]]) scores[i] = std::numeric_limits<C>::lowest();
      }
      return;
    }
    const T* mask = mask_->template as<T>() + from;
    if constexpr (std::is_same_v<T, C>) {
      if (strides[3] == 1) return attention_rows<C>().add(scores, mask, n);
    }
    for (int64_t i = 0; i < n; ++i) scores[i] += static_cast<C>(mask[i * strides[3]]);
  }

 private:
  bool boolean() const { return mask_ && mask_->dtype == bool_; }

  // At most a block of scores.
  static void hide(const bool* seen, int64_t n, C* scores) {
    static const cpu::ElementwiseKernel select =
        cpu::elementwise_kernel(op_id<Select>(), dtype_of<C>());
    static const std::vector<C> lowest(attention_block_keys, std::numeric_limits<C>::lowest());
    select(scores, seen, scores, lowest.data(), static_cast<size_t>(n));
  }

  bool causal_;
  const cpu::Tensor *mask_, *lengths_;
  const AttentionSizes& sizes_;
};

// Copies rows [begin, end) of (B, H, Lq, size), counted within a key head, times factor.
template <class T, class C>
void load_attention_rows(const cpu::Tensor& x, const AttentionSizes& sizes, int64_t b,
                         int64_t key_head, int64_t begin, int64_t end, C factor, C* out) {
  const int64_t size = x.shape[3];
  for (int64_t row = begin; row < end; ++row, out += size) {
    const int64_t head = key_head * sizes.group + row / sizes.queries;
    const T* from =
        x.as<T>() + b * x.strides[0] + head * x.strides[1] + row % sizes.queries * x.strides[2];
    convert_row(from, x.strides[3], size, out);
    if (factor != 1) attention_rows<C>().scale(out, factor, size);
  }
}

}  // namespace mica::ops
