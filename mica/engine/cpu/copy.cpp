#include "mica/engine/cpu/copy.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "mica/engine/cpu/parallel.h"
#include "mica/engine/cpu/stream.h"

namespace mica::cpu {

namespace {

constexpr int64_t line_bytes = 64;
// Rows longer than this are split, so that threads share them.
constexpr int64_t part_bytes = 256 << 10;
// What a thread is given at least.
constexpr int64_t grain_bytes = 64 << 10;
// Rows of fewer elements are copied by columns.
constexpr int64_t narrow = 8;

struct Dim {
  int64_t size;
  int64_t in, out;  // strides, in elements
};
using Dims = SmallVector<Dim>;

// The dims of more than one element, neighbours merged where both sides allow it.
Dims collapse(const Shape& shape, const Strides& in, const Strides& out) {
  Dims dims;
  for (size_t i = 0; i < shape.size(); ++i) {
    const int64_t size = shape[i];
    if (size == 1) continue;
    if (!dims.empty() && dims.back().in == in[i] * size && dims.back().out == out[i] * size) {
      dims.back() = {dims.back().size * size, in[i], out[i]};
    } else {
      dims.push_back({size, in[i], out[i]});
    }
  }
  return dims;
}

// Walks dims in row-major order.
class Cursor {
 public:
  Cursor(std::span<const Dim> dims, int64_t position) : dims_(dims), index_(dims.size()) {
    for (size_t d = dims.size(); d-- > 0;) {
      index_[d] = position % dims[d].size;
      position /= dims[d].size;
      in += index_[d] * dims[d].in;
      out += index_[d] * dims[d].out;
    }
  }
  void advance() {
    for (size_t d = dims_.size(); d-- > 0;) {
      in += dims_[d].in;
      out += dims_[d].out;
      if (++index_[d] < dims_[d].size) return;
      in -= index_[d] * dims_[d].in;
      out -= index_[d] * dims_[d].out;
      index_[d] = 0;
    }
  }

  int64_t in = 0, out = 0;  // elements from the first

 private:
  std::span<const Dim> dims_;
  SmallVector<int64_t> index_;
};

template <class T>
void fill(T value, T* out, int64_t n, bool streaming) {
  if (!streaming) {
    std::fill_n(out, n, value);
    return;
  }
  constexpr int64_t block = 4096 / sizeof(T);
  alignas(line_bytes) T values[block];
  std::fill_n(values, std::min(n, block), value);
  for (int64_t i = 0; i < n; i += block) {
    stream_copy(reinterpret_cast<const char*>(values), reinterpret_cast<char*>(out + i),
                static_cast<size_t>(std::min(block, n - i)) * sizeof(T));
  }
}

template <class T>
void copy_row(const T* in, T* out, const Dim& row, bool streaming) {
  if (row.out == 1 && row.in == 1) {
    const size_t bytes = static_cast<size_t>(row.size) * sizeof(T);
    if (streaming) {
      stream_copy(reinterpret_cast<const char*>(in), reinterpret_cast<char*>(out), bytes);
    } else {
      std::memcpy(out, in, bytes);
    }
  } else if (row.out == 1 && row.in == 0) {
    fill(*in, out, row.size, streaming);
  } else if (row.out == 1) {
    for (int64_t i = 0; i < row.size; ++i) out[i] = in[i * row.in];
  } else {
    for (int64_t i = 0; i < row.size; ++i) out[i * row.out] = in[i * row.in];
  }
}

// Rows of few elements: the loop over rows is the inner one, in blocks that stay in the cache.
template <class T>
void copy_narrow_rows(const T* in, T* out, int64_t count, const Dim& rows, const Dim& row) {
  constexpr int64_t block = 512;
  for (int64_t begin = 0; begin < count; begin += block) {
    const Dim column{std::min(block, count - begin), rows.in, rows.out};
    for (int64_t i = 0; i < row.size; ++i) {
      copy_row(in + begin * rows.in + i * row.in, out + begin * rows.out + i * row.out, column,
               false);
    }
  }
}

template <class T>
void copy_rows(const T* in, T* out, std::span<const Dim> dims) {
  const Dim row = dims.back();
  if (dims.size() == 1) {
    copy_row(in, out, row, false);
    return;
  }
  const Dim rows = dims[dims.size() - 2];
  const std::span<const Dim> outer = dims.first(dims.size() - 2);
  int64_t count = rows.size;
  for (const Dim& dim : outer) count *= dim.size;
  const int64_t row_bytes = row.size * static_cast<int64_t>(sizeof(T));
  const bool streaming =
      row_bytes >= 4096 && static_cast<size_t>(count * row_bytes) > streaming_bytes();

  const auto copy_run = [&](const T* from, T* to, int64_t n) {
    if (row.size < narrow && row.size < n) return copy_narrow_rows(from, to, n, rows, row);
    for (int64_t r = 0; r < n; ++r, from += rows.in, to += rows.out) {
      copy_row(from, to, row, streaming);
    }
  };
  const int64_t grain = std::max<int64_t>(1, grain_bytes / row_bytes);
  engine::parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    Cursor at(outer, begin / rows.size);
    for (int64_t i = begin; i < end; at.advance()) {
      const int64_t first = i % rows.size;
      const int64_t n = std::min(rows.size - first, end - i);
      copy_run(in + at.in + first * rows.in, out + at.out + first * rows.out, n);
      i += n;
    }
    if (streaming) stream_fence();
  });
}

// A register of elements of T, and as many rows of it as make a square.
template <class T>
struct Square {
  static constexpr int side = 16 / sizeof(T);
  typedef T Vec __attribute__((vector_size(16)));

  // log2(side) rounds of interleaving row i with row i + side / 2 transpose the square.
  static void transpose(Vec (&rows)[side]) {
    for (int round = 1; round < side; round *= 2) {
      Vec next[side];
      for (int i = 0; i < side / 2; ++i) {
        next[2 * i] = interleave(rows[i], rows[i + side / 2], std::false_type{});
        next[2 * i + 1] = interleave(rows[i], rows[i + side / 2], std::true_type{});
      }
      for (int i = 0; i < side; ++i) rows[i] = next[i];
    }
  }

 private:
  template <bool upper>
  static Vec interleave(Vec a, Vec b, std::bool_constant<upper>) {
    constexpr int o = upper ? side / 2 : 0;
    if constexpr (side == 2) {
      return __builtin_shufflevector(a, b, o, side + o);
    } else if constexpr (side == 4) {
      return __builtin_shufflevector(a, b, o, side + o, o + 1, side + o + 1);
    } else if constexpr (side == 8) {
      return __builtin_shufflevector(a, b, o, side + o, o + 1, side + o + 1, o + 2, side + o + 2,
                                     o + 3, side + o + 3);
    } else {
      return __builtin_shufflevector(a, b, o, side + o, o + 1, side + o + 1, o + 2, side + o + 2,
                                     o + 3, side + o + 3, o + 4, side + o + 4, o + 5, side + o + 5,
                                     o + 6, side + o + 6, o + 7, side + o + 7);
    }
  }
};

// Transposes a square as wide as a cache line: whole lines are read and written, so that strides of
// a power of two, whose lines share a few places in the cache, cost nothing extra.
template <class T>
void transpose_tile(const T* in, int64_t in_stride, T* out, int64_t out_stride, bool streaming) {
  constexpr int tile = line_bytes / sizeof(T);
  constexpr int side = Square<T>::side;
  alignas(line_bytes) T lines[tile][tile];
  for (int j = 0; j < tile; j += side) {
    for (int k = 0; k < tile; k += side) {
      typename Square<T>::Vec rows[side];
      for (int i = 0; i < side; ++i) std::memcpy(&rows[i], in + (j + i) * in_stride + k, 16);
      Square<T>::transpose(rows);
      for (int i = 0; i < side; ++i) std::memcpy(&lines[k + i][j], &rows[i], 16);
    }
  }
  for (int k = 0; k < tile; ++k) {
    if (streaming) {
      stream_copy(reinterpret_cast<const char*>(lines[k]),
                  reinterpret_cast<char*>(out + k * out_stride), line_bytes);
    } else {
      std::memcpy(out + k * out_stride, lines[k], line_bytes);
    }
  }
}

// dims[k].in and dims.back().out are 1.
template <class T>
void copy_transposed(const T* in, T* out, const Dims& dims, size_t k) {
  constexpr int64_t tile = line_bytes / sizeof(T);
  constexpr int64_t block = 4 * tile;  // of elements that are neighbours in the input
  const Dim across = dims[k];
  const Dim along = dims.back();
  Dims outer;
  int64_t count = 1, size = along.size * across.size;
  for (size_t d = 0; d + 1 < dims.size(); ++d) {
    if (d == k) continue;
    outer.push_back(dims[d]);
    count *= dims[d].size;
  }
  size *= count;
  const int64_t blocks = (across.size + block - 1) / block;
  const int64_t task_bytes =
      std::min(block, across.size) * along.size * static_cast<int64_t>(sizeof(T));
  const bool streaming = static_cast<size_t>(size) * sizeof(T) > streaming_bytes() &&
                         reinterpret_cast<uintptr_t>(out) % line_bytes == 0 &&
                         across.out % tile == 0;

  const auto transpose_block = [&](const T* from, T* to, int64_t width) {
    for (int64_t j = 0; j < along.size; j += tile) {
      const int64_t height = std::min(tile, along.size - j);
      for (int64_t i = 0; i < width; i += tile) {
        const T* tile_in = from + j * along.in + i;
        T* tile_out = to + i * across.out + j;
        if (height == tile && i + tile <= width) {
          transpose_tile(tile_in, along.in, tile_out, across.out, streaming);
          continue;
        }
        for (int64_t a = 0; a < std::min(tile, width - i); ++a) {
          for (int64_t b = 0; b < height; ++b) {
            tile_out[a * across.out + b] = tile_in[b * along.in + a];
          }
        }
      }
    }
  };
  const int64_t grain = std::max<int64_t>(1, grain_bytes / task_bytes);
  engine::parallel_for(count * blocks, grain, [&](int64_t begin, int64_t end) {
    Cursor at(outer, begin / blocks);
    for (int64_t i = begin; i < end;) {
      const int64_t first = i % blocks * block;
      transpose_block(in + at.in + first, out + at.out + first * across.out,
                      std::min(block, across.size - first));
      if (++i % blocks == 0) at.advance();
    }
    if (streaming) stream_fence();
  });
}

template <class T>
void copy_dims(const T* in, T* out, Dims dims) {
  constexpr int64_t part = part_bytes / sizeof(T);
  const Dim row = dims.back();
  if (row.out == 1 && row.in != 1 && row.in != 0 && row.size >= Square<T>::side) {
    for (size_t k = 0; k + 1 < dims.size(); ++k) {
      if (dims[k].in == 1 && dims[k].size >= Square<T>::side) {
        copy_transposed(in, out, dims, k);
        return;
      }
    }
  }
  if (row.size < 2 * part) {
    copy_rows(in, out, dims);
    return;
  }
  const int64_t parts = row.size / part;
  const int64_t rest = row.size % part;
  dims.back() = {parts, part * row.in, part * row.out};
  dims.push_back({part, row.in, row.out});
  copy_rows(in, out, dims);
  if (rest == 0) return;
  dims.pop_back();
  dims.back() = {rest, row.in, row.out};
  copy_rows(in + parts * part * row.in, out + parts * part * row.out, dims);
}

template <class T>
void copy_typed(const void* in, void* out, const Dims& dims) {
  if (dims.empty()) {
    std::memcpy(out, in, sizeof(T));
  } else {
    copy_dims(static_cast<const T*>(in), static_cast<T*>(out), dims);
  }
}

}  // namespace

void copy_strided(const void* in, const Strides& in_strides, void* out, const Strides& out_strides,
                  const Shape& shape, size_t itemsize) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return;
  const Dims dims = collapse(shape, in_strides, out_strides);
  switch (itemsize) {
    case 1:
      return copy_typed<uint8_t>(in, out, dims);
    case 2:
      return copy_typed<uint16_t>(in, out, dims);
    case 4:
      return copy_typed<uint32_t>(in, out, dims);
    default:
      return copy_typed<uint64_t>(in, out, dims);
  }
}

void copy_strided(const Tensor& in, void* out) {
  Strides row_major(in.shape.size(), 1);
  for (size_t i = in.shape.size(); i-- > 1;) row_major[i - 1] = row_major[i] * in.shape[i];
  copy_strided(in.data, in.strides, out, row_major, in.shape, in.dtype.size());
}

void copy_contiguous(const void* in, void* out, size_t bytes) {
  if (bytes > 0) copy_typed<uint8_t>(in, out, Dims{{static_cast<int64_t>(bytes), 1, 1}});
}

}  // namespace mica::cpu
